/** The add action as a row of dl_files. Each of its fields is here once: its column, and its form on either side. */

import type { AddFile, FileIdentity } from "../../delta/actions.ts";
import { decodeDeletionVector } from "../../delta/decode.ts";
import { deletionVectorFields } from "../../delta/encode.ts";
import { type Int64, isInt64 } from "../../delta/values/int64.ts";
import { isJsonObject, type JsonObject, parseJson } from "../../delta/values/json.ts";
import type { Row, SqlValue } from "../database.ts";
import type { Dialect } from "../dialect.ts";
import { dvKey, fileFingerprint, pathKey } from "../keys.ts";
import { HASH_COLUMNS } from "./heads.ts";
import { flag, json, jsonObject, jsonText, long, storable, text } from "./values.ts";

interface Form<T> {
  toRow(value: T, field: string): SqlValue;
  ofRow(row: Row, column: string): T;
  /** SQL of the value as JSON, of a column that is not NULL. */
  json(column: string, dialect: Dialect): string;
}

/** Of columns that hold JSON. */
const asItIs = (column: string): string => column;

const TEXT: Form<string> = { toRow: storable, ofRow: text, json: (column, { quoted }) => quoted(column) };
const LONG: Form<Int64> = { toRow: (value) => value, ofRow: long, json: asItIs };
const FLAG: Form<boolean> = {
  toRow: (value) => value,
  ofRow: flag,
  json: (column) => `case when ${column} then 'true' else 'false' end`,
};
const OBJECT: Form<JsonObject> = { toRow: jsonText, ofRow: jsonObject, json: asItIs };

type Strings = AddFile["partitionValues"];
/** Many files have the same partition values: what short texts stand for, each made once for all of them. */
const KNOWN_STRINGS = new Map<string, Strings>();
const MOST_KNOWN = 2000;
const SHORT = 200;

function stringsOf(row: Row, column: string): Strings {
  const stored = row[column];
  const known = KNOWN_STRINGS.get(stored as string);
  if (known !== undefined) return known;
  const strings = Object.freeze(jsonObject(row, column) as Strings);
  if (typeof stored !== "string" || stored.length > SHORT) return strings;
  if (KNOWN_STRINGS.size >= MOST_KNOWN) KNOWN_STRINGS.clear();
  KNOWN_STRINGS.set(stored, strings);
  return strings;
}
const STRINGS: Form<Strings> = {
  toRow: (value) => JSON.stringify(value),
  ofRow: stringsOf,
  json: asItIs,
};

const DELETION_VECTOR: Form<NonNullable<AddFile["deletionVector"]>> = {
  toRow: (value) => jsonText(deletionVectorFields(value)),
  ofRow: (row, column) => decodeDeletionVector(json(row, column), column),
  json: asItIs,
};

type Fields = { readonly [K in keyof AddFile]-?: Form<NonNullable<AddFile[K]>> & { readonly column: string } };

/** A new field of an add is a line here, and a column in a migration. */
const FIELDS: Fields = {
  path: { column: "path", ...TEXT },
  partitionValues: { column: "partition_values", ...STRINGS },
  size: { column: "size", ...LONG },
  modificationTime: { column: "modification_time", ...LONG },
  dataChange: { column: "data_change", ...FLAG },
  stats: { column: "stats", ...TEXT },
  tags: { column: "tags", ...STRINGS },
  deletionVector: { column: "deletion_vector", ...DELETION_VECTOR },
  baseRowId: { column: "base_row_id", ...LONG },
  defaultRowCommitVersion: { column: "default_row_commit_version", ...LONG },
  clusteringProvider: { column: "clustering_provider", ...TEXT },
  unknown: { column: "unknown", ...OBJECT },
};

interface Entry extends Form<unknown> {
  readonly field: keyof AddFile;
  readonly column: string;
}

const LIST = Object.entries(FIELDS).map(([field, form]) => ({ field, ...form })) as readonly Entry[];

/** The columns of dl_files that make an add action. */
export const ADD_COLUMNS: readonly string[] = LIST.map(({ column }) => column);

/** Those that hold texts of any length. */
export const ADD_TEXTS: readonly string[] = LIST.filter(({ toRow }) => ![LONG.toRow, FLAG.toRow].includes(toRow)).map(
  ({ column }) => column,
);

/** Those that no row has as NULL. */
const ALWAYS: readonly string[] = ["path", "partitionValues", "size", "modificationTime", "dataChange"];

/**
 * SQL of the JSON text of an add action, the one that `addFields` (delta/encode.ts) makes of {@link addOf}: its fields in their order.
 * @param fields those alone, in this order; all, and what we do not know, if absent
 */
export function addText(dialect: Dialect, alias: string, fields?: readonly string[]): string {
  const wanted =
    fields === undefined ? LIST : [...new Set(fields)].flatMap((name) => LIST.filter((e) => e.field === name));
  // As one list of pieces: texts are long, and whatever is put together before is copied once more.
  const pieces = wanted
    .filter(({ field }) => field !== "unknown")
    .flatMap(({ field, column, json: of, toRow }) => {
      const [name, stored] = [`',"${field}":'`, `${alias}.${column}`];
      const value = of(stored, dialect);
      if (ALWAYS.includes(field)) return [name, value];
      const given = (then: string) => `case when ${stored} is null then '' else ${then} end`;
      return toRow === LONG.toRow ? [given(`concat(${name}, ${value})`)] : [given(name), given(value)];
    });
  const unknown = `${alias}.unknown`;
  const end =
    fields === undefined
      ? `case when ${unknown} is null or ${unknown} = '{}' then '}' else concat(',', substr(${unknown}, 2)) end`
      : "'}'";
  const [first = "''"] = pieces;
  // What is there always needs no comma taken away.
  if (first.startsWith("',")) return `concat('{${first.slice(2)}, ${[...pieces.slice(1), end].join(", ")})`;
  return `concat('{', substr(concat(${pieces.join(", ")}), 2), ${end})`;
}

export function addOf(row: Row): AddFile {
  const add: Record<string, unknown> = {};
  // Files come in hundreds of thousands: indexes, and no pairs taken apart.
  for (let i = 0; i < LIST.length; i += 1) {
    const { field, column, ofRow } = LIST[i] as Entry;
    const value = row[column];
    if (value !== null && value !== undefined) add[field] = ofRow(row, column);
  }
  return add as unknown as AddFile;
}

/** What finds a file among the live ones: all spellings of a path have one key. */
export interface FileKey {
  readonly path: string;
  /** 32 hex digits. */
  readonly path_key: string;
  readonly dv_key: string;
}

export function fileKey(file: FileIdentity, location?: string): FileKey {
  return { path: storable(file.path, "path"), path_key: pathKey(file.path, location), dv_key: dvKey(file) };
}

/** A row of dl_files by the names of its columns; what is NULL may be left out. */
export interface FileRow extends FileKey {
  readonly [column: string]: SqlValue | undefined;
  readonly ord: number;
  /** No column: the dv_key of the remove of the same path in the same commit, of which there is at most one. */
  readonly replaces?: string;
  readonly size: Int64;
  readonly num_records?: Int64;
  readonly base_row_id?: Int64;
  readonly default_row_commit_version?: Int64;
  readonly h0: number;
  readonly h1: number;
  readonly h2: number;
  readonly h3: number;
}

/** The columns that a version writes, after those of its table and version. */
export const FILE_COLUMNS: readonly string[] = [
  "ord",
  "path_key",
  "dv_key",
  ...ADD_COLUMNS,
  "num_records",
  ...HASH_COLUMNS,
];

export function fileRow(add: AddFile, ord: number, location?: string): FileRow {
  // Files come in hundreds of thousands: one object each, and none taken apart.
  const row: Record<string, SqlValue> = {};
  for (let i = 0; i < LIST.length; i += 1) {
    const { field, column, toRow } = LIST[i] as Entry;
    const value = add[field];
    if (value !== undefined) row[column] = toRow(value, field);
  }
  row.path_key = pathKey(add.path, location);
  row.dv_key = dvKey(add);
  row.ord = ord;
  const records = numRecords(add.stats);
  if (records !== undefined) row.num_records = records;
  const lanes = fileFingerprint(add);
  for (let i = 0; i < HASH_COLUMNS.length; i += 1) row[HASH_COLUMNS[i] as string] = lanes[i] as number;
  return row as FileRow;
}

/** As most writers begin statistics. */
const COUNT_FIRST = /^\{"numRecords":(0|[1-9]\d{0,14})[,}]/;

/** `numRecords` of a file's statistics, where it has them. */
export function numRecords(stats: string | undefined): Int64 | undefined {
  if (stats === undefined) return undefined;
  const first = COUNT_FIRST.exec(stats)?.[1];
  // Of two members with one name the last one counts; what is cut short is no JSON.
  if (first !== undefined && stats.endsWith("}") && stats.lastIndexOf('"numRecords"') === 1) return Number(first);
  try {
    // Exact parsing costs more; only a count beyond 2^53 needs it.
    const fast: unknown = JSON.parse(stats)?.numRecords;
    if (typeof fast !== "number" || Number.isSafeInteger(fast)) return isInt64(fast) ? fast : undefined;
    const exact = parseJson(stats);
    const value = isJsonObject(exact) ? exact.numRecords : undefined;
    return isInt64(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
