/** From the footer of a Parquet file to the columns that a table's schema is compared with. */

import type { FileColumn, FileFooter, StoredType } from "../delta/checks/file-schema.ts";
import { int64 } from "../delta/values/int64.ts";
import type { ParquetFile } from "../parquet/read/file.ts";

type SchemaTree = ParquetFile["schema"];
type SchemaElement = SchemaTree["element"];

export function footerOf({ schema, groups }: ParquetFile): FileFooter {
  const rows = groups.reduce((sum, group) => sum + BigInt(group.num_rows), 0n);
  return { rows: int64(rows), columns: schema.children.map(columnOf) };
}

function columnOf(tree: SchemaTree): FileColumn {
  const { name, field_id } = tree.element;
  const base = { name, ...(field_id === undefined ? {} : { fieldId: field_id }) };
  // A repeated column without a group around it is a list, as old writers made them.
  if (tree.element.repetition_type === "REPEATED") {
    return {
      ...base,
      shape: "list",
      children: [itemOf({ ...tree, element: { ...tree.element, repetition_type: "REQUIRED" } })],
    };
  }
  return { ...base, ...itemOf(tree) };
}

function itemOf(tree: SchemaTree): FileColumn {
  const { element, children } = tree;
  const { name } = element;
  if (children.length === 0 && element.type !== undefined) return { name, stored: storedType(element), children: [] };
  const annotation = element.logical_type?.type ?? element.converted_type;
  const [repeated] = children;
  if (annotation === "LIST" && repeated) return { name, shape: "list", children: [listItem(repeated)] };
  if ((annotation === "MAP" || annotation === "MAP_KEY_VALUE") && repeated) {
    return { name, shape: "map", children: repeated.children.map(columnOf) };
  }
  return { name, shape: "struct", children: children.map(columnOf) };
}

/** Three levels, as the format wants, or two, as old writers had it: then the repeated thing is the item itself. */
function listItem(repeated: SchemaTree): FileColumn {
  const [only] = repeated.children;
  const isWrapper = only !== undefined && repeated.children.length === 1 && repeated.element.name !== "array";
  if (isWrapper) return columnOf(only);
  return itemOf(repeated);
}

function storedType(element: SchemaElement): StoredType {
  const physical = String(element.type);
  const logical = logicalOf(element);
  return logical === undefined ? { physical } : { physical, logical };
}

function logicalOf({ logical_type, converted_type, precision = 0, scale = 0 }: SchemaElement): StoredType["logical"] {
  switch (logical_type?.type) {
    case "INTEGER":
      return { is: "integer", bits: logical_type.bitWidth, signed: logical_type.isSigned };
    case "DECIMAL":
      return { is: "decimal", precision: logical_type.precision, scale: logical_type.scale };
    case "TIMESTAMP":
      return { is: "timestamp", unit: logical_type.unit, instant: logical_type.isAdjustedToUTC };
    case "DATE":
      return { is: "date" };
    case "STRING":
    case "ENUM":
    case "JSON":
      return { is: "text" };
    case undefined:
      return convertedOf(converted_type, precision, scale);
    default:
      return { is: "other" };
  }
}

function convertedOf(converted: string | undefined, precision: number, scale: number): StoredType["logical"] {
  const [, unsigned, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? "") ?? [];
  if (bits !== undefined) return { is: "integer", bits: Number(bits), signed: unsigned === "" };
  switch (converted) {
    case undefined:
      return undefined;
    case "DECIMAL":
      return { is: "decimal", precision, scale };
    case "TIMESTAMP_MILLIS":
      return { is: "timestamp", unit: "MILLIS", instant: true };
    case "TIMESTAMP_MICROS":
      return { is: "timestamp", unit: "MICROS", instant: true };
    case "DATE":
      return { is: "date" };
    case "UTF8":
    case "ENUM":
    case "JSON":
      return { is: "text" };
    default:
      return { is: "other" };
  }
}
