/**
 * The primitive types, as values that texts say: the one parser of partition values, predicates and checkpoints
 * (PROTOCOL.md, "Partition Value Serialization"). Every parser takes time in proportion to its text.
 */

import { dateText, type Instant, parseDate, parseTimestamp, timestampText } from "./calendar.ts";
import { type Int64, int64 } from "./int64.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import {
  compareDecimals,
  compareFloating,
  type Decimal,
  decimalText,
  floatingText,
  parseDecimal,
  parseFloating,
  unscaled,
} from "./numbers.ts";

/** One primitive type. The values that `parse` gives are for `text` and `compare` of the same type. */
export interface ValueType<V = unknown> {
  /** What the schema calls it. */
  readonly name: string;
  /** What a text must be, for messages. */
  readonly form: string;
  /** The value that readers find in a text; undefined when it is none of this type. */
  parse(text: string): V | undefined;
  /** The one text by which every reader finds the value; undefined when the type does not hold it. */
  canonical(text: string): string | undefined;
  /** As SQL orders values: negative, 0 or positive; undefined when readers may differ. */
  compare(a: V, b: V): number | undefined;
}

const MAX_INTEGER_CHARS = 64;

function integerType(name: string, bits: bigint): ValueType<Int64> {
  const parse = (text: string) => {
    if (text.length > MAX_INTEGER_CHARS || !/^[+-]?\d+$/.test(text)) return undefined;
    const value = BigInt(text);
    return value >= -(2n ** bits) && value < 2n ** bits ? int64(value) : undefined;
  };
  return {
    name,
    form: `an integer from ${-(2n ** bits)} to ${2n ** bits - 1n}, such as "7"`,
    parse,
    canonical: (text) => parse(text)?.toString(),
    compare: ordered,
  };
}

export const BYTE = integerType("byte", 7n);
export const SHORT = integerType("short", 15n);
export const INTEGER = integerType("integer", 31n);
export const LONG = integerType("long", 63n);

function floatingType(name: "float" | "double"): ValueType<number> {
  const parse = (text: string) => parseFloating(text, name);
  return {
    name,
    form: `a number that a ${name} holds, such as "1.5" or "1.0E10", or "NaN", "Infinity", "-Infinity"`,
    parse,
    canonical(text) {
      const value = parse(text);
      return value === undefined ? undefined : floatingText(value, name, text);
    },
    compare: compareFloating,
  };
}

export const FLOAT = floatingType("float");
export const DOUBLE = floatingType("double");

export const BOOLEAN: ValueType<boolean> = {
  name: "boolean",
  form: '"true" or "false"',
  parse: (text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined),
  canonical: (text) => BOOLEAN.parse(text)?.toString(),
  compare: (a, b) => Number(a) - Number(b),
};

export const DATE: ValueType<number> = {
  name: "date",
  form: 'a date, such as "2026-01-31"',
  parse: parseDate,
  canonical(text) {
    const days = parseDate(text);
    return days === undefined ? undefined : dateText(days);
  },
  compare: (a, b) => a - b,
};

/** How far the zones of the world lie from UTC, at most. */
const ZONE_MICROS = 14n * 3_600_000_000n;

/** A text without a zone keeps having none: it is legal, and its writer's zone is not known here. */
export const TIMESTAMP: ValueType<Instant> = {
  name: "timestamp",
  form: 'a timestamp, such as "2026-01-31T12:00:00.000000Z"',
  parse: parseTimestamp,
  canonical: canonicalTimestamp,
  compare(a, b) {
    const apart = a.micros - b.micros;
    if (a.zoned !== b.zoned && apart <= ZONE_MICROS && apart >= -ZONE_MICROS) return undefined;
    return ordered(a.micros, b.micros);
  },
};

export const TIMESTAMP_NTZ: ValueType<Instant> = {
  name: "timestamp_ntz",
  form: 'a time without a zone, such as "2026-01-31 12:00:00"',
  parse: unzoned,
  canonical: (text) => (unzoned(text) === undefined ? undefined : canonicalTimestamp(text)),
  compare: (a, b) => ordered(a.micros, b.micros),
};

function unzoned(text: string): Instant | undefined {
  const value = parseTimestamp(text);
  return value?.zoned ? undefined : value;
}

function canonicalTimestamp(text: string): string | undefined {
  const value = parseTimestamp(text);
  return value === undefined ? undefined : timestampText(value);
}

/** @param length of `char(n)` and `varchar(n)`, in characters */
function textType(
  name: string,
  compare: (a: string, b: string) => number | undefined,
  length?: number,
): ValueType<string> {
  const fits = (text: string) => length === undefined || text.length <= length || [...text].length <= length;
  return {
    name,
    form: length === undefined ? "a text of valid Unicode" : `a text of at most ${length} characters`,
    parse: (text) => text,
    // Half a surrogate pair has no UTF-8: it would be another character in the log.
    canonical: (text) => (text.isWellFormed() && fits(text) ? text : undefined),
    compare,
  };
}

export const STRING = textType("string", compareTexts);
/** As Spark, delta-rs and DuckDB read them, bytes are the UTF-8 of the text. */
export const BINARY = textType("binary", compareTexts);

export interface DecimalType extends ValueType<Decimal> {
  readonly precision: number;
  readonly scale: number;
}

export function isDecimalType(type: ValueType | DecimalType): type is DecimalType {
  return "precision" in type;
}

function decimalType(precision: number, scale: number): DecimalType {
  const example = decimalText((15n * 10n ** BigInt(scale)) / 10n, scale);
  return {
    name: `decimal(${precision},${scale})`,
    precision,
    scale,
    form: `a decimal of at most ${precision} digits, ${scale} of them behind the point, such as "${example}"`,
    parse: parseDecimal,
    canonical(text) {
      const value = parseDecimal(text);
      const stored = value && unscaled(value, precision, scale);
      return stored === undefined ? undefined : decimalText(stored, scale);
    },
    compare: compareDecimals,
  };
}

const NAMED: Readonly<Record<string, ValueType>> = Object.fromEntries(
  [BYTE, SHORT, INTEGER, LONG, FLOAT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, TIMESTAMP_NTZ, STRING, BINARY].map((type) => [
    type.name,
    type as ValueType,
  ]),
);

/** undefined for nested types, and those whose values we do not know. */
export function valueType(type: Json | undefined): ValueType | DecimalType | undefined {
  if (typeof type !== "string") return undefined;
  if (Object.hasOwn(NAMED, type)) return NAMED[type];
  const decimal = /^decimal(?:\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\))?$/.exec(type);
  if (decimal) return decimalType(Number(decimal[1] ?? 10), Number(decimal[2] ?? 0)) as DecimalType & ValueType;
  const limited = /^(var)?char\((\d{1,9})\)$/.exec(type);
  if (limited) return textType(type, limited[1] ? compareTexts : comparePadded, Number(limited[2])) as ValueType;
  return undefined;
}

/** The type of a column's values, whose metadata may limit a string or give it an order of its own. */
export function columnValueType(column: { readonly type: Json; readonly metadata: JsonObject }): ValueType {
  const { type, metadata } = column;
  if (type === "string") {
    if (isJsonObject(metadata.__COLLATIONS)) return textType("string", sameOrUnknown) as ValueType;
    const limited = valueType(metadata.__CHAR_VARCHAR_TYPE_STRING);
    if (limited) return limited;
  }
  return valueType(type) ?? (textType(typeof type === "string" ? type : "nested", sameOrUnknown) as ValueType);
}

function ordered<T extends Int64>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code points, which is the order of the UTF-8 bytes; JavaScript's `<` goes by UTF-16 units. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

/** Surrogates are the first halves of what lies above U+FFFF. */
function aboveSurrogates(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** `char` values of different length compare as if blanks filled the shorter one. */
function comparePadded(a: string, b: string): number {
  const length = Math.max(a.length, b.length);
  return compareTexts(a.padEnd(length), b.padEnd(length));
}

function sameOrUnknown(a: string, b: string): number | undefined {
  return a === b ? 0 : undefined;
}
