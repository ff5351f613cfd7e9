/** Tables with V2 checkpoints come and go as others do: moved, given back, imported, and taken over by a database that did not write their checkpoints. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { pickSegment } from "../../lib/delta/files/log-files.ts";
import { LogReplay } from "../../lib/delta/replay.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { exportTable } from "../../lib/operations/export.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, commitTo, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { newV2Table, sidecarsIn } from "../support/sidecars.ts";
import { assertTheorem } from "../support/theorem.ts";

const lake = await openTestLake();
after(() => lake.close());

const text = (value: string) => new TextEncoder().encode(value);

/** Five versions: f0 removed, f1 … f4 live, a checkpoint at 2 and 4. */
async function filled(name: string): Promise<{ id: string; location: string }> {
  const id = await newV2Table(lake, name, { "delta.checkpointInterval": "2" });
  const location = `file:///lake/${name}`;
  for (let v = 0; v < 5; v += 1) {
    await lake.store(location).put(`f${v}`, text(`f${v}`));
    const removed = v === 3 ? [removeOf("f0", { deletionTimestamp: lake.clock.time })] : [];
    assert.equal(await commitTo(lake, id, v, [addOf(`f${v}`), ...removed]), v + 1);
    await mirrorTable(lake, id);
  }
  return { id, location };
}

/** What readers find at the newest version, by the newest checkpoint and the commits behind it. */
async function livePaths(from: Lake, location: string): Promise<string[]> {
  const log = from.openLog(location);
  const { checkpoint, commits } = pickSegment(await log.list());
  assert.ok(checkpoint);
  assert.ok((await log.readSidecarNames(checkpoint)).length > 0, "it is a V2 checkpoint");
  assert.ok(!(await log.isBroken(checkpoint.version)));
  const replay = new LogReplay();
  for await (const batch of log.readCheckpointFiles(checkpoint)) replay.applyFiles(batch);
  for (const { version } of commits) replay.applyCommit((await log.readCommit(version)).actions);
  return [...replay.files.values()].map(({ path }) => path).sort();
}

const LIVE = ["f1", "f2", "f3", "f4"];

test("moved, it has its sidecars at the new place, and goes on there", async () => {
  const { id } = await filled("moves.relocated");
  const to = "file:///new/moves.relocated";
  assert.equal((await relocateTable(lake, { tableId: id }, to, { move: true })).status, "moved");
  assert.deepEqual(await livePaths(lake, to), LIVE);
  const version = (await lake.catalog.findTable({ tableId: id }))?.version ?? 0;
  for (const [i, path] of ["g", "h"].entries()) await commitTo(lake, id, version + i, [addOf(path)]);
  assert.equal((await mirrorTable(lake, id)).error, undefined);
  assert.deepEqual(await livePaths(lake, to), [...LIVE, "g", "h"]);
  assert.equal(await assertTheorem(lake, id), version + 2);
});

test("exported, it has sidecars of its own", async () => {
  const { id } = await filled("moves.exported");
  const to = "file:///lake/moves.export";
  await exportTable(lake, { tableId: id }, lake.openLog(to));
  assert.deepEqual(await livePaths(lake, to), LIVE);
  assert.ok((await sidecarsIn(lake.store(to))).length > 0);
});

test("given back, its last checkpoint is whole, and all of it is written anew", async () => {
  const { id, location } = await filled("moves.ejected");
  await ejectTable(lake, { tableId: id });
  assert.deepEqual(await livePaths(lake, location), LIVE);
  assert.equal(await lake.openLog(location).readLastCheckpoint(), 5);
});

test("imported into another database, what its checkpoints say of ranges there is not believed", async () => {
  const { id, location } = await filled("moves.imported");
  await ejectTable(lake, { tableId: id });
  const other: TestLake = await openTestLake();
  try {
    const elsewhere: Lake = { ...other, openLog: lake.openLog };
    const { tableId } = await importTable(elsewhere, { name: "moves.imported", location, mode: "full-history" });
    const version = (await other.catalog.findTable({ tableId }))?.version ?? 0;
    assert.equal(
      await commitTo(elsewhere, tableId, version, [removeOf("f2", { deletionTimestamp: 1 }), addOf("g")]),
      version + 1,
    );
    assert.equal(await commitTo(elsewhere, tableId, version + 1, [addOf("h")]), version + 2);
    const { error, checkpoints } = await mirrorTable(elsewhere, tableId);
    assert.equal(error, undefined);
    assert.equal(checkpoints.length, 1);
    assert.deepEqual(await livePaths(elsewhere, location), ["f1", "f3", "f4", "g", "h"]);
    assert.equal(await assertTheorem(elsewhere, tableId), version + 2);
  } finally {
    await other.close();
  }
});
