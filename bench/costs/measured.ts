/**
 * What one commit, one batch of the mirror and one parity check take. Calls and bytes are counted by test/functions/cost.test.ts, on functions that run;
 * times are those of a warm Data API, and assumptions.
 */

interface Taken {
  /** Calls of the Data API, of a container that is warm. */
  readonly dataApiCalls: number;
  /** What the function itself prints. */
  readonly logBytes: number;
  /** Milliseconds that are billed. */
  readonly ms: number;
}

export const MEASURED = {
  /** Of one table, one file: the commit itself, and in its transaction its row of the audit trail. */
  commit: { dataApiCalls: 1, logBytes: 670, ms: 200 },
  /** Of one version. */
  mirror: { dataApiCalls: 2, logBytes: 478, ms: 150 },
  /** Of a table to which nothing has happened since the last one. */
  parity: { dataApiCalls: 8, logBytes: 1251, ms: 110 },
} as const satisfies Readonly<Record<string, Taken>>;

/** Of Aurora MySQL, where it is another number: the backlog is read in two statements, as is what changed with the marks. */
export const CALLS_ON_MYSQL: Readonly<Partial<Record<keyof typeof MEASURED, number>>> = { mirror: 4 };

/** What Lambda prints itself of each invocation: START, END, REPORT. */
export const LAMBDA_LOG_BYTES = 320;
/** A line of API Gateway's access log. */
export const ACCESS_LOG_BYTES = 350;
/** Of commits that come one by one, so many go into one batch of the mirror each. */
export const BATCHES_PER_COMMIT = 0.6;
export const CHECKPOINT_INTERVAL = 10;
/** Reads and writes of Aurora's storage, and bytes of rows, that a commit of some files causes. */
export const AURORA_IO_PER_COMMIT = 6;
export const ROW_BYTES_PER_COMMIT = 10_000;
/** Lambda asks each queue all the time, with five pollers, each for 20 s. */
export const IDLE_POLLS_A_MONTH = (5 * 3_600 * 730) / 20;
/** Of a deployment in production, in round figures. */
export const FIXED_COUNTS = { metrics: 55, alarms: 35, composites: 15, secrets: 10 };

/** Calls of the Data API for the indexes of scans, counted by test/functions/scan-index.test.ts. No commit makes any of them. */
export const INDEXING = {
  /** Of a sweep that finds nothing to do, all that it does together. */
  sweepCalls: 5,
  /** For each index whose table has had commits since, of up to 500 files. */
  callsAnIndex: 8,
} as const;
