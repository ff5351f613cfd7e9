/** What a writer asks of the commit service, and what it is told: the model behind `POST /v1/commits` (docs/api.md). */

import type { CommitActions } from "./actions.ts";
import type { AddRange } from "./appends.ts";
import type { Spelling } from "./checks/own-paths.ts";
import type { ActionPlaces } from "./fields/action-places.ts";
import type { TableHealth } from "./health.ts";
import type { Json } from "./values/json.ts";

/** How a table is named by a caller: by its UUID, or as `namespace.name`. */
export type TableRef = { readonly tableId: string } | { readonly name: string };

export type IsolationLevel = "Serializable" | "WriteSerializable" | "SnapshotIsolation";

/** What the writer read to compute its actions. Less than the truth loses updates; more than the truth costs retries. */
export interface ReadSet {
  readonly wholeTable?: boolean;
  /** Paths of files that were read. */
  readonly files?: readonly string[];
  /** Typed predicates over partition columns. What we cannot evaluate counts as a read of the whole table. */
  readonly predicates?: readonly Json[];
  /** Application ids whose `txn` version was read. */
  readonly appIds?: readonly string[];
}

export interface SupportedFeatures {
  readonly reader?: readonly string[];
  readonly writer?: readonly string[];
}

export interface TableCommit {
  readonly table: TableRef;
  readonly readVersion: number;
  /**
   * Strict: the actions become exactly this version, or are refused with `VERSION_TAKEN`. They are never rebased, and no winners are
   * judged: the writer has looked at all versions below. readVersion is below it.
   */
  readonly expectedVersion?: number;
  /**
   * Set with expectedVersion 0: the table, which is named, is made by this commit. Its location is canonical; absent until it has
   * been decided where tables without one go.
   */
  readonly create?: { readonly location?: string };
  readonly isolationLevel?: IsolationLevel;
  /** What holds where neither this commit nor its table says; no part of the request itself. */
  readonly isolationElse?: IsolationLevel;
  readonly reads?: ReadSet;
  readonly supportedFeatures?: SupportedFeatures;
  readonly actions: CommitActions;
  /** How removes name their files; relative if absent. */
  readonly spelling?: Spelling;
  /** Files that are in the table, or ever were, may not be written again: whoever may only append replaces nothing. */
  readonly newFilesOnly?: boolean;
  /** JSON pointer of this part of the request, for messages. */
  readonly at: string;
  /** Those of its actions. */
  readonly places?: ActionPlaces;
}

/** How the files that a commit names are looked at: `size` for existence and size, `deep` for schema and rows as well. */
export type VerifyFiles = "size" | "deep" | "off";

export interface CommitRequest {
  /** UUID made by the client: the idempotency key (ARCHITECTURE.md D8). */
  readonly transactionId: string;
  readonly tables: readonly TableCommit[];
  /** `mirrored` waits until `_delta_log` has the versions, too. */
  readonly acknowledge?: "sql" | "mirrored";
  /** Absent: the table decides, else the service. */
  readonly verifyFiles?: VerifyFiles;
}

/** Files that are added to a table, and may share a version with those of others. */
export interface AppendRequest extends Omit<CommitRequest, "tables"> {
  /** Without a readVersion the append is for the table as it is when it is committed. */
  readonly table: Omit<TableCommit, "readVersion" | "expectedVersion" | "create"> & { readonly readVersion?: number };
  /** Milliseconds that it may wait for others; the default of the service if absent. */
  readonly maxDelayMs?: number;
}

export interface TableConflict {
  readonly tableId: string;
  readonly table: string;
  /** Delta's error class. */
  readonly code: string;
  /** The version that won. */
  readonly version: number;
  readonly readVersion: number;
  readonly message: string;
  readonly path?: string;
}

export type CommitResult =
  | {
      readonly status: "committed";
      readonly replayed: boolean;
      readonly transactionId: string;
      readonly committedAt: number;
      readonly tables: readonly {
        readonly tableId: string;
        readonly version: number;
        /** Milliseconds: the commit's timestamp, the same for all its tables. */
        readonly inCommitTimestamp: number;
        /** Of an append that shares the version with others: which of its add actions are this one's. */
        readonly adds?: AddRange;
        /** Of this version. */
        readonly mirror: "IN_FLIGHT" | "COMPLETE" | "FAILED";
        /** Of the table, after this commit; absent when it has just been dropped. */
        readonly health?: TableHealth;
      }[];
      /** Ids of tables that it was committed to as well, of whose versions nothing is left; absent when there are none. */
      readonly lost?: readonly string[];
    }
  | { readonly status: "conflict"; readonly conflicts: readonly TableConflict[] };
