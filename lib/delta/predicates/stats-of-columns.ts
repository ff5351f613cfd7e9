/** The statistics of some columns of a file, for who reads no others. */

import type { AddFile } from "../actions.ts";
import type { TableDescription } from "../table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from "../values/json.ts";
import { findDataColumn } from "./column-values.ts";
import { malformed } from "./tree.ts";

/** By name, as deep as a column is wanted: `true` for all that is in it. */
type Wanted = Map<string, Wanted | true>;

/**
 * Takes from a file's statistics the bounds and null counts of all columns but these; numbers keep their digits. Partition
 * columns have none.
 * @param columns names, or paths with dots into structs
 * @throws LakeError invalid for a column that the table has not
 */
export function keepStatsOf(
  columns: readonly string[],
  table: TableDescription,
  at: string,
): (file: AddFile) => AddFile {
  const wanted: Wanted = new Map();
  for (const [i, name] of columns.entries()) {
    const column = findDataColumn(table, name);
    if (column === undefined) throw malformed(`the table has no column "${name}"`, `${at}/${i}`, "Name its columns.");
    want(wanted, column.path);
  }
  return (file) => {
    if (file.stats === undefined) return file;
    try {
      const stats = parseJson(file.stats);
      return isJsonObject(stats) ? { ...file, stats: stringifyJson(kept(stats, wanted)) } : file;
    } catch {
      return file;
    }
  };
}

function want(wanted: Wanted, [name, ...below]: readonly string[]): void {
  if (name === undefined) return;
  const known = wanted.get(name);
  if (known === true) return;
  if (below.length === 0) {
    wanted.set(name, true);
    return;
  }
  const deeper: Wanted = known ?? new Map();
  wanted.set(name, deeper);
  want(deeper, below);
}

const BY_COLUMN = ["minValues", "maxValues", "nullCount"];

function kept(stats: JsonObject, wanted: Wanted): JsonObject {
  const members = Object.entries(stats).map(([name, value]) => [
    name,
    BY_COLUMN.includes(name) ? only(value ?? null, wanted) : value,
  ]);
  return Object.fromEntries(members);
}

function only(values: Json, wanted: Wanted): Json {
  if (!isJsonObject(values)) return values;
  const members = Object.entries(values).flatMap(([name, value = null]) => {
    const below = wanted.get(name);
    if (below === undefined) return [];
    return [[name, below === true ? value : only(value, below)]];
  });
  return Object.fromEntries(members);
}
