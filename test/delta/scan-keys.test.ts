/** Keys of values: their order, and intervals of them in the tree that exists only as numbers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileFilePredicate } from "../../lib/delta/predicates/file-predicate.ts";
import { opened, type ScanColumn, scanColumn } from "../../lib/delta/predicates/scan-column.ts";
import {
  commonPrefix,
  GREATEST_KEY,
  type KeyRange,
  keyFormOf,
  LEAST_KEY,
  nodeOf,
  nodesAbout,
  rangeOfFile,
  rangesOfSpans,
} from "../../lib/delta/predicates/scan-keys.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { metadata } from "../support/builders.ts";

const key = fc.oneof(
  fc.bigInt({ min: LEAST_KEY, max: GREATEST_KEY }),
  fc.bigInt({ min: 1n, max: 40n }),
  fc.constantFrom(LEAST_KEY, GREATEST_KEY, 2n ** 62n),
);
const range = fc.tuple(key, key).map(([a, b]): KeyRange => (a < b ? { low: a, high: b } : { low: b, high: a }));

test("the tree finds exactly the intervals that meet a range", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), range, (stored, asked) => {
      const [{ below }, { above }] = [nodesAbout(asked.low), nodesAbout(asked.high)];
      for (const one of stored) {
        const node = nodeOf(one);
        assert.ok(one.low <= node && node <= one.high);
        const found =
          (node >= asked.low && node <= asked.high) ||
          (below.includes(node) && one.high >= asked.low) ||
          (above.includes(node) && one.low <= asked.high);
        assert.equal(found, one.low <= asked.high && one.high >= asked.low);
      }
    }),
    { numRuns: 2000 },
  );
});

function columnOf(type: string): ScanColumn {
  const schemaString = JSON.stringify({ type: "struct", fields: [{ name: "c", type, nullable: true, metadata: {} }] });
  return scanColumn(tableDescription(metadata({ partitionColumns: [], schemaString })), "c") ?? assert.fail();
}

const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  double: fc.double().map((value) => String(value)),
  "decimal(38,10)": fc
    .tuple(fc.bigInt({ min: -(10n ** 27n), max: 10n ** 27n }), fc.nat({ max: 9_999_999 }))
    .map(([whole, rest]) => `${whole}.${String(rest).padStart(7, "0")}`),
  date: fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") })
    .map((d) => d.toISOString().slice(0, 10)),
  timestamp: fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") })
    .map((d) => d.toISOString()),
  string: fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string().map((text) => `common ${text}`),
    fc.string({ unit: "binary" }),
  ),
};
for (const [type, texts] of Object.entries(VALUES)) {
  const column = columnOf(type);
  const forms =
    keyFormOf(column.type) === "text" ? ["text:", "text:common ", "text:common é"] : [keyFormOf(column.type) ?? ""];
  test(`a greater ${type} has no smaller key`, () => {
    fc.assert(
      fc.property(texts, texts, fc.constantFrom(...forms), (a, b, form) => {
        const [x, y] = [column.type.parse(a), column.type.parse(b)];
        if (x === undefined || y === undefined) return;
        const [low, high] = (column.type.compare(x, y) ?? 0) <= 0 ? [x, y] : [y, x];
        // NaN is where the index does not say anything.
        const [least] = rangesOfSpans([{ low, high: low }], column, form) ?? [];
        const [most] = rangesOfSpans([{ low: high, high }], column, form) ?? [];
        if (least && most) assert.ok(least.low <= most.high, `${a} ${b} ${form}`);
      }),
      { numRuns: 1000 },
    );
  });
}

test("a file that may match has a range that meets those of the predicate", () => {
  const column = columnOf("long");
  const meets = (predicate: Json, low: number, high: number): boolean => {
    const schemaString = JSON.stringify({
      type: "struct",
      fields: [{ name: "c", type: "long", nullable: true, metadata: {} }],
    });
    const { needs } = compileFilePredicate(
      predicate,
      tableDescription(metadata({ partitionColumns: [], schemaString })),
      "",
    );
    const stats = JSON.stringify({ numRecords: 3, minValues: { c: low }, maxValues: { c: high }, nullCount: { c: 1 } });
    const stored = rangeOfFile(opened({ partitionValues: {}, stats }), column, "number") ?? assert.fail();
    const [need] = needs;
    if (need === undefined) return true;
    const ranges = rangesOfSpans(need.spans, column, "number") ?? assert.fail();
    return ranges.some((asked) => stored.low <= asked.high && stored.high >= asked.low);
  };
  const c = (op: string, value: Json): Json => ({ column: "c", op, value });
  assert.equal(meets({ and: [c(">=", 5), c("<=", 7)] }, 1, 4), false);
  assert.equal(meets({ and: [c(">=", 5), c("<=", 7)] }, 8, 9), false);
  assert.equal(meets({ and: [c(">=", 5), c("<=", 7)] }, 7, 9), true);
  assert.equal(meets({ or: [c("<", 5), c("=", 7)] }, 6, 6), false);
  assert.equal(meets({ or: [c("<", 5), { not: c("=", 7) }] }, 6, 6), true, "not says nothing to the index");
  const many = { column: "c", op: "in", values: Array.from({ length: 1000 }, (_, i) => i * 10) };
  assert.equal(meets(many, 9995, 9996), false);
  assert.equal(meets({ and: [many, c(">", 100), c("<", 105)] }, 101, 104), false);
});

test("no row for a column of nulls; all keys where nothing is known", () => {
  const column = columnOf("double");
  const of = (stats: object | undefined) =>
    rangeOfFile(opened({ partitionValues: {}, ...(stats ? { stats: JSON.stringify(stats) } : {}) }), column, "number");
  assert.equal(of({ numRecords: 3, nullCount: { c: 3 } }), undefined);
  assert.deepEqual(of(undefined), { low: LEAST_KEY, high: GREATEST_KEY });
  const finite = of({ numRecords: 3, minValues: { c: 1 }, maxValues: { c: 2 } }) ?? assert.fail();
  assert.ok(finite.high < GREATEST_KEY);
  assert.equal(rangesOfSpans([{ low: 1 }], column, "number"), undefined, "NaN is in no bound");
  assert.equal(rangesOfSpans([{ low: 1, high: 2 }], column, "number")?.length, 1);
});

test("what texts begin with", () => {
  assert.equal(commonPrefix(["abc", "abd", "ab"]), "ab");
  assert.equal(commonPrefix([]), "");
  assert.equal(commonPrefix(["x"]), "x");
  assert.equal(commonPrefix(["a😀", "a😁"]), "a");
});
