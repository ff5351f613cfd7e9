/**
 * What a file says of the values of a column, by its statistics (PROTOCOL.md, "Per-file Statistics") or its partition values:
 * never less than is there. Writers differ in how exact bounds are; each way in which one may be too narrow is widened here.
 */

import { memberFields, physicalName, type SchemaField } from "../schema/schema.ts";
import type { TableDescription } from "../table-configuration.ts";
import type { Instant } from "../values/calendar.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import type { Decimal } from "../values/numbers.ts";
import {
  columnValueType,
  type DecimalType,
  FLOAT,
  isDecimalType,
  STRING,
  TIMESTAMP,
  type ValueType,
} from "../values/value-types.ts";
import { jsonText, type Span } from "./column-tests.ts";

/** Some rows of a file, as many as there may be of this kind: with one value (null is SQL's), with values of a span, or with any. */
export type Part =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "span"; readonly span: Span }
  | { readonly kind: "any" };

export const NULLS: Part = { kind: "value", value: null };
export const ANYTHING: readonly Part[] = [{ kind: "any" }];

/** A data column, as statistics name it. */
export interface DataColumn {
  /** Names from the outermost struct on, physical ones under column mapping. */
  readonly path: readonly string[];
  readonly type: ValueType;
  /** Bounds from the JSON of statistics; undefined for types whose bounds nobody should trust. */
  readonly bound: Bound | undefined;
  /** NaN is above all numbers, and many writers leave it out of the bounds. */
  readonly mayBeNaN: boolean;
}

/** A bound as the statistics have it, widened so far that no value is beyond it; undefined where it says nothing. */
type Bound = (stated: Json, side: "low" | "high") => unknown;

/** A column, or a member of a struct by its path with dots, in any case; undefined where the table has none of the name. */
export function findDataColumn(table: TableDescription, name: string): DataColumn | undefined {
  const isMapped = table.properties["delta.columnMapping.mode"] !== "none";
  const nameOf = isMapped ? physicalName : (field: SchemaField) => field.name;
  const find = (fields: readonly SchemaField[], rest: string, above: readonly string[]): DataColumn | undefined => {
    const whole = fields.find((field) => field.name.toLowerCase() === rest);
    if (whole) return dataColumn(whole, [...above, nameOf(whole)]);
    for (const field of fields) {
      const members = memberFields(field.type);
      const start = `${field.name.toLowerCase()}.`;
      const found =
        members && rest.startsWith(start) && find(members, rest.slice(start.length), [...above, nameOf(field)]);
      if (found) return found;
      // Below an array or a map there are no statistics; what is there is not looked at.
      if (!members && isJsonObject(field.type) && rest.startsWith(start)) return UNTOLD;
    }
    return undefined;
  };
  return find(table.schema, name.toLowerCase(), []);
}

function dataColumn(field: SchemaField, path: readonly string[]): DataColumn {
  const type = columnValueType(field);
  const mayBeNaN = type.name === "double" || type.name === "float";
  return { path, type, bound: boundOf(field, type), mayBeNaN };
}

/** Statistics have no place for it. */
const UNTOLD: DataColumn = { path: [], type: STRING as ValueType, bound: undefined, mayBeNaN: false };

/**
 * The rows of a file by this column. With deletion vectors (`tightBounds` is false) bounds and counts are those of all rows that
 * are in the file, deleted ones too; so nothing here takes a bound for a value that is there, nor a count for one of live rows.
 */
export function partsOf(stats: JsonObject | undefined, column: DataColumn): readonly Part[] {
  if (stats === undefined) return ANYTHING;
  const nulls = memberAt(stats.nullCount, column.path);
  const { numRecords } = stats;
  if (typeof numRecords === "number" && numRecords > 0 && nulls === numRecords) return [NULLS];
  const values = valuesOf(stats, column);
  return nulls === 0 ? values : [...values, NULLS];
}

function valuesOf(stats: JsonObject, { path, bound, mayBeNaN, type }: DataColumn): readonly Part[] {
  if (bound === undefined) return [SOMETHING];
  const [least, most] = [memberAt(stats.minValues, path), memberAt(stats.maxValues, path)];
  const low = isStated(least) ? bound(least, "low") : undefined;
  const high = isStated(most) ? bound(most, "high") : undefined;
  if (low === undefined && high === undefined) return [SOMETHING];
  // Whoever wrote such bounds meant something else by them.
  if (low !== undefined && high !== undefined && (type.compare(low, high) ?? 1) > 0) return [SOMETHING];
  const span: Span = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
  return mayBeNaN ? [{ kind: "span", span }, NAN] : [{ kind: "span", span }];
}

/** Values of which nothing is known but that they are there. */
const SOMETHING: Part = { kind: "span", span: {} };
const NAN: Part = { kind: "value", value: Number.NaN };

function isStated(value: Json | undefined): value is Json {
  return value !== undefined && value !== null && !isJsonObject(value) && !Array.isArray(value);
}

function memberAt(values: Json | undefined, path: readonly string[]): Json | undefined {
  let at: Json | undefined = values;
  for (const name of path) {
    if (!isJsonObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

const MILLISECOND = 1000n;
/** How far a time of a zone may be from what its clock shows, in microseconds. */
const ZONES = 18n * 3_600_000_000n;

function boundOf(field: SchemaField, type: ValueType): Bound | undefined {
  // Nested types, those that we do not know, and `binary` and `char`, which writers order differently.
  const { name } = type;
  // A collation has an order of its own.
  if (/^(string$|varchar)/.test(name)) return type.compare("a", "b") === undefined ? undefined : textBound;
  if (!hasOrder(type)) return undefined;
  if (name.startsWith("timestamp")) return timeBound(type as ValueType<Instant>);
  if (isDecimalType(type)) return decimalBound(type);
  if (name === "float" || name === "double") return floatingBound(type as ValueType<number>, field);
  return (stated) => type.parse(jsonText(stated));
}

function hasOrder({ name }: ValueType): boolean {
  return /^(byte|short|integer|long|float|double|boolean|date|timestamp|timestamp_ntz|decimal\(.*\))$/.test(name);
}

/** Spark cuts texts after so many characters: a lower bound stays one, an upper one gets a last character that is above. */
const CUT_AT = 32;
const HIGHEST = "\u{10ffff}";

/** Whoever cuts without that last character has what is above the bound begin with it. */
const textBound: Bound = (stated, side) => {
  if (typeof stated !== "string") return undefined;
  return side === "high" && stated.length >= CUT_AT ? `${stated}${HIGHEST}` : stated;
};

/**
 * Bounds are cut to milliseconds, so up to one is missing at the top; and at the bottom, if a writer rounds. A time without a zone
 * that is stated with one may be that of any.
 */
function timeBound({ name, parse }: ValueType<Instant>): Bound {
  return (stated, side) => {
    if (typeof stated !== "string") return undefined;
    const own = parse(stated);
    const at = own ?? TIMESTAMP.parse(stated);
    if (at === undefined) return undefined;
    const slack = MILLISECOND + (own === undefined ? ZONES : 0n);
    const micros = side === "low" ? at.micros - slack : at.micros + slack;
    return { micros, zoned: name === "timestamp" ? at.zoned : false };
  };
}

/** What a double holds of a decimal: half a unit in its last place is missing at most. */
const DOUBLE_DIGITS = 15;
const FINER = 20;

/** Some writers have bounds from a double, which above 15 digits may be on either side of the value. */
function decimalBound({ parse, precision }: DecimalType): Bound {
  return (stated, side) => {
    const value = parse(jsonText(stated));
    if (value === undefined || precision <= DOUBLE_DIGITS) return value;
    const digits = value.digits * 10n ** BigInt(FINER);
    const slack = (digits < 0n ? -digits : digits) / 2n ** 51n + 1n;
    const widened: Decimal = { digits: side === "low" ? digits - slack : digits + slack, scale: value.scale + FINER };
    return widened;
  };
}

/**
 * NaN as a bound says that there are such values, and nothing of the others. A column that was a `float` once has bounds as floats are
 * written, while its values are those floats as doubles: 0.1 is a little more then.
 */
function floatingBound({ parse }: ValueType<number>, field: SchemaField): Bound {
  const changes = field.metadata["delta.typeChanges"];
  const wasFloat =
    Array.isArray(changes) && changes.some((change: Json) => isJsonObject(change) && change.fromType === "float");
  return (stated, side) => {
    const text = jsonText(stated);
    const value = parse(text);
    if (value === undefined || Number.isNaN(value)) return undefined;
    const asFloat = wasFloat ? FLOAT.parse(text) : undefined;
    if (asFloat === undefined) return value;
    return side === "low" ? Math.min(value, asFloat) : Math.max(value, asFloat);
  };
}
