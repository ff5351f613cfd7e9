/** What the log says of the transaction that wrote a version: enough to know the transaction again without SQL. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCommit } from "../../lib/delta/encode.ts";
import { originOf } from "../../lib/delta/origin.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, newTable, openTestLake, request, SCHEMA, type TestLake } from "../support/lake.ts";

async function infoOf(lake: TestLake, tableId: string, version: number) {
  const head = await lake.catalog.findTable({ tableId });
  const { actions } = await lake.openLog(head?.location ?? "").readCommit(version);
  return actions.commitInfo;
}

test("each version in the log names its transaction, its table and the tables that it shares it with", async () => {
  const lake = await openTestLake();
  const [a, b] = [await newTable(lake, "o.a"), await newTable(lake, "o.b")];
  const forged = { commitInfo: { operation: "WRITE", deltalakedb: { tableId: "mine", tables: [], more: 1 } } };
  const both = request(
    { tableId: b, readVersion: 0, actions: [forged, addOf("f")] },
    { tableId: a, readVersion: 0, actions: [addOf("g")] },
  );
  const alone = request({ tableId: a, readVersion: 1, actions: [addOf("h")] });
  for (const one of [both, alone]) assert.equal((await commit(lake, one)).status, "committed");
  const fence = await fenceTable(lake, { tableId: a }, "off");
  assert.equal(fence.version, 3);
  for (const tableId of [a, b]) await mirrorTable(lake, tableId);

  for (const [tableId, version, sent, tables] of [
    [a, 1, both, [b, a]],
    [b, 1, both, [b, a]],
    [a, 2, alone, [a]],
  ] as const) {
    const known = await lake.catalog.findTransaction(sent.transactionId);
    const origin = originOf(await infoOf(lake, tableId, version));
    assert.deepEqual(origin, {
      transactionId: sent.transactionId,
      requestHash: known?.requestHash,
      tableId,
      tables,
    });
  }
  for (const version of [0, 3]) {
    const origin = originOf(await infoOf(lake, a, version));
    const known = await lake.catalog.findTransaction(origin?.transactionId ?? "");
    assert.equal(origin?.requestHash, known?.requestHash, "of a creation, and of a fence");
    assert.deepEqual(
      known?.tables.map(({ tableId }) => tableId),
      [a],
    );
  }
  await lake.close();
});

test("without in-commit timestamps the time of a version is with its origin, and its bytes stay the same", async () => {
  const lake = await openTestLake();
  const configuration = { "delta.enableInCommitTimestamps": "false" };
  const { tableId } = await createTable(lake, {
    name: "o.t",
    location: "file:///lake/t",
    schema: SCHEMA,
    configuration,
  });
  const claimed = { commitInfo: { timestamp: 5, operation: "WRITE" } };
  await commit(lake, request({ tableId, readVersion: 0, actions: [claimed, addOf("f")] }));
  await mirrorTable(lake, tableId);
  const info = await infoOf(lake, tableId, 1);
  const [own] = await lake.catalog.readCommits(tableId, 1, 1);
  assert.equal(info?.timestamp, 5, "the writer's own stays");
  assert.equal(originOf(info)?.timestamp, own?.timestamp);
  const log = lake.openLog("file:///lake/t");
  const again = { ...(await log.readCommit(1)), timestamp: own?.timestamp ?? 0 };
  assert.deepEqual(encodeCommit(again), await log.readCommitBytes(1));
  await lake.close();
});

test("what is no origin of ours is none", () => {
  const id = "0b7d8f0e-7b1f-4d36-9a53-7a1f5f5fb0a1";
  const good = { tableId: id, requestHash: "0".repeat(64) };
  const of = (deltalakedb: object | string, txnId = id) => originOf({ txnId, deltalakedb: deltalakedb as never });
  assert.deepEqual(of(good)?.tables, [id]);
  assert.equal(of({ ...good, tableId: id.toUpperCase() })?.tableId, id, "ids are compared in small letters");
  const bad = [{}, "text", { ...good, requestHash: "0" }, { ...good, tableId: 1 }, { ...good, tables: ["x"] }];
  for (const one of [...bad, { ...good, tables: [] }]) assert.equal(of(one), undefined, JSON.stringify(one));
  assert.equal(of(good, "x"), undefined);
  assert.equal(originOf(undefined), undefined);
  assert.equal(originOf({ txnId: id }), undefined);
});
