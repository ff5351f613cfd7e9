/** Parity: what the last comparison of a table's log with SQL found. */

import type { DriftCounts } from "../delta/health.ts";

export interface Parity {
  /** What the last parity check of a table found. */
  readParity(tableId: string): Promise<ParityRecord | undefined>;
  /** Records a check, unless a later one has been recorded. */
  writeParity(record: ParityRecord): Promise<void>;
}

/** The last comparison of a table's log with SQL. */
export interface ParityRecord {
  readonly tableId: string;
  readonly outcome: "ok" | "drift" | "lag";
  /** Up to which both were compared; −1 for none. */
  readonly version: number;
  /** SHA-256 (hex) of names, sizes and times of the log's files up to that version. */
  readonly logDigest: string;
  /** Milliseconds. */
  readonly checkedAt: number;
  /** Milliseconds: when all was last compared; later checks went on from there. */
  readonly comparedAt: number;
  /** Differences as JSON. */
  readonly report?: string;
  /** How many of each kind; absent when there were none. */
  readonly drift?: DriftCounts;
}
