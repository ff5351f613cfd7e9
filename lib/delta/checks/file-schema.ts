/** Does a data file hold the columns that its table has? Compares the footer of a Parquet file with a schema. Pure. */

import { memberFields, physicalName, type SchemaField } from "../schema/schema.ts";
import { physicalPartitionColumns, type TableDescription } from "../table-configuration.ts";
import type { Int64 } from "../values/int64.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";

export interface FileFooter {
  readonly rows: Int64;
  readonly columns: readonly FileColumn[];
}

/** A column of a file, or a part of one. */
export interface FileColumn {
  readonly name: string;
  readonly fieldId?: number;
  /** How a single value is stored; absent for groups. */
  readonly stored?: StoredType;
  /** Of a group. */
  readonly shape?: "struct" | "list" | "map";
  readonly children: readonly FileColumn[];
}

/** A physical type of Parquet, and what its annotation says of it, whichever of the two kinds of annotation it is. */
export interface StoredType {
  readonly physical: string;
  readonly logical?:
    | { readonly is: "integer"; readonly bits: number; readonly signed: boolean }
    | { readonly is: "decimal"; readonly precision: number; readonly scale: number }
    | { readonly is: "timestamp"; readonly unit: "MILLIS" | "MICROS" | "NANOS"; readonly instant: boolean }
    | { readonly is: "date" | "text" | "other" };
}

/** Columns with a meaning of their own, which are in no schema. */
const OF_THE_SYSTEM = ["_change_type", "_commit_version", "_commit_timestamp", "_metadata"];

/**
 * What is wrong with a file as a part of the table, in words; undefined when readers find what they look for. Partition columns
 * may be absent. So may a nullable one, which reads as NULL, unless the file has a column that the table does not know: then
 * it is a name that was spelled differently. Column mapping lets columns be dropped, so there the file may have more.
 */
export function schemaMismatch({ columns }: FileFooter, table: TableDescription): string | undefined {
  const partitions = new Set(physicalPartitionColumns(table));
  const wanted = table.schema.filter((field) => !partitions.has(physicalName(field)));
  const mode = table.properties["delta.columnMapping.mode"];
  const find = finderOf(columns, mode);
  const missing = wanted.filter((field) => find(field) === undefined);
  const required = missing.find((field) => !field.nullable);
  if (required) return `it lacks the column ${named(required)}, which is NOT NULL`;
  if (wanted.length > 0 && missing.length === wanted.length) {
    return `it has none of the table's columns, only ${columns.map(({ name }) => `"${name}"`).join(", ") || "no column"}`;
  }
  const [absent] = missing;
  const unknown = mode === "none" ? columns.find((column) => isUnknown(column, table, find)) : undefined;
  if (absent && unknown)
    return `it lacks the column ${named(absent)} and has "${unknown.name}", which the table has not`;
  for (const field of wanted) {
    const column = find(field);
    const mismatch = column && typeMismatch(field.type, column, `"${field.name}"`, isWidened(field));
    if (mismatch) return mismatch;
  }
  return undefined;
}

function named(field: SchemaField): string {
  const physical = physicalName(field);
  return physical === field.name ? `"${field.name}"` : `"${field.name}" (physical name "${physical}")`;
}

type Finder = (field: SchemaField) => FileColumn | undefined;

/** Under column mapping by id readers look for ids alone, else for physical names. */
function finderOf(columns: readonly FileColumn[], mode: string): Finder {
  if (mode === "id") {
    const byId = new Map(columns.map((column) => [column.fieldId, column]));
    return (field) => byId.get(Number(field.metadata["delta.columnMapping.id"]));
  }
  const byName = new Map(columns.map((column) => [column.name, column]));
  return (field) => byName.get(physicalName(field));
}

function isUnknown(column: FileColumn, { schema, properties }: TableDescription, find: Finder): boolean {
  if (OF_THE_SYSTEM.includes(column.name)) return false;
  const materialized = [
    properties["delta.rowTracking.materializedRowIdColumnName"],
    properties["delta.rowTracking.materializedRowCommitVersionColumnName"],
  ];
  if (materialized.includes(column.name)) return false;
  return !schema.some((field) => find(field) === column || physicalName(field) === column.name);
}

/**
 * Under column mapping by id: a column that is found by its id is another one than by its physical name, or only one of the two
 * finds it. Readers go by ids; whoever goes by names would read something else. undefined where both are the same everywhere.
 */
export function misnamedColumn({ columns }: FileFooter, table: TableDescription): string | undefined {
  if (table.properties["delta.columnMapping.mode"] !== "id") return undefined;
  return misnamed(table.schema, columns);
}

function misnamed(fields: readonly SchemaField[], columns: readonly FileColumn[]): string | undefined {
  for (const field of fields) {
    const id = Number(field.metadata["delta.columnMapping.id"]);
    const byId = columns.find(({ fieldId }) => fieldId === id);
    const byName = columns.find(({ name }) => name === physicalName(field));
    if (byId !== byName) return `its column ${named(field)} has another name, or another id than ${id}`;
    const below = memberFields(field.type);
    const found = below && byName && misnamed(below, byName.children);
    if (found) return found;
  }
  return undefined;
}

/** The table has had narrower types in this column, and files with them stay as they are. */
function isWidened({ metadata }: SchemaField): boolean {
  return Array.isArray(metadata["delta.typeChanges"]);
}

function typeMismatch(type: Json, column: FileColumn, where: string, widened: boolean): string | undefined {
  if (typeof type === "string") {
    if (type === "void" || type === "variant" || type.startsWith("interval")) return undefined;
    const { stored } = column;
    if (stored === undefined) return `column ${where} is ${type} in the table, and nested in the file`;
    if (readsAs(type, stored) || (widened && narrower(type).some((other) => readsAs(other, stored)))) return undefined;
    return `column ${where} is ${type} in the table, and ${describe(stored)} in the file`;
  }
  if (!isJsonObject(type)) return undefined;
  if (column.stored !== undefined) {
    return `column ${where} is of type ${String(type.type)} in the table, and ${describe(column.stored)} in the file`;
  }
  return nestedMismatch(type, column, where, widened);
}

function nestedMismatch(type: JsonObject, column: FileColumn, where: string, widened: boolean): string | undefined {
  const wanted = type.type === "array" ? "list" : type.type;
  if (column.shape !== wanted) {
    return `column ${where} is of type ${String(type.type)} in the table, and a ${column.shape} in the file`;
  }
  if (wanted === "struct") return structMismatch(type, column, where);
  const parts = wanted === "list" ? [type.elementType] : [type.keyType, type.valueType];
  const names = wanted === "list" ? ["element"] : ["key", "value"];
  for (const [i, part] of parts.entries()) {
    const child = column.children[i];
    const mismatch = child && typeMismatch(part ?? null, child, `${where}.${names[i]}`, widened);
    if (mismatch) return mismatch;
  }
  return undefined;
}

/** Fields that are absent read as NULL. */
function structMismatch(type: JsonObject, column: FileColumn, where: string): string | undefined {
  const fields = Array.isArray(type.fields) ? (type.fields as readonly JsonObject[]) : [];
  for (const { name, type: ofField, metadata } of fields) {
    const facts = {
      name: String(name),
      type: ofField ?? null,
      nullable: true,
      metadata: isJsonObject(metadata) ? metadata : {},
    };
    const id = facts.metadata["delta.columnMapping.id"];
    const child = column.children.find(
      (c) => c.name === physicalName(facts) || (id !== undefined && c.fieldId === Number(id)),
    );
    const mismatch = child && typeMismatch(facts.type, child, `${where}.${facts.name}`, isWidened(facts));
    if (mismatch) return mismatch;
  }
  return undefined;
}

const INTEGERS = ["byte", "short", "integer", "long"];

/** Types from which the protocol lets a column be widened to this one (PROTOCOL.md, "Type Widening"). */
function narrower(type: string): string[] {
  const decimal = decimalOf(type);
  if (decimal) {
    const digits = decimal.precision - decimal.scale;
    return [
      "byte",
      "short",
      "integer",
      ...(digits >= 20 ? ["long"] : []),
      `decimal<=${decimal.precision},${decimal.scale}`,
    ];
  }
  if (INTEGERS.includes(type)) return INTEGERS.slice(0, INTEGERS.indexOf(type));
  if (type === "double") return ["float", "byte", "short", "integer"];
  return type === "timestamp_ntz" ? ["date"] : [];
}

function decimalOf(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const [whole, precision = "10", scale = "0"] = /^decimal(?:\(\s*(\d+)\s*,\s*(\d+)\s*\))?$/.exec(type) ?? [];
  return whole === undefined ? undefined : { precision: Number(precision), scale: Number(scale) };
}

const BITS: Readonly<Record<string, number>> = { byte: 8, short: 16, integer: 32, long: 64 };

/** True when readers take values that are stored so for this type. */
function readsAs(type: string, { physical, logical }: StoredType): boolean {
  const bits = BITS[type];
  if (bits !== undefined) return isInteger(bits, physical, logical);
  const bytes = physical === "BYTE_ARRAY" || physical === "FIXED_LEN_BYTE_ARRAY";
  const limit = /^decimal<=(\d+),(\d+)$/.exec(type);
  const decimal = limit ? { precision: Number(limit[1]), scale: Number(limit[2]) } : decimalOf(type);
  if (decimal) {
    if (logical?.is !== "decimal" || logical.precision > decimal.precision) return false;
    return limit ? logical.scale <= decimal.scale : logical.scale === decimal.scale;
  }
  switch (type) {
    case "float":
      return physical === "FLOAT";
    case "double":
      return physical === "DOUBLE";
    case "boolean":
      return physical === "BOOLEAN";
    case "binary":
      return bytes && logical?.is !== "decimal";
    case "date":
      return physical === "INT32" && logical?.is === "date";
    case "timestamp":
      return physical === "INT96" || (logical?.is === "timestamp" && logical.unit !== "NANOS");
    case "timestamp_ntz":
      return logical?.is === "timestamp" && logical.unit !== "NANOS" && !logical.instant;
    default:
      // string, char and varchar; texts without annotation are old, and read all the same.
      return physical === "BYTE_ARRAY" && logical?.is !== "decimal";
  }
}

/** A number without annotation has all the bits of its physical type; small types were written so by some. */
function isInteger(bits: number, physical: string, logical: StoredType["logical"]): boolean {
  if (physical !== (bits === 64 ? "INT64" : "INT32")) return false;
  if (logical === undefined) return true;
  return logical.is === "integer" && logical.signed && logical.bits <= bits;
}

function describe({ physical, logical }: StoredType): string {
  if (logical === undefined) return physical;
  switch (logical.is) {
    case "other":
      return physical;
    case "integer":
      return `${logical.signed ? "INT" : "UINT"}_${logical.bits}`;
    case "decimal":
      return `decimal(${logical.precision},${logical.scale})`;
    case "timestamp":
      return `a timestamp in ${logical.unit}${logical.instant ? "" : " without a zone"}`;
    default:
      return logical.is;
  }
}
