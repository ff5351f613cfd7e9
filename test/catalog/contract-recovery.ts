/** Contract of recoveries: versions on top of an active table, tables made again, and transactions that come table by table. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommitActions, NO_ACTIONS } from "../../lib/delta/actions.ts";
import type { Origin } from "../../lib/delta/origin.ts";
import type { Catalog, LoggedTransaction, RecoveredVersion } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  commitNext,
  id,
  livePaths,
  metadata,
  newTable,
  PROTOCOL,
  planned,
  plannedTable,
  remove,
} from "../support/catalog-plans.ts";

const HASH = "a".repeat(64);
/** More than one slice of the Data API holds. */
const LONG = "x".repeat(200_000);

function version(number: number, actions: Partial<CommitActions>, transaction?: LoggedTransaction): RecoveredVersion {
  const timestamp = 5_000_000_000_000 + number;
  return {
    kind: "commit",
    complete: true,
    publishedAt: timestamp + 1,
    commit: { version: number, timestamp, inCommitTimestamp: timestamp, actions: { ...NO_ACTIONS, ...actions } },
    ...(transaction && { transaction }),
  };
}

function logged(tableId: string, of: Partial<Origin> = {}): LoggedTransaction {
  return { transactionId: id(), requestHash: HASH, tableId, tables: [tableId], sameBytes: true, ...of };
}

export function recoveryContract(under: CatalogUnderTest): void {
  const made = (catalog: Catalog): Promise<string> => newTable(catalog);

  test("versions come on top of the head, published, with their transactions", async () => {
    const catalog = under.catalog();
    const tableId = await made(catalog);
    const own = logged(tableId);
    const foreign = logged(tableId, { transactionId: id() });
    await catalog.recoverVersions(tableId, [
      version(1, { adds: [add("a"), add("b", { stats: JSON.stringify({ numRecords: 1, note: LONG }) })] }, own),
      version(2, { removes: [remove("a")], adds: [add("c")] }, { ...foreign, sameBytes: false }),
      version(3, { adds: [add("d")], txns: [{ appId: "s", version: 4 }] }),
    ]);
    const head = await catalog.findTable({ tableId });
    assert.deepEqual([head?.version, head?.numFiles, head?.timestamp], [3, 3, 5_000_000_000_003]);
    assert.deepEqual([head?.markers.remove, head?.markers.add, head?.markers.txn], [2, 3, 3]);
    assert.deepEqual(await livePaths(catalog, tableId, 3), ["b", "c", "d"]);
    assert.deepEqual(await livePaths(catalog, tableId, 1), ["a", "b"]);
    const { items } = await catalog.history(tableId, { limit: 3 });
    assert.deepEqual(
      items.map((one) => one.transactionId),
      [undefined, undefined, own.transactionId],
    );
    const statuses = await catalog.mirrorStatuses(tableId, { after: 0, limit: 9 });
    assert.deepEqual(
      statuses.items.map((one) => [one.version, one.status, one.committedAt, one.publishedAt]),
      [1, 2, 3].map((v) => [v, "COMPLETE", 5_000_000_000_000 + v, 5_000_000_000_001 + v]),
    );
    const timestamp = 5_000_000_000_001;
    assert.deepEqual(await catalog.findTransaction(own.transactionId), {
      transactionId: own.transactionId,
      requestHash: HASH,
      committedAt: timestamp,
      tables: [{ tableId, version: 1, timestamp }],
    });
    assert.deepEqual((await catalog.findTransaction(foreign.transactionId))?.tables[0]?.version, 2);
    assert.equal(await commitNext(catalog, tableId, { actions: { adds: [add("e")] } }), 4);
    assert.ok(((await catalog.findTable({ tableId }))?.timestamp ?? 0) > 5_000_000_000_003);
  });

  test("where the head is another one, nothing is written of the whole batch", async () => {
    const catalog = under.catalog();
    const tableId = await made(catalog);
    const own = logged(tableId);
    const moved = { code: "RECOVERY_MOVED" };
    await assert.rejects(catalog.recoverVersions(tableId, [version(2, { adds: [add("a")] }, own)]), moved);
    await assert.rejects(
      catalog.recoverVersions(tableId, [version(1, { adds: [add("a")] }, own), version(3, { adds: [add("b")] })]),
      moved,
    );
    assert.equal((await catalog.findTable({ tableId }))?.version, 0);
    assert.equal(await catalog.findTransaction(own.transactionId), undefined);
    await assert.rejects(catalog.recoverVersions(id(), [version(1, {})]), { code: "TABLE_NOT_FOUND" });
    await assert.rejects(catalog.beginRecovery(tableId, { head: 7, plan: "p" }), moved);
    await assert.rejects(catalog.beginRecovery(id(), { head: 0, plan: "p" }), { code: "TABLE_NOT_FOUND" });
  });

  test("a table is made again from a checkpoint under its own id, and is carried on after a kill", async () => {
    const catalog = under.catalog();
    const tableId = await made(catalog);
    await commitNext(catalog, tableId, {
      actions: { adds: [add("old")], txns: [{ appId: "s", version: 1 }] },
    });
    const before = await catalog.findTable({ tableId });
    const from = { head: 1, plan: "from ten" };
    const begun = await catalog.beginRecovery(tableId, from);
    assert.deepEqual([begun.tableId, begun.version, begun.checkpointActions], [tableId, -1, 0]);
    assert.equal(await catalog.findTable({ tableId }), undefined);
    const open = await catalog.openRecoveries();
    assert.ok(open.some((one) => one.tableId === tableId && one.status === "IMPORTING" && one.name === before?.name));
    const wanted = { tableId: id(), name: before?.name ?? "", location: before?.location ?? "", plan: "from ten" };
    await assert.rejects(catalog.beginImport(wanted), { code: "TABLE_EXISTS" });
    const commit = { version: 10, timestamp: 6_000_000_000_000, actions: { ...NO_ACTIONS, adds: [add("ten")] } };
    await catalog.importBatches(tableId, [{ kind: "checkpoint", complete: false, commit }]);
    const other = await under.reopen();
    const again = await other.beginRecovery(tableId, { ...from, head: -1 });
    assert.deepEqual([again.version, again.checkpointActions], [-1, 1]);
    const rest = { ...NO_ACTIONS, protocol: PROTOCOL, metadata: metadata("again"), adds: [add("more")] };
    await other.importBatches(tableId, [{ kind: "checkpoint", complete: true, commit: { ...commit, actions: rest } }]);
    const head = await other.finishImport(tableId, { keepFrom: 10 });
    await other.close();
    assert.deepEqual(
      [head.version, head.baseVersion, head.numFiles, head.markers.txn, head.createdAt],
      [10, 10, 2, -1, before?.createdAt],
    );
    assert.deepEqual(await livePaths(catalog, tableId, 10), ["more", "ten"]);
    assert.equal((await catalog.openRecoveries()).filter((one) => one.tableId === tableId).length, 0);
  });

  test("a transaction is pending until each of its tables is in or given up", async () => {
    const catalog = under.catalog();
    const tables = [await made(catalog), await made(catalog), id()];
    const [a = "", b = "", gone = ""] = tables;
    const transactionId = id();
    const part = (tableId: string) => version(1, { adds: [add("f")] }, logged(tableId, { transactionId, tables }));
    const pending = { code: "TRANSACTION_INCOMPLETE" };
    await catalog.recoverVersions(a, [part(a)]);
    await assert.rejects(catalog.findTransaction(transactionId), pending);
    const [known] = (await catalog.findTransactionParts(transactionId))?.known ?? [];
    assert.deepEqual([known?.tableId, known?.version], [a, 1]);
    const replay = planned([plannedTable(a, {})], transactionId, HASH);
    await assert.rejects(catalog.commit(replay), pending);
    await catalog.recoverVersions(b, [part(b)]);
    const listed = await catalog.incompleteTransactions({ limit: 1000 });
    const ours = listed.find((one) => one.transactionId === transactionId);
    assert.deepEqual([ours?.known.length, ours?.pending, ours?.lost], [2, [gone], []]);
    const rowsSince = async () => {
      const { tables: cut } = await catalog.readCut();
      return [a, b].map((tableId) => cut.find((one) => one.tableId === tableId)?.rowsSince ?? 0);
    };
    const before = await rowsSince();
    await catalog.settleTransaction(transactionId, [gone, a]);
    const since = await rowsSince();
    assert.ok(
      since.every((at, i) => at > (before[i] ?? 0)),
      `no increment goes on from what the transaction was answered before: ${before} ${since}`,
    );
    const answer = await catalog.findTransaction(transactionId);
    assert.deepEqual([answer?.tables.map(({ tableId }) => tableId), answer?.lost], [[a, b], [gone]]);
    const again = await catalog.commit(replay);
    assert.ok(again.status === "committed" && again.replayed);
    assert.deepEqual(again.lost, [gone]);
    const after = await catalog.incompleteTransactions({ limit: 1000 });
    assert.ok(!after.some((one) => one.transactionId === transactionId));
  });
}
