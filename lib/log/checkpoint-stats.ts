/** `stats_parsed` and `partitionValues_parsed` of a checkpoint (PROTOCOL.md, "Checkpoint Schema"): statistics in columns, typed by the table's schema, under physical names. */

import type { AddFile } from "../delta/actions.ts";
import { type IndexedColumn, indexedColumns } from "../delta/schema/indexed-columns.ts";
import { partitionColumns, partitionText } from "../delta/schema/partition-values.ts";
import type { TableDescription } from "../delta/table-configuration.ts";
import { isInt64 } from "../delta/values/int64.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../delta/values/json.ts";
import { booleanColumn, field, longColumn, type StructField, structColumn } from "../parquet/write/columns.ts";
import { storedType } from "./checkpoint-values.ts";

/**
 * No field for a table without partitions, nor for a partition column whose type has no parsed form. A file has none at all
 * where one of its texts cannot be stored, as in some imported tables: a member that is null would pass for a value that is.
 */
export function parsedPartitionValues(table: TableDescription): StructField<AddFile>[] {
  const columns = partitionColumns(table).flatMap((column) => {
    const type = storedType(column.type.name);
    if (!type) return [];
    // An empty text is null for all types; a string column that cannot be null has it as a value (delta-io/delta#6150).
    const keepsEmpty = column.type.name === "string" && !column.nullable;
    const read = ({ partitionValues }: AddFile) => {
      const text = partitionText(partitionValues, column);
      return text === null || (text === "" && !keepsEmpty) ? undefined : text;
    };
    return [{ key: column.key, type, read }];
  });
  if (columns.length === 0) return [];
  const holdsAll = (add: AddFile) =>
    columns.every(({ type, read }) => {
      const text = read(add);
      return text === undefined || type.holds(text);
    });
  const struct = structColumn(columns.map(({ key, type, read }) => type.textField(key, read)));
  return [field("partitionValues_parsed", struct, (add: AddFile) => (holdsAll(add) ? add : undefined))];
}

/** Statistics that are no JSON object make a null; unknown members are left out, values of another type are null. */
export function parsedStats(table: TableDescription): StructField<AddFile> {
  const leaves = indexedColumns(table);
  const columns = structColumn<JsonObject>([
    field("numRecords", longColumn(), (stats) => count(member(stats, "numRecords"))),
    ...group("minValues", leaves, rangeField),
    ...group("maxValues", leaves, rangeField),
    ...group("nullCount", leaves, countField),
    field("tightBounds", booleanColumn(), (stats) => {
      const tight = member(stats, "tightBounds");
      return typeof tight === "boolean" ? tight : null;
    }),
  ]);
  return field("stats_parsed", columns, (add: AddFile) => parseStats(add.stats));
}

function parseStats(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const stats = parseJson(text);
    return isJsonObject(stats) ? stats : undefined;
  } catch {
    return undefined;
  }
}

type LeafField = (node: IndexedColumn) => StructField<JsonObject>[];

/** A struct of leaf statistics, nested as the table's columns are; none when nothing is in it, as Parquet has no empty structs. */
function group(name: string, nodes: readonly IndexedColumn[], leaf: LeafField): StructField<JsonObject>[] {
  const members = nodes.flatMap((node) => (node.children ? group(node.name, node.children, leaf) : leaf(node)));
  if (members.length === 0) return [];
  const read = (stats: JsonObject) => {
    const below = member(stats, name);
    return isJsonObject(below) ? below : undefined;
  };
  return [field(name, structColumn(members), read)];
}

const rangeField: LeafField = ({ name, type }) => {
  const known = storedType(type);
  return known?.hasRange ? [known.jsonField<JsonObject>(name, (values) => member(values, name))] : [];
};

const countField: LeafField = ({ name }) => [
  field(name, longColumn(), (counts: JsonObject) => count(member(counts, name))),
];

function count(value: Json | undefined): number | bigint | undefined {
  return isInt64(value) ? value : undefined;
}

/** A column may be called `constructor`. */
function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
