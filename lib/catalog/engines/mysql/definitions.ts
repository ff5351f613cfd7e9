/** Tables as MySQL and MariaDB have them: what stands in an index has a length, and an index has no condition. */

import type { ColumnType, Definitions } from "../../dialect.ts";
import type { ColumnSpec, IndexSpec, TableSpec } from "../../migrations/ddl.ts";
import { BYTEWISE } from "./collation.ts";

const TEXT = `character set utf8mb4 ${BYTEWISE}`;

export const COLUMN_TYPES: Readonly<Record<ColumnType, string>> = {
  uuid: `varchar(36) ${TEXT}`,
  text: `longtext ${TEXT}`,
  name: `longtext ${TEXT}`,
  int64: "bigint",
  int32: "int",
  boolean: "boolean",
  key: "binary(16)",
};

/** A key takes 3072 bytes: 700 characters of four bytes, beside an id and numbers. A longer value is refused. */
const KEY_CHARACTERS = 700;

/** Characters of the columns that stand in indexes; of all others there may be any number. */
const CHARACTERS: Readonly<Record<string, number>> = {
  name: KEY_CHARACTERS,
  location: KEY_CHARACTERS,
  app_id: KEY_CHARACTERS,
  domain: KEY_CHARACTERS,
  status: 32,
  error_code: 100,
  dv_key: 32,
  key_id: 64,
  column_id: KEY_CHARACTERS,
  resource: 480,
  grantee: 240,
  privilege: 32,
  role: 240,
  member: 240,
};

interface OwnIndex {
  /** Columns, or what else is to be in it. */
  readonly on: string;
  /** A column that only this index is for; NULLs do not meet. */
  readonly generated?: { readonly name: string; readonly as: string };
}

const live = (column: string): OwnIndex => ({
  on: `live_${column}`,
  generated: { name: `live_${column}`, as: `case when status <> 'DELETED' then ${column} end` },
});

/** Indexes that have a condition elsewhere. Undefined: there is none here, as what it finds is few among few. */
const OWN: Readonly<Record<string, OwnIndex | undefined>> = {
  dl_tables_name: live("name"),
  dl_tables_location: live("location"),
  dl_tables_name_in_any_case: undefined,
  dl_tables_quarantined: undefined,
  dl_tables_manifest_due: undefined,
  dl_tables_followed: undefined,
  dl_tables_dropped_name: { on: "name" },
  dl_tables_dropped_place: { on: "location" },
  // Of equal files one at most is live; of those that are not, each has gone at a version of its own.
  dl_files_live: { on: "table_id, path_key, dv_key, removed_version" },
  dl_files_former: { on: "table_id, path_key, removed_version" },
  dl_files_vectors: { on: "table_id, deletion_vector(57)" },
  dl_files_outside: { on: "path_key" },
  dl_files_shared_vectors: undefined,
  dl_mirror_status_open: { on: "table_id, status, version" },
  dl_mirror_status_faults: { on: "error_code, table_id, version" },
};

export const DEFINITIONS: Definitions = {
  createTable(table) {
    const keys = [...table.primaryKey, ...(table.indexes ?? []).flatMap(({ columns }) => columns)];
    const columns = table.columns.map((column) => `  ${definition(column, keys)}`);
    const key = table.primaryKey.map((column) => `"${column}"`).join(", ");
    const create = [
      `create table ${table.name} (`,
      [...columns, `  primary key (${key})`].join(",\n"),
      `) engine = InnoDB default ${TEXT} comment = ${quoted(table.comment)}`,
    ].join("\n");
    return [create, ...(table.indexes ?? []).flatMap((index) => indexOn(table.name, index))];
  },
  addColumn: (table, column) => [`alter table ${table} add column ${definition(column)}`],
  createIndex: indexOn,
};

/** Of columns in keys that are not named above. */
const OTHER_CHARACTERS = 200;

/** @param keys columns of the table that stand in indexes, where it is made */
function definition(
  { name, type, optional, default: given, comment }: ColumnSpec,
  keys: readonly string[] = [],
): string {
  const filled = given === undefined ? "" : ` default ${given}`;
  return `"${name}" ${typeOf(name, type, keys)}${optional ? "" : " not null"}${filled} comment ${quoted(comment)}`;
}

function typeOf(name: string, type: ColumnType, keys: readonly string[]): string {
  const other = keys.includes(name) ? OTHER_CHARACTERS : undefined;
  const characters = type === "text" || type === "name" ? (CHARACTERS[name] ?? other) : undefined;
  return characters === undefined ? COLUMN_TYPES[type] : `varchar(${characters}) ${TEXT}`;
}

function indexOn(table: TableSpec["name"], index: IndexSpec): string[] {
  if (!(index.name in OWN)) {
    const columns = index.columns.map((column) => `"${column}"`).join(", ");
    return [indexText(table, index, columns)];
  }
  const own = OWN[index.name];
  if (own === undefined) return [];
  const { generated } = own;
  const column =
    generated === undefined
      ? []
      : [
          `alter table ${table} add column ${generated.name} varchar(${KEY_CHARACTERS}) ${TEXT} generated always as (${generated.as}) virtual`,
        ];
  return [...column, indexText(table, index, own.on)];
}

function indexText(table: string, { name, unique, comment }: IndexSpec, on: string): string {
  return `create ${unique ? "unique " : ""}index ${name} on ${table} (${on}) comment ${quoted(comment)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
