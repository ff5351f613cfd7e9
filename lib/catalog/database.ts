/** The small SQL port under the catalog: what every engine's driver offers. Says nothing about tables of ours. */

import sql, { empty, join, raw, Sql } from "sql-template-tag";
import type { Dialect } from "./dialect.ts";
import { OPEN_VERSION } from "./limits.ts";

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

/**
 * Whoever runs a statement says what it does, and no driver guesses it from the text: only what changes nothing may be sent
 * again when its answer was lost. @throws LakeError: drivers translate their own errors
 */
export interface Queries {
  readonly dialect: Dialect;
  /** Returns rows and changes nothing: also takes no lock, and calls no function that does either. */
  read(query: Sql, options?: ReadOptions): Promise<readonly Row[]>;
  /** Changes rows or takes locks, and returns nothing. */
  write(query: Sql): Promise<void>;
  /** Changes rows or takes locks, and returns rows: `… returning`, or a function. */
  writeReturning(query: Sql): Promise<readonly Row[]>;
  /** Runs a definition of tables, functions or logins, which takes no parameters. */
  define(statement: string): Promise<void>;
}

export interface ReadOptions {
  /**
   * A page of a long list, in the order of an index: an engine that might sort the whole list for each page, where its statistics are older
   * than the list, is kept from it.
   */
  readonly byIndex?: boolean;
}

export interface SqlTransaction extends Queries {
  /** Runs one statement that writes, once per row: the row's values take the places of `statement.values`. */
  each(statement: Sql, rows: readonly (readonly SqlValue[])[]): Promise<void>;
  /** Many rows, given by the names of their columns, in a way of the engine's own; absent where it has none. */
  copy?(table: string, columns: readonly string[], groups: readonly RowGroup[]): Promise<void>;
  /** The same, of rows that are in the engine's form already; there where `copy` is. */
  copyReady?(table: string, columns: readonly string[], rows: readonly Uint8Array<ArrayBuffer>[]): Promise<void>;
}

/** Rows that have some columns in common. */
export interface RowGroup {
  /** The same columns, in the same order, in all groups of one statement. */
  readonly common: Readonly<Record<string, SqlValue>>;
  readonly rows: readonly Readonly<Record<string, SqlValue | undefined>>[];
}

export interface TransactionOptions {
  /** No time limit for its statements. */
  readonly long?: boolean;
  /** Milliseconds after which no further statement begins, and the transaction is given up. */
  readonly withinMs?: number;
  /**
   * Its commit need not wait for the disk, where the engine knows that. A crash may take it away, with nothing that was committed later
   * than what it leaves; the next transaction without this makes all before it last.
   */
  readonly relaxed?: boolean;
}

export interface Database extends Queries {
  /** As `read`, without waiting for any other work: on a connection of its own, and given up soon. For the health check. */
  probe(query: Sql): Promise<readonly Row[]>;
  /**
   * Commits what `work` did, or nothing of it when it throws. A deadlock may run `work` again. While it holds locks, none of its
   * pauses may be longer than a few seconds: the server then rolls back, so that a process that hangs holds up nobody else.
   */
  transaction<T>(work: (tx: SqlTransaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  close(): Promise<void>;
  /** True where its transactions have `copyReady`. */
  readonly takesReadyRows?: true;
}

/** The open end of an interval. Always a literal: as a parameter it would hide the partial indexes from the planner. */
export const OPEN = raw(String(OPEN_VERSION));

/** The names of columns, of which some are words of SQL. */
export function quoted(names: readonly string[]): Sql {
  return raw(names.map((name) => `"${name}"`).join(", "));
}

/** The names of columns as they are in a select, each of the table with this alias. */
export function columnsOf(alias: string, names: readonly string[]): Sql {
  return raw(names.map((name) => `${alias}.${name}`).join(", "));
}
