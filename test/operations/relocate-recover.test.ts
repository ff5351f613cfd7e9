/** A database from before a move: it is noticed before anything is committed on top of it, and goes where its tables are. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { keyInTable } from "../../lib/delta/files/file-places.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { logsAboveHeads, setLogsAside } from "../../lib/operations/backups/set-log-aside.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { recoverAll } from "../../lib/operations/recover.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import type { BackupPlace } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { addOf, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { commitTo, filledTable, HEAD, text } from "../support/moving-table.ts";
import { assertTheorem } from "../support/theorem.ts";

/** The catalog as it was at the backup. */
async function restored(lake: TestLake, place: BackupPlace, work: (old: TestLake) => Promise<void>): Promise<void> {
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  await restoreCatalog(catalog, place);
  await work(lake.with({ catalog }));
  await catalog.close();
  await database.drop();
}

test("a database that is older than the move is noticed before a commit, and a recovery follows the table", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const { tableId, from, to } = await filledTable(lake, "r.old");
  const place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  await backupCatalog(lake, place);
  await relocateTable(lake, { tableId }, to, { move: true });
  await restored(lake, place, async (old) => {
    // Nothing of the move is published yet, and the log of the old place does not go on.
    await assert.rejects(commitTo(old, tableId, HEAD, [addOf("lost")]), { code: "CATALOG_BEHIND_LOG" });
    await assert.rejects(commitTo(old, tableId, HEAD, [addOf("lost")]), { code: "CATALOG_BEHIND_LOG" });
    assert.equal((await logsAboveHeads(old)).length, 1);
  });
  await mirrorTable(lake, tableId);
  const further = "file:///further/r.old";
  await relocateTable(lake, { tableId }, further, { move: true });
  await lake.store(further).put("g", text("g"));
  const wanted = request({
    ...{ tableId, readVersion: HEAD + 2, actions: [addOf("g")] },
    supportedFeatures: { writer: ["changeDataFeed"] },
  });
  const first = await commit(lake, wanted);
  await mirrorTable(lake, tableId);
  await restored(lake, place, async (old) => {
    await assert.rejects(commitTo(old, tableId, HEAD, [addOf("lost")]), { code: "CATALOG_BEHIND_LOG" });
    const { tables } = await recoverAll(old);
    assert.deepEqual(
      tables.map((table) => [table.table, table.from, table.to, table.movedTo, table.error]),
      [["r.old", HEAD, HEAD + 3, further, undefined]],
    );
    assert.deepEqual((await recoverAll(old)).tables, [], "again, there is nothing to do");
    const again = await commit(old, wanted);
    assert.ok(first.status === "committed" && again.status === "committed" && again.replayed);
    assert.deepEqual(
      again.tables.map(({ version }) => version),
      [HEAD + 3],
    );
    assert.equal(await commitTo(old, tableId, HEAD + 3, [removeOf("f2")]), HEAD + 4);
    assert.equal((await mirrorTable(old, tableId)).error, undefined);
    assert.equal(await assertTheorem(old, tableId), HEAD + 4);
    assert.equal((await old.catalog.findTable({ tableId }))?.location, further);
  });
  await lake.close();
  assert.equal(from, "file:///lake/r.old");
});

test("what SQL had forgotten before a move is not said to be readable by a database from before that", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const { tableId, to } = await filledTable(lake, "r.trimmed");
  const place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  await backupCatalog(lake, place);
  lake.clock.time += 40 * 86_400_000;
  await trimHistory(lake, { tableId }, { remove: true, retentionMs: 0 });
  const { baseVersion = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
  assert.ok(baseVersion > 0);
  await relocateTable(lake, { tableId }, to, { move: true });
  await mirrorTable(lake, tableId);
  await restored(lake, place, async (old) => {
    await recoverAll(old);
    const head = await old.catalog.findTable({ tableId });
    assert.deepEqual([head?.location, head?.baseVersion], [to, 0], "its rows go back further");
    assert.equal((await old.catalog.readUpkeep([tableId]))[0]?.vacuumFloor, baseVersion);
    for (let v = baseVersion; v <= (head?.version ?? 0); v += 1) {
      const { items } = await old.catalog.readFiles(tableId, v, { limit: 100 });
      for (const { path } of items)
        if (keyInTable(to, path)) assert.ok(await lake.store(to).head(path), `${path} of ${v}`);
    }
  });
  await lake.close();
});

test("who goes back to the moment before a move goes on at the old place, once what tells of the move is set aside", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const { tableId, from, to } = await filledTable(lake, "r.undone");
  const place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  await backupCatalog(lake, place);
  await relocateTable(lake, { tableId }, to, { move: true });
  await restored(lake, place, async (old) => {
    const [set] = await setLogsAside(old);
    assert.deepEqual([set?.table, set?.files], ["r.undone", 2]);
    assert.deepEqual(await logsAboveHeads(old), []);
    assert.equal(await commitTo(old, tableId, HEAD, [removeOf("f2")]), HEAD + 1);
    assert.equal((await mirrorTable(old, tableId)).error, undefined);
    assert.equal((await old.catalog.findTable({ tableId }))?.location, from);
    assert.equal(await assertTheorem(old, tableId), HEAD + 1);
  });
  await lake.close();
});

test("a table of which SQL has a state and no bytes goes back to a place where its first bytes still are", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const { tableId, from, to } = await filledTable(lake, "r.bytes");
  await relocateTable(lake, { tableId }, to, { move: true });
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  const log = await lake.openLog(to).list();
  const old = log.commits.filter(({ version }) => version < 4).map(({ name }) => name);
  await lake.openLog(to).removeFiles(old);
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  const findTables = async function* () {
    yield* [from, to];
  };
  const again = lake.with({ catalog });
  await rebuildCatalog({ ...again, findTables }, { roots: ["file:///"] });
  assert.equal((await catalog.findTable({ tableId }))?.baseVersion, 4, "it begins with a checkpoint");
  const moved = await relocateTable(again, { tableId }, from, { move: true });
  assert.deepEqual([moved.status, moved.version], ["moved", HEAD + 2]);
  assert.equal((await mirrorTable(again, tableId)).error, undefined);
  assert.equal(await assertTheorem(again, tableId), HEAD + 2);
  await catalog.close();
  await database.drop();
  await lake.close();
});
