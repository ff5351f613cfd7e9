/** Indexes for scans: whatever they hold, and however far they have come, a plan is what looking at every file gives. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { compileFilePredicate } from "../../lib/delta/predicates/file-predicate.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { addScanIndex, grantWishes, indexScans, wishForIndex } from "../../lib/operations/index-scans.ts";
import { planScan } from "../../lib/operations/plan-scan.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";
import { addOf, commitTo, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import { ID_COLUMN, ofLargeTables } from "../support/scan-wishes.ts";
import { codeOf } from "../support/table-facts.ts";

const FILES = 2100;
let lake: TestLake;
let tableId: string;
let byIndex = 0;

const field = (name: string, type: string) => ({ name, type, nullable: true, metadata: {} });
const schema = {
  type: "struct",
  fields: [field("id", "long"), field("name", "string"), field("x", "double"), field("day", "date")],
};
const dayOf = (i: number) =>
  i % 97 === 0 ? null : `2026-${String(1 + (i % 12)).padStart(2, "0")}-${String(1 + (i % 28)).padStart(2, "0")}`;
const name = (i: number) => `customer-${String(i).padStart(6, "0")}`;

/** Most files are narrow and in order; some are wide, some have no statistics, some only nulls. */
function file(i: number): Json {
  const width = i % 50 === 0 ? 3000 : 9;
  const bounds = {
    numRecords: 10,
    minValues: { id: i * 10, name: name(i), x: i / 10 },
    maxValues: { id: i * 10 + width, name: name(i + (i % 7)), x: i / 10 + 0.05 },
    nullCount: { id: 0, name: i % 3, x: 0 },
  };
  const nulls = { numRecords: 10, nullCount: { id: 10, name: 10, x: 10 } };
  const stats = i % 1000 === 7 ? {} : { stats: JSON.stringify(i % 500 === 3 ? nulls : bounds) };
  return addOf(`f${i}`, { partitionValues: { day: dayOf(i) }, ...stats });
}

before(async () => {
  const opened = await openTestLake();
  const catalog: Catalog = {
    ...opened.catalog,
    async readCandidates(...given) {
      byIndex += 1;
      return opened.catalog.readCandidates(...given);
    },
  };
  lake = opened.with({ catalog });
  const table = { name: "s.table", location: "file:///lake/s", schema, partitionColumns: ["day"] };
  ({ tableId } = await createTable(lake, table));
  await commitTo(
    lake,
    tableId,
    0,
    Array.from({ length: FILES }, (_, i) => file(i)),
  );
});
after(() => lake.close());

const ids = (low: number, high: number): Json => ({
  and: [
    { column: "id", op: ">=", value: low },
    { column: "id", op: "<=", value: high },
  ],
});
const PREDICATES: readonly Json[] = [
  ids(1000, 1005),
  ids(-5, -1),
  ids(5, 1),
  { column: "id", op: "in", values: [5, 7000, 14_000, 20_999] },
  { column: "name", op: "=", value: name(1432) },
  { column: "name", op: "startsWith", value: "customer-00001" },
  { column: "name", op: "=", value: "" },
  {
    and: [
      { column: "x", op: ">=", value: 100 },
      { column: "x", op: "<", value: 101 },
    ],
  },
  { column: "x", op: ">", value: 209.9 },
  { column: "day", op: "=", value: "2026-03-15" },
  { and: [{ column: "day", op: "=", value: "2026-03-15" }, ids(4000, 8000)] },
  { or: [ids(10, 20), { column: "id", op: "=", value: 13_333 }] },
  { or: [ids(10, 20), { column: "day", op: "=", value: "2026-03-15" }] },
  { and: [ids(10, 50), { not: { column: "id", op: "=", value: 30 } }] },
  { and: [ids(10, 50), { column: "name", op: "isNull" }] },
];

async function planned(predicate: Json, version: number, limit = 1000): Promise<string[]> {
  const paths: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const scan = await planScan(lake, { tableId }, { predicate, version, limit, ...(cursor ? { cursor } : {}) });
    paths.push(...scan.page.items.map(({ path }) => path));
    cursor = scan.page.next;
    if (cursor === undefined) return paths;
  }
}

const judged = new Map<number, (predicate: Json) => string[]>();

/** What looking at every file gives. */
async function lookedAt(version: number): Promise<(predicate: Json) => string[]> {
  const before = judged.get(version);
  if (before) return before;
  const { metadata } = await lake.catalog.readSummary(tableId, version);
  const table = tableDescription(metadata);
  const { items } = await lake.catalog.readFiles(tableId, version, { limit: 2 * FILES });
  const known = new Map<Json, string[]>();
  const look = (predicate: Json): string[] => {
    const judge = compileFilePredicate(predicate, table, "");
    const found = known.get(predicate) ?? items.filter((item) => judge.mayMatch(item)).map(({ path }) => path);
    known.set(predicate, found);
    return found;
  };
  judged.set(version, look);
  return look;
}

async function checkAll(version: number): Promise<void> {
  const every = await lookedAt(version);
  byIndex = 0;
  const some = STRIDE > 1 ? PREDICATES.filter((_, i) => i % 3 === 1) : PREDICATES;
  for (const predicate of some) {
    assert.deepEqual(await planned(predicate, version), every(predicate), JSON.stringify(predicate));
  }
  assert.ok(byIndex >= some.length / 2, `${byIndex} pages came by an index`);
}

test("columns without an index are told, those that cannot have one are refused", async () => {
  const told = new Set<string>();
  const onUnindexed = (_: string, columnId: string) => told.add(columnId);
  for (const predicate of PREDICATES) await planScan(lake, { tableId }, { predicate, limit: 1, onUnindexed });
  assert.equal(await wishForIndex(lake, tableId, '["data","id"]'), false, "the table is small");
  assert.deepEqual([...told].sort(), ['["data","id"]', '["data","name"]', '["data","x"]', '["partition","day"]']);
  assert.equal(await codeOf(addScanIndex(lake, { tableId }, "nothing")), "INVALID_REQUEST");
});

test("an index that is begun, half made, and made", async () => {
  for (const column of ["id", "name", "X", "day"]) await addScanIndex(lake, { tableId }, column);
  await addScanIndex(lake, { tableId }, "id");
  assert.equal((await lake.catalog.scanIndexes(tableId)).length, 4);
  await checkAll(1);
  let looks = 0;
  const signal = {
    get aborted() {
      looks += 1;
      return looks > 6;
    },
  };
  const some = await indexScans(lake, { signal });
  assert.ok(some > 0 && some < 4 * FILES, `${some}`);
  await checkAll(1);
  await indexScans(lake);
  assert.equal(await indexScans(lake), 0);
  await checkAll(1);
});

test("few rows are read where few files are found", async () => {
  const index = (await lake.catalog.scanIndexes(tableId)).find(({ columnId }) => columnId === '["data","id"]');
  assert.ok(index);
  assert.deepEqual([index.numRows, index.at.version], [FILES - Math.ceil((FILES - 3) / 500), 1], "nulls have no row");
  const wanted =
    PREDICATES.find((predicate) => JSON.stringify(predicate).includes(`"=","value":"${name(1432)}"`)) ?? null;
  byIndex = 0;
  assert.deepEqual(await planned(wanted, 1), (await lookedAt(1))(wanted));
  assert.equal(byIndex, 1);
});

test("commits go on: what is beyond the index is looked at, what was removed is not there, older versions stay", async () => {
  const gone = Array.from({ length: 60 }, (_, i) => removeOf(`f${i * 10}`));
  await commitTo(lake, tableId, 1, [...gone, file(FILES), file(FILES + 1)]);
  await commitTo(lake, tableId, 2, [removeOf("f101"), file(101_000)]);
  for (const version of [1, 3]) await checkAll(version);
  await indexScans(lake);
  for (const version of [2, 3]) await checkAll(version);
});

test("pages of any size; an index that is dropped between two of them", async () => {
  const every = (await lookedAt(3))(ids(8000, 12_000));
  for (const limit of [30, 150]) assert.deepEqual(await planned(ids(8000, 12_000), 3, limit), every, `${limit}`);
  const first = await planScan(lake, { tableId }, { predicate: ids(8000, 12_000), limit: 50 });
  for (const { indexId } of await lake.catalog.scanIndexes(tableId)) await lake.catalog.dropScanIndex(indexId);
  const { next } = first.page;
  const rest = await planScan(lake, { tableId }, { predicate: ids(8000, 12_000), limit: 1000, cursor: next ?? "" });
  assert.deepEqual(
    [...first.page.items, ...rest.page.items].map(({ path }) => path),
    every,
  );
});

test("rows of a dropped index go; one that is begun later serves from its version on", async () => {
  await addScanIndex(lake, { tableId }, "id");
  await indexScans(lake);
  assert.equal(await lake.catalog.sweepScanBounds(1), false);
  const every = await Promise.all([2, 3].map((version) => lookedAt(version)));
  byIndex = 0;
  assert.deepEqual(await planned(ids(500, 505), 2), every[0]?.(ids(500, 505)));
  assert.equal(byIndex, 0);
  assert.deepEqual(await planned(ids(500, 505), 3), every[1]?.(ids(500, 505)));
  assert.ok(byIndex > 0);
});

test("two workers at once: each file is in the index once", async () => {
  await commitTo(
    lake,
    tableId,
    3,
    Array.from({ length: 600 }, (_, i) => file(200_000 + i)),
  );
  await Promise.all([indexScans(lake), indexScans(lake)]);
  const [index] = await lake.catalog.scanIndexes(tableId);
  const every = await lookedAt(4);
  assert.ok(index && index.numRows < FILES + 700, `${index?.numRows}`);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 22_000 }), fc.nat({ max: 300 }), async (low, width) => {
      assert.deepEqual(await planned(ids(low, low + width), 4), every(ids(low, low + width)));
    }),
    { numRuns: Math.ceil(30 / STRIDE) },
  );
});

test("a run that ends within a version is gone on with; one index that fails holds up no other, and how far it is behind is told", async () => {
  for (const { indexId } of await lake.catalog.scanIndexes(tableId)) await lake.catalog.dropScanIndex(indexId);
  const { tableId: broken } = await createTable(lake, { name: "s.broken", location: "file:///lake/broken", schema });
  await addScanIndex(lake, { tableId: broken }, "id");
  await addScanIndex(lake, { tableId }, "id");
  const catalog: Catalog = {
    ...lake.catalog,
    async filesToIndex(...given) {
      if (given[0] === broken) throw new Error("of this one nothing can be read");
      return lake.catalog.filesToIndex(...given);
    },
  };
  const metric = (name: string) => lake.metricsSeen.filter((seen) => seen.name === name).at(-1)?.value;
  let runs = 0;
  for (; ; runs += 1) {
    assert.ok(runs < 50, "each run comes further");
    let batches = 0;
    const signal = {
      get aborted() {
        return batches > 0;
      },
    };
    const some: Catalog = {
      ...catalog,
      async advanceScanIndex(...given) {
        batches += 1;
        return catalog.advanceScanIndex(...given);
      },
    };
    if ((await indexScans(lake.with({ catalog: some }), { signal })) === 0) break;
  }
  assert.ok(runs >= (FILES + 600) / 500, `${runs} runs of one batch`);
  assert.deepEqual([metric("ScanIndexFailures"), metric("ScanIndexBehind")], [1, 1], "the other one has not begun");
  const [index] = await lake.catalog.scanIndexes(tableId);
  assert.deepEqual(
    [index?.at.version, await lake.catalog.scanIndexesBehind()],
    [4, await lake.catalog.scanIndexes(broken).then((all) => all.map((one) => ({ ...one, headVersion: 0 })))],
  );
  byIndex = 0;
  assert.deepEqual(
    await planned(ids(200_000 * 10, 200_000 * 10 + 50), 4),
    (await lookedAt(4))(ids(200_000 * 10, 200_000 * 10 + 50)),
  );
  assert.ok(byIndex > 0);
  await indexScans(lake);
  assert.equal(metric("ScanIndexBehind"), 0);
});

test("wishes: granted where a table is large, forgotten where it is small, gone or has such an index, and one that fails holds up no other", async () => {
  for (const { indexId } of await lake.catalog.scanIndexes(tableId)) await lake.catalog.dropScanIndex(indexId);
  const wish = (columnId: string, table = tableId) => lake.catalog.addScanWish({ tableId: table, columnId });
  const grant = async (of: Lake) => {
    const failed: string[] = [];
    const begun = await grantWishes(of, { onFailure: ({ columnId }) => void failed.push(columnId) });
    return { begun: begun.map(({ columnId }) => columnId), failed };
  };
  await wish(ID_COLUMN);
  assert.deepEqual(await grant(lake), { begun: [], failed: [] });
  await wish("no column");
  for (let i = 0; i < 2; i += 1) await wish(ID_COLUMN);
  await wish(ID_COLUMN, crypto.randomUUID());
  const large = ofLargeTables(lake);
  const { addScanIndex: begin } = large.catalog;
  const failing: Lake = {
    ...large,
    catalog: {
      ...large.catalog,
      addScanIndex: async (index) => (index.columnId.includes("name") ? assert.fail("not now") : begin(index)),
    },
  };
  await wish('["data","name"]');
  assert.deepEqual(await grant(failing), { begun: [ID_COLUMN], failed: ['["data","name"]'] });
  assert.deepEqual(await lake.catalog.scanWishes(9), []);
  await wish(ID_COLUMN);
  assert.deepEqual(await grant(large), { begun: [], failed: [] });
});
