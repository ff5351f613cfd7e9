/** After a restore to an earlier moment: commits are refused until the logs are cut or SQL has gone on to their ends. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { logsAboveHeads, setLogsAside } from "../../lib/operations/backups/set-log-aside.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { isRecovered, recoverAll } from "../../lib/operations/recover.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { BackupPlace, Catalog, ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

interface Past {
  readonly lake: TestLake;
  readonly place: BackupPlace;
  readonly tables: readonly [string, string];
  /** A moment at which both tables had version 3; they are at 7 now, with checkpoints at 2, 4 and 6. */
  readonly moment: number;
}

async function past(): Promise<Past> {
  const lake = await openTestLake(SQLITE_ENGINE);
  const place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  const configuration = { "delta.checkpointInterval": "2" };
  const tables = [
    await newTable(lake, "t.a", { configuration }),
    await newTable(lake, "t.b", { configuration }),
  ] as const;
  let moment = 0;
  for (let v = 0; v < 7; v += 1) {
    lake.clock.time += 1000;
    const actions = [addOf(`f${v}`), ...(v > 0 && v % 2 === 0 ? [removeOf(`f${v - 1}`)] : [])];
    await commit(lake, request(...tables.map((tableId) => ({ tableId, readVersion: v, actions }))));
    for (const tableId of tables) await mirrorTable(lake, tableId);
    if (v === 2) moment = lake.clock.time;
    if (v === 4) await backupCatalog(lake, place);
  }
  return { lake, place, tables, moment };
}

/** What is restored, beside the same logs. */
async function back(
  { lake, place }: Past,
  until: { timestamp: number } | undefined,
  work: (restored: TestLake, catalog: Catalog) => Promise<void>,
): Promise<void> {
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  try {
    await restoreCatalog(catalog, place, until === undefined ? {} : { until });
    await work(lake.with({ catalog }), catalog);
  } finally {
    await catalog.close();
    await database.drop();
  }
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

describe("after a restore", () => {
  test("to an earlier moment: refused, then set aside, then everything goes on", async () => {
    const then = await past();
    const { lake, tables, moment } = then;
    await back(then, { timestamp: moment }, async (restored) => {
      const [a, b] = tables;
      for (const id of tables) {
        await assert.rejects(commitTo(restored, id, 3, [addOf("x")]), { code: "CATALOG_BEHIND_LOG" });
      }
      assert.deepEqual(
        (await logsAboveHeads(restored)).map(({ version, logVersion }) => [version, logVersion]),
        [
          [3, 7],
          [3, 7],
        ],
      );
      const before = await keysOf(lake.store("file:///lake/t.a"), "_delta_log/");
      const done = await setLogsAside(restored);
      // Four commits, two checkpoints and the hint, each.
      assert.deepEqual(
        done.map(({ files, version }) => [files, version]),
        [
          [7, 3],
          [7, 3],
        ],
      );
      const store = lake.store("file:///lake/t.a");
      const folder = `${done[0]?.folder}/`;
      const aside = (await keysOf(store, folder)).map((key) => key.slice(folder.length));
      assert.deepEqual([...aside, ...(await keysOf(store, "_delta_log/"))].sort(), before, "nothing is gone");
      assert.deepEqual(await logsAboveHeads(restored), []);
      assert.deepEqual(await setLogsAside(restored), []);
      for (const id of tables) assert.equal(await assertTheorem(restored, id), 3);
      lake.clock.time += 1000;
      const both = [a, b].map((tableId) => ({ tableId, readVersion: 3, actions: [addOf("other")] }));
      assert.equal((await commit(restored, request(...both))).status, "committed");
      for (const id of tables) {
        assert.equal((await mirrorTable(restored, id)).error, undefined);
        assert.equal(await assertTheorem(restored, id), 4);
      }
    });
    await lake.close();
  });

  test("of the newest backup: SQL goes on to the ends of the logs, with every transaction", async () => {
    const then = await past();
    await back(then, undefined, async (restored, catalog) => {
      for (const tableId of then.tables) assert.equal((await catalog.findTable({ tableId }))?.version, 5);
      assert.ok(isRecovered(await recoverAll(restored), {}));
      for (const tableId of then.tables) {
        assert.equal((await catalog.findTable({ tableId }))?.version, 7);
        assert.equal(await assertTheorem(restored, tableId), 7);
      }
      assert.deepEqual(await logsAboveHeads(restored), []);
    });
    await then.lake.close();
  });
});

test("a moment after the last backup: the logs have the rest up to it, and what is later is set aside", async () => {
  const then = await past();
  const { lake, tables } = then;
  const wanted = lake.clock.time - 500;
  await back(then, { timestamp: wanted }, async (restored, catalog) => {
    const { tables: recovered, ...rest } = await recoverAll(restored, { until: wanted });
    assert.deepEqual(
      recovered.map(({ from, to, stop }) => [from, to, stop]),
      tables.map(() => [5, 6, { version: 7, reason: "later" }]),
    );
    assert.ok(isRecovered({ tables: recovered, ...rest }, {}));
    assert.deepEqual(
      (await setLogsAside(restored)).map(({ version, logVersion }) => [version, logVersion]),
      [
        [6, 7],
        [6, 7],
      ],
    );
    for (const tableId of tables) {
      assert.equal((await catalog.findTable({ tableId }))?.version, 6);
      assert.equal(await assertTheorem(restored, tableId), 6);
    }
  });
  await lake.close();
});

test("setting aside, killed at any call of a store: the log is whole for readers, no byte is lost, a repeat finishes", async () => {
  const then = await past();
  const { lake, tables, moment } = then;
  const stores = ["file:///lake/t.a", "file:///lake/t.b"].map((location) => lake.store(location));
  const logs = await Promise.all(stores.map(contentOf));
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += 1) {
      assert.ok(at < 200, "the loop ends");
      await back(then, { timestamp: moment }, async (restored) => {
        const point = crashPoint(at, when);
        const dead = restored.with({ store: (one) => dying(one, point) });
        const result = await setLogsAside(dead).catch((error: unknown) => error);
        done = !(result instanceof Crash);
        for (const id of tables) {
          const head = await restored.catalog.findTable({ tableId: id });
          const { commits, checkpoints } = await restored.openLog(head?.location ?? "").list();
          const versions = commits.map(({ version }) => version);
          assert.deepEqual(versions, [...versions.keys()], "no gap");
          for (const { version } of checkpoints) assert.ok(versions.includes(version), "none without its commit");
        }
        await setLogsAside(restored);
        for (const [n, store] of stores.entries()) {
          const kept = new Map<string, Uint8Array>();
          for (const [key, bytes] of await contentOf(store)) kept.set(key.replace(ASIDE, ""), bytes);
          assert.deepEqual(kept, logs[n], `after a crash ${when} call ${at}`);
          await store.remove(await keysOf(store, ""));
          for (const [key, bytes] of logs[n] ?? []) await store.put(key, bytes);
        }
      });
    }
  }
  await lake.close();
});

const ASIDE = /^_deltalakedb_aside\/[^/]*\//;

async function contentOf(store: ObjectStore): Promise<Map<string, Uint8Array>> {
  const content = new Map<string, Uint8Array>();
  for (const key of (await keysOf(store, "")).sort()) {
    content.set(key, (await store.get(key))?.bytes ?? new Uint8Array());
  }
  return content;
}

test("a file that is larger than a piece is copied in pieces", async () => {
  const store = openMemoryStore();
  const bytes = new Uint8Array(20_000_000).map((_, i) => i % 251);
  await store.put("_delta_log/00000000000000000004.checkpoint.parquet", bytes);
  const { openDeltaLog } = await import("../../lib/log/delta-log.ts");
  const log = openDeltaLog(store, "file:///x");
  assert.equal(await log.setAside("00000000000000000004.checkpoint.parquet", "_aside"), true);
  assert.equal(await log.setAside("00000000000000000004.checkpoint.parquet", "_aside"), false);
  const there = await store.get("_aside/_delta_log/00000000000000000004.checkpoint.parquet");
  assert.equal(Buffer.compare(there?.bytes ?? new Uint8Array(), bytes), 0);
});
