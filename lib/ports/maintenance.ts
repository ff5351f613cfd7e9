/** Upkeep: which files no retained version needs, what has been removed, and how much of a table's past SQL keeps. */

import type { DeletionVector } from "../delta/actions.ts";
import type { TableStatus } from "../delta/table.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { Page } from "./page.ts";

export interface Maintenance {
  /** Of these tables; one without a record is missing from the answer. One round trip. */
  readUpkeep(tableIds: readonly string[]): Promise<readonly Upkeep[]>;
  /** Changes what is named, and leaves the rest; null makes a policy that of the service. */
  writeUpkeep(tableId: string, change: UpkeepChange): Promise<void>;

  /** The newest version up to this one that removed a file; undefined when there is none. */
  newestRemoval(tableId: string, upTo: number): Promise<number | undefined>;
  /**
   * Raises the floor: from now on no commit may add again what only versions below it have. Under the lock of the commits: each
   * of them is either before, and seen by whoever asks {@link filesInUse} later, or refused.
   * @throws LakeError notFound when no such table is ACTIVE
   */
  condemn(tableId: string, options: { readonly floor: number; readonly at: number }): Promise<void>;
  /**
   * What versions after `after` up to `floor` have removed, and the change data of those before `floor`, by version. Part of it may
   * be needed all the same.
   */
  expiredFiles(
    tableId: string,
    options: { readonly after: number; readonly floor: number; readonly cursor?: string; readonly limit: number },
  ): Promise<Page<ExpiredFile>>;
  /**
   * What versions from the floor on need that came after the version `after`: data files and change data, by the version that added them.
   * The same file may come several times.
   */
  neededFiles(
    tableId: string,
    options: { readonly after: number; readonly floor: number; readonly cursor?: string; readonly limit: number },
  ): Promise<Page<NeededFile>>;
  /** Which of these are named by a version from the floor on, or by another table at any version. Two round trips at most. */
  filesInUse(
    table: { readonly tableId: string; readonly location: string; readonly floor: number },
    wanted: FilesAsked,
  ): Promise<FilesInUse>;
  /** Paths of change data of this version and later ones, at most `limit` of them. */
  changeFilesFrom(tableId: string, version: number, limit: number): Promise<readonly string[]>;
  /** Deletion vectors of all tables that are named by an absolute path, page by page. */
  sharedVectors(options: { readonly cursor?: string; readonly limit: number }): Promise<Page<string>>;
  /** Places of tables, dropped ones too, that lie within this location. */
  placesWithin(location: string): Promise<readonly string[]>;

  /** The oldest version that SQL keeps moves up; reads below it are refused from then on. Never moves back. */
  raiseBase(tableId: string, version: number): Promise<void>;
  /**
   * Takes rows away that no version from the base on needs, of the oldest versions, in one transaction.
   * @returns false when nothing is left to be taken away
   */
  trimBelowBase(tableId: string, keep: TrimKeeps): Promise<boolean>;

  /** Transactions that were committed before this moment, in milliseconds, the oldest first; without undated ones (delta/transaction-age.ts). */
  oldTransactions(options: {
    readonly before: number;
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<Page<OldTransaction>>;
  /** Of these tables, whatever has become of them; one that never was is missing. */
  transactionTables(tableIds: readonly string[]): Promise<readonly TransactionTable[]>;
  /** Takes transactions away and notes how far with their tables, in one SQL transaction under the locks of the commits. */
  forgetTransactions(what: ForgottenTransactions): Promise<void>;
}

export interface OldTransaction {
  readonly transactionId: string;
  /** Milliseconds. */
  readonly committedAt: number;
  /** False while parts of it have not come in from their logs. */
  readonly isWhole: boolean;
  readonly tables: readonly { readonly tableId: string; readonly version: number }[];
}

export interface TransactionTable {
  readonly tableId: string;
  readonly name: string;
  readonly status: TableStatus;
  readonly isPurged: boolean;
  /** All versions up to this one are in the log. */
  readonly publishedVersion: number;
}

export interface ForgottenTransactions {
  readonly transactionIds: readonly string[];
  /** Their tables, each with its newest version that one of them has made. */
  readonly tables: readonly { readonly tableId: string; readonly version: number }[];
  /** Milliseconds: ids that say to be older are refused from now on. */
  readonly madeBefore: number;
}

/** What a table wants done, and how far that has come. Times are milliseconds. */
export interface Upkeep {
  readonly tableId: string;
  /** Whether the schedule does it; absent: as the service says. */
  readonly compact?: boolean;
  readonly vacuum?: boolean;
  readonly cleanLog?: boolean;
  readonly trimHistory?: boolean;
  /** Milliseconds; absent: as the service says. */
  readonly historyRetention?: number;
  /** Versions below may lack data files. */
  readonly vacuumFloor?: number;
  /** Files removed up to this version have been dealt with. */
  readonly vacuumedVersion?: number;
  readonly condemnedAt?: number;
  readonly compactAt?: number;
  readonly vacuumAt?: number;
  readonly cleanLogAt?: number;
  readonly trimHistoryAt?: number;
  readonly lastError?: string;
}

export type UpkeepChange = {
  readonly [K in keyof Omit<Upkeep, "tableId" | "vacuumFloor" | "condemnedAt">]?: Upkeep[K] | null;
};

export interface ExpiredFile {
  readonly version: number;
  readonly kind: "data" | "changes";
  /** As the action has it. */
  readonly path: string;
  /** Bytes, where an action says so. */
  readonly size?: Int64;
  readonly deletionVector?: DeletionVector;
  /** A later one among them has the same path. */
  readonly again?: true;
}

export interface NeededFile extends Omit<ExpiredFile, "again"> {
  /** True when the head has it. */
  readonly isLive: boolean;
}

export interface FilesAsked {
  /** Keys below the root of the table. */
  readonly keys: readonly string[];
  /** Names of files of deletion vectors, as `u` vectors have them. */
  readonly vectors: readonly Pick<DeletionVector, "storageType" | "pathOrInlineDv">[];
}

/** By their places in what was asked. */
export interface FilesInUse {
  readonly keys: ReadonlySet<number>;
  readonly vectors: ReadonlySet<number>;
}

export interface TrimKeeps {
  /** Milliseconds: tombstones with a later deletionTimestamp. */
  readonly tombstonesNewerThan: number;
  /** Milliseconds: applications last updated later; all if absent. */
  readonly txnsUpdatedAfter?: number;
  /** Removes and change data of later versions stay: vacuum has not dealt with them. */
  readonly removesAfter: number;
  /** So many versions. */
  readonly batch: number;
}
