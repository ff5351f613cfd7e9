/** Statistics of files against their rows: what a bound excludes is not there, counts are exact, and nothing is missing without a reason. */

import assert from "node:assert/strict";
import { type IndexedColumn, indexedColumns } from "../../lib/delta/schema/indexed-columns.ts";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../../lib/delta/values/json.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";
import { fileRows } from "./table-rows.ts";

/** Checks the files that a compaction has made; their names tell. Only for tables whose columns have the names of their files. */
export async function assertStatistics(lake: Lake, tableId: string, store: ObjectStore): Promise<void> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  assert.ok(state);
  const table = tableConfiguration(state.protocol, state.metadata);
  const isMapped = table.properties["delta.columnMapping.mode"] !== "none";
  const { items } = await lake.catalog.readFiles(tableId, state.version, { limit: 1000 });
  for (const file of items.filter(({ path }) => /part-00000-[0-9a-f-]{36}-c000\.parquet$/.test(path))) {
    const rows: Readonly<Record<string, unknown>>[] = (await fileRows(store, state.location, table, file)).map(
      ({ values }) => values,
    );
    const stats = parseJson(file.stats ?? "{}") as Record<string, Json>;
    assert.equal(String(stats.numRecords), String(rows.length));
    if (isMapped) continue;
    for (const { path, type } of leaves(indexedColumns(table), [])) {
      const values = rows.map((row) => at(row as JsonObject, path) ?? null);
      const present = values.filter((value) => value !== null);
      const where = `${path.join(".")} of ${file.path}`;
      assert.equal(String(at(stats.nullCount, path)), String(values.length - present.length), `nullCount of ${where}`);
      const [min, max] = [at(stats.minValues, path), at(stats.maxValues, path)];
      const compare = comparison(type);
      if (compare === undefined || present.length === 0) {
        assert.deepEqual([min, max], [undefined, undefined], where);
        continue;
      }
      const numbers = present.filter((value) => value !== "NaN") as string[];
      for (const value of numbers) {
        if (min !== undefined) assert.ok(compare(value, text(min)) >= 0, `${value} below the minimum of ${where}`);
        if (max !== undefined) assert.ok(compare(value, text(max)) <= 0, `${value} above the maximum of ${where}`);
      }
      if (present.includes("NaN")) assert.equal(max, undefined, "NaN is above all numbers");
      else if (!numbers.some(isExtreme)) assert.ok(min !== undefined && max !== undefined, `${where} has bounds`);
    }
  }
}

/** Values that JSON or readers have no sure form for. */
function isExtreme(value: string): boolean {
  return /Infinity/.test(value) || /^[+-]\d/.test(value) || value.length > 32;
}

function leaves(columns: readonly IndexedColumn[], path: readonly string[]): { path: string[]; type: Json }[] {
  return columns.flatMap(({ name, type, children }) =>
    children ? leaves(children, [...path, name]) : [{ path: [...path, name], type }],
  );
}

function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  return isJsonObject(value) ? at(value[first], rest) : undefined;
}

function text(value: Json): string {
  return typeof value === "object" && value !== null && "rawJSON" in value ? String(value.rawJSON) : String(value);
}

function comparison(type: Json): ((a: string, b: string) => number) | undefined {
  if (typeof type !== "string" || type === "boolean" || type === "binary") return undefined;
  if (/^(long|integer|short|byte)$/.test(type)) return (a, b) => Number(BigInt(a) - BigInt(b));
  if (/^(float|double)$/.test(type)) return (a, b) => Number(a) - Number(b);
  if (type.startsWith("decimal")) {
    const scale = Number(/,\s*(\d+)/.exec(type)?.[1] ?? 0);
    return (a, b) => Number(unscaled(a, scale) - unscaled(b, scale));
  }
  return (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function unscaled(value: string, scale: number): bigint {
  const [whole = "0", fraction = ""] = value.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0"));
}
