/** After a restore to an earlier moment the tables go on elsewhere: readers of the old logs see what they saw, those of the new ones the fork. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { absoluteFrom } from "../../lib/delta/files/absolute-paths.ts";
import { canonicalPath } from "../../lib/delta/files/paths.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { forkLogs } from "../../lib/operations/backups/fork-log.ts";
import { logsAboveHeads } from "../../lib/operations/backups/set-log-aside.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { recoverAll } from "../../lib/operations/recover.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { BackupPlace, Catalog, ObjectStore, TableHead } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE, type TestEngine, testEngines } from "../support/catalog-engines.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { actions, addOf, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { lasting } from "../support/replays.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const VECTOR = {
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
  offset: 4,
  sizeInBytes: 40,
  cardinality: 6,
};

const placeOf = async ({ name }: Pick<TableHead, "name">): Promise<string> => `file:///fork/${name}`;

interface Past {
  readonly lake: TestLake;
  readonly place: BackupPlace;
  readonly tables: readonly string[];
  /** Both tables were at version 4; they are at 7 now. */
  readonly moment: number;
  readonly sent: readonly { readonly wanted: CommitRequest; readonly answer: unknown }[];
}

/** @param trimmed true: SQL begins with a checkpoint's version, as an import makes it */
async function past(): Promise<Past> {
  const lake = await openTestLake(SQLITE_ENGINE);
  const place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  const configuration = { "delta.checkpointInterval": "2", "delta.enableDeletionVectors": "true" };
  const tables = [await newTable(lake, "t.a", { configuration }), await newTable(lake, "t.b", { configuration })];
  const sent: { wanted: CommitRequest; answer: unknown }[] = [];
  let moment = 0;
  for (let v = 0; v < 7; v += 1) {
    lake.clock.time += 1000;
    const gone = v > 0 && v % 2 === 0 ? [removeOf(`f${v - 1}`)] : [];
    const marked = v === 3 ? [removeOf("f0"), addOf("f0", { deletionVector: VECTOR })] : [];
    const stats = { stats: '{"numRecords":10,"tightBounds":false}' };
    const all = [addOf(`f${v}`, stats), ...gone, ...marked.map((one) => withStats(one, stats))];
    const wanted = request(...tables.map((tableId) => ({ tableId, readVersion: v, actions: all })));
    const answer = lasting(await commit(lake, wanted));
    if (v < 4) sent.push({ wanted, answer });
    for (const tableId of tables) await mirrorTable(lake, tableId);
    if (v === 3) moment = lake.clock.time;
  }
  await backupCatalog(lake, place);
  return { lake, place, tables, moment, sent };
}

function withStats(action: ReturnType<typeof addOf>, stats: object): ReturnType<typeof addOf> {
  const { add } = action as { add?: object };
  return add ? ({ add: { ...add, ...stats } } as ReturnType<typeof addOf>) : action;
}

async function back(
  { lake, place, moment: timestamp }: Past,
  work: (restored: TestLake, catalog: Catalog) => Promise<void>,
  engine: TestEngine = SQLITE_ENGINE,
): Promise<void> {
  const database = await engine.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  try {
    await restoreCatalog(catalog, place, { until: { timestamp } });
    await work(lake.with({ catalog }), catalog);
  } finally {
    await catalog.close();
    await database.drop();
  }
}

/** All but the manifest, which no reader looks at. */
async function contentOf(store: ObjectStore): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const { key } of store.list("")) {
    if (!key.endsWith("_deltalakedb.json") && !key.endsWith("_deltalakedb.moved.json"))
      content.set(key, Buffer.from((await store.get(key))?.bytes ?? "").toString("hex"));
  }
  return content;
}

async function assertForked(restored: TestLake, { tables, sent }: Past): Promise<void> {
  for (const { wanted, answer } of sent) {
    const again = await commit(restored, wanted);
    assert.ok(again.status === "committed" && again.replayed);
    assert.deepEqual(lasting(again), answer, "what was acknowledged up to the moment is answered as it was");
  }
  for (const tableId of tables) {
    const head = await restored.catalog.findTable({ tableId });
    assert.equal(head?.version, 4);
    assert.equal(await assertTheorem(restored, tableId), 4);
    await assertHistory(restored, tableId);
    const report = await diffTable(restored, { ref: { tableId }, lagThresholdSeconds: 1e9, maxDriftFiles: 5 });
    assert.deepEqual([report.drift.files, report.drift.other], [[], []]);
    for (let version = 1; version <= 4; version += 1) {
      const { items } = await restored.catalog.readFiles(tableId, version, { limit: 100 });
      for (const { path, deletionVector } of items) {
        assert.match(path, /^file:\/\/\/lake\/t\.[ab]\/f\d$/, "data files stay where they are");
        if (deletionVector)
          assert.match(deletionVector.pathOrInlineDv, /^file:\/\/\/lake\/t\.[ab]\/ab\/deletion_vector_.*\.bin$/);
      }
    }
    const [place] = await restored.catalog.formerPlaces(tableId);
    assert.equal(place?.location, `file:///lake/${head?.name}`);
  }
}

for (const engine of testEngines()) {
  test(`${engine.name}: the tables go on in new places, the old logs stay byte by byte, and a rebuild finds one of each`, async () => {
    const then = await past();
    const { lake, tables } = then;
    const old = ["file:///lake/t.a", "file:///lake/t.b"].map((location) => lake.store(location));
    const before = await Promise.all(old.map(contentOf));
    await back(
      then,
      async (restored) => {
        const forked = await forkLogs(restored, placeOf);
        assert.deepEqual(
          forked.map(({ table, from, to, version }) => [table, from, to, version]),
          ["t.a", "t.b"].map((name) => [name, `file:///lake/${name}`, `file:///fork/${name}`, 4]),
        );
        assert.deepEqual(await logsAboveHeads(restored), []);
        await assertForked(restored, then);
        assert.deepEqual(await forkLogs(restored, placeOf), forked, "again, it changes nothing");
        restored.clock.time += 1000;
        const parts = tables.map((tableId) => ({
          tableId,
          readVersion: 4,
          actions: [addOf("other"), removeOf(`file:///lake/t.${tableId === tables[0] ? "a" : "b"}/f2`)],
        }));
        assert.equal((await commit(restored, request(...parts))).status, "committed");
        for (const tableId of tables) {
          assert.equal((await mirrorTable(restored, tableId)).error, undefined);
          assert.equal(await assertTheorem(restored, tableId), 5);
        }
        assert.deepEqual(await Promise.all(old.map(contentOf)), before, "for their readers nothing has changed");
        assert.deepEqual((await recoverAll(restored)).tables, [], "a recovery takes nothing over from the old logs");
        await assertOneOfEach(restored, tables);
      },
      engine,
    );
    await lake.close();
  });
}

/** The old places and the new ones are found, and each table once. */
async function assertOneOfEach(lake: TestLake, tables: readonly string[]): Promise<void> {
  async function* findTables() {
    for (const root of ["lake", "fork"]) for (const name of ["t.a", "t.b"]) yield `file:///${root}/${name}`;
  }
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  const made = await rebuildCatalog({ ...lake.with({ catalog }), findTables }, { roots: ["file:///"] });
  assert.deepEqual(
    made.tables.map(({ tableId, location, version }) => [tableId, location, version]),
    tables.map((tableId, i) => [tableId, `file:///fork/t.${"ab"[i]}`, 5]),
  );
  assert.deepEqual(
    made.skipped.map(({ why }) => why),
    ["moved", "moved"],
  );
  await catalog.close();
  await database.drop();
}

test("killed at any call of a store or of SQL, the same call finishes", async () => {
  const then = await past();
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += 3) {
      assert.ok(at < 1500, "the loop ends");
      await back(then, async (restored, catalog) => {
        const point = crashPoint(at, when);
        const dead = restored.with({ catalog: dying(catalog, point), store: (one) => dying(one, point) });
        await forkLogs(dead, placeOf).catch((error: unknown) => assert.match(String(error), /crash at/));
        done = !point.dead;
        if (!done) await forkLogs(restored, placeOf);
        await assertForked(restored, then);
        for (const name of ["t.a", "t.b"]) {
          const store = then.lake.store(`file:///fork/${name}`);
          const keys: string[] = [];
          for await (const { key } of store.list("")) keys.push(key);
          await store.remove(keys);
        }
      });
    }
  }
  await then.lake.close();
});

test("a place that has another log, or lies in another table, is refused, and the table stays", async () => {
  const then = await past();
  await back(then, async (restored) => {
    const before = await contentOf(restored.store("file:///lake/t.b"));
    for (const [to, by] of [
      ["file:///lake/t.b/within", "LOCATION_OVERLAPS"],
      ["file:///lake", "LOCATION_OVERLAPS"],
      ["file:///lake/t.b", "LOCATION_TAKEN"],
    ] as const) {
      // Whichever of the two tables it is that moves: also within its own place, where its log stays.
      for (const moving of ["t.a", "t.b"]) {
        if (to === `file:///lake/${moving}`) continue;
        const there = async ({ name, location }: TableHead) => (name === moving ? to : location);
        await assert.rejects(forkLogs(restored, there), { code: by });
      }
    }
    assert.deepEqual(await contentOf(restored.store("file:///lake/t.b")), before, "nothing was written");
  });
  await back(then, async (restored) => {
    const foreign = new TextEncoder().encode('{"commitInfo":{}}\n');
    await restored.store("file:///fork/t.a").put("_delta_log/00000000000000000009.json", foreign);
    await assert.rejects(forkLogs(restored, placeOf), { code: "FORK_NOT_EMPTY" });
    for (const { name, location } of (await restored.catalog.listTables({ limit: 9 })).items) {
      if (name === "t.a") assert.equal(location, "file:///lake/t.a");
    }
  });
  await then.lake.close();
});

test("a table whose recovery is not finished, by `dl recover` or a fork to another place, is decided by nobody else", async () => {
  const world = await past();
  const [a = "", b = ""] = world.tables;
  for (const to of [undefined, "file:///elsewhere/t.b"]) {
    await back(world, async (restored, catalog) => {
      await catalog.beginRecovery(b, { head: 4, plan: "begun", ...(to ? { to } : {}) });
      await assert.rejects(forkLogs(restored, placeOf), { code: "RECOVERY_UNFINISHED" });
      assert.equal((await catalog.findTable({ tableId: a }))?.location, "file:///lake/t.a");
      assert.deepEqual(
        (await catalog.openRecoveries()).map(({ tableId, location }) => [tableId, location]),
        [[b, to ?? "file:///lake/t.b"]],
      );
    });
  }
});

test("every relative path, of files, vectors and change files, names the same file from elsewhere", () => {
  const given = actions(
    addOf("a%20b/c", { deletionVector: VECTOR }),
    removeOf("x=1/y", { deletionVector: { ...VECTOR, storageType: "i" } }),
    addOf("s3://other/z"),
    { cdc: { path: "_change_data/q", partitionValues: {}, size: 1, dataChange: false } },
  );
  for (const [location, root] of [
    ["s3://b/p q/t", "s3://b/p%20q/t"],
    ["file:///p%20q/t", "file:///p%20q/t"],
  ] as const) {
    const { adds, removes, others } = absoluteFrom(location).actions(given);
    assert.deepEqual(
      [adds[0]?.path, removes[0]?.path, adds[1]?.path, (others[0] as { cdc: { path: string } }).cdc.path],
      [`${root}/a%20b/c`, `${root}/x=1/y`, "s3://other/z", `${root}/_change_data/q`],
    );
    assert.equal(canonicalPath(adds[0]?.path ?? "", location), "a b/c");
    assert.equal(adds[0]?.deletionVector?.storageType, "p");
    assert.match(adds[0]?.deletionVector?.pathOrInlineDv ?? "", /\/ab\/deletion_vector_[0-9a-f-]{36}\.bin$/);
    assert.equal(removes[0]?.deletionVector?.pathOrInlineDv, VECTOR.pathOrInlineDv);
    assert.deepEqual(absoluteFrom("s3://elsewhere").actions({ ...given, adds, removes, others }).adds, adds);
  }
});
