/** Conditions as people write them: the predicates that they stand for, and where they are wrong. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../lib/cli/failure.ts";
import { parseWhere } from "../../lib/cli/where.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { invalid, type LakeError } from "../../lib/errors.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { commitTo } from "../support/lake.ts";
import { dl } from "./run.ts";

const is = (column: string, op: string, value?: Json): Json => ({
  column,
  op,
  ...(value === undefined ? {} : { value }),
});
const a = is("a", "=", "1");
const b = is("b", "=", "2");
const c = is("c", "=", "3");

const MEANS: readonly [text: string, predicate: Json][] = [
  ["a = 1", a],
  ["a=1", a],
  ["a == 1", a],
  ["(((a = 1)))", a],
  ["a = 1 and b = 2 or c = 3", { or: [{ and: [a, b] }, c] }],
  ["a = 1 AND (b = 2 Or c = 3)", { and: [a, { or: [b, c] }] }],
  ["not a = 1 and b = 2", { and: [{ not: a }, b] }],
  ["not (a = 1 and b = 2)", { not: { and: [a, b] } }],
  ["not not a = 1", { not: { not: a } }],
  ["a != 1 and a <> 1", { and: [is("a", "<>", "1"), is("a", "<>", "1")] }],
  ["a<=-5.5e3", is("a", "<=", "-5.5e3")],
  ["t >= 2026-01-31T12:00:00+01:00", is("t", ">=", "2026-01-31T12:00:00+01:00")],
  ["t >= timestamp '2026-01-31 12:00:00'", is("t", ">=", "2026-01-31 12:00:00")],
  ["day = date '2026-01-31'", is("day", "=", "2026-01-31")],
  ["day = date", is("day", "=", "date")],
  ["city = 'O''Hare and (co)'", is("city", "=", "O'Hare and (co)")],
  ["city = ''", is("city", "=", "")],
  [
    '"or" = 1 and `a b`.c = 2 and "say ""x""" = 3',
    { and: [is("or", "=", "1"), is("a b.c", "=", "2"), is('say "x"', "=", "3")] },
  ],
  ["address.city is null", is("address.city", "isNull")],
  ["a is not null", { not: is("a", "isNull") }],
  ["a in (1,'2', 3)", { column: "a", op: "in", values: ["1", "2", "3"] }],
  ["a not in (1)", { not: { column: "a", op: "in", values: ["1"] } }],
  ["a between 1 and 2 and b = 2", { and: [{ and: [is("a", ">=", "1"), is("a", "<=", "2")] }, b] }],
  ["a not between 1 and 2", { not: { and: [is("a", ">=", "1"), is("a", "<=", "2")] } }],
  ["s like 'x%'", is("s", "startsWith", "x")],
  ["s not like 'x%'", { not: is("s", "startsWith", "x") }],
  ["s like '%'", is("s", "startsWith", "")],
  ["s like 'x'", is("s", "=", "x")],
  ["städte = Zürich", is("städte", "=", "Zürich")],
];
for (const [text, predicate] of MEANS) {
  test(text, () => assert.deepEqual(parseWhere(text).predicate, predicate));
}

const WRONG: readonly [text: string, character: number][] = [
  ["", 1],
  ["a", 2],
  ["a =", 4],
  ["a = and", 5],
  ["a = null", 5],
  ["a = 1 b = 2", 7],
  ["a = 1 and", 10],
  ["(a = 1", 7],
  ["a = 1)", 6],
  ["a in 1", 6],
  ["a in ()", 7],
  ["a in (1", 8],
  ["a between 1", 12],
  ["a is 1", 6],
  ["a not 1", 7],
  ["a like '%x'", 8],
  ["a like 'x_'", 8],
  ["'a' = 1", 1],
  ["1 = 'x", 5],
  ["and = 1", 1],
  ['a = "b"', 5],
  ["a = 1; drop", 8],
  ["(".repeat(100), 42],
  [`${"not ".repeat(100)}a = 1`, 169],
];
for (const [text, character] of WRONG) {
  test(`wrong: ${text.slice(0, 40)}`, () => {
    assert.throws(
      () => parseWhere(text),
      (error: unknown) => error instanceof UsageError && error.message.includes(` at character ${character}: `),
    );
  });
}

test("a pointer into the predicate is a character of the text", () => {
  const text = "a = 1 and (b in (2, x) or not c between 4 and 5)";
  const { explain } = parseWhere(text);
  const placeOf = (at: string) => (explain(invalid("no", { at }), "/predicate") as LakeError).at;
  const whole = "character 1 of --where: a = 1 and (b in (2, x) or not …";
  assert.equal(placeOf("/predicate"), whole);
  assert.equal(placeOf("/predicate/and/0/column"), whole);
  assert.equal(placeOf("/predicate/and/0/value"), "character 5 of --where: 1 and (b in (2, x) or not c be…");
  assert.match(placeOf("/predicate/and/1/or/0/values/1") ?? "", /^character 21 of --where: x\)/);
  assert.match(placeOf("/predicate/and/1/or/1/not/and/1/value") ?? "", /^character 47 of --where: 5\)/);
  assert.match(placeOf("/predicate/and/1/or/1/not/and/0/op") ?? "", /^character 31 of --where: c between/);
  assert.equal(placeOf("/predicates"), "/predicates");
  const other = new Error("x");
  assert.equal(explain(other, "/predicate"), other);
});

test("dl files --where: the files, how many of how many, and what is wrong with a condition", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dl-where-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { DATABASE_URL: join(folder, "lake.sqlite") };
  const lake = await openLocalLake({ database: env.DATABASE_URL, verifyFiles: "off" });
  await lake.catalog.migrate();
  const fields = [{ name: "id", type: "long", nullable: true, metadata: {} }];
  const table = { name: "a.b", location: `file://${folder}/t`, schema: { type: "struct", fields } };
  const { tableId } = await createTable(lake, table);
  const files = [1, 2, 3].map((id) => ({
    path: `${id}.parquet`,
    stats: JSON.stringify({ numRecords: 1, minValues: { id }, maxValues: { id }, nullCount: { id: 0 } }),
  }));
  await commitTo(
    lake,
    tableId,
    0,
    files.map((file) => ({ add: { ...file, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } })),
  );
  await lake.close();
  const where = (condition: string, ...more: string[]) =>
    dl(["files", "--table", "a.b", "--where", condition, ...more], { env });
  const found = JSON.parse((await where("id > 1 or id is null", "--format", "json")).stdout);
  assert.deepEqual([found.files.length, found.totalFiles, found.keptFiles], [2, 3, 2]);
  assert.match((await where("id = 3")).stderr, /^1 of 3 files at version 1 of /);
  const unknown = await where("id = 3 and ix = 4");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no column "ix"\nat: character 12 of --where: ix = 4\nhint: Did you mean "id"/);
  const malformed = await where("id = 3 and");
  assert.equal(malformed.code, 64);
  assert.match(malformed.stderr, /--where: expected a column at character 11: its end/);
});
