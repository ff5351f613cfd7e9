/** Imports: rows of a foreign log, in batches, until the table shows itself. */

import type { Commit } from "../delta/actions.ts";
import type { LogSegment } from "../delta/files/log-files.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import type { Origin } from "../delta/origin.ts";
import type { TableHead } from "../delta/table.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { CheckpointHeader } from "../ports/log.ts";
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
  /**
   * Writes files that another thread has made ready, and moves the progress, in one SQL transaction. Absent where the engine takes none.
   * @returns false where they cannot be written so, and nothing was: their batches can
   */
  importReady?(files: ReadyFiles): Promise<boolean>;
  /** Makes the table visible at its head, in one SQL transaction. */
  finishImport(tableId: string, end: ImportEnd): Promise<TableHead>;
  /** Takes every row of an unfinished import away. */
  abortImport(tableId: string): Promise<void>;
}

/** Where an import begins: `header` is that of the checkpoint of the segment. */
export interface ImportSource {
  readonly segment: LogSegment;
  readonly header?: CheckpointHeader;
  /** False: the newest metadata of the segment is to be looked at once it is known, as it may be none that can be served. */
  readonly isChecked?: boolean;
}

/** Told while an import works. */
export type OnProgress = (progress: { readonly phase: string; readonly done: number; readonly total?: number }) => void;

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

/** How far an import is; a batch is applied only where its sender believes it to be, so none is applied twice. */
export interface ImportPosition {
  readonly version: number;
  readonly checkpointActions: number;
}

/** Batches that add files and nothing else, as SQL takes them: plain data, which threads can hand on. */
export interface ReadyFiles {
  readonly tableId: string;
  readonly at: ImportPosition;
  readonly next: ImportPosition;
  readonly versions: readonly ReadyVersion[];
  /** In the form of the engine. */
  readonly rows: readonly Uint8Array<ArrayBuffer>[];
}

/** A version of {@link ReadyFiles}, or a part of a starting checkpoint, without its rows. */
export interface ReadyVersion {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp: number | null;
  readonly isBlindAppend: boolean;
  readonly complete: boolean;
  readonly commitInfo: string | null;
  /** What its files come to. */
  readonly added: { readonly count: number; readonly sizeInBytes: Int64; readonly lanes: Fingerprint };
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
