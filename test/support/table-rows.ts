/** The rows of a table as a reader of its live files sees them, without DuckDB: the judge of whoever writes them anew. */

import { deletedRows } from "../../lib/compaction/deleted-rows.ts";
import type { AddFile } from "../../lib/delta/actions.ts";
import { keyInTable } from "../../lib/delta/files/file-places.ts";
import { partitionColumns, partitionText } from "../../lib/delta/schema/partition-values.ts";
import { memberFields, physicalName, type SchemaField } from "../../lib/delta/schema/schema.ts";
import { type TableConfiguration, tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { isJsonObject, type Json, type JsonObject } from "../../lib/delta/values/json.ts";
import { pages } from "../../lib/operations/checkpoint.ts";
import { decimalScale, isDate, unitsPerMillisecond, unscaledDecimal } from "../../lib/parquet/read/annotations.ts";
import { MAP_ENTRIES, rowName, type SchemaTree } from "../../lib/parquet/read/columns.ts";
import { openParquetFile } from "../../lib/parquet/read/file.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";

export interface TableRow {
  /** By logical names; numbers and times in one form each. */
  readonly values: Readonly<Record<string, unknown>>;
  /** With row tracking. */
  readonly rowId?: string;
  readonly rowCommitVersion?: string;
}

/** All rows of the head, sorted. @param store that of the table */
export async function tableRows(lake: Lake, tableId: string, store: ObjectStore): Promise<TableRow[]> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  if (state === undefined) throw new Error(`there is no table ${tableId}`);
  const table = tableConfiguration(state.protocol, state.metadata);
  const rows: TableRow[] = [];
  for await (const files of pages<AddFile>((at) =>
    lake.catalog.readFiles(tableId, state.version, { ...at, limit: 500 }),
  )) {
    for (const file of files) rows.push(...(await fileRows(store, state.location, table, file)));
  }
  return sorted(rows);
}

export function sorted<T>(rows: readonly T[]): T[] {
  return rows
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => row);
}

/** Of one file. */
export async function fileRows(
  store: ObjectStore,
  location: string,
  table: TableConfiguration,
  file: AddFile,
): Promise<TableRow[]> {
  const key = keyInTable(location, file.path) ?? "";
  const parquet = await openParquetFile({ store, key, size: Number(file.size), unreadable: "UNREADABLE" });
  const deleted = new Set(await deletedRows(store, location, file));
  const partitions = new Map(
    partitionColumns(table).map((column) => [column.name, partitionText(file.partitionValues, column)]),
  );
  const { "delta.rowTracking.materializedRowIdColumnName": idColumn } = table.properties;
  const { "delta.rowTracking.materializedRowCommitVersionColumnName": versionColumn } = table.properties;
  const rows: TableRow[] = [];
  for (const range of parquet.ranges(parquet.groups, () => true)) {
    for (const [i, stored] of (await parquet.readRows(range, () => true)).entries()) {
      const position = range.firstRow + i;
      if (deleted.has(position)) continue;
      const values = table.schema.map((field) => {
        const text = partitions.get(field.name);
        if (partitions.has(field.name)) return [field.name, partitionValue(field, text ?? null)];
        return [field.name, canonical(stored[rowName(physicalName(field))], field.type, child(parquet.schema, field))];
      });
      const ids =
        file.baseRowId === undefined
          ? {}
          : {
              rowId: String(stored[idColumn ?? ""] ?? BigInt(file.baseRowId) + BigInt(position)),
              rowCommitVersion: String(stored[versionColumn ?? ""] ?? file.defaultRowCommitVersion),
            };
      rows.push({ values: Object.fromEntries(values), ...ids });
    }
  }
  return rows;
}

const child = (tree: SchemaTree | undefined, field: SchemaField): SchemaTree | undefined =>
  tree?.children.find(({ element }) => element.name === physicalName(field));

function partitionValue({ type }: SchemaField, text: string | null): unknown {
  if (text === null || text === "") return null;
  if (type === "timestamp")
    return time(BigInt(Date.parse(text.replace(" ", "T").replace(/(\.\d+)?Z?$/, "Z"))) * 1000n + fraction(text), "Z");
  if (type === "timestamp_ntz")
    return time(BigInt(Date.parse(`${text.replace(" ", "T").replace(/\.\d+$/, "")}Z`)) * 1000n + fraction(text), "");
  return type === "boolean" ? text === "true" : number(text, type);
}

const fraction = (text: string): bigint => BigInt((/\.(\d+)/.exec(text)?.[1] ?? "").padEnd(6, "0"));

/** A value by the type of its column, as test/interop/python/canon.py has it; floats by their value, whatever their spelling. */
function canonical(value: unknown, type: Json, tree: SchemaTree | undefined): unknown {
  if (value === undefined || value === null || tree === undefined) return null;
  if (isJsonObject(type)) return nested(value, type, tree);
  const { element } = tree;
  const scale = decimalScale(element);
  if (scale !== undefined) return decimal(unscaledDecimal(value), scale);
  if (isDate(element)) return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
  const units = unitsPerMillisecond(element);
  if (units !== undefined) return time((BigInt(value as bigint) * 1000n) / units, type === "timestamp" ? "Z" : "");
  if (value instanceof Uint8Array) {
    return type === "string" ? new TextDecoder().decode(value) : `0x${Buffer.from(value).toString("hex")}`;
  }
  return typeof value === "string" || typeof value === "boolean" ? value : number(String(value), type);
}

function nested(value: unknown, type: JsonObject, tree: SchemaTree): unknown {
  const members = memberFields(type);
  if (members) {
    const struct = value as Record<string, unknown>;
    const own = (field: SchemaField) => canonical(struct[rowName(physicalName(field))], field.type, child(tree, field));
    return Object.fromEntries(members.map((field) => [field.name, own(field)]));
  }
  if (type.type === "array") {
    const item = tree.children[0]?.children[0];
    return (value as unknown[]).map((each) => canonical(each, type.elementType ?? null, item));
  }
  const [keys, values] = tree.children[0]?.children ?? [];
  const entries = (value as Record<string, { key: unknown; value: unknown }[]>)[MAP_ENTRIES] ?? [];
  const pairs = entries.map((entry) => [
    canonical(entry.key, type.keyType ?? null, keys),
    canonical(entry.value, type.valueType ?? null, values),
  ]);
  return sorted(pairs);
}

/** The form of rows.json for a column: there floats are texts of Python's. */
export function number(text: string, type: Json): unknown {
  if (type !== "double" && type !== "float") return text;
  const value = Number(text);
  return Number.isNaN(value)
    ? "NaN"
    : Object.is(value, -0)
      ? "-0"
      : String(type === "float" ? Math.fround(value) : value);
}

function decimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function time(micros: bigint, zone: string): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, -1);
  return `${iso}${String(rest).padStart(3, "0")}${zone}`;
}

/** A row of rows.json in the form of {@link TableRow}. */
export function expectedRow(row: Readonly<Record<string, unknown>>, schema: readonly SchemaField[]): unknown {
  return Object.fromEntries(schema.map(({ name, type }) => [name, expected(row[name], type)]));
}

function expected(value: unknown, type: Json): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return number(value, type);
  if (!isJsonObject(type)) return value;
  const members = memberFields(type);
  if (members) return expectedRow(value as Record<string, unknown>, members);
  if (type.type === "array") return (value as unknown[]).map((item) => expected(item, type.elementType ?? null));
  const pairs = value as unknown[][];
  return sorted(
    pairs.map(([key, item]) => [expected(key, type.keyType ?? null), expected(item, type.valueType ?? null)]),
  );
}
