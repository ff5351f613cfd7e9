/** Vacuum: what only versions beyond the retention have goes, and nothing else, whatever happens meanwhile. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { invalid } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { listFiles } from "../../lib/operations/lists.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { type VacuumOptions, vacuumTable } from "../../lib/operations/vacuum.ts";
import { crashPoint, dying } from "../support/crash.ts";
import {
  addOf,
  commitTo,
  newTable,
  openTestLake,
  removeOf,
  request,
  SCHEMA,
  STRIDE,
  type TestLake,
} from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

const DAY = 86_400_000;
const BODY = new TextEncoder().encode("0123456789");
const UUID = "00000000-0000-4000-8000-000000000000";

async function put(lake: TestLake, location: string, ...keys: string[]): Promise<void> {
  for (const key of keys) await lake.store(location).put(key, BODY);
}

async function keysOf(lake: TestLake, location: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of lake.store(location).list("")) if (!key.startsWith("_delta_log/")) keys.push(key);
  return keys;
}

const vacuum = (lake: TestLake, tableId: string, options: Partial<VacuumOptions> = {}) =>
  vacuumTable(lake, { tableId }, { remove: true, ...options });

/** Lets the clock of the test go by; commits on PostgreSQL go by the clock of the database, so the retention is what passes. */
async function openTable(name: string, options: Parameters<typeof newTable>[2] = {}) {
  const lake = await openTestLake();
  const tableId = await newTable(lake, name, options);
  return { lake, tableId, location: `file:///lake/${name}` };
}

describe("vacuum", () => {
  test("shows first; removes what was removed long enough ago, and says so in the history", async () => {
    const { lake, tableId, location } = await openTable("v.first");
    await put(lake, location, "a.parquet", "b.parquet", "c.parquet", "stray.parquet");
    await commitTo(lake, tableId, 0, [addOf("a.parquet"), addOf("b.parquet")]);
    await commitTo(lake, tableId, 1, [removeOf("a.parquet"), addOf("c.parquet")]);
    lake.clock.time += 8 * DAY;
    const shown = await vacuum(lake, tableId, { remove: false });
    assert.deepEqual([shown.files, shown.bytes, shown.oldestReadable, shown.removed], [1, 100n, 2, false]);
    assert.equal((await keysOf(lake, location)).length, 4);
    assert.equal((await lake.catalog.findTable({ tableId }))?.version, 2);

    const done = await vacuum(lake, tableId);
    assert.deepEqual([done.files, done.bytes, done.failed, done.startVersion, done.endVersion], [1, 100n, 0, 3, 4]);
    assert.deepEqual(await keysOf(lake, location), ["b.parquet", "c.parquet", "stray.parquet"]);
    const { items } = await lake.catalog.history(tableId, { limit: 2 });
    assert.deepEqual(
      items.map(({ commitInfo }) => [
        commitInfo?.operation,
        commitInfo?.operationParameters,
        commitInfo?.operationMetrics,
      ]),
      [
        ["VACUUM END", { status: "COMPLETED" }, { numDeletedFiles: "1", numVacuumedDirectories: "1" }],
        [
          "VACUUM START",
          { retentionCheckEnabled: "true", defaultRetentionMillis: "604800000", retainedFromVersion: "2" },
          { numFilesToDelete: "1", sizeOfDataToDelete: "100" },
        ],
      ],
    );
    const files = (version: number) => listFiles(lake, { tableId }, { version, limit: 10 });
    assert.deepEqual(
      (await files(2)).page.items.map(({ path }) => path),
      ["b.parquet", "c.parquet"],
    );
    await assert.rejects(files(1), { code: "VERSION_VACUUMED", kind: "notFound" });
    const again = await vacuum(lake, tableId);
    assert.deepEqual([again.files, again.startVersion], [0, undefined], "what is gone is remembered");
    await lake.close();
  });

  test("what was removed within the retention stays; --retain overrides; less than a day needs force", async () => {
    const { lake, tableId, location } = await openTable("v.retain");
    await put(lake, location, "a");
    await commitTo(lake, tableId, 0, [addOf("a")]);
    await commitTo(lake, tableId, 1, [removeOf("a")]);
    lake.clock.time += 2 * DAY;
    assert.equal((await vacuum(lake, tableId)).files, 0);
    await assert.rejects(vacuum(lake, tableId, { retainMs: DAY / 2 }), { code: "RETENTION_TOO_SHORT" });
    assert.equal((await vacuum(lake, tableId, { retainMs: 3 * DAY })).files, 0);
    assert.equal((await vacuum(lake, tableId, { retainMs: DAY / 2, force: true, remove: false })).files, 1);
    assert.equal((await vacuum(lake, tableId, { retainMs: DAY })).files, 1);
    assert.deepEqual(await keysOf(lake, location), []);
    await lake.close();
  });

  test("a path that came back is kept, and one that vacuum has taken cannot come back", async () => {
    const { lake, tableId, location } = await openTable("v.restore");
    await put(lake, location, "back", "gone");
    await commitTo(lake, tableId, 0, [addOf("back"), addOf("gone")]);
    await commitTo(lake, tableId, 1, [removeOf("back"), removeOf("gone")]);
    lake.clock.time += 8 * DAY;
    assert.equal(await commitTo(lake, tableId, 2, [addOf("back")]), 3);
    assert.equal((await vacuum(lake, tableId)).files, 1);
    assert.deepEqual(await keysOf(lake, location), ["back"]);
    await assert.rejects(commitTo(lake, tableId, 5, [addOf("gone")]), { code: "FILE_VACUUMED", kind: "invalid" });
    await assert.rejects(commitTo(lake, tableId, 2, [addOf("gone")]), { code: "FILE_VACUUMED" });
    assert.equal(await commitTo(lake, tableId, 5, [addOf("new"), removeOf("back")]), 6);
    assert.equal(await commitTo(lake, tableId, 6, [addOf("back")]), 7, "removed since: its data is there");
    await lake.close();
  });

  test("a commit that re-adds a path while vacuum runs either keeps the file, or is refused", async () => {
    for (let stop = 0; stop < 40; stop += STRIDE) {
      const { lake, tableId, location } = await openTable(`v.race${stop}`);
      await put(lake, location, "f");
      await commitTo(lake, tableId, 0, [addOf("f")]);
      await commitTo(lake, tableId, 1, [removeOf("f")]);
      await mirrorTable(lake, tableId);
      lake.clock.time += 8 * DAY;
      let calls = 0;
      let restored: Promise<unknown> | undefined;
      const racing = lake.with({
        catalog: new Proxy(lake.catalog, {
          get(target, key, receiver) {
            const value: unknown = Reflect.get(target, key, receiver);
            if (typeof value !== "function") return value;
            return async (...args: unknown[]) => {
              if (calls++ === stop) {
                restored = commitTo(lake, tableId, 2, [addOf("f")]).catch((error: unknown) => error);
                await restored;
              }
              return value.apply(target, args);
            };
          },
        }),
      });
      await vacuum(racing, tableId);
      const outcome = await restored;
      const isThere = (await keysOf(lake, location)).includes("f");
      const isLive = (await lake.catalog.findTable({ tableId }))?.numFiles === 1;
      assert.equal(isLive, typeof outcome === "number");
      if (isLive) assert.ok(isThere, `the file of a live version is gone; the commit came before call ${stop}`);
      await lake.close();
      if (restored === undefined) return;
    }
    assert.fail("the loop ends");
  });

  test("edge 23: a file of deletion vectors goes with the last vector in it", async () => {
    const { lake, tableId, location } = await openTable("v.vectors", {
      configuration: { "delta.enableDeletionVectors": "true" },
    });
    const { encodeZ85 } = await import("../../lib/delta/values/z85.ts");
    const name = encodeZ85(
      Uint8Array.from(UUID.replaceAll("-", "").match(/../g) ?? [], (hex) => Number.parseInt(hex, 16)),
    );
    assert.equal(name.length, 20);
    const bin = `deletion_vector_${UUID}.bin`;
    const vector = (offset: number): Json => ({
      ...{ storageType: "u", pathOrInlineDv: name, offset, sizeInBytes: 36, cardinality: 1 },
    });
    const stats = '{"numRecords":10,"tightBounds":false}';
    const add = (path: string, offset: number) => addOf(path, { deletionVector: vector(offset), stats });
    await put(lake, location, "a", "b", bin);
    await commitTo(lake, tableId, 0, [add("a", 1), add("b", 45)]);
    await commitTo(lake, tableId, 1, [removeOf("a", { deletionVector: vector(1) })]);
    lake.clock.time += 8 * DAY;
    assert.equal((await vacuum(lake, tableId)).files, 1);
    assert.deepEqual(await keysOf(lake, location), ["b", bin].sort());
    await commitTo(lake, tableId, 4, [
      removeOf("b", { deletionVector: vector(45) }),
      addOf("b", { stats: '{"numRecords":10}' }),
    ]);
    lake.clock.time += 8 * DAY;
    assert.equal((await vacuum(lake, tableId)).files, 1, "the vectors alone");
    assert.deepEqual(await keysOf(lake, location), ["b"]);
    await assert.rejects(
      commitTo(lake, tableId, 7, [removeOf("b"), add("b", 45)]),
      { code: "FILE_VACUUMED" },
      "the data file is there, its vector is not",
    );
    await lake.close();
  });

  test("change data goes with its version; files named by a clone stay", async () => {
    const { lake, tableId, location } = await openTable("v.cdf", {
      configuration: { "delta.enableChangeDataFeed": "true" },
    });
    const cdc = (path: string): Json => ({ cdc: { path, partitionValues: {}, size: 7, dataChange: false } });
    await put(lake, location, "a", "b", "_change_data/1", "_change_data/2", "_change_data/3");
    const first = request({
      tableId,
      readVersion: 0,
      supportedFeatures: { writer: ["changeDataFeed"] },
      actions: [addOf("a"), addOf("b")],
    });
    await commit(lake, first);
    for (const [i, actions] of [
      [removeOf("a"), cdc("_change_data/1")],
      [removeOf("b"), cdc("_change_data/2")],
    ].entries()) {
      const supportedFeatures = { writer: ["changeDataFeed"] };
      await commit(lake, request({ tableId, readVersion: i + 1, supportedFeatures, actions }));
    }
    const clone = await createTable(lake, {
      ...{ name: "v.clone", location: "file:///lake/v.clone", schema: SCHEMA },
      configuration: { "deltalakedb.allowPathsOutsideTable": "true" },
    });
    await commitTo(lake, clone.tableId, 0, [addOf(`${location}/a`)]);
    lake.clock.time += 8 * DAY;
    const done = await vacuum(lake, tableId);
    assert.deepEqual([done.files, done.bytes], [2, 107n]);
    assert.deepEqual(await keysOf(lake, location), ["_change_data/2", "_change_data/3", "a"]);
    await lake.close();
  });

  test("orphans: what no version named goes when it is old; hidden files, uploads and other tables stay", async () => {
    const { lake, tableId, location } = await openTable("v.orphans");
    const kept = ["_hidden/x", ".tmp.crc", "d/_metadata", "live", "other/_delta_log/0.json", "other/A", "recent"];
    await put(
      lake,
      location,
      "stray",
      "d/stray",
      "_change_data/stray",
      `deletion_vector_${UUID}.bin`,
      "removed",
      ...kept,
    );
    await commitTo(lake, tableId, 0, [addOf("live"), addOf("removed")]);
    await commitTo(lake, tableId, 1, [removeOf("removed")]);
    lake.clock.time += 8 * DAY;
    await put(lake, location, "recent");
    const shown = await vacuum(lake, tableId, { orphans: true, remove: false });
    assert.deepEqual([shown.orphans, shown.removed], [5, false]);
    const done = await vacuum(lake, tableId, { orphans: true });
    assert.equal(done.files, 5);
    assert.deepEqual(await keysOf(lake, location), [...kept].sort());
    await lake.close();
  });

  test("killed at any call: what is retained is there, the history is in order, and the next run finishes", async () => {
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STRIDE) {
        assert.ok(at < 100, "the loop ends");
        const { lake, tableId, location } = await openTable(`v.crash_${when}${at}`);
        await put(lake, location, "a", "b", "c", "stray");
        await commitTo(lake, tableId, 0, [addOf("a"), addOf("b"), addOf("c")]);
        await commitTo(lake, tableId, 1, [removeOf("a")]);
        await commitTo(lake, tableId, 2, [removeOf("b")]);
        await mirrorTable(lake, tableId);
        lake.clock.time += 8 * DAY;
        const point = crashPoint(at, when);
        const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
        await vacuum(doomed, tableId, { orphans: true }).catch((error: unknown) =>
          assert.ok(point.dead, String(error)),
        );
        done = !point.dead;
        assert.ok((await keysOf(lake, location)).includes("c"));
        await assertTheorem(lake, tableId);
        assert.equal((await vacuum(lake, tableId, { orphans: true })).failed, 0);
        assert.deepEqual(await keysOf(lake, location), ["c"]);
        await assert.rejects(commitTo(lake, tableId, 3, [addOf("a")]), { code: "FILE_VACUUMED" });
        await mirrorTable(lake, tableId);
        await assertTheorem(lake, tableId);
        await lake.close();
      }
    }
  });

  test("files that cannot be removed are told, and are tried again", async () => {
    const { lake, tableId, location } = await openTable("v.denied");
    await put(lake, location, "a", "b");
    await commitTo(lake, tableId, 0, [addOf("a"), addOf("b")]);
    await commitTo(lake, tableId, 1, [removeOf("a"), removeOf("b")]);
    lake.clock.time += 8 * DAY;
    const denied = lake.with({
      store: (store) => ({
        ...store,
        remove: async (keys) => [
          ...(await store.remove(keys.filter((key) => key !== "b"))),
          { key: "b", error: invalid("access is denied") },
        ],
      }),
    });
    const first = await vacuum(denied, tableId);
    assert.deepEqual([first.files, first.failed, first.failure], [1, 1, "access is denied"]);
    assert.deepEqual(await keysOf(lake, location), ["b"]);
    const { items } = await lake.catalog.history(tableId, { limit: 1 });
    assert.deepEqual(items[0]?.commitInfo?.operationParameters, { status: "FAILED" });
    const again = await vacuum(lake, tableId);
    assert.equal(again.failed, 0);
    assert.deepEqual(await keysOf(lake, location), []);
    await lake.close();
  });

  test("nothing goes before the log has VACUUM START, nor where the log is not as SQL takes it for", async () => {
    const { lake, tableId, location } = await openTable("v.foreign");
    await put(lake, location, "a");
    await commitTo(lake, tableId, 0, [addOf("a")]);
    await commitTo(lake, tableId, 1, [removeOf("a")]);
    await mirrorTable(lake, tableId);
    lake.clock.time += 8 * DAY;
    // Somebody has added the file again behind our back.
    await put(lake, location, "_delta_log/00000000000000000003.json");
    await assert.rejects(vacuum(lake, tableId), { code: "CATALOG_BEHIND_LOG" });
    await lake.catalog.setQuarantine(tableId, "a foreign commit");
    await assert.rejects(vacuum(lake, tableId), { code: "MIRROR_STOPPED", kind: "conflict" });
    assert.deepEqual(await keysOf(lake, location), ["a"]);
    await lake.close();
  });
});
