/** How engines differ, as data and fragments of SQL; each engine has one in its folder. */

import { placesAbove } from "../delta/files/locations.ts";
import type { DatabaseLogin } from "../ports.ts";
import type { CommitGroup, GroupAnswer, ImportAnswer, ImportRows } from "./commit/planned-rows.ts";
import type { Queries, Row, Sql, SqlTransaction } from "./database.ts";

/** Types of our columns; `key` is a 16-byte hash. */
export type ColumnType = "uuid" | "text" | "name" | "int64" | "int32" | "boolean" | "key";

export interface TypedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

export interface Dialect {
  readonly name: "sqlite" | "postgres";
  readonly columnTypes: Readonly<Record<ColumnType, string>>;
  /** Where comments go: into statements of their own, or into the text of CREATE TABLE. */
  readonly comments: "statement" | "inline";
  /** Ends a CREATE TABLE: storage options. */
  tableOptions(table: { readonly clustered?: boolean; readonly updatedInPlace?: boolean }): string;
  /** Finds a row when there is a table of this name. */
  hasTable(name: string): Sql;
  /** A JSON object, as text, of columns of one table: each under its own name. */
  jsonOf(alias: string, columns: readonly string[]): Sql;
  /** A whole number that is a member of the JSON object in a text column; NULL where the column is. */
  longIn(column: string, member: string): Sql;
  /** A text column that is compared and ordered by its bytes, whatever the locale of the database. */
  bytewise(column: string): Sql;
  /** Comes after a table's name and makes the engine use this index, where it can be told and would choose worse. */
  useIndex(name: string): Sql;
  /** A column of 16-byte hashes as 32 hex digits. */
  hexOf(column: string): Sql;
  /**
   * Rows of a JSON text, an array of arrays, as a table `r` with these columns; undefined where rows that are sent one by one
   * cost nothing more.
   */
  readonly rowsOfJson: ((json: string, columns: readonly TypedColumn[]) => Sql) | undefined;
  /** Names the present life of the database (Commits.epoch). Asked where commits are made. */
  readonly epoch: Sql;
  /** A table of texts, as one value: their places from 0 in `n`, the texts in `t`. */
  textList(texts: readonly string[]): Sql;
  /** The key that 32 hex digits are: what is in columns of type `key`. */
  keyOf(hex: Sql): Sql;
  /** Milliseconds by the clock of the database; undefined where commits go by the clock of the process. */
  readonly now: Sql | undefined;
  /**
   * Takes locks until the transaction ends: exclusive ones, and such that many may share; undefined where a transaction
   * excludes every other writer anyway.
   */
  readonly lock: ((exclusive: readonly string[], shared: readonly string[]) => Sql) | undefined;
  /** The commit and the import batch as one statement each; undefined where they run as TypeScript over a transaction. */
  readonly functions: CatalogFunctions | undefined;
  /** Settings of a server with which acknowledged commits may be lost, and what is to be said of them. */
  readonly doubts: { readonly query: Sql; of(rows: readonly Row[]): readonly string[] } | undefined;
  /** A login with a schema of its own, and the statement that empties it; undefined where there are no logins. */
  readonly scratch:
    | { allow(tx: SqlTransaction, login: DatabaseLogin): Promise<void>; readonly empty: string }
    | undefined;
  /** Makes a login that may read these tables and nothing else; undefined where there are no logins. */
  readonly allowReader:
    | ((tx: SqlTransaction, login: DatabaseLogin, tables: readonly string[]) => Promise<void>)
    | undefined;
}

export interface CatalogFunctions {
  /** The answers in the order of the requests. */
  commit(db: Queries, group: CommitGroup): Promise<readonly GroupAnswer[]>;
  importBatches(db: Queries, requests: readonly ImportRows[]): Promise<readonly ImportAnswer[]>;
}

/** Takes the locks, in whatever form the engine has them. */
export async function takeLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[] = [],
): Promise<void> {
  if (tx.dialect.lock) await tx.writeReturning(tx.dialect.lock(exclusive, shared));
}

export function transactionLock(transactionId: string): string {
  return `transaction:${transactionId}`;
}

export function tableLock(tableId: string): string {
  return `table:${tableId}`;
}

/**
 * What a new table takes, so that nobody else has its name or its location meanwhile; it shares {@link locksAbove}. Names that differ only by case are one
 * name; code from before migration 6, which runs beside ours during a deployment, locks the name as it is written.
 */
export function creationLocks({
  name,
  location,
}: {
  readonly name: string;
  readonly location: string;
}): readonly string[] {
  return [`name:${name}`, `name:${name.toLowerCase()}`, `location:${location}`];
}

/**
 * Places above a new table: whoever makes one there has the lock of that place for himself, and those beside each other share
 * it. So tables of which one would lie within the other wait for each other, and no others do.
 */
export function locksAbove({ location }: { readonly location: string }): readonly string[] {
  return placesAbove(location).map((place) => `location:${place}`);
}
