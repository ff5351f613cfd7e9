/** Statistics of a new data file (PROTOCOL.md, "Per-file Statistics"), as JSON text. What cannot be told for sure is left out. */

import { type IndexedColumn, indexedColumns } from "../delta/schema/indexed-columns.ts";
import type { TableConfiguration } from "../delta/table-configuration.ts";
import { int64 } from "../delta/values/int64.ts";
import { type Json, parseJson, stringifyJson } from "../delta/values/json.ts";
import { named, quoted, type Session } from "./duckdb.ts";

interface Leaf {
  /** Names from the outermost column on. */
  readonly path: readonly string[];
  readonly sql: string;
  readonly bounds?: Bounds;
}

/** How the bounds of a type are asked for, and what of the answer is JSON. */
interface Bounds {
  readonly min: (sql: string) => string;
  readonly max: (sql: string) => string;
  readonly json: (value: string, end: "min" | "max") => Json | undefined;
}

/** One read of the table `rows`. */
export async function statisticsOf(session: Session, table: TableConfiguration): Promise<string> {
  const leaves = leavesOf(indexedColumns(table), [], undefined);
  const selected = leaves.flatMap(({ sql, bounds }, i) => [
    `cast(count(*) - count(${sql}) as varchar) as n${i}`,
    ...(bounds ? [`${bounds.min(sql)} as a${i}`, `${bounds.max(sql)} as z${i}`] : []),
  ]);
  const row = await session.row(`select ${["cast(count(*) as varchar) as n", ...selected].join(", ")} from rows`);
  const tree = (letter: "a" | "z" | "n") => {
    const object: Record<string, Json> = {};
    for (const [i, leaf] of leaves.entries()) {
      const value = row[`${letter}${i}`];
      if (typeof value !== "string") continue;
      const json = letter === "n" ? int64(value) : leaf.bounds?.json(value, letter === "a" ? "min" : "max");
      if (json !== undefined) put(object, leaf.path, json);
    }
    return object;
  };
  return stringifyJson({
    numRecords: int64(String(row.n)),
    minValues: tree("a"),
    maxValues: tree("z"),
    nullCount: tree("n"),
    ...(table.features.has("deletionVectors") ? { tightBounds: true } : {}),
  });
}

function put(object: Record<string, Json>, path: readonly string[], value: Json): void {
  const [first = "", ...rest] = path;
  if (rest.length === 0) define(object, first, value);
  else {
    if (!Object.hasOwn(object, first)) define(object, first, {});
    put(object[first] as Record<string, Json>, rest, value);
  }
}

/** Not an assignment: a column may be called `__proto__`. */
function define(object: Record<string, Json>, name: string, value: Json): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

function leavesOf(columns: readonly IndexedColumn[], path: readonly string[], parent: string | undefined): Leaf[] {
  return columns.flatMap(({ name, type, children }) => {
    const sql = parent === undefined ? named(name) : `struct_extract(${parent}, ${quoted(name)})`;
    const own = [...path, name];
    if (children) return leavesOf(children, own, sql);
    const bounds = boundsOf(type);
    return [{ path: own, sql, ...(bounds === undefined ? {} : { bounds }) }];
  });
}

const asText = (sql: string) => `cast(${sql} as varchar)`;
const plain = { min: (sql: string) => asText(`min(${sql})`), max: (sql: string) => asText(`max(${sql})`) };

const NUMBER: Bounds = { ...plain, json: (value) => parseJson(value) };
/** NaN is above all numbers, and has no form in JSON that all readers know: where one is, the upper bound is unknown. */
const FLOATING: Bounds = {
  min: (sql) => asText(`cast(min(${sql}) filter (where not isnan(${sql})) as double)`),
  max: (sql) =>
    `case when not coalesce(bool_or(isnan(${sql})), false) then ${asText(`cast(max(${sql}) as double)`)} end`,
  json: (value) => (Number.isFinite(Number(value)) ? Number(value) : undefined),
};
const DATE: Bounds = { ...plain, json: (value) => (/^\d{4}-\d\d-\d\d$/.test(value) ? value : undefined) };
const TEXT: Bounds = { ...plain, json: (value, end) => (end === "min" ? shortened(value) : raised(value)) };

function timeBounds(zone: string): Bounds {
  const form = `%Y-%m-%dT%H:%M:%S.%f${zone}`;
  return {
    min: (sql) => `strftime(min(${sql}), ${quoted(form)})`,
    max: (sql) => `strftime(max(${sql}), ${quoted(form)})`,
    // Years that do not have four digits are read differently by readers.
    json: (value) => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z?$/.test(value) ? value : undefined),
  };
}

/** undefined for types that have no bounds: readers look at none of booleans, bytes and collections. */
function boundsOf(type: Json): Bounds | undefined {
  if (typeof type !== "string") return undefined;
  if (["long", "integer", "short", "byte"].includes(type) || type.startsWith("decimal")) return NUMBER;
  switch (type) {
    case "float":
    case "double":
      return FLOATING;
    case "string":
      return TEXT;
    case "date":
      return DATE;
    case "timestamp":
      return timeBounds("Z");
    case "timestamp_ntz":
      return timeBounds("");
    default:
      return undefined;
  }
}

/** As Spark has it: characters of a text that a bound keeps. */
const MAX_CHARACTERS = 32;
const HIGHEST = "\u{10ffff}";

/** What a text begins with is not above it. */
function shortened(text: string): string {
  return [...text].slice(0, MAX_CHARACTERS).join("");
}

/** Above every text that begins so, but for those that go on with the highest character of all. */
function raised(text: string): string | undefined {
  const characters = [...text];
  if (characters.length <= MAX_CHARACTERS) return text;
  return characters[MAX_CHARACTERS] === HIGHEST ? undefined : `${shortened(text)}${HIGHEST}`;
}
