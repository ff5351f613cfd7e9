/** The types of a Delta schema in the spellings of Unity Catalog: SQL text, a name of its list, and the Delta API's own JSON. */

import { isJsonObject, type Json, type JsonObject } from "../../delta/values/json.ts";

/** Names of the protocol's primitive types: in Spark's SQL, and in Unity's list (`ColumnTypeName`). */
const PRIMITIVES: Readonly<Record<string, readonly [sql: string, name: string]>> = {
  string: ["string", "STRING"],
  long: ["bigint", "LONG"],
  integer: ["int", "INT"],
  short: ["smallint", "SHORT"],
  byte: ["tinyint", "BYTE"],
  float: ["float", "FLOAT"],
  double: ["double", "DOUBLE"],
  boolean: ["boolean", "BOOLEAN"],
  binary: ["binary", "BINARY"],
  date: ["date", "DATE"],
  timestamp: ["timestamp", "TIMESTAMP"],
  timestamp_ntz: ["timestamp_ntz", "TIMESTAMP_NTZ"],
  void: ["void", "NULL"],
  variant: ["variant", "VARIANT"],
};
const DECIMAL = /^decimal(?:\(\s*(\d+)\s*,\s*(\d+)\s*\))?$/;
/** What `decimal` alone means, to Spark. */
const DECIMAL_DEFAULT = { precision: 10, scale: 0 };
const NESTED: Readonly<Record<string, string>> = { struct: "STRUCT", array: "ARRAY", map: "MAP" };
const LONG_WORDS = {
  elementType: "element-type",
  containsNull: "contains-null",
  keyType: "key-type",
  valueType: "value-type",
  valueContainsNull: "value-contains-null",
} as const;

/** As Spark's `catalogString` has it: `array<struct<a:int,b:decimal(10,2)>>`. */
export function typeText(type: Json | undefined): string {
  if (typeof type === "string") {
    const decimal = decimalOf(type);
    if (decimal) return `decimal(${decimal.precision},${decimal.scale})`;
    return PRIMITIVES[type]?.[0] ?? type;
  }
  if (!isJsonObject(type)) return "void";
  if (type.type === "array") return `array<${typeText(type.elementType)}>`;
  if (type.type === "map") return `map<${typeText(type.keyType)},${typeText(type.valueType)}>`;
  const fields = Array.isArray(type.fields) ? (type.fields as readonly JsonObject[]) : [];
  return `struct<${fields.map((field) => `${quoted(String(field.name))}:${typeText(field.type)}`).join(",")}>`;
}

/** Names that SQL does not take as they are. */
function quoted(name: string): string {
  return /^\w+$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

/** The name in Unity's list of types. */
export function typeName(type: Json): string {
  if (typeof type === "string") {
    if (decimalOf(type)) return "DECIMAL";
    if (type.startsWith("interval ")) return "INTERVAL";
    return PRIMITIVES[type]?.[1] ?? (type.startsWith("char(") ? "CHAR" : "STRING");
  }
  return (isJsonObject(type) && NESTED[String(type.type)]) || "USER_DEFINED_TYPE";
}

/** Undefined for what is no decimal. */
export function decimalOf(type: Json): { readonly precision: number; readonly scale: number } | undefined {
  const found = typeof type === "string" ? DECIMAL.exec(type) : null;
  if (!found) return undefined;
  return found[1] === undefined ? DECIMAL_DEFAULT : { precision: Number(found[1]), scale: Number(found[2]) };
}

/** A type of a log's schema as the Delta API spells it: members of several words with hyphens. What is unknown stays. */
export function deltaApiType(type: Json): Json {
  if (!isJsonObject(type)) return type;
  const members = Object.entries(type).map(([key, value]): [string, Json] => {
    const name = Object.hasOwn(LONG_WORDS, key) ? LONG_WORDS[key as keyof typeof LONG_WORDS] : key;
    if (key === "fields" && Array.isArray(value)) return [name, value.map(deltaApiField)];
    return [name, key.endsWith("Type") ? deltaApiType(value ?? null) : (value ?? null)];
  });
  return Object.fromEntries(members);
}

function deltaApiField(field: Json): Json {
  return isJsonObject(field) ? { ...field, type: deltaApiType(field.type ?? null) } : field;
}
