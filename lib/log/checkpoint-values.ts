/** Typed values of `stats_parsed` and `partitionValues_parsed`: from the texts of a log to what a column stores. What cannot be read exactly is undefined. */

import { type Int64, int64, isInt64 } from "../delta/int64.ts";
import { isRawNumber, type Json } from "../delta/json.ts";
import {
  binaryColumn,
  booleanColumn,
  byteColumn,
  type Column,
  dateColumn,
  decimalColumn,
  doubleColumn,
  field,
  floatColumn,
  intColumn,
  longColumn,
  type StructField,
  shortColumn,
  textColumn,
  timestampColumn,
  timestampNtzColumn,
} from "../parquet/write/columns.ts";

/** What a primitive type of Delta's is in a checkpoint. */
export interface ValueType {
  /** False for types that have no minimum and maximum in statistics. */
  readonly hasRange: boolean;
  /** A column fed with texts as in `partitionValues` (PROTOCOL.md, "Partition Value Serialization"). */
  textField<T>(name: string, read: (from: T) => string | undefined): StructField<T>;
  /** A column fed with JSON as in `stats`. */
  jsonField<T>(name: string, read: (from: T) => Json | undefined): StructField<T>;
}

/** undefined for what is no primitive type, or one that a checkpoint cannot hold parsed. */
export function valueType(type: Json): ValueType | undefined {
  if (typeof type !== "string") return undefined;
  const decimal = /^decimal(?:\(\s*(\d+)\s*,\s*(\d+)\s*\))?$/.exec(type);
  if (decimal) {
    const precision = Number(decimal[1] ?? 10);
    const scale = Number(decimal[2] ?? 0);
    return valueTypeOf(
      () => decimalColumn(precision, scale),
      (text) => unscaled(text, precision, scale),
      "number",
    );
  }
  if (/^(var)?char\(\d+\)$/.test(type)) return TYPES.string;
  return Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
}

/** How a type's values stand in JSON. `float` is a number, or the text of one that JSON lacks. */
type JsonForm = "string" | "number" | "float" | "boolean";

function valueTypeOf<V>(
  open: () => Column<V>,
  parse: (text: string) => V | undefined,
  form: JsonForm,
  hasRange = true,
): ValueType {
  return {
    hasRange,
    textField: (name, read) =>
      field(name, open(), (from) => {
        const text = read(from);
        return text === undefined ? undefined : parse(text);
      }),
    jsonField: (name, read) =>
      field(name, open(), (from) => {
        const text = jsonText(read(from), form);
        return text === undefined ? undefined : parse(text);
      }),
  };
}

function jsonText(value: Json | undefined, form: JsonForm): string | undefined {
  if (typeof value === "string") return form === "string" || form === "float" ? value : undefined;
  if (typeof value === "boolean") return form === "boolean" ? String(value) : undefined;
  if (form !== "number" && form !== "float") return undefined;
  if (isRawNumber(value)) return value.rawJSON;
  return typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;
}

const TYPES: Readonly<Record<string, ValueType>> = {
  string: valueTypeOf(
    () => textColumn(),
    (text) => text,
    "string",
  ),
  binary: valueTypeOf(binaryColumn, (text) => text, "string", false),
  boolean: valueTypeOf(booleanColumn, parseBoolean, "boolean", false),
  byte: valueTypeOf(
    () => byteColumn(),
    (text) => integer(text, 2 ** 7),
    "number",
  ),
  short: valueTypeOf(
    () => shortColumn(),
    (text) => integer(text, 2 ** 15),
    "number",
  ),
  integer: valueTypeOf(
    () => intColumn(),
    (text) => integer(text, 2 ** 31),
    "number",
  ),
  long: valueTypeOf(longColumn, long, "number"),
  float: valueTypeOf(() => floatColumn(), floating, "float"),
  double: valueTypeOf(() => doubleColumn(), floating, "float"),
  date: valueTypeOf(() => dateColumn(), days, "string"),
  timestamp: valueTypeOf(timestampColumn, (text) => micros(text, { zoned: true }), "string"),
  timestamp_ntz: valueTypeOf(timestampNtzColumn, (text) => micros(text, { zoned: false }), "string"),
};

function parseBoolean(text: string): boolean | undefined {
  const folded = text.toLowerCase();
  return folded === "true" ? true : folded === "false" ? false : undefined;
}

function long(text: string): Int64 | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  if (value >= 2n ** 63n || value < -(2n ** 63n)) return undefined;
  return int64(value);
}

function integer(text: string, limit: number): number | undefined {
  const value = long(text);
  return typeof value === "number" && value >= -limit && value < limit ? value : undefined;
}

function floating(text: string): number | undefined {
  if (/^[+-]?(NaN|Infinity)$/.test(text)) return Number(text);
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** The integer that a decimal is stored as, when the type holds the value exactly. */
function unscaled(text: string, precision: number, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole + fraction === "") return undefined;
  const shift = scale - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  if (digits % divisor !== 0n) return undefined;
  const value = shift < 0 ? digits / divisor : digits * 10n ** BigInt(shift);
  if (value >= 10n ** BigInt(precision)) return undefined;
  return sign === "-" ? -value : value;
}

function days(text: string): number | undefined {
  const match = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(text);
  if (!match) return undefined;
  const ms = dayMs(Number(match[1]), Number(match[2]), Number(match[3]));
  return ms === undefined ? undefined : ms / 86_400_000;
}

const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(?:(Z)|([+-])(\d\d):?(\d\d))?$/;

/**
 * Microseconds since the epoch. A timestamp without a zone is taken as UTC, as Delta Kernel does: its writer's zone is not in
 * the log. Digits below a microsecond would be lost, so such a value counts as unreadable.
 */
function micros(text: string, { zoned }: { readonly zoned: boolean }): Int64 | undefined {
  const match = TIMESTAMP.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", utc, sign, zoneHour, zoneMinute] =
    match;
  if (!zoned && (utc ?? sign) !== undefined) return undefined;
  const start = dayMs(Number(year), Number(month), Number(day));
  if (start === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (/[1-9]/.test(fraction.slice(6))) return undefined;
  const offsetMinutes = (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)) * (sign === "-" ? -1 : 1);
  const seconds = start / 1000 + Number(hour) * 3600 + (Number(minute) - offsetMinutes) * 60 + Number(second);
  const value = BigInt(seconds) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  const small = Number(value);
  return isInt64(small) ? small : int64(value);
}

/** Milliseconds at the start of a day; undefined for a day that no calendar has. */
function dayMs(year: number, month: number, day: number): number | undefined {
  // setUTCFullYear, as Date.UTC takes the years 0–99 for 1900–1999.
  const ms = new Date(0).setUTCFullYear(year, month - 1, day);
  const date = new Date(ms);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms : undefined;
}
