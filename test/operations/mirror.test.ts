/** Publishing to `_delta_log`: order, checkpoints, foreign commits, failures, sweeping. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { writeDueCheckpoint } from "../../lib/operations/checkpoint.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import type { Lake } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { addOf, commitTo, newTable, openTestLake, pass, removeOf, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

test("edge 54: publishes every version in order, one checkpoint a batch, the newest that is due, and has nothing left to do", async () => {
  const id = await newTable(lake, "m.order", { configuration: { "delta.checkpointInterval": "5" } });
  for (let v = 0; v < 12; v += 1)
    await commitTo(lake, id, v, v % 3 === 2 ? [removeOf(`f${v - 1}`), addOf(`f${v}`)] : [addOf(`f${v}`)]);
  const result = await mirrorTable(lake, id);
  assert.deepEqual(result.published, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(result.checkpoints, [10]);
  assert.equal(await assertTheorem(lake, id), 12);
  const log = lake.openLog("file:///lake/m.order");
  assert.equal(await log.readLastCheckpoint(), 10);
  assert.deepEqual((await mirrorTable(lake, id)).published, []);
  assert.equal(await lake.catalog.mirroredVersion(id), 12);
});

test("two zombie workers at once are harmless", async () => {
  const id = await newTable(lake, "m.zombies", { configuration: { "delta.checkpointInterval": "2" } });
  for (let v = 0; v < 6; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  await Promise.all([mirrorTable(lake, id), mirrorTable(lake, id), mirrorTable(lake, id)]);
  assert.equal(await assertTheorem(lake, id), 6);
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.quarantine, undefined);
});

test("edge 53: a foreign commit quarantines this table alone, nothing is overwritten", async () => {
  const [id, other] = [await newTable(lake, "m.foreign"), await newTable(lake, "m.innocent")];
  await mirrorTable(lake, id);
  const store = lake.store("file:///lake/m.foreign");
  const foreign = new TextEncoder().encode('{"commitInfo":{"operation":"WRITE"}}\n');
  await commitTo(lake, id, 0, [addOf("f")]);
  await store.putIfAbsent("_delta_log/00000000000000000001.json", foreign);
  await commitTo(lake, id, 1, [addOf("g")]);
  const result = await mirrorTable(lake, id);
  assert.match(result.quarantined ?? "", /another commit 1/);
  assert.deepEqual((await store.get("_delta_log/00000000000000000001.json"))?.bytes, foreign);
  const [status] = await lake.catalog.unpublished(id, 1);
  assert.equal(status?.status, "FAILED");
  assert.ok((await mirrorTable(lake, id)).quarantined, "it stays stopped");
  lake.clock.time += 60_000;
  await commitTo(lake, other, 0, [addOf("f")]);
  await pass(lake, 20);
  const { enqueued } = await sweepMirrors(lake, { overdueMs: 10, limit: 100 });
  assert.ok(enqueued.some((r) => r.tableId === other));
  assert.ok(!enqueued.some((r) => r.tableId === id), "the sweeper leaves a quarantined table alone");
  await mirrorTable(lake, other);
});

test("an outage counts attempts and shows FAILED, and the next message finishes", async () => {
  const id = await newTable(lake, "m.outage");
  await commitTo(lake, id, 0, [addOf("f")]);
  const down = lake.with({
    store: (store) => ({ ...store, putIfAbsent: async () => Promise.reject(unavailable("the store is down")) }),
  });
  for (let i = 0; i < 5; i += 1) assert.equal((await mirrorTable(down, id)).error?.message, "the store is down");
  const [status] = await lake.catalog.unpublished(id, 1);
  assert.deepEqual([status?.status, status?.attempts, status?.lastError], ["FAILED", 5, "the store is down"]);
  assert.deepEqual((await mirrorTable(lake, id)).published, [0, 1]);
  assert.equal(await assertTheorem(lake, id), 1);
});

test("edge 53: a put whose answer is lost is read back: same bytes are success", async () => {
  const id = await newTable(lake, "m.lost");
  await commitTo(lake, id, 0, [addOf("f")]);
  const lossy = openMemoryStore({
    afterWrite: () => {
      throw unavailable("connection reset");
    },
  });
  const result = await mirrorTable(lake.with({ store: () => lossy }), id);
  assert.deepEqual(result.published, [0, 1]);
});

/** The lake of these tests, whose stores take no checkpoint. */
function withoutCheckpoints(): Lake {
  return lake.with({
    store: (store) => ({
      ...store,
      putIfAbsent: (key, body) =>
        key.includes("checkpoint") ? Promise.reject(unavailable("disk full")) : store.putIfAbsent(key, body),
    }),
  });
}

test("a checkpoint that fails does not hold the commit back", async () => {
  const id = await newTable(lake, "m.checkpoint_fails", { configuration: { "delta.checkpointInterval": "1" } });
  await commitTo(lake, id, 0, [addOf("f")]);
  const noCheckpoints = withoutCheckpoints();
  const result = await mirrorTable(noCheckpoints, id);
  assert.deepEqual([result.published, result.checkpoints], [[0, 1], []]);
  assert.ok(lake.metricsSeen.some((m) => m.name === "CheckpointFailures"));
});

/** A lake whose checkpoints others may be asked for; answers the lake, and what was asked. */
function withOthers(base: Lake, ask?: () => Promise<void>): { readonly lake: Lake; readonly asked: number[] } {
  const asked: number[] = [];
  const checkpointQueue = {
    async ask(tableId: string, version: number) {
      assert.ok((await base.catalog.mirroredVersion(tableId)) >= version, "asked for what is published");
      await ask?.();
      asked.push(version);
    },
  };
  return { lake: { ...base, checkpointQueue }, asked };
}

const MANY = Array.from({ length: 10_001 }, (_, i) => addOf(`many/${i}`));

test("the checkpoint of a large table is left to others: the newest that is due, once; a small one is written at once", async () => {
  const small = await newTable(lake, "m.small", { configuration: { "delta.checkpointInterval": "2" } });
  for (let v = 0; v < 2; v += 1) await commitTo(lake, small, v, [addOf(`f${v}`)]);
  const others = withOthers(lake);
  assert.deepEqual((await mirrorTable(others.lake, small)).checkpoints, [2]);
  assert.deepEqual(others.asked, []);

  const id = await newTable(lake, "m.large", { configuration: { "delta.checkpointInterval": "2" } });
  await commitTo(lake, id, 0, MANY);
  for (let v = 1; v < 5; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const result = await mirrorTable(others.lake, id);
  assert.deepEqual([result.published, result.checkpoints, others.asked], [[0, 1, 2, 3, 4, 5], [], [4]]);
  const log = lake.openLog("file:///lake/m.large");
  assert.equal(await log.readLastCheckpoint(), undefined);

  const written = await writeDueCheckpoint(lake, { tableId: id, version: 2 });
  assert.deepEqual(
    [written?.version, written?.numOfAddFiles],
    [4, 10_004],
    "the newest that is due, not the one asked for",
  );
  assert.equal(await log.readLastCheckpoint(), 4);
  assert.equal(await writeDueCheckpoint(lake, { tableId: id, version: 4 }), undefined, "it is there already");
  await assertTheorem(lake, id);
});

test("a checkpoint that fails is asked for; where that fails, too, it is counted and the commits are published", async () => {
  const id = await newTable(lake, "m.asked", { configuration: { "delta.checkpointInterval": "1" } });
  await commitTo(lake, id, 0, [addOf("f")]);
  const noCheckpoints = withoutCheckpoints();
  const others = withOthers(noCheckpoints);
  assert.deepEqual((await mirrorTable(others.lake, id)).published, [0, 1]);
  assert.deepEqual(others.asked, [1]);
  await commitTo(lake, id, 1, [addOf("g")]);
  lake.metricsSeen.length = 0;
  const away = withOthers(noCheckpoints, () => Promise.reject(unavailable("no queue")));
  assert.deepEqual((await mirrorTable(away.lake, id)).published, [2]);
  assert.deepEqual(
    lake.metricsSeen.filter((m) => m.name === "CheckpointFailures").map((m) => m.value),
    [1, 1],
    "once the checkpoint, once the question",
  );
});

test("a due checkpoint: not before its version is published, not of a table that is gone, not longer than there is time", async () => {
  const id = await newTable(lake, "m.due", { configuration: { "delta.checkpointInterval": "1" } });
  await commitTo(lake, id, 0, [addOf("f")]);
  const due = { tableId: id, version: 1 };
  await assert.rejects(writeDueCheckpoint(lake, due), /not published yet/);
  await mirrorTable(withOthers(lake).lake, id);
  const log = lake.openLog("file:///lake/m.due");
  assert.equal(await log.readLastCheckpoint(), 1);
  await commitTo(lake, id, 1, [addOf("g")]);
  await mirrorTable(withoutCheckpoints(), id);
  await assert.rejects(
    writeDueCheckpoint(lake, due, { signal: AbortSignal.abort() }),
    /takes longer than there is time/,
  );
  assert.equal(await log.readLastCheckpoint(), 1);
  assert.equal((await writeDueCheckpoint(lake, due))?.version, 2);
  await lake.catalog.dropTable(id, { unpublished: "giveUp" });
  assert.equal(await writeDueCheckpoint(lake, due), undefined);
});
