/** The small SQL port under the catalog: what every engine's driver offers. Says nothing about tables of ours. */

import sql, { empty, join, raw, Sql } from "sql-template-tag";

export { empty, join, raw, Sql, sql };

/** What a driver takes and returns. Integers come as a number when safe, else as a bigint; booleans as true/false or 1/0. */
export type SqlValue = null | string | number | bigint | boolean | Uuid;
export type Row = Readonly<Record<string, unknown>>;

/** An id among the values of a statement: where parameters have types, a text cannot be compared with a column of UUIDs. */
export class Uuid {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function uuid(text: string): Uuid {
  return new Uuid(text);
}

/** For drivers whose engine finds out the types of parameters by itself. */
export function untyped<T>(value: T | Uuid): T | string {
  return value instanceof Uuid ? value.text : value;
}

export interface Queries {
  /** Runs one statement and returns its rows. @throws LakeError: drivers translate their own errors */
  all(query: Sql): Promise<readonly Row[]>;
}

export interface SqlTransaction extends Queries {
  /** Runs one statement once per row: the row's values take the places of `statement.values`. */
  each(statement: Sql, rows: readonly (readonly SqlValue[])[]): Promise<void>;
}

export interface Database extends Queries {
  readonly dialect: Dialect;
  /**
   * Commits what `work` did, or nothing of it when it throws. A deadlock may run `work` again.
   * @param options.long no time limit for its statements
   */
  transaction<T>(work: (tx: SqlTransaction) => Promise<T>, options?: { readonly long?: boolean }): Promise<T>;
  close(): Promise<void>;
}

/** Types of our columns; `key` is a 16-byte hash. */
export type ColumnType = "uuid" | "text" | "name" | "int64" | "int32" | "boolean" | "key";

/** How an engine differs, as data and fragments. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  readonly columnTypes: Readonly<Record<ColumnType, string>>;
  /** Where comments go: into statements of their own, or into the text of CREATE TABLE. */
  readonly comments: "statement" | "inline";
  /** Ends a CREATE TABLE: storage options. */
  tableOptions(table: { readonly clustered?: boolean; readonly updatedInPlace?: boolean }): string;
  /** Stands behind a table's name and makes the engine use this index, where it can be told and would choose worse. */
  useIndex(name: string): Sql;
  /** Takes exclusive locks until the transaction ends; undefined where a transaction excludes every other writer anyway. */
  readonly lock: ((names: readonly string[]) => Sql) | undefined;
  /** The commit and the import batch as one statement each; undefined where they run as TypeScript over a transaction. */
  readonly functions: { commit(request: string): Sql; importBatch(request: string): Sql } | undefined;
}

/** The open end of an interval. Always a literal: as a parameter it would hide the partial indexes from the planner. */
export const OPEN = raw(String(Number.MAX_SAFE_INTEGER));
