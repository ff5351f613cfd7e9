/** Checkpoints follow what has changed, where the owner of a table names no interval: mirror, repairs, and who writes them beside the mirror. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { writeDueCheckpoint } from "../../lib/operations/checkpoint.ts";
import { exportTable } from "../../lib/operations/export.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const files = (count: number, name: string) => Array.from({ length: count }, (_, n) => addOf(`${name}-${n}`));

/** Commits version after version, one a second, each mirrored at once; answers the checkpoints. */
async function goOn(
  id: string,
  {
    from,
    to,
    by = lake,
    pauseMs = 1_000,
  }: { readonly from: number; readonly to: number; readonly by?: Lake; readonly pauseMs?: number },
  adds = (version: number) => [addOf(`f${version}`)],
): Promise<readonly number[]> {
  const checkpoints: number[] = [];
  for (let version = from; version <= to; version += 1) {
    lake.clock.time += pauseMs;
    await commitTo(lake, id, version - 1, adds(version));
    checkpoints.push(...(await mirrorTable(by, id)).checkpoints);
  }
  return checkpoints;
}

/** A process that remembers nothing. */
const restarted = () => lake.with({ catalog: { ...lake.catalog } });

/** Of these tests, with a store that takes no checkpoint. */
const withoutCheckpoints = () =>
  lake.with({
    store: (store) => ({
      ...store,
      putIfAbsent: (key, body, options) =>
        key.includes("checkpoint") ? Promise.reject(unavailable("disk full")) : store.putIfAbsent(key, body, options),
    }),
  });

test("a new table is given no interval; a small one has a checkpoint every ten versions", async () => {
  const id = await newTable(lake, "due.small");
  const [state] = await lake.catalog.readStates([{ tableId: id }]);
  assert.equal(state?.metadata.configuration["delta.checkpointInterval"], undefined);
  assert.deepEqual(await goOn(id, { from: 1, to: 25 }), [10, 20]);
  await assertTheorem(lake, id);
});

test("with many commits a second there is one every five seconds, or every hundred versions", async () => {
  const id = await newTable(lake, "due.quick");
  assert.deepEqual(await goOn(id, { from: 1, to: 30, pauseMs: 200 }), [10]);
  assert.deepEqual(await goOn(id, { from: 31, to: 50, pauseMs: 200 }), [35]);
  assert.deepEqual(await goOn(id, { from: 51, to: 140, pauseMs: 1 }), [135]);
  const later = await goOn(id, { from: 141, to: 150, pauseMs: 1, by: restarted() });
  assert.deepEqual(later, [150], "a new process does not know how old the last one is");
  await assertTheorem(lake, id);
});

test("a large one has one when a tenth of its files has changed, and else after a hundred versions", async () => {
  const id = await newTable(lake, "due.large");
  assert.deepEqual(await goOn(id, { from: 1, to: 20 }, (v) => files(v === 1 ? 1_200 : 1, `a${v}`)), [10]);
  assert.deepEqual(await goOn(id, { from: 21, to: 21 }, () => files(150, "many")), [21]);
  assert.deepEqual(await goOn(id, { from: 22, to: 60 }), []);
  assert.deepEqual(await goOn(id, { from: 61, to: 62, by: restarted() }), [], "a new process counts what was before");
  const removing = (v: number) =>
    v === 64 ? Array.from({ length: 140 }, (_, n) => removeOf(`a1-${n}`)) : [addOf(`r${v}`)];
  assert.deepEqual(await goOn(id, { from: 63, to: 66, by: restarted() }, removing), [64]);
  assert.deepEqual(await goOn(id, { from: 67, to: 170 }), [164]);
  await assertTheorem(lake, id);
});

test("an interval that its owner has set is kept, however large the table is", async () => {
  const id = await newTable(lake, "due.own", { configuration: { "delta.checkpointInterval": "4" } });
  assert.deepEqual(await goOn(id, { from: 1, to: 9 }, (v) => files(v === 1 ? 500 : 1, `a${v}`)), [4, 8]);
});

test("a backlog has one checkpoint, when it is worked off", async () => {
  const id = await newTable(lake, "due.backlog");
  for (let v = 0; v < 130; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const { published, checkpoints } = await mirrorTable(lake, id);
  assert.deepEqual([published.length, checkpoints], [131, [130]]);
  await assertTheorem(lake, id);
});

test("one that fails is tried again after ten versions, not with each commit", async () => {
  const id = await newTable(lake, "due.fails");
  lake.metricsSeen.length = 0;
  assert.deepEqual(await goOn(id, { from: 1, to: 19, by: withoutCheckpoints() }), []);
  assert.equal(lake.metricsSeen.filter(({ name }) => name === "CheckpointFailures").length, 1);
  assert.deepEqual(await goOn(id, { from: 20, to: 20 }), [20]);
});

test("one that another makes is asked for once, and made of what is published by then", async () => {
  const id = await newTable(lake, "due.asked");
  const asked: number[] = [];
  const by: Lake = {
    ...withoutCheckpoints(),
    checkpointQueue: { ask: async (_, version) => void asked.push(version) },
  };
  await goOn(id, { from: 1, to: 14, by });
  assert.deepEqual(asked, [10]);
  assert.equal((await writeDueCheckpoint(lake, { tableId: id, version: 10 }))?.version, 14);
  assert.equal(await writeDueCheckpoint(lake, { tableId: id, version: 10 }), undefined, "the message came twice");
  assert.deepEqual(await goOn(id, { from: 15, to: 24 }), [24]);
});

test("a repair writes one where the log has none that will do", async () => {
  const id = await newTable(lake, "due.repair");
  await goOn(id, { from: 1, to: 19, by: withoutCheckpoints() });
  assert.deepEqual((await repairTable(lake, { tableId: id })).checkpoints, [19]);
  await goOn(id, { from: 20, to: 25 });
  assert.deepEqual((await repairTable(lake, { tableId: id })).checkpoints, []);
});

test("a log that is exported has them, too", async () => {
  const id = await newTable(lake, "due.export");
  await goOn(id, { from: 1, to: 12 });
  const { checkpoints } = await exportTable(lake, { tableId: id }, lake.openLog("file:///lake/due.exported"));
  assert.deepEqual(checkpoints, [12]);
});
