/** A database that comes back, older than the log, from a backup or out of the logs alone, goes on with the V2 checkpoints of the one before. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { recoverTable } from "../../lib/operations/recover.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { Lake } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { addOf, commitTo, openTestLake, removeOf, SCHEMA } from "../support/lake.ts";
import { openLossyLake } from "../support/old-database.ts";
import { contentsOf, newV2Table, V2 } from "../support/sidecars.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const CONFIGURATION = { "delta.checkpointInterval": "2" };

/** Versions from `from` on: each adds two files and removes one of those of the version before. Each is published at once. */
async function grow(lake: Lake, id: string, from: number, to: number): Promise<void> {
  for (let v = from; v <= to; v += 1) {
    const removed = v > 1 ? [removeOf(`a${v - 1}`, { deletionTimestamp: lake.clock.now() })] : [];
    assert.equal(await commitTo(lake, id, v - 1, [addOf(`a${v}`), addOf(`b${v}`), ...removed]), v);
    const { error } = await mirrorTable(lake, id);
    assert.equal(error, undefined);
  }
}

/** What a reader finds who begins with the newest checkpoint, which is of the head. */
async function assertGoesOn(lake: Lake, id: string, from: number): Promise<void> {
  const to = from + 4;
  await grow(lake, id, from + 1, to);
  const head = await lake.catalog.findTable({ tableId: id });
  assert.ok(head);
  const log = lake.openLog(head.location);
  const checkpoints = (await log.list()).checkpoints;
  assert.equal(checkpoints.at(-1)?.version, to);
  for (const checkpoint of checkpoints) {
    assert.ok(!(await log.isBroken(checkpoint.version)), `checkpoint ${checkpoint.version}`);
    assert.ok((await log.readSidecarNames(checkpoint)).length > 0, "it is a V2 checkpoint");
  }
  const adds = (await contentsOf(lake, head.location, to)).filter((action) => action.startsWith('{"add'));
  assert.equal(adds.length, to + 1, "b1 … bN, and the last a");
  assert.equal(await assertTheorem(lake, id), to);
  await assertHistory(lake, id);
  const report = await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 5 });
  assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []]);
}

test("a database that is older than the log", async () => {
  const lake = await openLossyLake();
  const id = await newV2Table(lake, "back.older", CONFIGURATION);
  await grow(lake, id, 1, 4);
  const copy = await lake.backup();
  await grow(lake, id, 5, 10);
  const old = await lake.onCopy(copy);
  await recoverTable(old, { tableId: id });
  await assertGoesOn(old, id, 10);
  await old.close();
  await lake.close();
});

test("a database that was restored from a backup", async () => {
  const lake = await openTestLake();
  const id = await newV2Table(lake, "back.restored", CONFIGURATION);
  await grow(lake, id, 1, 6);
  const place = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  await backupCatalog(lake, place);
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  await restoreCatalog(catalog, place, {});
  await assertGoesOn(lake.with({ catalog }), id, 6);
  await catalog.close();
  await database.drop();
  await lake.close();
});

test("a catalog that was made again out of its logs", async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-sidecars-")));
  t.after(() => rmSync(folder, { recursive: true }));
  const root = `file://${folder}/lake`;
  const open = (name: string) => openLocalLake({ database: join(folder, name), verifyFiles: "off", mirror: false });
  const lost = await open("lost.sqlite");
  await lost.catalog.migrate();
  const configuration = { ...V2, ...CONFIGURATION };
  const made = { name: "back.rebuilt", location: `${root}/rebuilt`, schema: SCHEMA, configuration };
  const { tableId } = await createTable(lost, made);
  await grow(lost, tableId, 1, 6);
  await lost.close();
  const lake = await open("new.sqlite");
  const { failed } = await rebuildCatalog(lake, { roots: [root] });
  assert.deepEqual(failed, []);
  await assertGoesOn(lake, tableId, 6);
  await lake.close();
});
