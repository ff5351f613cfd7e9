/** Typed values of `stats_parsed` and `partitionValues_parsed`: from the texts of a log to what a column stores. What cannot be read exactly is undefined. */

import type { Instant } from "../delta/values/calendar.ts";
import { type Int64, int64, isInt64 } from "../delta/values/int64.ts";
import { isRawNumber, type Json } from "../delta/values/json.ts";
import { type Decimal, unscaled } from "../delta/values/numbers.ts";
import * as types from "../delta/values/value-types.ts";
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
export interface StoredType {
  /** False for types that have no minimum and maximum in statistics. */
  readonly hasRange: boolean;
  /** True for a text whose value the column can store. */
  holds(text: string): boolean;
  /** A column fed with texts as in `partitionValues` (PROTOCOL.md, "Partition Value Serialization"). */
  textField<T>(name: string, read: (from: T) => string | undefined): StructField<T>;
  /** A column fed with JSON as in `stats`. */
  jsonField<T>(name: string, read: (from: T) => Json | undefined): StructField<T>;
}

/** undefined for what is no primitive type, or one that a checkpoint cannot hold parsed. */
export function storedType(type: Json): StoredType | undefined {
  const known = types.valueType(type);
  if (known === undefined) return undefined;
  if (types.isDecimalType(known)) {
    const { precision, scale } = known;
    // Parquet has no decimals without digits.
    if (precision < 1 || scale > precision) return undefined;
    const store = (value: Decimal) => unscaled(value, precision, scale);
    return stored(known, () => decimalColumn(precision, scale), "number", store);
  }
  // char(n) and varchar(n) are strings of a column that has limits.
  return STORED[known.name] ?? STORED.string;
}

/** How a type's values are in JSON. `float` is a number, or the text of one that JSON lacks. */
type JsonForm = "string" | "number" | "float" | "boolean";

function stored<V, C>(
  type: types.ValueType<V>,
  open: () => Column<C>,
  form: JsonForm,
  store: (value: V) => C | undefined,
  hasRange = true,
): StoredType {
  const fromText = (text: string | undefined) => {
    const value = text === undefined ? undefined : type.parse(text);
    return value === undefined ? undefined : store(value);
  };
  return {
    hasRange,
    holds: (text) => fromText(text) !== undefined,
    textField: (name, read) => field(name, open(), (from) => fromText(read(from))),
    jsonField: (name, read) => field(name, open(), (from) => fromText(jsonText(read(from), form))),
  };
}

function jsonText(value: Json | undefined, form: JsonForm): string | undefined {
  if (typeof value === "string") return form === "string" || form === "float" ? value : undefined;
  if (typeof value === "boolean") return form === "boolean" ? String(value) : undefined;
  if (form !== "number" && form !== "float") return undefined;
  if (isRawNumber(value)) return value.rawJSON;
  return typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;
}

const same = <V>(value: V): V => value;
/** Types of 32 bits and fewer: their values are numbers. */
const small = (value: Int64): number => Number(value);

const STORED: Readonly<Record<string, StoredType>> = {
  string: stored(types.STRING, () => textColumn(), "string", wellFormed),
  binary: stored(types.BINARY, binaryColumn, "string", wellFormed, false),
  boolean: stored(types.BOOLEAN, booleanColumn, "boolean", same, false),
  byte: stored(types.BYTE, () => byteColumn(), "number", small),
  short: stored(types.SHORT, () => shortColumn(), "number", small),
  integer: stored(types.INTEGER, () => intColumn(), "number", small),
  long: stored(types.LONG, longColumn, "number", same),
  float: stored(types.FLOAT, () => floatColumn(), "float", same),
  double: stored(types.DOUBLE, () => doubleColumn(), "float", same),
  date: stored(types.DATE, () => dateColumn(), "string", same),
  timestamp: stored(types.TIMESTAMP, timestampColumn, "string", micros),
  timestamp_ntz: stored(types.TIMESTAMP_NTZ, timestampNtzColumn, "string", micros),
};

/** Half a surrogate pair has no UTF-8: it would become another character. */
function wellFormed(text: string): string | undefined {
  return text.isWellFormed() ? text : undefined;
}

/** A timestamp without a zone is taken as UTC, as Delta Kernel does: its writer's zone is not in the log. */
function micros({ micros: value }: Instant): Int64 {
  const number = Number(value);
  return isInt64(number) ? number : int64(value);
}
