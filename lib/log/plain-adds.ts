/**
 * Adds out of the columns of a checkpoint, without an object for each struct and row on the way: nearly all of a large checkpoint.
 * What is not of the simple kind is left to the decoder of actions, which knows every kind and says what is wrong.
 */

import type { AddFile, StringMap } from "../delta/actions.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { SchemaTree } from "../parquet/read/columns.ts";
import { findNode } from "../parquet/read/columns.ts";
import { type Leaf, type Leaves, mapKeys, mapValues } from "../parquet/read/leaves.ts";
import type { FileAction } from "../ports.ts";
import type { UnpackLimit } from "./unpack-limit.ts";

/** A file action, and how many characters it has, about. */
export interface SizedAction {
  readonly file: FileAction;
  readonly size: number;
}

/** @returns undefined for a value of another kind */
type Read<T> = (value: unknown) => T | undefined;

const text: Read<string> = (value) => (typeof value === "string" ? value : undefined);
const flag: Read<boolean> = (value) => (typeof value === "boolean" ? value : undefined);
const moment: Read<Int64> = (value) => {
  const number = typeof value === "bigint" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
};
const count: Read<Int64> = (value) => {
  const number = moment(value);
  return number !== undefined && number >= 0 ? number : undefined;
};

/** Fields that are one value. */
const VALUES: { readonly [field: string]: Read<AddFile[keyof AddFile]> } = {
  path: text,
  size: count,
  modificationTime: moment,
  dataChange: flag,
  stats: text,
  baseRowId: count,
  defaultRowCommitVersion: count,
  clusteringProvider: text,
};
const MAPS = ["partitionValues", "tags"] as const;

/** More than what names and numbers of an add come to. */
const REST_SIZE = 250;

/** True for a column that {@link addsOf} reads. */
function isPlainColumn(path: string): boolean {
  const [action, field = "", ...rest] = path.split(".");
  if (action !== "add") return false;
  return rest.length === 0 ? Object.hasOwn(VALUES, field) : MAPS.some((map) => map === field);
}

/** True where a file has structs as all writers make them, and these columns are no others than {@link addsOf} reads. */
export function arePlain(schema: SchemaTree, paths: readonly string[]): boolean {
  const structs = [["add"], ...MAPS.map((map) => ["add", map])].flatMap((path) => findNode(schema, path) ?? []);
  return structs.every(({ element }) => element.repetition_type === "OPTIONAL") && paths.every(isPlainColumn);
}

/** The values of a leaf of `add`; undefined where one is of another kind. What is null is undefined. */
function flat<T>(leaf: Leaf | undefined, rows: number, read: Read<T>): readonly (T | undefined)[] | undefined {
  const values = new Array<T | undefined>(rows);
  if (leaf === undefined) return values;
  for (let row = 0; row < rows; row += 1) {
    const inStruct = leaf[row];
    if (!Array.isArray(inStruct) || inStruct.length > 1) return undefined;
    const value: unknown = inStruct[0];
    if (value === undefined || value === null) continue;
    const known = read(value);
    if (known === undefined) return undefined;
    values[row] = known;
  }
  return values;
}

const NO_ENTRIES: readonly unknown[] = [];

/** The list of keys, or of values, of a map; undefined where it is null. */
const entries: Read<readonly unknown[]> = (map) => {
  if (!Array.isArray(map) || map.length > 1) return undefined;
  return map.length === 0 ? NO_ENTRIES : Array.isArray(map[0]) ? (map[0] as readonly unknown[]) : undefined;
};

function flatMaps(leaves: Leaves, field: string, rows: number): readonly (StringMap | undefined)[] | undefined {
  const path = `add.${field}`;
  const [keys, values] = [mapKeys(path), mapValues(path)].map((leaf) => flat(leaves.get(leaf), rows, entries));
  if (keys === undefined || values === undefined) return undefined;
  const maps = new Array<StringMap | undefined>(rows);
  for (let row = 0; row < rows; row += 1) {
    const [ofRow, theirs] = [keys[row], values[row]];
    if (ofRow === undefined || ofRow === NO_ENTRIES) continue;
    const map: Record<string, string | null> = {};
    for (let i = 0; i < ofRow.length; i += 1) {
      const [key, value = null] = [ofRow[i], theirs?.[i]];
      const isPlain = typeof key === "string" && key !== "__proto__" && (value === null || typeof value === "string");
      if (!isPlain || theirs?.length !== ofRow.length) return undefined;
      map[key] = value;
    }
    maps[row] = map;
  }
  return maps;
}

type Columns = Readonly<Record<string, readonly (AddFile[keyof AddFile] | undefined)[]>>;

/**
 * All adds of some rows, in their order, each made when it is asked for; undefined where one is of another kind.
 * @param source.hasParsed true where statistics may be in columns of their own
 * @throws LakeError corrupt, by the limit, while they are asked for
 */
export function addsOf(
  leaves: Leaves,
  source: { readonly hasParsed: boolean; readonly limit: UnpackLimit; readonly at: (row: number) => string },
): Iterable<SizedAction> | undefined {
  const rows = leaves.get("add.path")?.length;
  if (rows === undefined) return undefined;
  const columns: Record<string, Columns[string]> = {};
  for (const [field, read] of Object.entries(VALUES)) {
    const values = flat(leaves.get(`add.${field}`), rows, read);
    if (values === undefined) return undefined;
    columns[field] = values;
  }
  for (const field of MAPS) {
    const maps = flatMaps(leaves, field, rows);
    if (maps === undefined) return undefined;
    columns[field] = maps;
  }
  for (let row = 0; row < rows; row += 1) if (!isWhole(columns, row, source.hasParsed)) return undefined;
  return made(columns, rows, source);
}

/** True for an add that lacks nothing, and for a row that holds nothing of one. */
function isWhole(columns: Columns, row: number, hasParsed: boolean): boolean {
  const has = (field: string) => columns[field]?.[row] !== undefined;
  if (!has("path")) return ![...Object.keys(VALUES), ...MAPS].some(has);
  return has("size") && has("modificationTime") && (!hasParsed || Boolean(columns.stats?.[row]));
}

function* made(
  columns: Columns,
  rows: number,
  { limit, at }: { readonly limit: UnpackLimit; readonly at: (row: number) => string },
): Generator<SizedAction> {
  const get = <K extends keyof AddFile>(field: K, row: number) => columns[field]?.[row] as AddFile[K] | undefined;
  for (let row = 0; row < rows; row += 1) {
    const path = get("path", row);
    if (path === undefined) continue;
    const add: { -readonly [K in keyof AddFile]: AddFile[K] } = {
      path,
      partitionValues: get("partitionValues", row) ?? {},
      size: get("size", row) as Int64,
      modificationTime: get("modificationTime", row) as Int64,
      // A reconciled action carries no news, so a writer may have left dataChange out.
      dataChange: get("dataChange", row) ?? false,
    };
    const stats = get("stats", row);
    if (stats) add.stats = stats;
    const tags = get("tags", row);
    if (tags !== undefined) add.tags = tags;
    const baseRowId = get("baseRowId", row);
    if (baseRowId !== undefined) add.baseRowId = baseRowId;
    const ofVersion = get("defaultRowCommitVersion", row);
    if (ofVersion !== undefined) add.defaultRowCommitVersion = ofVersion;
    const provider = get("clusteringProvider", row);
    if (provider !== undefined) add.clusteringProvider = provider;
    yield { file: { add }, size: limit.takeSize(sizeOf(add), () => at(row)) };
  }
}

function sizeOf({ path, stats, partitionValues, tags, clusteringProvider }: AddFile): number {
  let size = REST_SIZE + path.length + (stats?.length ?? 0) + (clusteringProvider?.length ?? 0);
  for (const key in partitionValues) size += key.length + (partitionValues[key]?.length ?? 0);
  for (const key in tags) size += key.length + (tags[key]?.length ?? 0);
  return size;
}
