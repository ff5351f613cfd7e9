/** A table as the planner sees it, and what a planned commit is. The catalog's port speaks in these. */

import type { CommitActions, Metadata, Protocol } from "./actions.ts";
import type { Append } from "./appends.ts";
import type { Int64 } from "./values/int64.ts";

/** The removed_version of a live file: above every version there can be, and exact as a double. */
export const OPEN_VERSION = Number.MAX_SAFE_INTEGER;

export type TableStatus = "ACTIVE" | "IMPORTING" | "DELETED";

/**
 * The head of a table. The markers are the last versions that changed what their names say, −1 for never (ARCHITECTURE.md D3):
 * under the lock a commit compares these alone.
 */
export interface TableHead {
  readonly tableId: string;
  /** `namespace.name`. */
  readonly name: string;
  /** `file:///…` or `s3://…`, without a slash at the end. */
  readonly location: string;
  readonly status: TableStatus;
  /** The newest version; −1 while a table is being created or imported. */
  readonly version: number;
  /** The oldest version that SQL can rebuild. */
  readonly baseVersion: number;
  /** Milliseconds: timestamp of the head version. */
  readonly timestamp: number;
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  readonly markers: Markers;
  /** Why the mirror has stopped at a foreign commit, if it has. */
  readonly quarantine?: string;
  /** Set where others write the table, and the catalog follows its log: nothing may be committed to it here, or written there. */
  readonly followed?: Followed;
  readonly createdAt: number;
}

/** How far a log that others write has been followed. */
export interface Followed {
  /** Milliseconds: when it was last looked at. */
  readonly lookedAt: number;
  /** The newest version that was there then. */
  readonly logVersion: number;
  /** Why what was seen could not be taken over; absent where it could. */
  readonly error?: string;
}

export const MARKER_NAMES = ["metadata", "protocol", "add", "nonBlindAdd", "remove", "txn", "domain"] as const;
export type MarkerName = (typeof MARKER_NAMES)[number];
export type Markers = Readonly<Record<MarkerName, number>>;

/** What a commit is planned against. `protocol` and `metadata` are those of the head. */
export interface TableState extends TableHead {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
}

/** One table's part of a transaction, checked by the planner up to `checkedVersion`. */
export interface PlannedTable {
  readonly tableId: string;
  /** Where the table lives, which decides what is one file; absent where paths are compared as they are spelled. */
  readonly location?: string;
  /** The name by which the writer means the table: one that has another name by now is another table. Absent where it gave the id. */
  readonly name?: string;
  /** Set for version 0: the head row is made first. */
  readonly create?: { readonly name: string; readonly location: string };
  /** The version that the writer read; −1 for a creation. */
  readonly readVersion: number;
  /** Files that came or went after this version may not be written again; readVersion if absent. */
  readonly filesUpTo?: number;
  /** The planner has checked all winners up to here; readVersion ≤ checkedVersion. */
  readonly checkedVersion: number;
  /** SQL had this version before: below it, it has gone back in time. */
  readonly seenVersion?: number;
  /** The marker versions that the actions were validated against; −1 for a creation. */
  readonly metadataVersion: number;
  readonly protocolVersion: number;
  /** Markers that must not be above checkedVersion. */
  readonly watch: readonly MarkerName[];
  /** Set for a strict commit: it becomes this version or is rejected. */
  readonly expectedVersion?: number;
  /** Milliseconds: the in-commit timestamp that a strict writer has given itself; taken over where it is in order. */
  readonly givenTimestamp?: number;
  /** Without version, timestamps and row ids: the statement assigns these under the lock (ARCHITECTURE.md D4). */
  readonly actions: CommitActions;
  readonly isBlindAppend: boolean;
  /** True: the commit carries an in-commit timestamp. */
  readonly inCommitTimestamps: boolean;
  /** True: baseRowId, defaultRowCommitVersion and the high-water mark are assigned. */
  readonly assignRowIds: boolean;
}

export interface PlannedCommit {
  readonly transactionId: string;
  /** SHA-256 (hex) of the canonical request: the same id with another hash is refused. */
  readonly requestHash: string;
  readonly tables: readonly PlannedTable[];
  /** The epoch in which the logs of the tables were looked at (Commits.epoch); undefined where no log can be ahead. */
  readonly epoch: string | undefined;
  /** What the commit asks of the mirrors of its tables; nothing if absent. */
  readonly mirror?: MirrorDemand;
  /** Appends that it is made of, of one table: each is a transaction of its own, and none may be there yet. */
  readonly appends?: readonly Append[];
  /** Who tries it, for the audit trail (access/audit-row.ts): its row is there with the commit, or not at all. Absent: no row. */
  readonly attempt?: string;
}

/** Checked under the lock: a table that does not comply is a rejection of the whole commit. */
export interface MirrorDemand {
  /** No commit to a table that nothing can be published to. */
  readonly running: boolean;
  /** A table has at most so many unpublished versions before the commit; any number if absent. */
  readonly below?: number;
}
