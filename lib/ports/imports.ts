/** Imports: rows of a foreign log, in batches, until the table shows itself. */

import type { Commit } from "../delta/actions.ts";
import type { Origin } from "../delta/origin.ts";
import type { TableHead } from "../delta/table.ts";
import type { Noting } from "./audit.ts";
import type { FormerLife } from "./rebuild.ts";

export interface Imports {
  /** Opens an import, or finds the one that a killed process left for the same name and location. */
  beginImport(request: {
    readonly tableId: string;
    readonly name: string;
    readonly location: string;
    readonly plan: string;
    /** True: others go on writing the table. */
    readonly follow?: boolean;
  }): Promise<ImportProgress>;
  /** Applies the rows of some batches, in their order, and moves the progress, in one SQL transaction. */
  importBatches(tableId: string, batches: readonly ImportBatch[]): Promise<void>;
  /** Makes the table visible at its head, in one SQL transaction. */
  finishImport(tableId: string, end: ImportEnd): Promise<TableHead>;
  /** Takes every row of an unfinished import away. */
  abortImport(tableId: string): Promise<void>;
}

export interface ImportEnd {
  /** The oldest version that is kept. */
  readonly keepFrom: number;
  /** Set where a table is made again: with it a dropped one is dropped, and no version of it is to be seen. */
  readonly life?: FormerLife;
  /** The row of the audit trail, in the transaction that makes the table visible. */
  readonly noting?: Noting | undefined;
}

export interface ImportProgress {
  readonly tableId: string;
  /** What the import was started with (mode, start of replay): a resumed one must match, or begins anew. */
  readonly plan: string;
  /** The last version applied whole; −1 if none. */
  readonly version: number;
  /** File actions of the starting checkpoint applied so far. */
  readonly checkpointActions: number;
  /** Milliseconds: timestamp of that last version; −1 if none. */
  readonly timestamp: number;
}

/** Rows for an import. A starting checkpoint comes in many batches of the same version, a commit in one. */
export interface ImportBatch {
  readonly kind: "checkpoint" | "commit";
  /** Of the table, which decides what is one file. */
  readonly location?: string;
  readonly commit: Commit;
  /** False while a checkpoint has more batches to come. */
  readonly complete: boolean;
  /** The transaction that wrote the version, where the log tells it. */
  readonly transaction?: LoggedTransaction;
}

/**
 * A transaction of ours as a log tells it. It is taken over where no other living table has the id that the log names: a
 * copy of a table takes no transactions away. Until all of its tables have been brought in, it is `TRANSACTION_INCOMPLETE`.
 */
export interface LoggedTransaction extends Origin {
  /** True when SQL makes the very bytes of the version in the log: it is one of our own, as if it had been committed here. */
  readonly sameBytes: boolean;
}
