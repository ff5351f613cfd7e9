/** The SQL side: the truth about every table. */

import type { AddFile, Commit, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import type { Int64 } from "../delta/int64.ts";
import type { TableRef } from "../delta/request.ts";
import type { PlannedCommit, TableHead, TableState } from "../delta/table.ts";

/** State of a table at one version, without its files. */
export interface SnapshotHeader {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly txns: readonly Txn[];
  /** Without the removed ones. */
  readonly domains: readonly DomainMetadata[];
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  /** Of the live files. */
  readonly fingerprint: Fingerprint;
}

/** One version in the history of a table, without its file actions. */
export interface VersionSummary {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly transactionId?: string;
  readonly commitInfo?: import("../delta/json.ts").JsonObject;
  readonly numAdds: number;
  readonly numRemoves: number;
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  readonly isBlindAppend: boolean;
}

export interface CommittedTable {
  readonly tableId: string;
  readonly version: number;
  /** Milliseconds. */
  readonly timestamp: number;
}

/** A fact about rows that only the statement can see; the planner turns it into an error class. */
export interface Rejection {
  readonly tableId: string;
  readonly reason:
    | "tableNotFound"
    | "readVersionAhead"
    | "nameTaken"
    | "locationTaken"
    /** remove of a file that is not live and never was after readVersion */
    | "removeNotLive"
    /** remove of a path that is live with another deletion vector */
    | "removeOtherDeletionVector"
    /** remove of a file that a winner removed after readVersion */
    | "removedByWinner"
    /** add of a path that is live with another deletion vector, without its remove */
    | "addOverLive"
    /** add or remove of a live file whose path is spelled differently there */
    | "otherSpelling"
    /** add of a path whose live or former file a winner changed after readVersion */
    | "addedByWinner";
  readonly path?: string;
  /** The head that the statement saw, or the winner's version. */
  readonly version?: number;
}

/** Expected outcomes are values. Only `committed` has written anything. */
export type CommitOutcome =
  | {
      readonly status: "committed";
      /** True when this transactionId had been committed before: this is the first answer again. */
      readonly replayed: boolean;
      readonly transactionId: string;
      /** Milliseconds. */
      readonly committedAt: number;
      readonly tables: readonly CommittedTable[];
    }
  /** A watched marker moved past checkedVersion: read the winners, check, and plan again. */
  | { readonly status: "moved"; readonly tableIds: readonly string[] }
  | { readonly status: "rejected"; readonly rejections: readonly Rejection[] }
  /** This transactionId was used for a different request. */
  | { readonly status: "otherRequest" };

export interface Transaction {
  readonly transactionId: string;
  readonly requestHash: string;
  readonly committedAt: number;
  readonly tables: readonly CommittedTable[];
}

export type MirrorState = "IN_FLIGHT" | "COMPLETE" | "FAILED";

export interface MirrorStatus {
  readonly tableId: string;
  readonly version: number;
  readonly status: MirrorState;
  /** How often publishing failed or had to be repeated. */
  readonly attempts: number;
  readonly lastError?: string;
  readonly committedAt: number;
  /** Milliseconds; set when COMPLETE. */
  readonly publishedAt?: number;
}

/** The work of a table's mirror. */
export interface Backlog {
  readonly location: string;
  /** Why nothing may be published. */
  readonly quarantine?: string;
  /** At the head, as is the metadata. */
  readonly numFiles: number;
  readonly metadata: Metadata;
  /** Unpublished versions, ascending. */
  readonly open: readonly Pick<MirrorStatus, "version" | "committedAt" | "attempts">[];
  /** From the first of these on, all versions without a gap; at least one when any is open. */
  readonly commits: readonly Commit[];
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back to get the next page; absent on the last. Opaque. */
  readonly next?: string;
}

/**
 * The SQL side. One contract suite runs on every engine. Reads of a table that is not ACTIVE find nothing, except `findTable`
 * with `anyStatus` and the import calls.
 */
export interface Catalog {
  /** @param options.reader a login that may then read all tables, and write none. @throws LakeError invalid SCHEMA_NEWER */
  migrate(options?: { readonly reader?: ReaderLogin }): Promise<{ readonly applied: readonly string[] }>;
  /** Round trip to the database. @throws LakeError unavailable */
  ping(): Promise<void>;
  close(): Promise<void>;

  findTable(ref: TableRef, options?: { readonly anyStatus?: boolean }): Promise<TableHead | undefined>;
  listTables(options: {
    readonly namespace?: string;
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<Page<TableHead>>;
  /** Heads with protocol and metadata, in one round trip; a missing table is missing from the answer. */
  readStates(refs: readonly TableRef[]): Promise<readonly TableState[]>;
  /** Forgets a table: its name and location are free again, its rows stay for audit, its files are not touched. */
  dropTable(tableId: string): Promise<void>;

  /** The commit point of the product (design D1): all tables move in one SQL transaction, or none. One round trip. */
  commit(planned: PlannedCommit): Promise<CommitOutcome>;
  /**
   * The last resort on a hot table (design D3): takes the locks of the tables, calls `plan` with their heads and the winners
   * after the given versions read under these locks, commits what it returns. `plan` may throw; then nothing is written.
   */
  commitLocked(
    transactionId: string,
    tables: readonly { readonly tableId: string; readonly after: number }[],
    plan: (states: readonly TableState[], winners: ReadonlyMap<string, readonly Commit[]>) => PlannedCommit,
  ): Promise<CommitOutcome>;
  findTransaction(transactionId: string): Promise<Transaction | undefined>;

  /** As `readCommits` for each of these ranges, with a round trip for every few of them. */
  readCommitsOf(ranges: readonly CommitRange[]): Promise<readonly (readonly Commit[])[]>;
  /** Versions `from`…`to` (inclusive) with all their actions, ascending; fewer when a page is full. One round trip. */
  readCommits(
    tableId: string,
    from: number,
    to: number,
    options?: { readonly maxActions?: number },
  ): Promise<readonly Commit[]>;
  /** Newest first, below `before`. */
  history(
    tableId: string,
    options: { readonly before?: number; readonly limit: number },
  ): Promise<Page<VersionSummary>>;
  /** The newest version whose timestamp is ≤ the given one; undefined when all are later. */
  versionAt(
    tableId: string,
    timestamp: number,
  ): Promise<{ readonly version: number; readonly timestamp: number } | undefined>;
  /** @throws LakeError notFound for a version that SQL does not hold */
  readHeader(tableId: string, version: number): Promise<SnapshotHeader>;
  /** What a live file adds to the fingerprint of a version. No round trip. */
  fingerprintOf(file: AddFile): Fingerprint;
  /** Live files at a version, in a stable order. */
  readFiles(
    tableId: string,
    version: number,
    options: { readonly cursor?: string; readonly limit: number },
  ): Promise<Page<AddFile>>;
  /** Files removed at or before a version and not live at it, with deletionTimestamp > `newerThan` (ms), in a stable order. */
  readTombstones(
    tableId: string,
    version: number,
    options: { readonly newerThan: number; readonly cursor?: string; readonly limit: number },
  ): Promise<Page<RemoveFile>>;

  /**
   * What is unpublished of a table, oldest first, with the commits, as far as a page holds them. One round trip; undefined
   * when there is no such table.
   */
  readBacklog(tableId: string, maxVersions: number): Promise<Backlog | undefined>;
  /** Unpublished versions (IN_FLIGHT or FAILED) of a table, ascending. */
  unpublished(tableId: string, limit: number): Promise<readonly MirrorStatus[]>;
  /** The newest version of which it and all before are published: head when nothing is open. */
  mirroredVersion(tableId: string): Promise<number>;
  mirrorStatuses(
    tableId: string,
    options: { readonly after: number; readonly limit: number },
  ): Promise<Page<MirrorStatus>>;
  markPublished(tableId: string, versions: readonly number[], publishedAt: number): Promise<void>;
  /** Counts an attempt. `failed` sets FAILED, otherwise the state stays IN_FLIGHT. */
  markMirrorError(
    tableId: string,
    version: number,
    error: { readonly message: string; readonly failed: boolean; readonly at: number },
  ): Promise<void>;
  /** Stops the mirror of a table at a foreign commit; undefined lifts it. */
  setQuarantine(tableId: string, reason: string | undefined): Promise<void>;
  /** Tables with a version that is unpublished and was committed, or last tried, before `before` (ms). Not the quarantined. */
  overdueTables(
    before: number,
    limit: number,
  ): Promise<readonly { readonly tableId: string; readonly version: number; readonly committedAt: number }[]>;

  /** What the last parity check of a table found. */
  readParity(tableId: string): Promise<ParityRecord | undefined>;
  /** Records a check, unless a later one has been recorded. */
  writeParity(record: ParityRecord): Promise<void>;

  /** Opens an import, or finds the one that a killed process left for the same name and location. */
  beginImport(request: {
    readonly tableId: string;
    readonly name: string;
    readonly location: string;
    readonly plan: string;
  }): Promise<ImportProgress>;
  /** Applies rows and moves the progress in one SQL transaction. */
  importBatch(tableId: string, batch: ImportBatch): Promise<void>;
  /** Makes the table visible at its head, in one SQL transaction. */
  finishImport(tableId: string, end: { readonly keepFrom: number }): Promise<TableHead>;
  /** Takes every row of an unfinished import away. */
  abortImport(tableId: string): Promise<void>;
}

/** Versions of a table, both ends included. */
export interface CommitRange {
  readonly tableId: string;
  readonly from: number;
  readonly to: number;
}

export interface ReaderLogin {
  readonly name: string;
  readonly password: string;
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
  readonly commit: Commit;
  /** False while a checkpoint has more batches to come. */
  readonly complete: boolean;
}
