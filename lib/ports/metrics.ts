/** Measurements. */

export interface Metrics {
  /** Adds one measurement. Ids are properties of the record, never dimensions. */
  record(
    name: string,
    value: number,
    unit: "Count" | "Milliseconds" | "Bytes",
    properties?: Record<string, unknown>,
  ): void;
}
