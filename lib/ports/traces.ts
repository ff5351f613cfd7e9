/** Traces: who waited for what, across threads and processes. */

export interface Traces {
  /**
   * Runs `work` within a span, which ends when its answer does. It is a child of `about.parent`, else of the span that this runs in, else the
   * first of a trace.
   * @param work `note` adds facts that are known later
   */
  span<T>(name: string, work: (note: (facts: Facts) => void) => T, about?: SpanAbout): T;
  /** The span that this runs in, as a W3C `traceparent`; undefined outside of any. */
  current(): string | undefined;
  /** Sends what has not been sent; never throws. */
  close(): Promise<void>;
}

export interface SpanAbout {
  readonly kind?: "server" | "producer" | "consumer";
  /** A `traceparent` that came with a request or a message; what is none is passed over. */
  readonly parent?: string | undefined;
  /** Others that this is done for as well. */
  readonly links?: readonly string[];
  readonly facts?: Facts;
}

export type Facts = Readonly<Record<string, string | number | boolean>>;
