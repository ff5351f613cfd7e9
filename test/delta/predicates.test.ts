/** Typed partition predicates: what they match, what is malformed, and that they decide conflicts (docs/api.md; docs/delta-rules.md §4). */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compilePredicate } from "../../lib/delta/predicates.ts";
import { tableProperties } from "../../lib/delta/properties/properties.ts";
import { parseSchema } from "../../lib/delta/schema/schema.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { metadata } from "../support/builders.ts";

const schema = parseSchema(
  JSON.stringify({
    type: "struct",
    fields: [
      { name: "day", type: "date", nullable: true, metadata: { "delta.columnMapping.physicalName": "day" } },
      { name: "n", type: "integer", nullable: true, metadata: { "delta.columnMapping.physicalName": "n" } },
      { name: "Mapped", type: "string", nullable: true, metadata: { "delta.columnMapping.physicalName": "col-1" } },
      { name: "data", type: "long", nullable: true, metadata: {} },
    ],
  }),
  "",
);
const table = metadata({
  partitionColumns: ["day", "n", "Mapped"],
  configuration: { "delta.columnMapping.mode": "name" },
});
const compile = (predicate: Json) =>
  compilePredicate(predicate, { metadata: table, schema, properties: tableProperties(table) }, "/p");
const file = (values: Record<string, string | null>) => ({ day: null, n: null, "col-1": null, ...values });

const CASES: readonly [what: string, predicate: Json, values: Record<string, string | null>, matches: boolean][] = [
  ["equal as typed values", { column: "n", op: "=", value: 1 }, { n: "01" }, true],
  ["a value as text or as number", { column: "n", op: "=", value: "1" }, { n: "1" }, true],
  ["another value", { column: "n", op: "=", value: 2 }, { n: "1" }, false],
  ["numbers order as numbers", { column: "n", op: "<", value: 9 }, { n: "10" }, false],
  ["dates order as dates", { column: "day", op: ">=", value: "2026-01-31" }, { day: "2026-02-01" }, true],
  ["names ignore case", { column: "DAY", op: "=", value: "2026-01-31" }, { day: "2026-01-31" }, true],
  ["physical names in the file", { column: "mapped", op: "=", value: "x" }, { "col-1": "x" }, true],
  ["in", { column: "n", op: "in", values: [1, "2"] }, { n: "2" }, true],
  ["not in", { not: { column: "n", op: "in", values: [1, 2] } }, { n: "2" }, false],
  ["null equals nothing", { column: "n", op: "=", value: 1 }, { n: null }, false],
  ["null differs from nothing", { column: "n", op: "<>", value: 1 }, { n: null }, false],
  ["not of unknown is unknown", { not: { column: "n", op: "=", value: 1 } }, { n: null }, false],
  ["isNull", { column: "n", op: "isNull" }, { n: "" }, true],
  [
    "and",
    {
      and: [
        { column: "n", op: ">", value: 0 },
        { column: "day", op: "isNull" },
      ],
    },
    { n: "1" },
    true,
  ],
  [
    "or",
    {
      or: [
        { column: "n", op: ">", value: 5 },
        { column: "day", op: "isNull" },
      ],
    },
    { n: "1" },
    true,
  ],
  [
    "false and unknown is false, its negation true",
    {
      not: {
        and: [
          { column: "n", op: "=", value: 1 },
          { column: "day", op: "=", value: "2026-01-01" },
        ],
      },
    },
    { n: "2" },
    true,
  ],
  ["a data column may match anything", { column: "data", op: "=", value: 7 }, { n: "1" }, true],
  ["and so may its negation", { not: { column: "data", op: "=", value: 7 } }, { n: "1" }, true],
  [
    "a data column narrowed by a partition",
    {
      and: [
        { column: "data", op: "=", value: 7 },
        { column: "n", op: "=", value: 2 },
      ],
    },
    { n: "1" },
    false,
  ],
  ["an unknown operator may match anything", { column: "n", op: "like", value: "1" }, { n: "2" }, true],
  ["and so may its negation, also by an inherited name", { not: { column: "n", op: "constructor" } }, { n: "2" }, true],
  ["a value that is none of its type may be anything", { column: "n", op: "=", value: 1 }, { n: "one" }, true],
];
for (const [what, predicate, values, matches] of CASES) {
  test(`${what}: ${matches}`, () => assert.equal(compile(predicate)(file(values)), matches));
}

const MALFORMED: readonly [what: string, predicate: Json, at: string][] = [
  ["no object", "n = 1", "/p"],
  ["no operator", { column: "n" }, "/p/op"],
  ["an unknown column", { column: "nope", op: "isNull" }, "/p/column"],
  ["a value of another type", { column: "n", op: "=", value: "x" }, "/p/value"],
  ["null as value", { column: "n", op: "=", value: null }, "/p/value"],
  ["no value", { column: "n", op: "=" }, "/p/value"],
  ["a member too many", { column: "n", op: "isNull", value: 1 }, "/p/value"],
  ["an empty and", { and: [] }, "/p/and"],
  ["deep inside", { and: [{ not: { column: "n", op: "=", value: {} } }] }, "/p/and/0/not/value"],
];
for (const [what, predicate, at] of MALFORMED) {
  test(`malformed: ${what}`, () => {
    assert.throws(
      () => compile(predicate),
      (error) => isLakeError(error, "invalid") && error.at === at,
    );
  });
}

test("and, or, not agree with SQL's three-valued logic", () => {
  type Tree = { readonly json: Json; readonly truth: (n: number | null) => boolean | null };
  const leaf = fc.tuple(fc.constantFrom("=", "<", ">="), fc.integer({ min: 0, max: 3 })).map(
    ([op, value]): Tree => ({
      json: { column: "n", op, value },
      truth: (n) => (n === null ? null : op === "=" ? n === value : op === "<" ? n < value : n >= value),
    }),
  );
  const isNull = fc.constant<Tree>({ json: { column: "n", op: "isNull" }, truth: (n) => n === null });
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      isNull,
      tie("tree").map((t): Tree => ({ json: { not: t.json }, truth: (n) => negate(t.truth(n)) })),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map(
        (ts): Tree => ({
          json: { and: ts.map((t) => t.json) },
          truth: (n) => conjunction(ts.map((t) => t.truth(n))),
        }),
      ),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map(
        (ts): Tree => ({
          json: { or: ts.map((t) => t.json) },
          truth: (n) => negate(conjunction(ts.map((t) => negate(t.truth(n))))),
        }),
      ),
    ),
  }));
  const value = fc.option(fc.integer({ min: 0, max: 3 }));
  fc.assert(
    fc.property(
      tree,
      value,
      (t, n) => compile(t.json)(file({ n: n === null ? null : String(n) })) === (t.truth(n) === true),
    ),
  );
});

function negate(truth: boolean | null): boolean | null {
  return truth === null ? null : !truth;
}

function conjunction(truths: readonly (boolean | null)[]): boolean | null {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

const typed = (type: Json, more: { nullable?: boolean; metadata?: Record<string, Json> } = {}) => {
  const fields = [{ name: "p", type, nullable: true, metadata: {}, ...more }];
  const schemaString = JSON.stringify({ type: "struct", fields });
  const described = tableDescription(metadata({ partitionColumns: ["p"], schemaString }));
  return (predicate: Json) => {
    const matches = compilePredicate(predicate, described, "/p");
    return (text: string | null) => matches({ p: text });
  };
};
const p = (op: string, value: Json): Json => ({ column: "p", op, value });
const anyOf = (...values: Json[]): Json => ({ column: "p", op: "in", values });
const BY_TYPE: readonly [type: string, predicate: Json, text: string, matches: boolean][] = [
  ["double", p(">", 5), "NaN", true],
  ["double", p("=", "NaN"), "NaN", true],
  ["double", p("<", "NaN"), "Infinity", true],
  ["double", p("=", 0), "-0.0", true],
  ["float", p("=", 0.1), "0.10000000149011612", true],
  ["double", p("=", 0.1), "0.10000000149011612", false],
  ["string", p("<", "😀"), "\uffee", true],
  ["string", p(">", "😀"), "\uffee", false],
  ["binary", p("<", "😀"), "\uffee", true],
  ["decimal(38,2)", p("<", "0.1000000000000000000000000000000000001"), "0.10", true],
  ["decimal(10,2)", p("=", "1e0"), "1.00", true],
  ["char(3)", p("=", "a"), "a  ", true],
  ["timestamp", p("=", "2026-01-31T12:00:00Z"), "2026-01-31 13:00:00+01:00", true],
  // Its writer's zone may be any.
  ["timestamp", p("=", "2026-01-31T12:00:00Z"), "2026-01-31 20:00:00", true],
  ["timestamp", { not: p("=", "2026-01-31T12:00:00Z") }, "2026-01-31 12:00:00", true],
  ["timestamp", p("=", "2026-01-31T12:00:00Z"), "2026-02-02 12:00:00", false],
  [
    "timestamp",
    anyOf("2026-01-31T00:00:00Z", "2026-01-31 12:00:00", "2026-03-01T00:00:00Z"),
    "2026-01-31 12:00:00",
    true,
  ],
  [
    "timestamp",
    anyOf("2026-01-31T00:00:00Z", "2026-01-31 12:00:00", "2026-03-01T00:00:00Z"),
    "2026-01-31T20:00:00Z",
    true,
  ],
  [
    "timestamp",
    anyOf("2026-01-31T00:00:00Z", "2026-01-31 12:00:00", "2026-03-01T00:00:00Z"),
    "2026-02-10 12:00:00",
    false,
  ],
  ["timestamp", { not: anyOf("2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z") }, "2026-01-31 05:00:00", true],
  ["boolean", p("=", true), "TRUE", true],
  ["date", p(">", "9999-12-31"), "+10000-01-01", true],
];
for (const [type, predicate, text, matches] of BY_TYPE) {
  test(`${type} ${JSON.stringify(predicate)} on ${JSON.stringify(text)}: ${matches}`, () => {
    assert.equal(typed(type)(predicate)(text), matches);
  });
}

test("an empty text of an imported table is null, and also a text where some readers take it for one", () => {
  const isNull = { column: "p", op: "isNull" };
  for (const type of ["string", "binary", "varchar(3)"]) {
    for (const predicate of [isNull, p("=", ""), p("<", "a"), { not: isNull }]) {
      assert.equal(typed(type)(predicate)(""), true, `${type} ${JSON.stringify(predicate)}`);
    }
    assert.equal(typed(type)(p("=", "a"))(""), false);
    assert.equal(typed(type, { nullable: false })(isNull)(""), false);
  }
  assert.equal(typed("integer")(p("<", 1))(""), false);
});

test("a collated column may match whatever is not the same text", () => {
  const collated = typed("string", { metadata: { __COLLATIONS: { p: "spark.UTF8_LCASE" } } });
  assert.equal(collated(p("=", "A"))("a"), true);
  assert.equal(collated({ not: p("=", "A") })("a"), true);
  assert.equal(collated({ column: "p", op: "isNull" })("a"), false);
});

test("a member of a struct is a data column", () => {
  const fields = [
    { name: "p", type: "string" },
    { name: "s", type: { type: "struct", fields: [{ name: "x", type: "long" }] } },
  ];
  const schemaString = JSON.stringify({ type: "struct", fields });
  const described = tableDescription(metadata({ partitionColumns: ["p"], schemaString }));
  assert.equal(compilePredicate({ column: "S.x", op: "=", value: 1 }, described, "/p")({ p: "a" }), true);
  assert.throws(() => compilePredicate({ column: "p.x", op: "isNull" }, described, "/p"));
});

test("a long list is searched, not walked through, for each of many files", () => {
  const values = Array.from({ length: 100_000 }, (_, i) => String(i * 2));
  const matches = typed("long")(anyOf(...values));
  for (let i = 0; i < 100_000; i += 1) assert.equal(matches(String(i)), i % 2 === 0);
});
