/** Databases that are lost, beside logs whose newest checkpoint has sidecars: recovered, rebuilt and restored they say the same, and their logs go on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { recoverAll } from "../../lib/operations/recover.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import type { Lake } from "../../lib/ports.ts";
import { inScratch, memoryPlace } from "../support/backups.ts";
import { addOf, commitTo, removeOf, type TestLake } from "../support/lake.ts";
import { openLossyLake } from "../support/old-database.ts";
import { newV2Table, sidecarsIn } from "../support/sidecars.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const DAY = 86_400_000;
const NAME = "lost.v2";
const LOCATION = `file:///lake/${NAME}`;

/** f0 … removed one behind the other: each version adds a file, each third one removes one. A checkpoint at each second version. */
async function write(lake: TestLake, id: string, from: number, to: number): Promise<void> {
  for (let v = from; v < to; v += 1) {
    await lake.store(LOCATION).put(`f${v}`, new TextEncoder().encode(`f${v}`));
    const removed = v % 3 === 2 ? [removeOf(`f${v - 2}`, { deletionTimestamp: lake.clock.time })] : [];
    assert.equal(await commitTo(lake, id, v, [addOf(`f${v}`), ...removed]), v + 1);
    assert.equal((await mirrorTable(lake, id)).error, undefined);
  }
}

const newV2 = (lake: Lake): Promise<string> =>
  newV2Table(lake, NAME, {
    "delta.checkpointInterval": "2",
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
  });

/** Sidecars that a checkpoint in the log names; each of them is there. */
async function namedSidecars(lake: TestLake): Promise<readonly string[]> {
  const log = lake.openLog(LOCATION);
  const named = new Set<string>();
  for (const checkpoint of (await log.list()).checkpoints) {
    for (const name of await log.readSidecarNames(checkpoint)) named.add(`_delta_log/${name}`);
    assert.ok(!(await log.isBroken(checkpoint.version)), `checkpoint ${checkpoint.version}`);
  }
  const there = await sidecarsIn(lake.store(LOCATION));
  for (const key of named) assert.ok(there.includes(key), `${key} is named and gone`);
  return [...named].sort();
}

/** The database has the version, the log says the same, a next checkpoint is written, and clean-up takes nothing that is named. */
async function assertGoesOn(lake: TestLake, id: string, version: number): Promise<void> {
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, version);
  await assertHistory(lake, id);
  assert.equal(await assertTheorem(lake, id), version);
  await write(lake, id, version, version + 3);
  const log = lake.openLog(LOCATION);
  const newest = (await log.list()).checkpoints.at(-1);
  assert.ok(newest !== undefined && newest.version > version, "a checkpoint of after");
  assert.ok((await log.readSidecarNames(newest)).length > 0, "it has sidecars");
  for (let round = 0; round < 2; round += 1) {
    lake.clock.time += 3 * DAY;
    await cleanLog(lake, { tableId: id }, { remove: true });
    await vacuumTable(lake, { tableId: id }, { remove: true, orphans: true });
    assert.ok((await namedSidecars(lake)).length > 0);
    // A vacuum that removes is a version or two of its own.
    assert.equal((await mirrorTable(lake, id)).error, undefined);
    const head = (await lake.catalog.findTable({ tableId: id }))?.version ?? -1;
    assert.equal(await assertTheorem(lake, id), head);
    await write(lake, id, head, head + 1);
  }
}

test("a database that is older than a log with sidecars is recovered from it", async () => {
  const lake = await openLossyLake();
  const id = await newV2(lake);
  await write(lake, id, 0, 1);
  const copy = await lake.backup();
  await write(lake, id, 1, 7);
  assert.ok((await namedSidecars(lake)).length > 0);
  const old = await lake.onCopy(copy);
  const { tables } = await recoverAll(old);
  assert.deepEqual(
    tables.map(({ from, to, stop, error }) => [from, to, stop ?? error]),
    [[1, 7, undefined]],
  );
  await assertGoesOn(old, id, 7);
  await old.close();
  await lake.close();
});

test("a database that is older than what the log was cleaned of begins with the checkpoint with sidecars", async () => {
  const lake = await openLossyLake();
  const id = await newV2(lake);
  await write(lake, id, 0, 1);
  const copy = await lake.backup();
  await write(lake, id, 1, 7);
  lake.clock.time += 3 * DAY;
  await cleanLog(lake, { tableId: id }, { remove: true });
  const oldest = (await lake.openLog(LOCATION).list()).commits[0]?.version ?? 0;
  assert.ok(oldest > 2, "versions that the database lacks are gone");
  const old = await lake.onCopy(copy);
  const { tables } = await recoverAll(old);
  assert.deepEqual(
    tables.map(({ to, baseVersion, stop, error }) => [to, baseVersion, stop ?? error]),
    [[7, oldest, undefined]],
  );
  await assertGoesOn(old, id, 7);
  await old.close();
  await lake.close();
});

test("an empty database is made again from a log with sidecars", async () => {
  const lake = await openLossyLake();
  const id = await newV2(lake);
  await write(lake, id, 0, 7);
  await inScratch(async (catalog) => {
    await catalog.migrate();
    const again = { ...lake.with({ catalog }), findTables: oneTable };
    const { tables, failed } = await rebuildCatalog(again, { roots: ["file:///lake"] });
    assert.deepEqual(failed, []);
    assert.deepEqual(
      tables.map(({ tableId, name, version }) => [tableId, name, version]),
      [[id, NAME, 7]],
    );
    await assertGoesOn(again, id, 7);
  });
  await lake.close();
});

async function* oneTable(): AsyncGenerator<string> {
  yield LOCATION;
}

test("a backup that is older than checkpoints with sidecars is restored, and recovered", async () => {
  const lake = await openLossyLake();
  const id = await newV2(lake);
  await write(lake, id, 0, 3);
  const place = memoryPlace();
  await backupCatalog(lake, place);
  await write(lake, id, 3, 7);
  await inScratch(async (catalog) => {
    await restoreCatalog(catalog, place);
    const again = lake.with({ catalog });
    assert.equal((await catalog.findTable({ tableId: id }))?.version, 3);
    await recoverAll(again);
    await assertGoesOn(again, id, 7);
  });
  await lake.close();
});
