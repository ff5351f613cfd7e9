/** What one leaf of a predicate says of its column: of a single value, and of all values between two bounds. */

import { isJsonObject, type Json, type JsonObject, stringifyJson } from "../values/json.ts";
import type { ValueType } from "../values/value-types.ts";
import { malformed, onlyMembers } from "./tree.ts";
import { ANY, FALSE, or, TRUE, type Truths, truth, UNKNOWN } from "./truths.ts";

/** Values from `low` to `high`, both included; an absent bound is none. NaN is above all numbers. */
export interface Span {
  readonly low?: unknown;
  readonly high?: unknown;
}

export interface ColumnTest {
  /** Of a row with this value; null is SQL's. */
  of(value: unknown): Truths;
  /** Of rows whose values lie within a span and may be any of it. For types with an order that all readers share. */
  within(span: Span): Truths;
  /** A row of which the test is true has a value in one of them; undefined where any row may be one. */
  readonly spans?: readonly Span[];
}

/** What the sign of a comparison says. */
const COMPARISONS: Readonly<Record<string, (sign: number) => boolean>> = {
  "=": (sign) => sign === 0,
  "<>": (sign) => sign !== 0,
  "<": (sign) => sign < 0,
  "<=": (sign) => sign <= 0,
  ">": (sign) => sign > 0,
  ">=": (sign) => sign >= 0,
};

/** @throws LakeError invalid for a value that is none of the type, and members that do not belong there */
export function compileTest(predicate: JsonObject, op: string, type: ValueType, at: string): ColumnTest {
  if (op === "isNull") {
    onlyMembers(predicate, ["column", "op"], at);
    return { of: (value) => truth(value === null), within: () => FALSE };
  }
  if (op === "in") {
    onlyMembers(predicate, ["column", "op", "values"], at);
    if (!Array.isArray(predicate.values)) throw malformed('"in" takes "values": a list', `${at}/values`);
    return membership(
      type,
      predicate.values.map((value: Json, i) => literal(value, type, `${at}/values/${i}`)),
    );
  }
  if (op === "startsWith") {
    onlyMembers(predicate, ["column", "op", "value"], at);
    return prefix(literal(predicate.value, type, `${at}/value`), type, at);
  }
  // An operator of a later release: what we cannot evaluate may match anything.
  if (!Object.hasOwn(COMPARISONS, op)) return { of: () => ANY, within: () => ANY };
  onlyMembers(predicate, ["column", "op", "value"], at);
  return comparison(type, op, literal(predicate.value, type, `${at}/value`));
}

function comparison(type: ValueType, op: string, wanted: unknown): ColumnTest {
  const holds = COMPARISONS[op] ?? (() => true);
  const spans: Readonly<Record<string, readonly Span[]>> = {
    "=": [{ low: wanted, high: wanted }],
    "<": [{ high: wanted }],
    "<=": [{ high: wanted }],
    ">": [{ low: wanted }],
    ">=": [{ low: wanted }],
  };
  const among = spans[op];
  return {
    of(value) {
      if (value === null) return UNKNOWN;
      const sign = type.compare(value, wanted);
      return sign === undefined ? TRUE | FALSE : truth(holds(sign));
    },
    within({ low, high }) {
      const least = low === undefined ? -1 : (type.compare(low, wanted) ?? -1);
      const most = high === undefined ? 1 : (type.compare(high, wanted) ?? 1);
      let truths = 0;
      if (least < 0) truths |= truth(holds(-1));
      if (least <= 0 && most >= 0) truths |= truth(holds(0));
      if (most > 0) truths |= truth(holds(1));
      return truths;
    },
    ...(among ? { spans: among } : {}),
  };
}

/** Lists are long, and files many: a search in a sorted list, unless readers may differ about its order. */
function membership(type: ValueType, wanted: readonly unknown[]): ColumnTest {
  const sorted = wanted.toSorted((a, b) => type.compare(a, b) ?? 0);
  const isOrdered = sorted.every((value, i) => i === 0 || (type.compare(sorted[i - 1], value) ?? 1) <= 0);
  const tests = wanted.map((value) => comparison(type, "=", value));
  const linear = (value: unknown): Truths => tests.reduce<Truths>((sum, test) => or(sum, test.of(value)), FALSE);
  /** The place of the first that is not below a value; undefined where that cannot be told. */
  const placeOf = (value: unknown): number | undefined => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const sign = type.compare(value, sorted[middle]);
      if (sign === undefined) return undefined;
      if (sign <= 0) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const of = (value: unknown): Truths => {
    // Of an empty list some engines say that no row is in it, whatever its value.
    if (value === null) return wanted.length === 0 ? FALSE | UNKNOWN : UNKNOWN;
    const place = isOrdered ? placeOf(value) : undefined;
    if (place === undefined) return linear(value);
    return truth(place < sorted.length && type.compare(value, sorted[place]) === 0);
  };
  return {
    of,
    within(span) {
      const { low, high } = span;
      if (!isOrdered) return tests.reduce<Truths>((sum, test) => or(sum, test.within(span)), FALSE);
      if (low !== undefined && high !== undefined && type.compare(low, high) === 0) return of(low);
      const from = low === undefined ? 0 : placeOf(low);
      if (from === undefined) return TRUE | FALSE;
      if (from >= sorted.length) return FALSE;
      const isAbove = high !== undefined && (type.compare(sorted[from], high) ?? -1) > 0;
      return isAbove ? FALSE : TRUE | FALSE;
    },
    spans: sorted.map((value) => ({ low: value, high: value })),
  };
}

const TEXTS = /^(string|binary|varchar|char|nested)/;
/** No text that begins with another one is above that one and this. */
const HIGHEST = "\u{10ffff}";

function prefix(wanted: unknown, type: ValueType, at: string): ColumnTest {
  if (typeof wanted !== "string" || !TEXTS.test(type.name)) {
    throw malformed(`"startsWith" is for texts, and the column is a ${type.name}`, `${at}/op`);
  }
  // Where texts are the same in another case, or with blanks behind them, nobody knows what they begin with.
  const isExact = type.compare("a", "b") !== undefined && !type.name.startsWith("char");
  if (!isExact) return { of: (value) => (value === null ? UNKNOWN : TRUE | FALSE), within: () => TRUE | FALSE };
  const span: Span = { low: wanted, high: `${wanted}${HIGHEST}` };
  const begins = (value: unknown): boolean => (value as string).startsWith(wanted);
  return {
    of: (value) => (value === null ? UNKNOWN : truth(begins(value))),
    within({ low, high }) {
      if (low !== undefined && high !== undefined && begins(low) && begins(high)) return TRUE;
      const isBelow = high !== undefined && (type.compare(high, wanted) ?? 0) < 0;
      const isAbove = low !== undefined && (type.compare(low, wanted) ?? 0) > 0 && !begins(low);
      return isBelow || isAbove ? FALSE : TRUE | FALSE;
    },
    // Half a character has no place in the order.
    ...(wanted.isWellFormed() ? { spans: [span] } : {}),
  };
}

/** A value of the request: the text of one, or a JSON number or boolean. */
function literal(value: Json | undefined, type: ValueType, at: string): unknown {
  const nested = isJsonObject(value) || Array.isArray(value);
  const text = value === null || value === undefined || nested ? undefined : jsonText(value);
  const typed = text === undefined ? undefined : type.parse(text);
  if (typed === undefined) {
    throw malformed(`${stringifyJson(value ?? null)} is no value of the type ${type.name}`, at, `Write ${type.form}.`);
  }
  return typed;
}

/** The text by which a type reads a JSON value. */
export function jsonText(value: Json): string {
  return typeof value === "string" ? value : stringifyJson(value);
}
