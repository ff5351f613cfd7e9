/**
 * Typed predicates over partition columns: what a writer read, told precisely (`reads.predicates`). A list of predicates is
 * a list of reads: a file matters when any of them may match it.
 *
 *     {"column": "day", "op": "=", "value": "2026-01-31"}      ops: =  <>  <  <=  >  >=
 *     {"column": "day", "op": "in", "values": ["2026-01-30", "2026-01-31"]}
 *     {"column": "day", "op": "isNull"}
 *     {"and": […]}  {"or": […]}  {"not": {…}}
 *
 * Values are compared as values of the column's type, with SQL's three-valued logic. An operator that we do not know may
 * match anything.
 */

import { invalid } from "../errors.ts";
import type { StringMap } from "./actions.ts";
import { type PartitionColumn, partitionColumns, partitionText } from "./schema/partition-values.ts";
import type { SchemaField } from "./schema/schema.ts";
import type { TableDescription } from "./table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, stringifyJson } from "./values/json.ts";
import { STRING, type ValueType } from "./values/value-types.ts";

/** The truths that a predicate may have for the rows of a file, as a set of bits; SQL's unknown is a truth of its own. */
type Truths = number;
const TRUE = 1;
const FALSE = 2;
const UNKNOWN = 4;
/** We cannot tell: the file may hold rows of any kind. */
const ANY = TRUE | FALSE | UNKNOWN;
type Evaluate = (partitionValues: StringMap) => Truths;

const truth = (value: boolean): Truths => (value ? TRUE : FALSE);

function not(a: Truths): Truths {
  return (a & UNKNOWN) | (a & TRUE ? FALSE : 0) | (a & FALSE ? TRUE : 0);
}

function and(a: Truths, b: Truths): Truths {
  const unknown = (a & UNKNOWN && b & (UNKNOWN | TRUE)) || (b & UNKNOWN && a & (UNKNOWN | TRUE));
  return (a & b & TRUE) | ((a | b) & FALSE) | (unknown ? UNKNOWN : 0);
}

function or(a: Truths, b: Truths): Truths {
  return not(and(not(a), not(b)));
}

/** Whether a file of these partition values may hold rows that the predicate selects. */
export type PartitionPredicate = (partitionValues: StringMap) => boolean;

/** What the sign of a comparison says. */
const COMPARISONS: Readonly<Record<string, (sign: number) => boolean>> = {
  "=": (sign) => sign === 0,
  "<>": (sign) => sign !== 0,
  "<": (sign) => sign < 0,
  "<=": (sign) => sign <= 0,
  ">": (sign) => sign > 0,
  ">=": (sign) => sign >= 0,
};
const MAX_DEPTH = 50;

/**
 * Compiles a predicate. One over a data column says nothing about partitions, so it matches every file.
 * @throws LakeError invalid with a JSON pointer when it is malformed
 */
export function compilePredicate(predicate: Json, table: TableDescription, at: string): PartitionPredicate {
  const { schema } = table;
  const columns = new Map(partitionColumns(table).map((column) => [column.name.toLowerCase(), column]));
  const evaluate = compile(predicate, { schema, columns }, at, 0);
  return (values) => (evaluate(values) & TRUE) !== 0;
}

interface Columns {
  readonly schema: readonly SchemaField[];
  /** Partition columns by their name in lower case. */
  readonly columns: ReadonlyMap<string, PartitionColumn>;
}

function compile(predicate: Json | undefined, columns: Columns, at: string, depth: number): Evaluate {
  if (!isJsonObject(predicate)) throw malformed("a predicate is an object", at);
  if (depth > MAX_DEPTH) throw malformed(`predicates nest at most ${MAX_DEPTH} deep`, at);
  if ("and" in predicate) {
    const items = list(predicate, "and", columns, at, depth);
    return (values) => items.reduce<Truths>((sum, item) => and(sum, item(values)), TRUE);
  }
  if ("or" in predicate) {
    const items = list(predicate, "or", columns, at, depth);
    return (values) => items.reduce<Truths>((sum, item) => or(sum, item(values)), FALSE);
  }
  if ("not" in predicate) {
    onlyMembers(predicate, ["not"], at);
    const item = compile(predicate.not, columns, `${at}/not`, depth + 1);
    return (values) => not(item(values));
  }
  return compileColumn(predicate, columns, at);
}

function list(predicate: JsonObject, name: "and" | "or", columns: Columns, at: string, depth: number): Evaluate[] {
  onlyMembers(predicate, [name], at);
  const items = predicate[name];
  if (!Array.isArray(items) || items.length === 0)
    throw malformed(`"${name}" takes a list of predicates`, `${at}/${name}`);
  return items.map((item: Json, i) => compile(item, columns, `${at}/${name}/${i}`, depth + 1));
}

function compileColumn(predicate: JsonObject, { schema, columns }: Columns, at: string): Evaluate {
  const { column, op } = predicate;
  if (typeof column !== "string") throw malformed('a predicate has "column" and "op", or "and", "or", "not"', at);
  if (typeof op !== "string") throw malformed('"op" is missing', `${at}/op`);
  const partition = columns.get(column.toLowerCase());
  if (partition === undefined && !isDataColumn(column, schema)) {
    throw malformed(`the table has no column "${column}"`, `${at}/column`);
  }
  const test = compileTest(predicate, op, partition?.type ?? STRING, at);
  if (partition === undefined) return () => ANY;
  // Files of one partition have the same text.
  const known = new Map<string | null, Truths>();
  return (values) => {
    const text = partitionText(values, partition);
    const found = known.get(text) ?? testText(test, text, partition);
    known.set(text, found);
    return found;
  };
}

/** A column, or a member of a struct by its path. */
function isDataColumn(name: string, schema: readonly SchemaField[]): boolean {
  const lower = name.toLowerCase();
  return schema.some((field) => {
    const column = field.name.toLowerCase();
    return lower === column || (isJsonObject(field.type) && lower.startsWith(`${column}.`));
  });
}

function testText(test: Test, text: string | null, column: PartitionColumn): Truths {
  if (text === null) return test(null);
  if (text === "") return emptyText(test, column);
  const value = column.type.parse(text);
  return value === undefined ? ANY : test(value);
}

/** Imported tables may hold empty texts. They are null; but Spark and delta-rs take them for texts where a text can be. */
function emptyText(test: Test, { type, nullable }: PartitionColumn): Truths {
  const value = type.parse("");
  if (value === undefined) return test(null);
  return test(value) | (nullable ? test(null) : 0);
}

/** What a predicate says of a value of its column; null is SQL's. */
type Test = (value: unknown) => Truths;

function compileTest(predicate: JsonObject, op: string, type: ValueType, at: string): Test {
  if (op === "isNull") {
    onlyMembers(predicate, ["column", "op"], at);
    return (value) => truth(value === null);
  }
  if (op === "in") {
    onlyMembers(predicate, ["column", "op", "values"], at);
    if (!Array.isArray(predicate.values)) throw malformed('"in" takes "values": a list', `${at}/values`);
    return membership(
      type,
      predicate.values.map((value: Json, i) => literal(value, type, `${at}/values/${i}`)),
    );
  }
  // An operator of a later release: what we cannot evaluate may match anything.
  if (!Object.hasOwn(COMPARISONS, op)) return () => ANY;
  onlyMembers(predicate, ["column", "op", "value"], at);
  return comparison(type, op, literal(predicate.value, type, `${at}/value`));
}

function comparison(type: ValueType, op: string, wanted: unknown): Test {
  return (value) => {
    if (value === null) return UNKNOWN;
    const sign = type.compare(value, wanted);
    return sign === undefined ? TRUE | FALSE : truth(COMPARISONS[op]?.(sign) ?? true);
  };
}

/** Lists are long, and files many: a search in a sorted list, unless readers may differ about its order. */
function membership(type: ValueType, wanted: readonly unknown[]): Test {
  const sorted = wanted.toSorted((a, b) => type.compare(a, b) ?? 0);
  const isOrdered = sorted.every((value, i) => i === 0 || (type.compare(sorted[i - 1], value) ?? 1) <= 0);
  const tests = wanted.map((value) => comparison(type, "=", value));
  const linear: Test = (value) => tests.reduce<Truths>((sum, test) => or(sum, test(value)), FALSE);
  return (value) => {
    if (value === null) return UNKNOWN;
    if (!isOrdered) return linear(value);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const sign = type.compare(value, sorted[middle]);
      if (sign === undefined) return linear(value);
      if (sign === 0) return TRUE;
      if (sign < 0) high = middle;
      else low = middle + 1;
    }
    return FALSE;
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

function jsonText(value: Json): string {
  return typeof value === "string" ? value : stringifyJson(value);
}

function onlyMembers(predicate: JsonObject, allowed: readonly string[], at: string): void {
  const other = Object.keys(predicate).find((name) => !allowed.includes(name));
  if (other !== undefined) throw malformed(`"${other}" does not belong here`, `${at}/${other}`);
}

const EXAMPLE = 'For example {"column": "day", "op": "=", "value": "2026-01-31"}.';

function malformed(message: string, at: string, hint = EXAMPLE): Error {
  return invalid(message, { at, hint });
}
