/** The columns of a table's data files as DuckDB has them: types, names and ids. */

import { materializedColumns } from "../delta/checks/rewritable.ts";
import { memberFields, physicalName, type SchemaField } from "../delta/schema/schema.ts";
import { physicalPartitionColumns, type TableConfiguration } from "../delta/table-configuration.ts";
import type { Json } from "../delta/values/json.ts";
import { isJsonObject } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import { named } from "./duckdb.ts";

export interface DataColumn {
  /** The physical one under column mapping. */
  readonly name: string;
  readonly type: string;
  /** For the option FIELD_IDS of COPY; absent where the table maps no columns. */
  readonly fieldIds?: string;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "varchar",
  long: "bigint",
  integer: "integer",
  short: "smallint",
  byte: "tinyint",
  float: "float",
  double: "double",
  boolean: "boolean",
  binary: "blob",
  date: "date",
  timestamp: "timestamp with time zone",
  timestamp_ntz: "timestamp",
};

/** In the order of the schema: without the columns of partitions, which data files do not have, and with those of row ids. */
export function dataColumns(table: TableConfiguration): readonly DataColumn[] {
  const partitions = new Set(physicalPartitionColumns(table));
  const columns = table.schema
    .filter((field) => !partitions.has(physicalName(field)))
    .map((field) => {
      const ids = fieldIds(field);
      return { name: physicalName(field), type: duckType(field.type), ...(ids === undefined ? {} : { fieldIds: ids }) };
    });
  const kept = materializedColumns(table);
  if (kept === undefined) return columns;
  return [...columns, { name: kept.rowId, type: "bigint" }, { name: kept.commitVersion, type: "bigint" }];
}

/** @throws LakeError invalid for a type that has no form here */
function duckType(type: Json): string {
  if (typeof type === "string") {
    const known = TYPES[type] ?? (type === "decimal" ? "decimal(10, 0)" : /^decimal\([\d\s,]+\)$/.exec(type)?.[0]);
    if (known !== undefined) return known;
  } else if (isJsonObject(type)) {
    const of = (member: string) => duckType(type[member] ?? null);
    if (type.type === "array") return `${of("elementType")}[]`;
    if (type.type === "map") return `map(${of("keyType")}, ${of("valueType")})`;
    const members = memberFields(type);
    if (members) {
      return `struct(${members.map((field) => `${named(physicalName(field))} ${duckType(field.type)}`).join(", ")})`;
    }
  }
  throw invalid(`a column is of the type ${JSON.stringify(type)}, which cannot be written here`, {
    code: "REWRITE_REFUSED",
  });
}

/** `7`, or `{__duckdb_field_id: 7, "a": 8}` for what has parts with ids. */
function fieldIds(field: SchemaField): string | undefined {
  return idsOf(field.type, field.metadata["delta.columnMapping.id"]);
}

function idsOf(type: Json, id: Json | undefined): string | undefined {
  const parts = partsOf(type).flatMap(([name, ids]) => (ids === undefined ? [] : [`${named(name)}: ${ids}`]));
  const own = id === undefined ? undefined : String(Number(id));
  if (parts.length === 0) return own;
  return `{${[...(own === undefined ? [] : [`__duckdb_field_id: ${own}`]), ...parts].join(", ")}}`;
}

function partsOf(type: Json): readonly (readonly [name: string, ids: string | undefined])[] {
  const members = memberFields(type);
  if (members) return members.map((field) => [physicalName(field), fieldIds(field)]);
  if (!isJsonObject(type)) return [];
  if (type.type === "array") return [["element", idsOf(type.elementType ?? null, undefined)]];
  return [
    ["key", idsOf(type.keyType ?? null, undefined)],
    ["value", idsOf(type.valueType ?? null, undefined)],
  ];
}
