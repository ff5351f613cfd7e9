/** Scan planning over a catalog: the files that a predicate needs at a version, in pages, with counts. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { listFiles } from "../../lib/operations/lists.ts";
import { planScan } from "../../lib/operations/plan-scan.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { codeOf } from "../support/table-facts.ts";

let lake: TestLake;
let tableId: string;
const day = (i: number) => `d${i % 3}`;
const file = (i: number, stats: object | undefined = bounds(i)) =>
  addOf(`f${i}`, { partitionValues: { day: day(i) }, ...(stats ? { stats: JSON.stringify(stats) } : {}) });
const bounds = (i: number) => ({
  numRecords: 10,
  minValues: { id: i * 10 },
  maxValues: { id: i * 10 + 9 },
  nullCount: { id: 0 },
});
const ids = (low: number, high: number): Json => ({
  and: [
    { column: "id", op: ">=", value: low },
    { column: "id", op: "<=", value: high },
  ],
});

before(async () => {
  lake = await openTestLake();
  tableId = await newTable(lake, "p.table", { partitionColumns: ["day"] });
  await commitTo(
    lake,
    tableId,
    0,
    Array.from({ length: 30 }, (_, i) => file(i)),
  );
  await commitTo(lake, tableId, 1, [removeOf("f5"), file(30), addOf("blind", { partitionValues: { day: "d0" } })]);
});
after(() => lake.close());

type Options = Partial<Parameters<typeof planScan>[2]>;
const plan = (predicate: Json, options: Options = {}) =>
  planScan(lake, { tableId }, { predicate, limit: 1000, ...options });

async function pathsOf(predicate: Json, options: Options = {}): Promise<string[]> {
  const paths: string[] = [];
  let last = 0;
  for (let cursor: string | undefined; ; ) {
    const scan = await plan(predicate, cursor === undefined ? options : { ...options, cursor });
    paths.push(...scan.page.items.map(({ path }) => path));
    last = scan.keptAfter(scan.page.items.length);
    cursor = scan.page.next;
    if (cursor === undefined) break;
  }
  assert.equal(last, paths.length, "the last page counts all");
  return paths;
}

test("by statistics, by partition, by both; a file without statistics is in every one", async () => {
  assert.deepEqual(await pathsOf(ids(95, 111)), ["f9", "f10", "f11", "blind"]);
  assert.deepEqual(await pathsOf({ and: [ids(95, 111), { column: "day", op: "=", value: "d1" }] }), ["f10"]);
  assert.equal((await pathsOf({ column: "day", op: "in", values: ["d0"] })).length, 12);
  assert.deepEqual(await pathsOf({ column: "id", op: "isNull" }), ["blind"]);
  const { total, version } = await plan(ids(0, 5));
  assert.deepEqual([total, version], [31, 2]);
});

test("at a version, and at a moment", async () => {
  assert.deepEqual(await pathsOf(ids(50, 55)), ["blind"]);
  assert.deepEqual(await pathsOf(ids(50, 55), { version: 1 }), ["f5"]);
  const { timestamp } = await plan(ids(0, 0), { version: 1 });
  assert.deepEqual(await pathsOf(ids(50, 55), { timestamp }), ["f5"]);
  assert.equal(await codeOf(plan(ids(0, 0), { version: 9 })), "VERSION_NOT_FOUND");
});

test("pages of any size give each file once, and what is written of a page can be less", async () => {
  const wanted = await pathsOf(ids(100, 299));
  assert.equal(wanted.length, 21);
  for (const limit of [1, 2, 20, 21, 22]) assert.deepEqual(await pathsOf(ids(100, 299), { limit }), wanted, `${limit}`);
  assert.deepEqual(await pathsOf(ids(100, 299), { maxBytes: 500 }), wanted);
  const first = await plan(ids(100, 299), { limit: 5 });
  const cursor = first.page.cursorAfter(2);
  const rest = await plan(ids(100, 299), { cursor });
  assert.deepEqual([...wanted.slice(0, 2), ...rest.page.items.map(({ path }) => path)], wanted);
  assert.equal(rest.keptAfter(rest.page.items.length), 21);
});

test("all pages show the version of the first; a cursor belongs to its table, list and predicate", async () => {
  const id = await newTable(lake, "p.paged", { partitionColumns: ["day"] });
  await commitTo(lake, id, 0, [file(1), file(2), file(3)]);
  const at = (options: Options) => planScan(lake, { tableId: id }, { predicate: ids(0, 100), limit: 1, ...options });
  const { page } = await at({});
  await commitTo(lake, id, 1, [removeOf("f2"), removeOf("f3"), file(4)]);
  const cursor = page.next ?? assert.fail("one page");
  const second = await at({ cursor });
  assert.deepEqual([second.version, second.page.items[0]?.path, second.total], [1, "f2", 3]);
  assert.equal(await codeOf(at({ cursor, predicate: ids(0, 99) })), "INVALID_CURSOR");
  assert.equal(await codeOf(at({ cursor, version: 2 })), "INVALID_CURSOR");
  assert.equal(await codeOf(plan(ids(0, 100), { cursor })), "INVALID_CURSOR");
  assert.equal(await codeOf(listFiles(lake, { tableId: id }, { cursor, limit: 1 })), "INVALID_CURSOR");
  const files = await listFiles(lake, { tableId: id }, { limit: 1 });
  assert.equal(await codeOf(at({ cursor: files.page.next ?? "" })), "INVALID_CURSOR");
  for (const wrong of ["x", cursor.replace(/\.[0-9a-f]{16}$/, ""), `${cursor}0`]) {
    assert.equal(await codeOf(at({ cursor: wrong })), "INVALID_CURSOR", wrong);
  }
});

test("statistics of the columns that are asked for", async () => {
  const scan = await plan(ids(0, 5), { columns: [] });
  assert.equal(scan.page.items[0]?.stats, '{"numRecords":10,"minValues":{},"maxValues":{},"nullCount":{}}');
  assert.equal((await plan(ids(0, 5), { columns: ["ID"] })).page.items[0]?.stats, JSON.stringify(bounds(0)));
});
