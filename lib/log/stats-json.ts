/** From `stats_parsed` of a checkpoint to the JSON text of `stats` (PROTOCOL.md, "Per-file Statistics"), as Spark writes it. */

import { int64 } from "../delta/values/int64.ts";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../delta/values/json.ts";
import {
  decimalScale,
  isDate,
  isInstant,
  isText,
  unitsPerMillisecond,
  unscaledDecimal,
} from "../parquet/read/annotations.ts";
import { rowName, type SchemaElement, type SchemaTree } from "../parquet/read/columns.ts";

export interface StatsContext {
  /** The node `stats_parsed`, which says what the stored numbers mean. */
  readonly schema: SchemaTree;
  /**
   * True when the table has a column of type `timestamp_ntz`. Only then the file is believed that a time has no zone: older
   * writers marked all times so, and a `timestamp` without zone would be read in the zone of the reader.
   */
  readonly hasTimestampNtz: boolean;
}

/**
 * Nulls are left out, as are values that JSON statistics do not hold (binary, nested collections) or that no reader could
 * parse (years beyond 9999): a missing statistic is always safe, a wrong one never.
 * @param value the struct as the Parquet reader gives it
 * @returns undefined when the struct is null
 */
export function statsJson(value: unknown, { schema, hasTimestampNtz }: StatsContext): string | undefined {
  const stats = structJson(value, schema, hasTimestampNtz);
  return stats === undefined ? undefined : stringifyJson(stats);
}

function structJson(value: unknown, schema: SchemaTree, ntz: boolean): JsonObject | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const members = schema.children.flatMap((child) => {
    const name = child.element.name;
    const item = valueJson((value as Record<string, unknown>)[rowName(name)], child, ntz);
    return item === undefined ? [] : [[name, item] as const];
  });
  return Object.fromEntries(members);
}

function valueJson(value: unknown, schema: SchemaTree, ntz: boolean): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (schema.children.length === 0) return leafJson(value, schema.element, ntz);
  const { converted_type: annotation, logical_type: logical } = schema.element;
  const isStruct = annotation === undefined && logical === undefined;
  return isStruct ? structJson(value, schema, ntz) : undefined;
}

function leafJson(value: unknown, element: SchemaElement, ntz: boolean): Json | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return isText(element) ? value : undefined;
  const decimal = decimalScale(element);
  if (decimal !== undefined) return decimalJson(value, decimal);
  if (typeof value === "number") {
    if (isDate(element)) return isoDate(value);
    return element.type === "FLOAT" || element.type === "DOUBLE" ? floatJson(value, element.type) : value;
  }
  if (typeof value !== "bigint") return undefined;
  const perMillisecond = unitsPerMillisecond(element);
  return perMillisecond === undefined ? int64(value) : isoTime(value, perMillisecond, !ntz || isInstant(element));
}

// ---------------------------------------------------------------- numbers

/** All digits of the unscaled integer, with the point where the scale says: no double in between. */
function decimalJson(value: unknown, scale: number): Json | undefined {
  const unscaled = unscaledDecimal(value);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return parseJson(unscaled < 0n ? `-${text}` : text);
}

/** The shortest decimal that reads back as the same value of its width; what JSON numbers cannot say goes as text. */
function floatJson(value: number, type: "FLOAT" | "DOUBLE"): Json {
  if (!Number.isFinite(value)) return String(value);
  const text = type === "FLOAT" ? shortestFloat(value) : String(value);
  return parseJson(Object.is(value, -0) ? "-0.0" : text);
}

function shortestFloat(value: number): string {
  for (let digits = 1; digits < 9; digits += 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

// ---------------------------------------------------------------- times

const MS_PER_DAY = 86_400_000;
/** The years that every reader parses: 0001 to 9999. */
const FIRST_TIME = Date.UTC(2000, 0, 1) - 730_119 * MS_PER_DAY;
const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Cut to milliseconds, downwards, for minima and maxima alike: readers of Delta statistics allow for that. */
function isoTime(value: bigint, perMillisecond: bigint, instant: boolean): string | undefined {
  const remainder = ((value % perMillisecond) + perMillisecond) % perMillisecond;
  const milliseconds = Number((value - remainder) / perMillisecond);
  if (milliseconds < FIRST_TIME || milliseconds > LAST_TIME) return undefined;
  const text = new Date(milliseconds).toISOString();
  return instant ? text : text.slice(0, -1);
}

function isoDate(days: number): string | undefined {
  const milliseconds = days * MS_PER_DAY;
  if (milliseconds < FIRST_TIME || milliseconds > LAST_TIME) return undefined;
  return new Date(milliseconds).toISOString().slice(0, 10);
}
