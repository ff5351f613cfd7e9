/** Measurements. */

import type { MetricName } from "../telemetry/metric-names.ts";

export interface Metrics {
  /** Adds one measurement. Ids are properties of the record, never dimensions. */
  record(
    name: MetricName,
    value: number,
    unit: "Count" | "Milliseconds" | "Seconds" | "Bytes",
    properties?: Record<string, unknown>,
  ): void;
}
