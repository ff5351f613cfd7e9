/** Tables as data, and how they become CREATE statements of an engine and pages of documentation. */

import type { ColumnType, Dialect } from "../database.ts";

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

export interface TableSpec {
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly ColumnSpec[];
  readonly primaryKey: readonly string[];
  readonly indexes?: readonly IndexSpec[];
  /** Rows lie in the order of the primary key where the engine can do that. */
  readonly clustered?: boolean;
  /** Rows are updated often: leave room beside them. */
  readonly updatedInPlace?: boolean;
}

/** The statements that create a table with its indexes and comments. */
export function createTable(dialect: Dialect, table: TableSpec): string[] {
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
  return [create, ...(table.indexes ?? []).map((index) => createIndex(table, index)), ...comments(dialect, table)];
}

function createIndex(table: TableSpec, index: IndexSpec): string {
  const where = index.where === undefined ? "" : ` where ${index.where}`;
  return `create ${index.unique ? "unique " : ""}index ${index.name} on ${table.name} (${index.columns.join(", ")})${where}`;
}

function comments(dialect: Dialect, table: TableSpec): string[] {
  if (dialect.comments === "inline") return [];
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return [
    `comment on table ${table.name} is ${quoted(table.comment)}`,
    ...table.columns.map((c) => `comment on column ${table.name}.${c.name} is ${quoted(c.comment)}`),
    ...(table.indexes ?? []).map((i) => `comment on index ${i.name} is ${quoted(i.comment)}`),
  ];
}
