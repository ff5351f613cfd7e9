/** Compaction beside writers, crashes and damage: rows stay what they are, writers win, nothing unfinished shows. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { openRewriter } from "../../lib/compaction/rewriter.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { openTableFiles } from "../../lib/files/table-files.ts";
import { compactTable } from "../../lib/operations/compact.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { FileRewriter, Lake, ObjectStore } from "../../lib/ports.ts";
import { inlineVector, vectorFile } from "../interop/differential/vectors.ts";
import { all } from "../support/catalog-plans.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { commitTo, newTable, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import { putRows } from "../support/parquet-rows.ts";
import { tableRows } from "../support/table-rows.ts";
import { assertStatistics } from "../support/table-statistics.ts";
import { assertTheorem } from "../support/theorem.ts";

let base: TestLake;
before(async () => {
  base = await openTestLake();
});
after(() => base.close());

const place = (name: string) => `file:///lake/${name}`;
const dvTable = { configuration: { "delta.enableDeletionVectors": "true" } };

/** The lake that also looks at files, and what rewrites them there. */
function opened(around: (store: ObjectStore) => ObjectStore = (store) => store): {
  lake: Lake;
  rewriter: FileRewriter;
} {
  const openStore = (location: string) => around(base.store(location));
  const files = {
    byDefault: "off" as const,
    open: (location: string, options: { readonly timeoutMs: number }) => openTableFiles(openStore(location), options),
  };
  return { lake: { ...base, files }, rewriter: openRewriter({ openStore }) };
}

/** A table with `count` files of ten rows, of which each has lost its second and third. */
async function smallFiles(name: string, count: number): Promise<{ tableId: string; store: ObjectStore }> {
  const tableId = await newTable(base, name, dvTable);
  const store = base.store(place(name));
  const adds: Json[] = [];
  for (let i = 0; i < count; i += 1) {
    const query = `select ${i} * 100 + range as id, 'day ' || range as "day" from range(10)`;
    const stats = '{"numRecords":10,"tightBounds":false}';
    adds.push(await putRows(store, `f${i}.parquet`, query, { deletionVector: inlineVector([1, 2]), stats }));
  }
  await commitTo(base, tableId, 0, adds);
  return { tableId, store };
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) if (!key.startsWith("_")) keys.push(key);
  return keys;
}

async function liveFiles(tableId: string) {
  const head = await base.catalog.findTable({ tableId });
  return all((page) => base.catalog.readFiles(tableId, head?.version ?? 0, { limit: 100, ...page }));
}

test("small files become one, as Spark's OPTIMIZE says it", async () => {
  const { tableId, store } = await smallFiles("k.plain", 3);
  const before = await tableRows(base, tableId, store);
  const { lake, rewriter } = opened();
  const result = await compactTable(lake, rewriter, { tableId });
  assert.deepEqual([result.versions, result.removedFiles, result.addedFiles], [[2], 3, 1]);
  assert.deepEqual(await tableRows(base, tableId, store), before);
  assert.equal(before.length, 24);
  await assertStatistics(base, tableId, store);
  const [commit] = await base.catalog.readCommits(tableId, 2, 2);
  assert.ok(commit?.actions.commitInfo);
  const { operation, operationMetrics, isolationLevel, isBlindAppend } = commit.actions.commitInfo;
  assert.deepEqual([operation, isolationLevel, isBlindAppend], ["OPTIMIZE", "SnapshotIsolation", false]);
  const metrics = operationMetrics as Record<string, string>;
  assert.equal(metrics.numDeletionVectorsRemoved, "3");
  assert.equal(metrics.numAddedBytes, String(commit.actions.adds[0]?.size));
  const { adds, removes } = commit.actions;
  assert.ok([...adds, ...removes].every(({ dataChange }) => !dataChange));
  assert.equal((await mirrorTable(base, tableId)).error, undefined);
  assert.equal(await assertTheorem(base, tableId), 2);
});

test("a file without rows left is only removed", async () => {
  const tableId = await newTable(base, "k.gone", dvTable);
  const store = base.store(place("k.gone"));
  const rows = Array.from({ length: 5 }, (_, i) => i);
  const more = { deletionVector: inlineVector(rows), stats: '{"numRecords":5,"tightBounds":false}' };
  await commitTo(base, tableId, 0, [await putRows(store, "f", "select range as id, 'x' as day from range(5)", more)]);
  const { lake, rewriter } = opened();
  const result = await compactTable(lake, rewriter, { tableId });
  assert.deepEqual([result.removedFiles, result.addedFiles, await liveFiles(tableId)], [1, 0, []]);
  assert.deepEqual(await keysOf(store), ["f"]);
});

test("writers win: what they take away meanwhile is not brought back, and the rest is tried again", async () => {
  const { tableId, store } = await smallFiles("k.conflict", 4);
  const { lake, rewriter } = opened();
  let meddled = 0;
  const beside: FileRewriter = {
    ...rewriter,
    async rewrite(job) {
      const written = await rewriter.rewrite(job);
      meddled += 1;
      const vector = { deletionVector: inlineVector([1, 2]) };
      if (meddled === 1) assert.equal(await commitTo(base, tableId, 1, [removeOf("f2.parquet", vector)], {}), 2);
      if (meddled === 2) {
        const more = await putRows(store, "new.parquet", "select 7::bigint as id, 'new' as day");
        assert.equal(await commitTo(base, tableId, 2, [more], {}), 3, "an append is in nobody's way");
      }
      return written;
    },
  };
  const result = await compactTable(lake, beside, { tableId });
  assert.deepEqual([result.gaveWay, result.versions], [1, [4, 5]]);
  const ids = (await tableRows(base, tableId, store)).map(({ values }) => Math.floor(Number(values.id) / 100));
  assert.deepEqual([...new Set(ids)].sort(), [0, 1, 3], "the removed file stays away");
  const named = (await liveFiles(tableId)).map(({ path }) => path);
  const former = ["f0.parquet", "f1.parquet", "f2.parquet", "f3.parquet", "new.parquet"];
  const keys = (await keysOf(store)).filter((key) => !former.includes(key));
  assert.equal(named.length, 1);
  assert.ok(keys.includes(named[0] ?? ""));
  assert.equal(keys.length, 2, "the file that gave way is gone; that of version 4 is for VACUUM");
});

test("a writer who changes the same rows again and again does not keep it busy for ever", async () => {
  const { tableId } = await smallFiles("k.busy", 2);
  const { lake, rewriter } = opened();
  let version = 1;
  const beside: FileRewriter = {
    ...rewriter,
    async rewrite(job) {
      const written = await rewriter.rewrite(job);
      const live = (await liveFiles(tableId)).find(({ path }) => path === "f0.parquet");
      const rows = version % 2 ? [3, 4] : [1, 2];
      const old = { deletionVector: inlineVector(version % 2 ? [1, 2] : [3, 4]) };
      const { path = "", size = 0 } = live ?? {};
      const next = {
        add: {
          path,
          partitionValues: {},
          size,
          modificationTime: 1,
          dataChange: true,
          deletionVector: inlineVector(rows),
          stats: '{"numRecords":10,"tightBounds":false}',
        },
      };
      version = Number(await commitTo(base, tableId, version, [removeOf("f0.parquet", old), next as Json], {}));
      return written;
    },
  };
  const result = await compactTable(lake, beside, { tableId });
  assert.deepEqual([result.versions, result.removedFiles], [[], 0]);
  assert.equal(result.gaveWay, 10);
});

test("it ends at a signal, and at a number of bytes, with whole groups", async () => {
  const { tableId, store } = await smallFiles("k.ends", 6);
  const before = await tableRows(base, tableId, store);
  const { lake, rewriter } = opened();
  const [file] = await liveFiles(tableId);
  const two = Number(file?.size) * 2 * 0.9;
  const signal = { aborted: true };
  assert.deepEqual((await compactTable(lake, rewriter, { tableId }, { targetBytes: two, signal })).stopped, "signal");
  const some = await compactTable(lake, rewriter, { tableId }, { targetBytes: two, maxBytes: two * 2 });
  assert.equal(some.stopped, "maxBytes");
  assert.ok(some.versions.length > 0 && some.removedFiles < 6, JSON.stringify(some));
  assert.deepEqual(await tableRows(base, tableId, store), before);
});

test("a crash at any call leaves the same rows, and the next run finishes", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE * 2 - 1) {
      assert.ok(at < 200, "the loop ends");
      const { tableId, store } = await smallFiles(`k.crash_${when}${at}`, 2);
      const rows = await tableRows(base, tableId, store);
      const point = crashPoint(at, when);
      const { lake, rewriter } = opened((s) => dying(s, point));
      await compactTable({ ...lake, catalog: dying(lake.catalog, point) }, rewriter, { tableId }).catch(
        (error: unknown) => assert.ok(error instanceof Crash || point.dead, String(error)),
      );
      done = !point.dead;
      assert.deepEqual(await tableRows(base, tableId, store), rows, `rows after a crash ${when} call ${at}`);
      const { lake: sound, rewriter: writer } = opened();
      await compactTable(sound, writer, { tableId });
      assert.deepEqual(await tableRows(base, tableId, store), rows);
      assert.equal((await liveFiles(tableId)).length, 1);
    }
  }
});

test("damage is named, and nothing changes", async () => {
  const cut = await smallFiles("k.cut", 2);
  const whole = await cut.store.get("f1.parquet");
  await cut.store.put("f1.parquet", whole?.bytes.slice(0, 100) ?? new Uint8Array());
  const gone = await smallFiles("k.missing", 2);
  await gone.store.remove(["f1.parquet"]);
  const other = await smallFiles("k.other", 2);
  const misfit = await putRows(other.store, "other.parquet", "select 'text' as id, 'x' as day");
  await commitTo(base, other.tableId, 1, [misfit]);
  const flipped = await vectorInFile("k.flipped", (bytes) => bytes.with(bytes.length - 6, (bytes.at(-6) ?? 0) ^ 1));
  const short = await vectorInFile("k.short", (bytes) => bytes.slice(0, -3));
  const { lake, rewriter } = opened();
  for (const { tableId, store } of [cut, gone, other, flipped, short]) {
    const keys = await keysOf(store);
    const version = (await base.catalog.findTable({ tableId }))?.version;
    await assert.rejects(
      compactTable(lake, rewriter, { tableId }),
      (error) => isLakeError(error) && error.kind !== "internal",
    );
    assert.equal((await base.catalog.findTable({ tableId }))?.version, version);
    assert.deepEqual(await keysOf(store), keys);
  }
});

/** A file whose deletion vector is in a file that is damaged. */
async function vectorInFile(name: string, damage: (bytes: Uint8Array) => Uint8Array) {
  const folder = mkdtempSync(join(tmpdir(), "dl-vector-"));
  const { file, vector } = vectorFile(folder, [1, 2]);
  const tableId = await newTable(base, name, dvTable);
  const store = base.store(place(name));
  await store.put(basename(file), damage(new Uint8Array(readFileSync(file))));
  rmSync(folder, { recursive: true });
  const more = { deletionVector: vector, stats: '{"numRecords":9,"tightBounds":false}' };
  await commitTo(base, tableId, 0, [await putRows(store, "f", "select range as id, 'x' as day from range(9)", more)]);
  return { tableId, store };
}

const EVERY_TYPE: readonly (readonly [name: string, type: Json, sql: string])[] = [
  ["id", "long", "case when range % 7 = 0 then null else (range - 5) * 1000000000000001 end"],
  ["i", "integer", "(range * 7919 % 2000 - 1000)::integer"],
  ["s", "short", "(range % 300 - 150)::smallint"],
  ["b", "byte", "(range % 256 - 128)::tinyint"],
  ["f", "float", "case when range = 3 then 'nan'::float when range = 4 then '-inf'::float else range::float / 7 end"],
  ["d", "double", "case when range = 5 then 'inf'::double else sin(range) end"],
  ["e", "decimal(38,10)", "(range * 123456789.0123456789)::decimal(38,10)"],
  ["y", "boolean", "range % 3 = 0"],
  ["t", "string", "case when range % 5 = 0 then null else repeat('ä€𝒳', (range % 20)::bigint) || range end"],
  ["x", "binary", "encode('bytes ' || range)"],
  ["day", "date", "date '1969-12-25' + range::integer"],
  ["at", "timestamp", "timestamptz '1969-12-31 23:59:59.999999+00' + to_microseconds(range * 333333)"],
  ["wall", "timestamp_ntz", "timestamp '9999-12-31 23:59:59' + to_microseconds(range)"],
  [
    "p",
    { type: "struct", fields: [field("x", "double"), field("n", "string"), field("__proto__", "long")] },
    "{'x': range / 2, 'n': case when range % 2 = 0 then 'n' || range end, '__proto__': range}",
  ],
  ["l", { type: "array", elementType: "long", containsNull: true }, "[range, null, range + 1]"],
  [
    "m",
    {
      type: "map",
      keyType: "string",
      valueType: { type: "array", elementType: "date", containsNull: true },
      valueContainsNull: true,
    },
    "map {'k' || range: [date '2024-02-29', null]}",
  ],
];

function field(name: string, type: Json): { [name: string]: Json } {
  return { name, type, nullable: true, metadata: {} };
}

test("every type keeps its values, also where older files lack columns or parts of them", async () => {
  const name = "k.types";
  const schema = { type: "struct", fields: EVERY_TYPE.map(([column, type]) => field(column, type)) };
  const { tableId } = await createTable(base, {
    name,
    location: place(name),
    schema,
    configuration: { "delta.dataSkippingNumIndexedCols": "-1" },
  });
  const store = base.store(place(name));
  const query = (columns: typeof EVERY_TYPE, rows: string) =>
    `select ${columns.map(([column, , sql]) => `${sql} as "${column}"`).join(", ")} from ${rows}`;
  const older = EVERY_TYPE.map(([column, type, sql]) =>
    column === "p" ? ([column, type, "{'n': 'old'}"] as const) : ([column, type, sql] as const),
  );
  await commitTo(base, tableId, 0, [
    await putRows(store, "a.parquet", query(EVERY_TYPE, "range(20)")),
    await putRows(store, "b.parquet", query(older.slice(5), "range(20, 45)")),
    await putRows(store, "c.parquet", query(EVERY_TYPE.slice(0, 1), "range(45, 50)")),
    await putRows(store, "d.parquet", query(EVERY_TYPE.toReversed(), "range(50, 60)")),
  ]);
  const before = await tableRows(base, tableId, store);
  const { lake, rewriter } = opened();
  const result = await compactTable(lake, rewriter, { tableId });
  assert.deepEqual([result.removedFiles, result.addedFiles], [4, 1]);
  assert.deepEqual(await tableRows(base, tableId, store), before);
  await assertStatistics(base, tableId, store);
});
