/** Backups: the rows of a catalog as they go out into a backup and come back, the same on every engine; and the place where backups are. */

import type { TableStatus } from "../delta/table.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { ObjectStore } from "./storage.ts";

/** Ids and keys are text, integers exact. */
export type BackupValue = null | string | boolean | Int64;
/** In the order of the columns of its set. */
export type BackupRow = readonly BackupValue[];

/** Rows of one kind: those of a table of the schema, or changes of such rows. */
export interface BackupSet {
  readonly name: string;
  readonly columns: readonly string[];
  /** What binds a row to a version, and so what an increment has (lib/catalog/migrations/ddl.ts); `ended`: files that left the table. */
  readonly kind: "heads" | "versions" | "files" | "ended" | "outbox" | "transactions" | "changes" | "whole";
}

export interface Backups {
  /** Every set, in the order in which they are restored; heads are the last. */
  readonly backupSets: readonly BackupSet[];
  /** The heads of all tables in one statement: a moment between commits, so no transaction is cut in two. */
  readCut(): Promise<CatalogCut>;
  /** A page of a set, of bounded size, in the order of its key. What was committed after the cut may be among the rows. */
  readRows(wanted: RowsWanted): Promise<RowPage>;
  /** Of these tables, those of which the version has this timestamp and fingerprint still: an increment can go on from it. */
  holdVersions(tables: readonly VersionMark[]): Promise<ReadonlySet<string>>;
  /** Of these ids, those of tables that are there. */
  tablesAmong(tableIds: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * Makes the schema of these migrations in a database without rows, and shuts it: until the restore is finished every other
   * call is refused with RESTORE_UNFINISHED. A restore by the same plan goes on, another one begins anew.
   * @throws LakeError conflict TARGET_NOT_EMPTY; invalid: SCHEMA_NEWER, TARGET_SCHEMA
   */
  beginRestore(plan: RestorePlan): Promise<{ readonly partsDone: number }>;
  /** Writes rows and moves `partsDone` on by one, in one SQL transaction. @throws LakeError conflict RESTORE_MOVED */
  restorePart(plan: RestorePlan, part: RestoredPart): Promise<void>;
  /**
   * Runs the migrations that the backup did not know, counts the heads of these tables again, whose versions are earlier than in the
   * backup, gives the catalog its identity, and opens it, in this order.
   */
  finishRestore(
    plan: RestorePlan,
    end: { readonly partsDone: number; readonly recount: readonly string[] },
  ): Promise<void>;
}

/** What a version of a table must look like. */
export interface VersionMark {
  readonly tableId: string;
  readonly version: number;
  /** Milliseconds. */
  readonly timestamp: number;
  /** The four lanes. */
  readonly fingerprint: readonly number[];
}

export interface CutTable extends VersionMark {
  readonly name: string;
  readonly location: string;
  readonly status: TableStatus;
  readonly baseVersion: number;
  /** When all of its rows were last made from a log, in milliseconds; 0 for never. */
  readonly rowsSince: number;
  readonly numFiles: number;
  /** The oldest version that is not in the log; absent when all are. */
  readonly firstUnpublished?: number;
  /** How far it has forgotten transactions, by version and by the time of ids, in milliseconds (ARCHITECTURE.md D8). */
  readonly forgottenVersion: number;
  readonly forgottenBefore: number;
  /** How often its name, place or status had changed. */
  readonly changes: number;
  /** True from when the rows of a dropped table are taken away. */
  readonly isPurged: boolean;
  /** Of the set of heads. */
  readonly row: BackupRow;
}

export interface CatalogCut {
  /** The identity of the catalog (ARCHITECTURE.md D48). */
  readonly catalogId: string;
  /** Migrations that have run, ascending. */
  readonly migrations: readonly number[];
  readonly tables: readonly CutTable[];
}

export interface RowsWanted {
  readonly set: string;
  /** Rows of one table alone, of versions after `after` up to `upTo`; all rows if absent. */
  readonly range?: { readonly tableId: string; readonly after: number; readonly upTo: number };
  /** Where the page before ended. */
  readonly cursor?: string;
}

export interface RowPage {
  readonly rows: readonly BackupRow[];
  /** Absent on the last page. */
  readonly next?: string;
}

export interface RestorePlan {
  /** Says what is restored up to when: the same for a repeat. */
  readonly planId: string;
  readonly migrations: readonly number[];
  /** The identity that the catalog gets; one of its own if absent. */
  readonly catalogId?: string;
}

export interface RestoredPart {
  /** From 0. */
  readonly index: number;
  readonly set: string;
  readonly columns: readonly string[];
  readonly rows: readonly BackupRow[];
}

/** Where backups are: a folder or a prefix in a bucket, and how parts are written there. */
export interface BackupPlace {
  /** Canonical: `file:///…` or `s3://…`. */
  readonly location: string;
  readonly store: ObjectStore;
  /** Compresses, and encrypts where there is a key. @param name of the part and its backup: bytes of another part are refused */
  seal(name: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** @throws LakeError corrupt BACKUP_DAMAGED; invalid: BACKUP_KEY_MISSING, BACKUP_KEY_WRONG */
  unseal(name: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** Says which key it is, and is no secret; absent without encryption. */
  readonly keyId?: string;
  /** A code (hex) that only holders of the key can make of these bytes; absent without encryption. */
  mac?(bytes: Uint8Array): string;
}
