/** How engines differ, as data and fragments of SQL; each engine has one in its folder. */

import { placesAbove } from "../delta/files/locations.ts";
import type { DatabaseLogin, SqlRights } from "../ports.ts";
import type { CommitGroup, GroupAnswer, ImportAnswer, ImportRows } from "./commit/planned-rows.ts";
import {
  type Database,
  empty,
  join,
  type Queries,
  type Row,
  raw,
  type Sql,
  type SqlTransaction,
  type SqlValue,
  sql,
} from "./database.ts";
import type { ColumnSpec, IndexSpec, TableSpec } from "./migrations/ddl.ts";

/** Types of our columns; `key` is a 16-byte hash. */
export type ColumnType = "uuid" | "text" | "name" | "int64" | "int32" | "boolean" | "key";

/** {@link Dialect.isUnpublished} where an index may have a condition. */
export const IS_UNPUBLISHED = "m.status <> 'COMPLETE'";

export interface TypedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

export interface Dialect {
  readonly name: "sqlite" | "postgres" | "mysql";
  readonly columnTypes: Readonly<Record<ColumnType, string>>;
  /** Where comments go: into statements of their own, or into the text of CREATE TABLE. */
  readonly comments: "statement" | "inline";
  /** Ends a CREATE TABLE: storage options. */
  tableOptions(table: { readonly clustered?: boolean; readonly updatedInPlace?: boolean }): string;
  /** The statements that make tables, where they are not those of migrations/ddl.ts. */
  readonly definitions: Definitions | undefined;
  /** Each definition of a table ends the transaction, so migrations go statement by statement. */
  readonly definitionsCommit: boolean;
  /**
   * What holds locks: the transaction; names of the session, which a definition does not free; or rows, which it does. A database that was made
   * for one of the last two is refused to the other: who locks by names does not see who locks by rows.
   */
  readonly locks: "transaction" | "names" | "rows";
  /** Finds a row when there is a table of this name. */
  hasTable(name: string): Sql;
  /** SQL of a text as a JSON string, with its quotes; NULL where it is. */
  quoted(text: string): string;
  /** A JSON object, as text, of columns of one table: each under its own name. */
  jsonOf(alias: string, columns: readonly string[]): Sql;
  /** A whole number that is a member of the JSON object in a text column; NULL where the column is. */
  longIn(column: string, member: string): Sql;
  /** A text column that is compared and ordered by its bytes, whatever the locale of the database. */
  bytewise(column: string): Sql;
  /** A text up to its last dot, without it. */
  beforeLastDot(column: string): Sql;
  /** Comes after a table's name and makes the engine use this index, where it can be told and would choose worse. */
  useIndex(name: string): Sql;
  /** As {@link useIndex}: rows of a table come by its primary key. */
  readonly usePrimaryKey: Sql;
  /** That the version of a row m of dl_mirror_status is not published, so that an index has these alone. */
  readonly isUnpublished: string;
  /** A range whose bounds are queries of their own goes by an index as well; else bounds have to be read beforehand. */
  readonly rangesByQueries: boolean;
  /** Compares rows of values, the first that differ deciding, as a range of an index that begins with these columns. */
  compareRows(columns: readonly string[], op: ">" | "<=", values: readonly SqlValue[]): Sql;
  /** That a column of whole numbers has one of these values; an index on it is made use of. */
  isAmong(column: string, values: readonly bigint[]): Sql;
  /** Pairs of whole numbers, as a table of the columns `a` and `b`. */
  pairs(pairs: readonly (readonly [number, number])[]): Sql;
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
  /** A transaction excludes every other writer from its begin on, so locks say nothing more; and statements cost no round trip. */
  readonly singleWriter: boolean;
  /** Takes locks until the transaction ends: exclusive ones, and such that many may share; undefined for a single writer. */
  readonly lock:
    | ((tx: SqlTransaction, exclusive: readonly string[], shared: readonly string[]) => Promise<void>)
    | undefined;
  /** As `lock`, without waiting: false where one was not free. Undefined, too, where a function commits. */
  readonly tryLock:
    | ((tx: SqlTransaction, exclusive: readonly string[], shared: readonly string[]) => Promise<boolean>)
    | undefined;
  /** Ends a select: nobody else changes its rows until the transaction ends; empty for a single writer. */
  readonly forUpdate: Sql;
  /** `update … returning` answers with the rows that it changed. */
  readonly updateReturns: boolean;
  /** Ends an insert of one row or many: what becomes of a row whose key is there already. */
  onConflict(table: string, rule: ConflictRule): Sql;
  /**
   * Inserts rows, each with values in the order of the columns, but for those whose key is there already. Who may read and insert may do this;
   * where it is refused because others insert the same at this moment, it is right to do it again.
   */
  insertNew(rows: NewRows): Sql;
  /** A value as another type. */
  cast(value: Sql, type: "text" | "int64" | "double"): Sql;
  /** Between the name of a common table expression and its query: it is made once, whatever the planner thinks. */
  readonly materialized: Sql;
  /** A number by chance, another one for each row. */
  readonly random: Sql;
  /** The commit and the import batch as one statement each; undefined where they run as TypeScript over a transaction. */
  readonly functions: CatalogFunctions | undefined;
  /**
   * Commits, in one call, what plainly can be; undefined in the place of a request that the transaction in TypeScript has to decide. Nothing
   * is here where that costs no round trip, or where a function commits.
   */
  readonly tryCommit: ((db: Queries, group: CommitGroup) => Promise<readonly (GroupAnswer | undefined)[]>) | undefined;
  /** Settings of a server with which acknowledged commits may be lost, and what is to be said of them. */
  readonly doubts: { readonly query: Sql; of(rows: readonly Row[]): readonly string[] } | undefined;
  /** A login with a schema of its own, and how it is emptied; undefined where there are no logins. */
  readonly scratch:
    | { allow(db: Database, login: DatabaseLogin): Promise<void>; empty(db: Database): Promise<void> }
    | undefined;
  /** Makes a login that has these rights and no others; undefined where there are no logins. */
  readonly allowLogin: ((db: Database, login: DatabaseLogin, rights: SqlRights) => Promise<void>) | undefined;
}

export interface Definitions {
  createTable(table: TableSpec): string[];
  addColumn(table: string, column: ColumnSpec): string[];
  createIndex(table: string, index: IndexSpec): string[];
}

/** Values of a row that meets another of the same key. */
export interface Conflicting {
  there(column: string): Sql;
  given(column: string): Sql;
}

export interface ConflictRule {
  readonly key: readonly string[];
  /** Columns that get the value that is given, or another one; none: the row stays as it is. */
  readonly set: readonly (string | readonly [string, (row: Conflicting) => Sql])[];
  /** Else the row stays as it is. It may look at one of the columns that are set: the last of them. */
  readonly when?: (row: Conflicting) => Sql;
}

export interface NewRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly values: readonly (readonly (SqlValue | Sql)[])[];
}

/** {@link Dialect.insertNew} where there is ON CONFLICT. */
export function insertOrNothing({ table, columns, key, values }: NewRows): Sql {
  const rows = values.map((row) => sql`(${join(row)})`);
  return sql`insert into ${raw(table)} (${raw(columns.join(", "))}) values ${join(rows)}${onConflictClause(table, { key, set: [] })}`;
}

/** {@link Dialect.onConflict} where there is ON CONFLICT. */
export function onConflictClause(table: string, { key, set, when }: ConflictRule): Sql {
  const target = raw(` on conflict (${key.join(", ")})`);
  if (set.length === 0) return sql`${target} do nothing`;
  const row: Conflicting = {
    there: (column) => raw(`${table}.${column}`),
    given: (column) => raw(`excluded.${column}`),
  };
  const sets = set.map((one) => {
    const [column, value] = typeof one === "string" ? [one, row.given(one)] : [one[0], one[1](row)];
    return sql`${raw(column)} = ${value}`;
  });
  return sql`${target} do update set ${join(sets)}${when === undefined ? empty : sql` where ${when(row)}`}`;
}

/** {@link Dialect.beforeLastDot} where all that is no dot can be taken off the end. */
export function trimmedToDot(column: string): Sql {
  const upToDot = `rtrim(${column}, replace(${column}, '.', ''))`;
  return raw(`substr(${upToDot}, 1, length(${upToDot}) - 1)`);
}

const STANDARD_TYPES = { text: "text", int64: "bigint", double: "double precision" } as const;

/** {@link Dialect.cast} where types have the names of the standard. */
export function castAs(value: Sql, type: keyof typeof STANDARD_TYPES): Sql {
  return sql`cast(${value} as ${raw(STANDARD_TYPES[type])})`;
}

export interface CatalogFunctions {
  /** The answers in the order of the requests. */
  commit(db: Queries, group: CommitGroup): Promise<readonly GroupAnswer[]>;
  importBatches(db: Queries, requests: readonly ImportRows[]): Promise<readonly ImportAnswer[]>;
  /** Many rows in one statement; what is NULL may be left out of a row. */
  insertRows(
    tx: SqlTransaction,
    table: string,
    columns: readonly string[],
    rows: readonly Readonly<Record<string, SqlValue | undefined>>[],
  ): Promise<void>;
}

/** Takes the locks, in whatever form the engine has them. */
export async function takeLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[] = [],
): Promise<void> {
  await tx.dialect.lock?.(tx, exclusive, shared);
}

/** Takes the locks if they are free. @returns false where one is not */
export async function tryLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[] = [],
): Promise<boolean> {
  return (await tx.dialect.tryLock?.(tx, exclusive, shared)) ?? true;
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
