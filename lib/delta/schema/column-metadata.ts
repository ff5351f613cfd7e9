/** The metadata of columns, as Spark's class Metadata reads it: a value of another type, and Spark opens the table no more. Pure. */

import { sqlCondition } from "../properties/values.ts";
import { isInt64 } from "../values/int64.ts";
import { isJsonObject, isRawNumber, type Json, type JsonObject, parseJson } from "../values/json.ts";

const INVARIANT = 'a string such as {"expression":{"expression":"id > 0"}}';
const EXPRESSION = "a string: an expression in SQL that is complete: its quotes and brackets are closed";

type Type =
  | typeof INVARIANT
  | typeof EXPRESSION
  | "a string"
  | "true or false"
  | "a 64-bit integer"
  | "an object"
  | "an array of objects";

const FITS: Readonly<Record<Type, (value: Json) => boolean>> = {
  [INVARIANT]: isInvariant,
  [EXPRESSION]: isExpression,
  "a string": (value) => typeof value === "string",
  "true or false": (value) => typeof value === "boolean",
  "a 64-bit integer": isInt64,
  "an object": isJsonObject,
  "an array of objects": (value) => Array.isArray(value) && value.every(isJsonObject),
};

/** Keys whose value engines fetch by its type; id and physical name of a column are for the rules of column mapping. */
const KEYS: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["comment", "a string"],
  ["CURRENT_DEFAULT", EXPRESSION],
  ["EXISTS_DEFAULT", EXPRESSION],
  ["__CHAR_VARCHAR_TYPE_STRING", "a string"],
  ["delta.invariants", INVARIANT],
  ["delta.generationExpression", EXPRESSION],
  ["delta.identity.start", "a 64-bit integer"],
  ["delta.identity.step", "a 64-bit integer"],
  ["delta.identity.highWaterMark", "a 64-bit integer"],
  ["delta.identity.allowExplicitInsert", "true or false"],
  ["delta.columnMapping.nested.ids", "an object"],
  ["delta.typeChanges", "an array of objects"],
]);

function isExpression(value: Json): boolean {
  return typeof value === "string" && sqlCondition.read(value) !== undefined;
}

/** Spark parses the text before it opens the table. */
function isInvariant(value: Json): boolean {
  if (typeof value !== "string") return false;
  try {
    const parsed = parseJson(value);
    const rule = isJsonObject(parsed) ? parsed.expression : undefined;
    return isJsonObject(rule) && isExpression(rule.expression ?? null);
  } catch {
    return false;
  }
}

/** What Spark cannot read in the metadata of one column, as the end of a sentence; undefined when it reads all of it. */
export function unreadableMetadata(metadata: JsonObject): string | undefined {
  for (const [key, value = null] of Object.entries(metadata)) {
    const wanted = KEYS.get(key);
    if (wanted !== undefined && !FITS[wanted](value))
      return `has ${JSON.stringify(key)} in its metadata, which must be ${wanted}`;
    if (!isReadable(value)) {
      return `has ${JSON.stringify(key)} in its metadata with a value that Spark cannot read: an integer beyond 64 bits, or an array of mixed or nested values`;
    }
  }
  return undefined;
}

function isReadable(value: Json): boolean {
  if (Array.isArray(value)) return isReadableArray(value);
  if (isJsonObject(value)) return Object.values(value).every((item) => isReadable(item ?? null));
  return numberType(value) !== "huge";
}

/** Spark takes an array for one of what its first item is. */
function isReadableArray(items: readonly Json[]): boolean {
  const [first] = items;
  if (first === undefined) return true;
  if (first === null || Array.isArray(first)) return false;
  const typeOf = (item: Json) =>
    numberType(item) ?? (isJsonObject(item) ? "object" : item === null ? "null" : typeof item);
  return items.every((item) => !Array.isArray(item) && typeOf(item) === typeOf(first) && isReadable(item));
}

function numberType(value: Json): "integer" | "double" | "huge" | undefined {
  if (isInt64(value)) return "integer";
  if (typeof value === "number") return "double";
  if (!isRawNumber(value)) return undefined;
  if (/[.eE]/.test(value.rawJSON)) return "double";
  return value.rawJSON === "-0" ? "integer" : "huge";
}
