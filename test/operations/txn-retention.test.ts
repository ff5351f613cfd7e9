/** Expired applications: gone from reads and checkpoints, no drift to parity, and still a conflict to whoever commits. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { listTxns } from "../../lib/operations/lists.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { describeTable } from "../../lib/operations/read.ts";
import { addOf, commitTo, newTable, openTestLake, outcomeOf, request, type TestLake } from "../support/lake.ts";
import { stateOf } from "../support/table-facts.ts";

const HOUR = 3_600_000;
let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const few = { limit: 100 };

async function tableOf(name: string, configuration: Record<string, string>) {
  const now = lake.clock.now();
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "1000", ...configuration } });
  const txn = (appId: string, more: Record<string, Json> = {}) => ({ txn: { appId, version: 1, ...more } });
  await commitTo(lake, id, 0, [txn("old", { lastUpdated: now - 3 * HOUR }), txn("timeless")]);
  await commitTo(lake, id, 1, [txn("fresh", { lastUpdated: now }), addOf("a")]);
  await mirrorTable(lake, id);
  return id;
}

const appIds = async (id: string, at: { version?: number } = {}) => {
  const { page } = await listTxns(lake, { tableId: id }, { ...at, ...few });
  return page.items.map(({ appId }) => appId);
};

test("reads have those that have not expired, at whatever version; SQL keeps all", async () => {
  const id = await tableOf("e.short", { "delta.setTransactionRetentionDuration": "interval 1 hour" });
  assert.deepEqual([await appIds(id), await appIds(id, { version: 1 })], [["fresh"], []]);
  const described = await describeTable(lake, { tableId: id }, few);
  assert.deepEqual([described.txns?.map(({ appId }) => appId), described.numTxns], [["fresh"], 1]);
  const counted = await describeTable(lake, { tableId: id }, { limit: 1 });
  assert.equal(counted.numTxns, 1);
  assert.equal((await lake.catalog.readHeader(id, 2)).txns.length, 3);
  lake.clock.time += 2 * HOUR;
  assert.deepEqual(await appIds(id), []);
  lake.clock.time -= 2 * HOUR;
  const forever = await tableOf("e.forever", {});
  assert.deepEqual(await appIds(forever), ["fresh", "old", "timeless"]);
});

test("a checkpoint leaves them out by the time of its commit, and parity calls that no drift", async () => {
  const id = await tableOf("e.checkpoint", { "delta.setTransactionRetentionDuration": "interval 1 hour" });
  const { location } = await stateOf(lake, id);
  const log = lake.openLog(location);
  await writeCheckpoint(lake, log, id, 2);
  const [checkpoint] = (await log.list()).checkpoints;
  assert.ok(checkpoint);
  const { txns } = await log.readCheckpointHeader(checkpoint);
  assert.deepEqual(
    txns.map(({ appId }) => appId),
    ["fresh"],
  );
  assert.equal(
    (await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome,
    "ok",
  );
  // Longer retention, later: the checkpoint has forgotten what SQL has not.
  const { metadata } = (await lake.catalog.readStates([{ tableId: id }]))[0] ?? assert.fail();
  const longer = { ...metadata.configuration, "delta.setTransactionRetentionDuration": "interval 365 days" };
  const { unknown: _none, ...rest } = metadata;
  const metaData = { ...rest, format: { provider: "parquet", options: {} }, configuration: longer } as unknown as Json;
  assert.equal(await commitTo(lake, id, 2, [{ metaData } as Json]), 3);
  await mirrorTable(lake, id);
  assert.deepEqual(await appIds(id), ["fresh", "old"]);
  assert.equal(
    (await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome,
    "ok",
  );
  await commitTo(lake, id, 3, [{ txn: { appId: "fresh", version: 2, lastUpdated: lake.clock.now() } }]);
  await mirrorTable(lake, id);
  assert.equal(
    (await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome,
    "ok",
  );
});

test("an expired application conflicts as any other", async () => {
  const id = await tableOf("e.conflict", { "delta.setTransactionRetentionDuration": "interval 1 hour" });
  const result = await commit(
    lake,
    request({ tableId: id, readVersion: 0, actions: [{ txn: { appId: "old", version: 2 } }], reads: {} }),
  );
  assert.equal(outcomeOf(result), "DELTA_CONCURRENT_TRANSACTION");
});
