/**
 * Random tables, writers and predicates against a judge that looks at every row: a file with a row that matches is never passed
 * over, and enough of the others are, or there would be no sense in it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileFilePredicate } from "../../lib/delta/predicates/file-predicate.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import { type Json, stringifyJson } from "../../lib/delta/values/json.ts";
import { metadata } from "../support/builders.ts";

/** A value as the judge sees it: numbers (and bigints) by size, NaN above all, texts by code point. */
type Value = number | bigint | string | null;
type Row = Readonly<Record<string, Value>>;

/** How a column's values look: in a predicate, in the statistics of two kinds of writers. */
interface Kind {
  readonly type: Json;
  readonly values: readonly Exclude<Value, null>[];
  literal(value: Exclude<Value, null>): Json;
  bound(value: Exclude<Value, null>, side: "low" | "high", writer: Writer): Json;
}
type Writer = "exact" | "spark" | "doubles";

const plain = (value: Value): Json => value as Json;
const long32 = "k".repeat(32);
const TEXTS = ["", "a", "k", `${long32}`, `${long32}a`, `${long32}z`, `${long32}😀`, "é", "\uffee", "😀", "z"];
const MICROS = [0n, 1n, 999n, 1000n, 1001n, 1999n, 2000n, 86_400_000_000n, -1n, -999n, -1001n];
/** Unscaled, with three digits behind the point. */
const DECIMALS = [
  0n,
  1n,
  -1n,
  12345678901234567891n,
  12345678901234567890n,
  12345678901234566999n,
  -12345678901234567891n,
];
const decimal = (value: bigint): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(4, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`;
};
const time = (micros: bigint, digits: 3 | 6): string => {
  const ms = micros >= 0n || micros % 1000n === 0n ? micros / 1000n : micros / 1000n - 1n;
  const iso = new Date(Number(ms)).toISOString().slice(0, -1);
  return digits === 3 ? `${iso}Z` : `${iso}${(micros - ms * 1000n).toString().padStart(3, "0")}Z`;
};
const floating = (value: number): Json => (Number.isFinite(value) ? value : String(value));

const KINDS: Readonly<Record<string, Kind>> = {
  n: { type: "long", values: [-3, 0, 1, 2, 3, 7, 2n ** 60n, 2n ** 60n + 1n], literal: plain, bound: plain },
  x: {
    type: "double",
    values: [-1.5, 0, 0.1, 2, 7, Number.POSITIVE_INFINITY, Number.NaN],
    literal: (value) => floating(value as number),
    bound: (value) => floating(value as number),
  },
  s: {
    type: "string",
    values: TEXTS,
    literal: plain,
    bound(value, side, writer) {
      const points = [...(value as string)];
      if (writer !== "spark" || points.length <= 32) return value as string;
      return points.slice(0, 32).join("") + (side === "low" ? "" : "\u{10ffff}");
    },
  },
  t: {
    type: "timestamp",
    values: MICROS,
    literal: (value) => time(value as bigint, 6),
    bound: (value, _side, writer) => time(value as bigint, writer === "exact" ? 6 : 3),
  },
  d: {
    type: "decimal(38,3)",
    values: DECIMALS,
    literal: (value) => decimal(value as bigint),
    bound: (value, _side, writer) =>
      writer === "doubles" ? Number(decimal(value as bigint)) : JSON.rawJSON(decimal(value as bigint)),
  },
};
const NAMES = Object.keys(KINDS);
const PARTITION = "p";
const PARTITION_VALUES = [0, 1, 2];
const description = tableDescription(
  metadata({
    partitionColumns: [PARTITION],
    schemaString: JSON.stringify({
      type: "struct",
      fields: [...NAMES.map((name) => ({ name, type: KINDS[name]?.type })), { name: PARTITION, type: "integer" }].map(
        (field) => ({ nullable: true, metadata: {}, ...field }),
      ),
    }),
  }),
);

declare global {
  interface JSON {
    rawJSON(text: string): { readonly rawJSON: string };
  }
}

const codePoints = (text: string): string => Buffer.from(text, "utf8").toString("hex");
function compare(a: Exclude<Value, null>, b: Exclude<Value, null>): number {
  if (typeof a === "string" || typeof b === "string") {
    const [x, y] = [codePoints(String(a)), codePoints(String(b))];
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const [x, y] = [Number.isNaN(a), Number.isNaN(b)];
  if (x || y) return Number(x) - Number(y);
  return a < b ? -1 : a > b ? 1 : 0;
}

type Truth = boolean | null;
interface Tree {
  readonly json: Json;
  readonly truth: (row: Row) => Truth;
}
const SIGNS: Readonly<Record<string, (sign: number) => boolean>> = {
  "=": (s) => s === 0,
  "<>": (s) => s !== 0,
  "<": (s) => s < 0,
  "<=": (s) => s <= 0,
  ">": (s) => s > 0,
  ">=": (s) => s >= 0,
};
const all = (truths: readonly Truth[]): Truth => (truths.includes(false) ? false : truths.includes(null) ? null : true);
const some = (truths: readonly Truth[]): Truth => (truths.includes(true) ? true : truths.includes(null) ? null : false);
const opposite = (truth: Truth): Truth => (truth === null ? null : !truth);

const column = fc.constantFrom(...NAMES, PARTITION);
const valuesOf = (name: string) => KINDS[name]?.values ?? PARTITION_VALUES;
const literalOf = (name: string, value: Exclude<Value, null>): Json => KINDS[name]?.literal(value) ?? (value as number);

const leaf: fc.Arbitrary<Tree> = column.chain((name) => {
  const value = fc.constantFrom(...valuesOf(name));
  const test = (json: Json, holds: (value: Exclude<Value, null>) => boolean): Tree => ({
    json,
    truth: (row) => (row[name] === null || row[name] === undefined ? null : holds(row[name])),
  });
  const comparison = fc
    .tuple(fc.constantFrom(...Object.keys(SIGNS)), value)
    .map(([op, wanted]) =>
      test({ column: name, op, value: literalOf(name, wanted) }, (v) => SIGNS[op]?.(compare(v, wanted)) ?? false),
    );
  const membership = fc
    .array(value, { maxLength: 3 })
    .map((wanted) =>
      test({ column: name, op: "in", values: wanted.map((one) => literalOf(name, one)) }, (v) =>
        wanted.some((one) => compare(v, one) === 0),
      ),
    )
    .map((tree) => ((tree.json as { values: Json[] }).values.length === 0 ? { ...tree, truth: () => false } : tree));
  const isNull = fc.constant<Tree>({
    json: { column: name, op: "isNull" },
    truth: (row) => (row[name] ?? null) === null,
  });
  const begins = value.map((wanted) =>
    test({ column: "s", op: "startsWith", value: String(wanted).slice(0, 33) }, (v) =>
      String(v).startsWith(String(wanted).slice(0, 33)),
    ),
  );
  return name === "s"
    ? fc.oneof(comparison, membership, isNull, begins)
    : fc.oneof(comparison, comparison, membership, isNull);
});
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((items) => ({
      json: { and: items.map(({ json }) => json) },
      truth: (row: Row) => all(items.map((item) => item.truth(row))),
    })),
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((items) => ({
      json: { or: items.map(({ json }) => json) },
      truth: (row: Row) => some(items.map((item) => item.truth(row))),
    })),
    tie("tree").map((item) => ({ json: { not: item.json }, truth: (row: Row) => opposite(item.truth(row)) })),
  ),
}));

const file = fc.record({
  rows: fc.array(
    fc.record(
      Object.fromEntries(NAMES.map((name) => [name, fc.option(fc.constantFrom(...valuesOf(name)), { freq: 4 })])),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  p: fc.option(fc.constantFrom(...PARTITION_VALUES)),
  /** Rows that a deletion vector hides, of those above. */
  deleted: fc.nat({ max: 2 }),
  writer: fc.constantFrom<Writer>("exact", "spark", "doubles"),
  silent: fc.subarray(NAMES, { maxLength: 1 }),
});
type RandomFile = typeof file extends fc.Arbitrary<infer T> ? T : never;

/** Writers that do not put NaN into bounds are the ones that go through doubles. */
function statsText({ rows, deleted, writer, silent }: RandomFile): string {
  const low: Record<string, Json> = {};
  const high: Record<string, Json> = {};
  const nullCount: Record<string, Json> = {};
  for (const name of NAMES) {
    if (silent.includes(name)) continue;
    const kind = KINDS[name] as Kind;
    const values = rows.flatMap((row) => row[name] ?? []).filter((v) => writer !== "doubles" || !Number.isNaN(v));
    nullCount[name] = rows.filter((row) => (row[name] ?? null) === null).length;
    const sorted = values.toSorted(compare);
    const [first, last] = [sorted[0], sorted.at(-1)];
    if (first === undefined || last === undefined) continue;
    low[name] = kind.bound(first, "low", writer);
    high[name] = kind.bound(last, "high", writer);
  }
  const tight = deleted === 0 ? {} : { tightBounds: false };
  return stringifyJson({ numRecords: rows.length, minValues: low, maxValues: high, nullCount, ...tight });
}

test("a file with a matching row is kept", () => {
  const seen = { files: 0, empty: 0, passed: 0 };
  fc.assert(
    fc.property(tree, fc.array(file, { minLength: 1, maxLength: 4 }), ({ json, truth }, files) => {
      const judge = compileFilePredicate(json, description, "");
      for (const random of files) {
        const { rows, p, deleted } = random;
        const live = rows.slice(Math.min(deleted, rows.length - 1));
        const matches = live.some((row) => truth({ ...row, p }) === true);
        const kept = judge.mayMatch({
          partitionValues: { p: p === null ? null : String(p) },
          stats: statsText(random),
        });
        if (matches) assert.ok(kept, stringifyJson({ json, random: statsText(random), p }));
        seen.files += 1;
        if (!matches) seen.empty += 1;
        if (!kept) seen.passed += 1;
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(seen.empty > seen.files / 4, JSON.stringify(seen));
  assert.ok(
    seen.passed > seen.empty / 2,
    `of files without a matching row few are passed over: ${JSON.stringify(seen)}`,
  );
});
