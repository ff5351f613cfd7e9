/** The compaction plan of a table: of its head, by its properties, in bounded memory, and what is left to engines. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { type CompactionOptions, planCompaction } from "../../lib/operations/compact-plan.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { addOf, commitTo, newTable, openTestLake, SCHEMA, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

async function planOf(tableId: string, options: CompactionOptions = {}) {
  const { groups, ...plan } = await planCompaction(lake, { tableId }, options);
  const found: { partition: string | null | undefined; paths: string[] }[] = [];
  for await (const { partitionValues, files } of groups) {
    found.push({ partition: partitionValues.day, paths: files.map(({ file }) => file.path) });
  }
  return { ...plan, groups: found };
}

const daily = (path: string, day: string | null, size = 30): Json =>
  addOf(path, { size, partitionValues: { day }, stats: '{"numRecords":10}' });

test("the head is planned, by the table's own target, and by partition", async () => {
  const configuration = { "delta.targetFileSize": "100b" };
  const tableId = await newTable(lake, "p.daily", { partitionColumns: ["day"], configuration });
  await commitTo(lake, tableId, 0, [daily("b1", "b"), daily("a1", "a"), daily("n1", null), daily("big", "a", 80)]);
  await commitTo(lake, tableId, 1, [daily("a2", "a"), daily("b2", "b"), daily("n2", null), daily("c1", "c")]);
  const plan = await planOf(tableId);
  assert.deepEqual(plan.groups, [
    { partition: "a", paths: ["a1", "a2"] },
    { partition: "b", paths: ["b1", "b2"] },
    { partition: null, paths: ["n1", "n2"] },
  ]);
  assert.deepEqual([plan.version, plan.target.targetBytes, plan.leftToEngines], [2, 100, undefined]);
  assert.deepEqual([plan.totals.files, plan.totals.smallFiles, plan.totals.partitions], [8, 7, 4]);
  assert.deepEqual((await planOf(tableId, { partition: { day: "b" } })).groups, [plan.groups[1]]);
  assert.deepEqual((await planOf(tableId, { partition: { day: null } })).groups, [plan.groups[2]]);
  assert.deepEqual((await planOf(tableId, { maxBytes: 1 })).groups, plan.groups.slice(0, 1), "at least one");
  assert.deepEqual((await planOf(tableId, { maxBytes: 120 })).groups, plan.groups.slice(0, 2));
  assert.deepEqual((await planOf(tableId, { minFiles: 3 })).groups, []);
  await assert.rejects(planOf(tableId, { partition: { id: "1" } }), { kind: "invalid", hint: "It has: day." });
});

test("a partition value is found in any of its spellings", async () => {
  const schema = {
    ...SCHEMA,
    fields: [{ name: "n", type: "integer", nullable: true, metadata: {} }, ...SCHEMA.fields],
  };
  const { tableId } = await createTable(lake, {
    name: "p.numbers",
    location: "file:///lake/p.numbers",
    schema,
    partitionColumns: ["n"],
  });
  await commitTo(
    lake,
    tableId,
    0,
    ["x", "y"].map((path) => addOf(path, { partitionValues: { n: "7" } })),
  );
  assert.equal((await planOf(tableId, { partition: { n: "+07" } })).groups.length, 1);
  await assert.rejects(planOf(tableId, { partition: { n: "seven" } }), { kind: "invalid" });
});

test("more files than a page holds are planned without a gap", async () => {
  const tableId = await newTable(lake, "p.many");
  const paths = Array.from({ length: 5003 }, (_, i) => `f${i}`);
  await commitTo(
    lake,
    tableId,
    0,
    paths.map((path) => addOf(path)),
  );
  const { groups } = await planOf(tableId);
  assert.deepEqual(
    groups.flatMap((group) => group.paths),
    paths,
  );
  assert.ok(
    groups.every((group) => group.paths.length <= 1000),
    "whoever rewrites a group opens all of its files",
  );
});

test("what only an engine can keep is left to it, by name", async () => {
  const cases: [name: string, configuration: Record<string, string>, schema: object, problem: RegExp | undefined][] = [
    ["plain", {}, SCHEMA, undefined],
    ["cdf", { "delta.enableChangeDataFeed": "true" }, SCHEMA, undefined],
    ["append", { "delta.appendOnly": "true" }, SCHEMA, undefined],
    ["widening", { "delta.enableTypeWidening": "true" }, SCHEMA, /has the feature typeWidening/],
    [
      "variant",
      {},
      { ...SCHEMA, fields: [...SCHEMA.fields, { name: "v", type: "variant", nullable: true, metadata: {} }] },
      /has the feature variantType/,
    ],
    ["rows", { "delta.enableRowTracking": "true" }, SCHEMA, undefined],
  ];
  for (const [name, configuration, schema, problem] of cases) {
    const wanted = { name: `p.left_${name}`, location: `file:///lake/p.left_${name}`, schema, configuration };
    const { tableId } = await createTable(lake, wanted as Parameters<typeof createTable>[1]);
    const { leftToEngines } = await planOf(tableId);
    if (problem === undefined) assert.equal(leftToEngines, undefined, name);
    else assert.match(leftToEngines ?? "", problem, name);
  }
});
