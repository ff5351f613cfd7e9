/** Predicates over all columns against files: no file is passed over that holds a matching row, whoever wrote its statistics. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileFilePredicate } from "../../lib/delta/predicates/file-predicate.ts";
import { keepStatsOf } from "../../lib/delta/predicates/stats-of-columns.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { metadata } from "../support/builders.ts";

interface Field {
  readonly name: string;
  readonly type: Json;
  readonly metadata?: Record<string, Json>;
}

function tableOf(fields: readonly Field[], more: { partitionColumns?: string[]; mapped?: boolean } = {}) {
  const schemaString = JSON.stringify({
    type: "struct",
    fields: fields.map((field) => ({ nullable: true, metadata: {}, ...field })),
  });
  const configuration: Record<string, string> = more.mapped ? { "delta.columnMapping.mode": "name" } : {};
  return tableDescription(metadata({ partitionColumns: more.partitionColumns ?? [], schemaString, configuration }));
}

const c = (op: string, value?: Json): Json => ({ column: "c", op, ...(value === undefined ? {} : { value }) });
const between = (low: Json, high: Json): Json => ({ and: [c(">=", low), c("<=", high)] });
const stats = (low: Json | undefined, high: Json | undefined, nulls: number | null = 0, more: object = {}) =>
  `{"numRecords":10,"minValues":{${low === undefined ? "" : `"c":${textOf(low)}`}},"maxValues":{${high === undefined ? "" : `"c":${textOf(high)}`}}${nulls === null ? "" : `,"nullCount":{"c":${nulls}}`}${JSON.stringify(
    more,
  )
    .slice(1, -1)
    .replace(/^(?=.)/, ",")}}`;
/** A text in backquotes is a number as it is written. */
const textOf = (value: Json): string =>
  typeof value === "string" && value.startsWith("`") ? value.slice(1, -1) : JSON.stringify(value);

const long32 = "m".repeat(32);
const ns = (micros: string) => `2026-01-31T12:00:00.${micros}Z`;
const NULLS_ONLY = '{"numRecords":10,"nullCount":{"c":10}}';
const TRAPS: readonly [what: string, type: Json, predicate: Json, stats: string | undefined, kept: boolean][] = [
  ["a range below", "long", c(">", 5), stats(1, 5), false],
  ["a range that touches", "long", c(">=", 5), stats(1, 5), true],
  ["a range above", "long", c("<", 1), stats(1, 5), false],
  ["a value in the midst of the bounds", "long", c("=", 3), stats(1, 5), true],
  ["a value beside the bounds", "long", c("=", 6), stats(1, 5), false],
  ["all rows have the value that is not wanted", "long", c("<>", 5), stats(5, 5), false],
  ["not of a range that holds all rows", "long", { not: between(0, 9) }, stats(1, 5), false],
  ["not of a range, with nulls: unknown is not true", "long", { not: between(0, 9) }, stats(1, 5, 3), false],
  [
    "no value of the list is between the bounds",
    "long",
    { column: "c", op: "in", values: [0, 6, 9] },
    stats(1, 5),
    false,
  ],
  ["one is", "long", { column: "c", op: "in", values: [0, 4, 9] }, stats(1, 5), true],
  ["an empty list", "long", { column: "c", op: "in", values: [] }, stats(1, 5), false],
  ["one bound is missing", "long", c(">", 5), stats(1, undefined), true],
  ["the other bound still says something", "long", c("<", 1), stats(1, undefined), false],
  ["bounds that contradict each other say nothing", "long", c("=", 100), stats(5, 1), true],
  ["no statistics", "long", c("=", 100), undefined, true],
  ["statistics that are none", "long", c("=", 100), "{", true],
  ["statistics that are no object", "long", c("=", 100), "[1]", true],
  ["statistics of other columns", "long", c("=", 100), '{"numRecords":10,"minValues":{"d":1}}', true],
  ["a bound of another type", "long", c("=", 100), stats("x", "y"), true],
  [
    "digits beyond a double",
    "long",
    c("=", "9007199254740993"),
    stats("`9007199254740993`", "`9007199254740993`"),
    true,
  ],
  [
    "one more, beyond a double",
    "long",
    c("=", "9007199254740995"),
    stats("`9007199254740993`", "`9007199254740994`"),
    false,
  ],
  // Nulls.
  ["is null, where none is", "long", c("isNull"), stats(1, 5), false],
  ["is null, where some are", "long", c("isNull"), stats(1, 5, 1), true],
  ["is null, where nobody counted", "long", c("isNull"), stats(1, 5, null), true],
  ["is not null, where all are", "long", { not: c("isNull") }, NULLS_ONLY, false],
  ["a value, where all are null", "long", c("=", 1), NULLS_ONLY, false],
  ["a row is not null and null at once", "long", { and: [c("isNull"), c("=", 3)] }, stats(1, 5, 1), false],
  ["all null, if there were rows", "long", c("=", 1), '{"numRecords":0,"nullCount":{"c":0}}', true],
  // Deletion vectors: counts and bounds are of all rows, those that are deleted, too.
  ["wide bounds: the value of a bound may be deleted", "long", c("=", 3), stats(1, 5, 2, { tightBounds: false }), true],
  ["wide bounds are bounds", "long", c("=", 6), stats(1, 5, 2, { tightBounds: false }), false],
  [
    "wide bounds: whether nulls are left is not known",
    "long",
    { not: c("isNull") },
    stats(1, 5, 9, { tightBounds: false }),
    true,
  ],
  // NaN is above all numbers, and in the bounds of some writers only.
  ["NaN may be there and in no bound", "double", c(">", 5), stats(1, 5), true],
  ["but no row is NaN and at most 9", "double", between(6, 9), stats(1, 5), false],
  ["nor is NaN below", "double", c("<", 1), stats(1, 5), false],
  ["NaN equals NaN", "double", c("=", "NaN"), stats(1, 5), true],
  ["NaN as the upper bound tells nothing of numbers", "double", c("=", 100), stats(1, "NaN"), true],
  ["NaN as both bounds", "double", c("=", 0), stats("NaN", "NaN"), true],
  ["infinity", "double", c("=", 1e300), stats(1, "Infinity"), true],
  ["minus zero is zero", "double", c("=", 0), stats("`-0.0`", "`-0.0`"), true],
  ["a float is compared as one", "float", c("=", 0.1), stats("`0.1`", "`0.1`"), true],
  [
    "a float as another writer writes it",
    "float",
    c("=", 0.1),
    stats("`0.10000000149011612`", "`0.10000000149011612`"),
    true,
  ],
  // Texts are cut: below stays below, and above gets a last character.
  ["what a cut text begins with", "string", c("=", `${long32}zzz`), stats(long32, `${long32}\uffff`), true],
  ["above with a last character", "string", c("=", `${long32.slice(1)}z`), stats(long32, `${long32}\uffff`), false],
  ["cut without a last character", "string", c("=", `${long32}zzz`), stats("a", long32), true],
  ["beyond what begins with it", "string", c(">", "mz"), stats("a", long32), false],
  ["shorter ones are as they are", "string", c("=", "mm"), stats("a", "m"), false],
  ["characters beyond U+FFFF are above U+FFFF", "string", c("=", "😀"), stats("a", "\uffff"), false],
  ["and below their own bound", "string", c("=", "\uffff"), stats("a", "😀"), true],
  ["a beginning between the bounds", "string", c("startsWith", "m"), stats("a", "z"), true],
  ["a beginning at the lower bound", "string", c("startsWith", "m"), stats("mango", "z"), true],
  ["a beginning below", "string", c("startsWith", "l"), stats("mango", "z"), false],
  ["a beginning above", "string", c("startsWith", "zz"), stats("mango", "z"), false],
  ["not a beginning that all have", "string", { not: c("startsWith", "m") }, stats("mango", "melon"), false],
  ["binary is ordered by nobody", "binary", c("=", "z"), stats("a", "b"), true],
  ["char is padded by some", "char(3)", c("=", "z"), stats("a", "b"), true],
  ["varchar is a text", "varchar(3)", c("=", "z"), stats("a", "b"), false],
  // Times are cut to milliseconds.
  ["a microsecond above a bound that is cut", "timestamp", c("=", ns("123456")), stats(ns("123"), ns("123")), true],
  ["a millisecond above", "timestamp", c("=", ns("125000")), stats(ns("123"), ns("123")), false],
  ["below, where a writer rounds", "timestamp", c("=", ns("122600")), stats(ns("123"), ns("123")), true],
  [
    "a bound in another zone",
    "timestamp",
    c("=", ns("5")),
    stats("2026-01-31T13:00:00.500+01:00", "2026-01-31T13:00:00.500+01:00"),
    true,
  ],
  [
    "a bound of an unknown zone",
    "timestamp",
    c("=", "2026-01-31T20:00:00Z"),
    stats("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
    true,
  ],
  [
    "which is on no other day but one",
    "timestamp",
    c("=", "2026-02-03T00:00:00Z"),
    stats("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
    false,
  ],
  [
    "a local time that is stated with a zone",
    "timestamp_ntz",
    c("=", "2026-01-31 14:00:00"),
    stats(ns("0"), ns("0")),
    true,
  ],
  ["on another day", "timestamp_ntz", c("=", "2026-02-02 14:00:00"), stats(ns("0"), ns("0")), false],
  [
    "a date that became a time",
    "timestamp_ntz",
    c("=", "2026-01-31 00:00:00"),
    stats("2026-01-30", "2026-01-31"),
    true,
  ],
  ["dates", "date", c(">", "2026-01-31"), stats("2026-01-30", "2026-01-31"), false],
  // Decimals come as numbers, and from some writers through doubles.
  ["decimals of few digits are exact", "decimal(10,2)", c(">", "1.23"), stats("`1.00`", "`1.23`"), false],
  [
    "decimals of many digits are near",
    "decimal(38,10)",
    c("=", "12345678901234567.1"),
    stats(0, "`12345678901234566`"),
    true,
  ],
  ["though not far", "decimal(38,10)", c("=", "12345678901239999"), stats(0, "`12345678901234566`"), false],
  ["decimals as texts", "decimal(38,2)", c("=", "5"), stats("1.00", "4.00"), false],
  ["decimals below zero", "decimal(38,10)", c("=", "-12345678901234567.1"), stats("`-12345678901234566`", 0), true],
  ["booleans", "boolean", c("=", true), stats(false, false), false],
  // Beside what is known.
  ["an operator of tomorrow", "long", { column: "c", op: "modulo", value: 3 }, stats(1, 5), true],
  [
    "arrays have no bounds",
    { type: "array", elementType: "long", containsNull: true },
    c("isNull"),
    stats(1, 5),
    false,
  ],
];

describe("statistics", () => {
  for (const [what, type, predicate, text, kept] of TRAPS) {
    test(`${what}: ${kept ? "kept" : "passed over"}`, () => {
      const judge = compileFilePredicate(predicate, tableOf([{ name: "c", type }]), "/predicate");
      assert.equal(judge.mayMatch({ partitionValues: {}, ...(text === undefined ? {} : { stats: text }) }), kept);
    });
  }

  test("a float that became a double: its bounds are texts of floats, its values are doubles", () => {
    const typeChanges = [{ fromType: "float", toType: "double" }];
    const widened = tableOf([{ name: "c", type: "double", metadata: { "delta.typeChanges": typeChanges } }]);
    const predicate = c("=", 0.10000000149011612);
    const file = { partitionValues: {}, stats: stats("`0.1`", "`0.1`") };
    assert.equal(compileFilePredicate(predicate, widened, "").mayMatch(file), true);
    assert.equal(compileFilePredicate(predicate, tableOf([{ name: "c", type: "double" }]), "").mayMatch(file), false);
  });

  test("a long or an integer that became wider has bounds as before", () => {
    for (const type of ["long", "double", "decimal(20,0)"]) {
      const judge = compileFilePredicate(between(6, 9), tableOf([{ name: "c", type }]), "");
      assert.equal(judge.mayMatch({ partitionValues: {}, stats: stats(1, 5) }), false, type);
      assert.equal(judge.mayMatch({ partitionValues: {}, stats: stats(1, 6) }), true, type);
    }
  });

  test("a collation has an order of its own", () => {
    const collated = { __COLLATIONS: { c: "spark.UTF8_LCASE" } };
    const judge = compileFilePredicate(c("=", "B"), tableOf([{ name: "c", type: "string", metadata: collated }]), "");
    assert.equal(judge.mayMatch({ partitionValues: {}, stats: stats("a", "c") }), true);
  });

  const nested = [
    {
      name: "s",
      type: {
        type: "struct",
        fields: [
          { name: "X", type: "long" },
          { name: "a.b", type: "long" },
        ],
      },
    },
    { name: "s.dot", type: "long" },
    { name: "list", type: { type: "array", elementType: { type: "struct", fields: [{ name: "y", type: "long" }] } } },
  ] as const;

  test("members of structs, names with dots, and what is in a list", () => {
    const file = {
      partitionValues: {},
      stats:
        '{"numRecords":3,"minValues":{"s":{"X":1,"a.b":1},"s.dot":1},"maxValues":{"s":{"X":5,"a.b":5},"s.dot":5},"nullCount":{"s":{"X":0},"list":0}}',
    };
    const judged = (column: string, value: number) =>
      compileFilePredicate({ column, op: "=", value }, tableOf(nested as unknown as Field[]), "").mayMatch(file);
    for (const column of ["s.x", "S.A.B", "s.dot"]) {
      assert.deepEqual([judged(column, 3), judged(column, 6)], [true, false], column);
    }
    assert.equal(judged("list.y", 6), true);
    const nulls = compileFilePredicate({ column: "list.y", op: "isNull" }, tableOf(nested as unknown as Field[]), "");
    assert.equal(nulls.mayMatch(file), true);
  });

  test("physical names under column mapping, and logical ones without", () => {
    const fields = [
      { name: "c", type: "long", metadata: { "delta.columnMapping.physicalName": "col-1" } },
      { name: "p", type: "long", metadata: { "delta.columnMapping.physicalName": "col-2" } },
    ];
    const file = {
      partitionValues: { "col-2": "7", p: "8" },
      stats: '{"numRecords":3,"minValues":{"col-1":1,"c":100},"maxValues":{"col-1":5,"c":105},"nullCount":{"col-1":0}}',
    };
    const judged = (mapped: boolean, column: string, value: number) =>
      compileFilePredicate(
        { column, op: "=", value },
        tableOf(fields, { mapped, partitionColumns: ["p"] }),
        "",
      ).mayMatch(file);
    assert.deepEqual([judged(true, "c", 3), judged(true, "c", 103)], [true, false]);
    assert.deepEqual([judged(false, "c", 3), judged(false, "c", 103)], [false, true]);
    assert.deepEqual([judged(true, "P", 7), judged(true, "p", 8)], [true, false]);
    assert.deepEqual([judged(false, "p", 7), judged(false, "p", 8)], [false, true]);
  });

  test("partitions and statistics together; a column that is asked for often is still judged", () => {
    const table = tableOf(
      [
        { name: "c", type: "long" },
        { name: "p", type: "date" },
      ],
      { partitionColumns: ["p"] },
    );
    const day = { column: "p", op: "=", value: "2026-01-31" };
    const judged = (predicate: Json, p: string | null) =>
      compileFilePredicate(predicate, table, "").mayMatch({ partitionValues: { p }, stats: stats(1, 5) });
    assert.equal(judged({ and: [day, c("=", 3)] }, "2026-01-31"), true);
    assert.equal(judged({ and: [day, c("=", 9)] }, "2026-01-31"), false);
    assert.equal(judged({ and: [day, c("=", 3)] }, "2026-02-01"), false);
    assert.equal(judged({ or: [day, c("=", 9)] }, "2026-02-01"), false);
    assert.equal(judged({ or: [day, c("=", 9)] }, "2026-01-31"), true);
    assert.equal(judged({ not: day }, null), false);
    const often = { and: Array.from({ length: 100 }, (_, i) => c("<>", i)) };
    assert.equal(judged(often, "2026-01-31"), true);
    const columns = Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, type: "double" }));
    const many = { and: columns.map(({ name }) => ({ column: name, op: "=", value: 1 })) };
    const some = { partitionValues: {}, stats: '{"numRecords":3,"minValues":{"c0":2},"maxValues":{"c0":3}}' };
    assert.equal(compileFilePredicate(many, tableOf(columns), "").mayMatch(some), false);
  });
});

describe("what is wrong is pointed at", () => {
  const table = tableOf([
    { name: "amount", type: "long" },
    { name: "list", type: { type: "array", elementType: "long", containsNull: true } },
    { name: "doc", type: "variant" },
  ]);
  const WRONG: readonly [predicate: Json | undefined, at: string, hint: RegExp][] = [
    [{ column: "amuont", op: "=", value: 1 }, "/p/column", /Did you mean "amount"/],
    [{ column: "zzz", op: "=", value: 1 }, "/p/column", /columns are "amount", "list", "doc"/],
    [{ and: [{ column: "amount", op: ">", value: "five" }] }, "/p/and/0/value", /an integer from/],
    [{ column: "amount", op: "in", values: [1, "x"] }, "/p/values/1", /an integer from/],
    [{ column: "amount", op: "startsWith", value: "1" }, "/p/op", /./],
    [{ column: "list", op: "=", value: 1 }, "/p/op", /member of a struct/],
    [{ column: "doc", op: "<", value: 1 }, "/p/op", /member of a struct/],
    [{ column: "amount", op: "=", value: 1, values: [] }, "/p/values", /./],
    [undefined, "/p", /./],
  ];
  for (const [predicate, at, hint] of WRONG) {
    test(JSON.stringify(predicate) ?? "nothing", () => {
      assert.throws(
        () => compileFilePredicate(predicate as Json, table, "/p"),
        (error: unknown) => isLakeError(error, "invalid") && error.at === at && hint.test(error.hint ?? ""),
      );
    });
  }
});

test("statistics of some columns: numbers keep their digits, what is not by column stays", () => {
  const fields = [
    { name: "c", type: "long" },
    {
      name: "s",
      type: {
        type: "struct",
        fields: [
          { name: "x", type: "long" },
          { name: "y", type: "long" },
        ],
      },
    },
    { name: "z", type: "long" },
  ];
  const file = {
    path: "a",
    partitionValues: {},
    size: 1,
    modificationTime: 1,
    dataChange: true,
    stats:
      '{"numRecords":3,"minValues":{"c":9007199254740993,"s":{"x":1.0,"y":2},"z":1},"maxValues":{"z":1},"nullCount":{"s":{"x":0,"y":0}},"tightBounds":false}',
  };
  const kept = (columns: string[]) =>
    keepStatsOf(columns, tableOf(fields as unknown as Field[]), "/columns")(file).stats;
  assert.equal(
    kept(["C", "s.x"]),
    '{"numRecords":3,"minValues":{"c":9007199254740993,"s":{"x":1.0}},"maxValues":{},"nullCount":{"s":{"x":0}},"tightBounds":false}',
  );
  assert.equal(kept([]), '{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{},"tightBounds":false}');
  assert.match(kept(["s", "s.y"]) ?? "", /"minValues":\{"s":\{"x":1\.0,"y":2\}\}/);
  assert.throws(
    () => kept(["c", "q"]),
    (error: unknown) => isLakeError(error, "invalid") && error.at === "/columns/1",
  );
});
