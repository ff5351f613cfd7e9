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
import { isJsonObject, type Json, type JsonObject, stringifyJson } from "./json.ts";
import { type TypedValue, typedPartitionValue } from "./partition-values.ts";
import type { SchemaField } from "./schema.ts";
import { physicalPartitionColumns, type TableDescription } from "./table-configuration.ts";

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

/** Whether a file of these partition values may hold rows that the predicate selects. */
export type PartitionPredicate = (partitionValues: StringMap) => boolean;

/** NaN is one value, equal to itself, as in Spark. */
function equal(a: TypedValue, b: TypedValue): boolean {
  return Object.is(a, b) || a === b;
}

const COMPARISONS: Readonly<Record<string, (a: TypedValue, b: TypedValue) => boolean>> = {
  "=": equal,
  "<>": (a, b) => !equal(a, b),
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
const MAX_DEPTH = 50;

/**
 * Compiles a predicate. One over a data column says nothing about partitions, so it matches every file.
 * @throws LakeError invalid with a JSON pointer when it is malformed
 */
export function compilePredicate(predicate: Json, table: TableDescription, at: string): PartitionPredicate {
  const { metadata, schema } = table;
  const keys = physicalPartitionColumns(table);
  const columns = new Map<string, PartitionColumn>();
  for (const [i, name] of metadata.partitionColumns.entries()) {
    const type = schema.find((field) => field.name === name)?.type;
    columns.set(name.toLowerCase(), { key: keys[i] ?? name, type: typeof type === "string" ? type : "string" });
  }
  const evaluate = compile(predicate, { schema, columns }, at, 0);
  return (values) => (evaluate(values) & TRUE) !== 0;
}

interface PartitionColumn {
  /** Its name in partitionValues. */
  readonly key: string;
  readonly type: string;
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
    return (values) => not(items.reduce<Truths>((sum, item) => and(sum, not(item(values))), TRUE));
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
  const type = partition?.type ?? "string";
  const read = (value: Json | undefined, where: string): TypedValue => {
    const text =
      typeof value === "string" ? value : value === null || value === undefined ? null : stringifyJson(value);
    const typed =
      text === null || isJsonObject(value) || Array.isArray(value) ? undefined : typedPartitionValue(text, type);
    if (typed === undefined || typed === null) {
      throw malformed(`${stringifyJson(value ?? null)} is no value of the type ${type}`, where);
    }
    return typed;
  };
  const test = compileTest(predicate, op, read, at);
  if (partition === undefined) {
    if (!schema.some((f) => f.name.toLowerCase() === column.toLowerCase())) {
      throw malformed(`the table has no column "${column}"`, `${at}/column`);
    }
    return () => ANY;
  }
  const { key } = partition;
  return (values) => {
    const text = Object.hasOwn(values, key) ? (values[key] ?? null) : null;
    const typed = typedPartitionValue(text, type);
    return typed === undefined ? ANY : test(typed);
  };
}

function compileTest(
  predicate: JsonObject,
  op: string,
  read: (value: Json | undefined, at: string) => TypedValue,
  at: string,
): (value: TypedValue | null) => Truths {
  if (op === "isNull") {
    onlyMembers(predicate, ["column", "op"], at);
    return (value) => truth(value === null);
  }
  if (op === "in") {
    onlyMembers(predicate, ["column", "op", "values"], at);
    if (!Array.isArray(predicate.values)) throw malformed('"in" takes "values": a list', `${at}/values`);
    const wanted = predicate.values.map((value: Json, i) => read(value, `${at}/values/${i}`));
    return (value) => (value === null ? UNKNOWN : truth(wanted.some((item) => equal(item, value))));
  }
  const compare = Object.hasOwn(COMPARISONS, op) ? COMPARISONS[op] : undefined;
  // An operator of a later release: what we cannot evaluate may match anything (delta-rules.md §4).
  if (!compare) return () => ANY;
  onlyMembers(predicate, ["column", "op", "value"], at);
  const wanted = read(predicate.value, `${at}/value`);
  return (value) => (value === null ? UNKNOWN : truth(compare(value, wanted)));
}

function onlyMembers(predicate: JsonObject, allowed: readonly string[], at: string): void {
  const other = Object.keys(predicate).find((name) => !allowed.includes(name));
  if (other !== undefined) throw malformed(`"${other}" does not belong here`, `${at}/${other}`);
}

function malformed(message: string, at: string): Error {
  return invalid(message, { at, hint: 'For example {"column": "day", "op": "=", "value": "2026-01-31"}.' });
}
