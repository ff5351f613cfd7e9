/** What is wrong with a sidecar does not live on: whatever a crash, another database or a damaged bucket leaves, the next checkpoint is right. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import type { Catalog } from "../../lib/ports.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import { contentsOf, newV2Table, sidecarsIn } from "../support/sidecars.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const DAY = 86_400_000;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => `f${from + i}`);

/** Versions 1 to 4, with checkpoints at 2 and 4; the second names a sidecar of the first again. */
async function tableOf(name: string, configuration: Record<string, string> = {}) {
  const id = await newV2Table(lake, name, { "delta.checkpointInterval": "2", ...configuration });
  const location = `file:///lake/${name}`;
  for (let v = 0; v < 4; v += 1) {
    const objects = range(v * 10, v < 2 ? 10 : 2).map((path) => addOf(path));
    assert.equal(await commitTo(lake, id, v, objects), v + 1);
    if (v % 2 === 1) await mirrorTable(lake, id);
  }
  return { id, location, store: lake.store(location), log: lake.openLog(location) };
}

async function isSame(id: string): Promise<boolean> {
  const report = await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 60, maxDriftFiles: 9 });
  return report.drift.fileCount + report.drift.other.length === 0 && report.comparedVersion !== undefined;
}

test("the second checkpoint names a sidecar of the first again", async () => {
  const { log, location, store } = await tableOf("damage.none");
  const checkpoints = (await log.list()).checkpoints;
  assert.deepEqual(
    checkpoints.map(({ version, kind }) => [version, kind]),
    [
      [2, "classic"],
      [4, "classic"],
    ],
  );
  const [first = [], second = []] = await Promise.all(checkpoints.map((c) => log.readSidecarNames(c)));
  assert.equal(first.length, 1);
  assert.deepEqual(second.slice(0, 1), first);
  assert.equal(second.length, 2);
  assert.equal((await contentsOf(lake, location, 4)).length, 24);
  // Trino takes a checkpoint of a classic name for one without sidecars, and the table for empty, unless the hint says otherwise.
  const hint = JSON.parse(new TextDecoder().decode((await store.get("_delta_log/_last_checkpoint"))?.bytes));
  const { name, size, modifiedAt } = checkpoints[1]?.files[0] ?? { name: "", size: 0, modifiedAt: 0 };
  assert.deepEqual(hint.v2Checkpoint, { path: name, sizeInBytes: size, modificationTime: modifiedAt });
  assert.deepEqual([hint.version, hint.size, hint.numOfAddFiles], [4, 24 + 5, 24]);
  assert.equal(await log.readLastCheckpoint(), 4);
});

for (const when of ["before", "after"] as const) {
  test(`a worker killed ${when} any call of catalog or store leaves a table that reads right, and the next one finishes`, async () => {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < 200, "the loop ends");
      const name = `crash.${when}${at}`;
      const id = await newV2Table(lake, name, { "delta.checkpointInterval": "2" });
      for (let v = 0; v < 2; v += 1) await commitTo(lake, id, v, [addOf(`a${v}`), addOf(`b${v}`)]);
      await mirrorTable(lake, id);
      // With a removal the range before is written anew, without it is named again.
      const removed = at % 2 === 0 ? [removeOf("a0", { deletionTimestamp: lake.clock.time })] : [];
      for (const v of [2, 3])
        assert.equal(await commitTo(lake, id, v, [addOf(`c${v}`), ...(v === 2 ? removed : [])]), v + 1);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      await mirrorTable(doomed, id).catch((error: unknown) => assert.ok(error instanceof Crash || point.dead));
      done = point.calls <= at;
      await assertTheorem(lake, id);
      assert.equal((await mirrorTable(lake, id)).error, undefined);
      assert.equal(await assertTheorem(lake, id), 4);
      const log = lake.openLog(`file:///lake/${name}`);
      await writeCheckpoint(lake, log, id, 4);
      assert.equal(await log.readLastCheckpoint(), 4);
      assert.equal(await assertTheorem(lake, id), 4);
    }
  });
}

test("a sidecar that is gone is in no later checkpoint, and repair brings back those that name it", async () => {
  const { id, store, log, location } = await tableOf("damage.gone");
  const [checkpoint] = (await log.list()).checkpoints;
  assert.ok(checkpoint);
  const [name = ""] = await log.readSidecarNames(checkpoint);
  await store.remove([`_delta_log/${name}`]);
  assert.ok(!(await isSame(id)));
  assert.equal(await commitTo(lake, id, 4, [addOf("g")]), 5);
  assert.equal(await commitTo(lake, id, 5, [addOf("h")]), 6);
  assert.deepEqual((await mirrorTable(lake, id)).checkpoints, [6]);
  assert.ok(await isSame(id));
  assert.equal((await contentsOf(lake, location, 6)).length, 26);
});

for (const [what, damage] of [
  ["of the same size", (bytes: Uint8Array) => bytes.map((byte, i) => (i === 100 ? byte ^ 255 : byte))],
  ["cut short", (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
] as const) {
  test(`a damaged sidecar, ${what}: repair mends it, and what is whole it leaves alone`, async () => {
    const { id, store, log, location } = await tableOf(`damage.${what.replaceAll(" ", "")}`);
    const contents = await contentsOf(lake, location, 4);
    // Old enough that nothing of it would be named again by chance.
    lake.clock.time += 2 * DAY;
    const tops = (await log.list()).checkpoints;
    const [key = ""] = await sidecarsIn(store);
    const bytes = (await store.get(key))?.bytes;
    assert.ok(bytes);
    assert.deepEqual((await repairTable(lake, { tableId: id })).checkpoints, []);
    await store.put(key, damage(bytes));
    assert.ok(await log.isBroken(4));
    assert.deepEqual((await repairTable(lake, { tableId: id })).checkpoints, [4]);
    assert.ok(!(await log.isBroken(4)));
    assert.equal(Buffer.compare((await store.get(key))?.bytes ?? new Uint8Array(), bytes), 0);
    assert.deepEqual((await log.list()).checkpoints, tops);
    assert.deepEqual(await contentsOf(lake, location, 4), contents);
    assert.ok(await isSame(id));
  });
}

test("a broken checkpoint of a table whose owner wants classic ones again becomes a classic one", async () => {
  const { id, store, log, location } = await tableOf("damage.classic");
  const [state] = await lake.catalog.readStates([{ tableId: id }]);
  const configuration = { "delta.checkpointInterval": "2" };
  await commitTo(lake, id, 4, [{ metaData: JSON.parse(JSON.stringify({ ...state?.metadata, configuration })) }]);
  await mirrorTable(lake, id);
  const kept = await sidecarsIn(store);
  await store.remove(kept);
  assert.deepEqual((await repairTable(lake, { tableId: id })).checkpoints, [4]);
  // Version 4 is from before the change.
  assert.deepEqual(await sidecarsIn(store), kept);
  assert.ok(!(await log.isBroken(4)));
  assert.equal(await commitTo(lake, id, 5, [addOf("g")]), 6);
  await mirrorTable(lake, id);
  assert.deepEqual(await log.readSidecarNames((await log.list()).checkpoints.at(-1) as never), []);
  assert.equal((await contentsOf(lake, location, 6)).length, 25);
});

test("where SQL is not the one that wrote the checkpoint before, the fingerprints say so, and all is written anew", async () => {
  const { id, log, location } = await tableOf("damage.otherdatabase");
  assert.equal(await commitTo(lake, id, 4, [removeOf("f1", { deletionTimestamp: lake.clock.time })]), 5);
  assert.equal(await commitTo(lake, id, 5, [addOf("g")]), 6);
  const blind: Catalog = { ...lake.catalog, rangesLosing: async () => new Set<number>() };
  assert.deepEqual((await mirrorTable(lake.with({ catalog: blind }), id)).checkpoints, [6]);
  assert.equal((await contentsOf(lake, location, 6)).filter((action) => action.startsWith('{"add')).length, 24);
  assert.ok(!(await log.isBroken(6)));
  assert.ok(await isSame(id));
});

test("cleaning a log keeps the sidecars that a kept checkpoint names, and takes the others away", async () => {
  const { id, store, log, location } = await tableOf("damage.cleaned", {
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
  });
  const before = await sidecarsIn(store);
  lake.clock.time += 3 * DAY;
  const gone = range(0, 10).map((path) => removeOf(path, { deletionTimestamp: lake.clock.time }));
  assert.equal(await commitTo(lake, id, 4, gone), 5);
  assert.equal(await commitTo(lake, id, 5, [addOf("g")]), 6);
  await mirrorTable(lake, id);
  await cleanLog(lake, { tableId: id }, { remove: true });
  // Version 4 has expired and is the oldest that stays: all of its sidecars do.
  for (const key of before) assert.ok((await sidecarsIn(store)).includes(key));
  lake.clock.time += 3 * DAY;
  assert.equal(await commitTo(lake, id, 6, [addOf("h")]), 7);
  assert.equal(await commitTo(lake, id, 7, [addOf("i")]), 8);
  await mirrorTable(lake, id);
  await cleanLog(lake, { tableId: id }, { remove: true });
  const named = new Set<string>();
  for (const checkpoint of (await log.list()).checkpoints) {
    for (const name of await log.readSidecarNames(checkpoint)) named.add(`_delta_log/${name}`);
  }
  assert.deepEqual(await sidecarsIn(store), [...named].sort());
  assert.ok(before.some((key) => !named.has(key)));
  assert.equal((await contentsOf(lake, location, 8)).filter((action) => action.startsWith('{"add')).length, 17);
  assert.equal(await assertTheorem(lake, id), 8);
});

test("the same bytes under an old name, which cleaning may be about to take away, get a name of their own", async () => {
  const { id, store, log } = await tableOf("damage.orphan");
  assert.equal(await commitTo(lake, id, 4, [addOf("g")]), 5);
  assert.equal(await commitTo(lake, id, 5, [addOf("h")]), 6);
  const failing = lake.with({
    store: (inner) => ({
      ...inner,
      putIfAbsent: async (key, body, options) => {
        if (key.endsWith("6.checkpoint.parquet")) throw new Error("no room");
        return inner.putIfAbsent(key, body, options);
      },
    }),
  });
  const before = await sidecarsIn(store);
  await mirrorTable(failing, id);
  const orphans = (await sidecarsIn(store)).filter((key) => !before.includes(key));
  assert.ok(orphans.length > 0);
  lake.clock.time += 2 * DAY;
  await writeCheckpoint(lake, log, id, 6);
  const newest = (await log.list()).checkpoints.at(-1);
  assert.equal(newest?.version, 6);
  const named = (await log.readSidecarNames(newest)).map((name) => `_delta_log/${name}`);
  for (const orphan of orphans) assert.ok(!named.includes(orphan));
  assert.ok(!(await log.isBroken(6)));
  assert.equal(await assertTheorem(lake, id), 6);
});
