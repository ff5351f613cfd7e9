/** Tables as data, and how they become CREATE statements of an engine and pages of documentation. */

import type { ColumnType, Dialect } from "../dialect.ts";

export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  /** Columns hold no NULL unless they say so. */
  readonly optional?: boolean;
  readonly default?: string;
  readonly comment: string;
}

export interface IndexSpec {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: boolean;
  readonly where?: string;
  readonly comment: string;
}

/**
 * What binds the rows of a table to versions, and so what a backup takes of them, whole or as an increment
 * (catalog/backup/sets.ts). A new table has to say it.
 */
export type BackupRule =
  /** The migrations themselves: the manifest names them. */
  | "schema"
  /** dl_tables: one row a table, as they were at the moment of the cut. */
  | "heads"
  /** Rows that are written with their `version`, and never changed. */
  | "versions"
  /** dl_files: likewise with `added_version`, and the end of a row's life comes later. */
  | "files"
  /** dl_mirror_status: changed until the version is published, seldom afterwards. */
  | "outbox"
  /** dl_transactions: bound to the versions that they made. */
  | "transactions"
  /** Few rows, each with the `change` of its table's identity (`identity_changes` of dl_tables) that made it: each backup has them all. */
  | "changes"
  /** Few rows, bound to nothing: each backup has them all. */
  | "whole"
  /** No part of the lake: what is in it is made again. */
  | "none";

export interface TableSpec {
  readonly name: string;
  readonly comment: string;
  readonly backup: BackupRule;
  readonly columns: readonly ColumnSpec[];
  readonly primaryKey: readonly string[];
  readonly indexes?: readonly IndexSpec[];
  /** Rows lie in the order of the primary key where the engine can do that. */
  readonly clustered?: boolean;
  /** Rows are updated often: leave room beside them. */
  readonly updatedInPlace?: boolean;
  /** The login that may only read may not read this one. */
  readonly isPrivate?: boolean;
  /** Where it is; on every engine if absent. */
  readonly isOn?: (dialect: Dialect) => boolean;
}

/** The statements that create a table with its indexes and comments. */
export function createTable(dialect: Dialect, table: TableSpec): string[] {
  if (dialect.definitions) return dialect.definitions.createTable(table);
  const inline = dialect.comments === "inline";
  const columns = table.columns.map((column, i) => {
    const comma = i === table.columns.length - 1 && table.primaryKey.length === 0 ? "" : ",";
    const parts = [column.name, dialect.columnTypes[column.type]];
    if (!column.optional) parts.push("not null");
    if (column.default !== undefined) parts.push(`default ${column.default}`);
    return `  ${parts.join(" ")}${comma}${inline ? ` -- ${column.comment}` : ""}`;
  });
  const create = [
    `create table ${table.name} (${inline ? ` -- ${table.comment}` : ""}`,
    ...columns,
    `  primary key (${table.primaryKey.join(", ")})`,
    `)${dialect.tableOptions(table)}`,
  ].join("\n");
  return [create, ...(table.indexes ?? []).map((index) => indexOn(table.name, index)), ...comments(dialect, table)];
}

/** The statements that add a column that may be NULL or has a default, with its comment, to a table that is there. */
export function addColumn(dialect: Dialect, table: string, column: ColumnSpec): string[] {
  if (dialect.definitions) return dialect.definitions.addColumn(table, column);
  const filled = column.default === undefined ? "" : ` not null default ${column.default}`;
  const add = `alter table ${table} add column ${column.name} ${dialect.columnTypes[column.type]}${filled}`;
  return dialect.comments === "inline" ? [add] : [add, commentOnColumn(table, column)];
}

/** The statements that add an index, with its comment, to a table that is there. */
export function createIndex(dialect: Dialect, table: string, index: IndexSpec): string[] {
  if (dialect.definitions) return dialect.definitions.createIndex(table, index);
  return [indexOn(table, index), ...(dialect.comments === "inline" ? [] : [commentOn(index)])];
}

function indexOn(table: string, index: IndexSpec): string {
  const where = index.where === undefined ? "" : ` where ${index.where}`;
  return `create ${index.unique ? "unique " : ""}index ${index.name} on ${table} (${index.columns.join(", ")})${where}`;
}

function commentOn(index: IndexSpec): string {
  return `comment on index ${index.name} is ${quoted(index.comment)}`;
}

function commentOnColumn(table: string, { name, comment }: ColumnSpec): string {
  return `comment on column ${table}.${name} is ${quoted(comment)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function comments(dialect: Dialect, table: TableSpec): string[] {
  if (dialect.comments === "inline") return [];
  return [
    `comment on table ${table.name} is ${quoted(table.comment)}`,
    ...table.columns.map((column) => commentOnColumn(table.name, column)),
    ...(table.indexes ?? []).map(commentOn),
  ];
}
