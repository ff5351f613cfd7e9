/**
 * Transactions are forgotten after their retention, and what may be a repetition of a forgotten one is never committed: whatever is
 * backed up, restored, recovered and forgotten in whatever order, every id has its answer or is refused.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commit } from "../../lib/operations/commit.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { MAINTENANCE_RULES, maintainTransactions } from "../../lib/operations/maintenance.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { purgeTable } from "../../lib/operations/purge.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import { trimTransactions } from "../../lib/operations/trim-transactions.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { appended, DAY, repeated, trim } from "../support/forgotten.ts";
import { addOf, commitTo, newTable, openTestLake, pass, request, STRIDE } from "../support/lake.ts";
import { codeOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

const HEX = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

/** A UUID of version 7 that was made then. */
function idOf(time: number): string {
  const hex = HEX(time, 12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

describe("transactions beyond their retention", () => {
  test("are forgotten, and a repetition of one is refused; younger ones are answered", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "t.first");
    const sent = [await appended(lake, tableId, 0), await appended(lake, tableId, 1)];
    await mirrorTable(lake, tableId);
    assert.equal((await trim(lake)).transactions, 0);
    assert.equal(await lake.catalog.transactionFloor(), 0);
    lake.clock.time += 31 * DAY;
    const shown = await trimTransactions(lake, { remove: false });
    assert.deepEqual([shown.transactions, shown.kept, shown.removed], [3, 0, false]);
    for (const one of sent) assert.equal(await repeated(lake, one), "answered");
    assert.equal((await trim(lake)).transactions, 3);
    for (const one of sent) {
      assert.equal(await lake.catalog.findTransaction(one.transactionId), undefined);
      assert.equal(await codeOf(commit(lake, one)), "TRANSACTION_FORGOTTEN");
      // Under another id it is refused as well: nobody knows that it is not the same.
      assert.equal(await codeOf(commit(lake, { ...one, transactionId: crypto.randomUUID() })), "TRANSACTION_FORGOTTEN");
    }
    assert.equal(await lake.catalog.transactionFloor(), lake.clock.time - 29 * DAY);
    // Whoever has read the newest version goes on, and so does a strict writer, whatever it says to have read.
    assert.equal(await commitTo(lake, tableId, 2, [addOf("g")]), 3);
    const strict = await commit(lake, request({ tableId, readVersion: 0, expectedVersion: 1, actions: [addOf("h")] }));
    assert.equal(strict.status === "conflict" && strict.conflicts[0]?.code, "VERSION_TAKEN");
    assert.equal((await lake.catalog.findTable({ tableId }))?.numFiles, 3);
    await lake.close();
  });

  test("an id that says when it was made is refused by that alone", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "t.seventh");
    const old = await appended(lake, tableId, 0, idOf(lake.clock.time - 40 * DAY));
    await mirrorTable(lake, tableId);
    lake.clock.time += 31 * DAY;
    assert.equal(await repeated(lake, old), "answered");
    await trim(lake);
    const now = (age: number) => ({
      ...request({ tableId, readVersion: 1, actions: [addOf(`a${age}`)] }),
      transactionId: idOf(lake.clock.time - age),
    });
    assert.equal(await codeOf(commit(lake, now(80 * DAY))), "TRANSACTION_FORGOTTEN");
    assert.equal((await commit(lake, now(0))).status, "committed");
    await lake.close();
  });

  test("no retention is shorter than a week", async () => {
    const lake = await openTestLake();
    assert.equal(await codeOf(trim(lake, 6 * DAY)), "RETENTION_TOO_SHORT");
    const done = await maintainTransactions(lake, { ...MAINTENANCE_RULES, transactionRetentionMs: 1 });
    assert.match(done.failure ?? "", /7 days at least/);
    assert.deepEqual(await maintainTransactions(lake, { ...MAINTENANCE_RULES, trimTransactions: false }), {});
    assert.equal(lake.metricsSeen.filter(({ name }) => name === "MaintenanceFailures").length, 1);
    await lake.close();
  });

  test("stay while a table of theirs is unpublished, unsound or dropped, and go with a purge", async () => {
    const lake = await openTestLake();
    const [a, b] = [await newTable(lake, "t.a"), await newTable(lake, "t.b")];
    const both = request(
      { tableId: a, readVersion: 0, actions: [addOf("a")] },
      { tableId: b, readVersion: 0, actions: [addOf("b")] },
    );
    await commit(lake, both);
    await mirrorTable(lake, a);
    lake.clock.time += 40 * DAY;
    const first = await trim(lake);
    assert.deepEqual([first.transactions, first.kept, first.keptFor], [1, 2, ["t.b"]]);
    assert.equal(await repeated(lake, both), "answered");
    await mirrorTable(lake, b);
    await lake.catalog.setQuarantine(a, "a foreign commit");
    assert.deepEqual((await trim(lake)).keptFor, ["t.a"]);
    await lake.catalog.setQuarantine(a, undefined);
    await dropTable(lake, { tableId: b });
    assert.deepEqual((await trim(lake)).keptFor, ["t.b"]);
    assert.equal(await repeated(lake, both), "answered");
    await pass(lake, 5);
    await purgeTable({ ...lake, undropWindowMs: 0 }, { tableId: b });
    const last = await trim(lake);
    assert.deepEqual([last.transactions, last.kept], [1, 0]);
    assert.equal(await repeated(lake, both).catch((error) => error.code), "TABLE_NOT_FOUND");
    await lake.close();
  });

  test("of versions that the history has lost before", async () => {
    const lake = await openTestLake();
    const short = {
      "delta.logRetentionDuration": "interval 0 days",
      "delta.deletedFileRetentionDuration": "interval 0 days",
    };
    const tableId = await newTable(lake, "t.trimmed", { configuration: short });
    const sent = await appended(lake, tableId, 0);
    await appended(lake, tableId, 1);
    await mirrorTable(lake, tableId);
    lake.clock.time += 2 * DAY;
    await trimHistory(lake, { tableId }, { retentionMs: 0, remove: true });
    assert.equal(await repeated(lake, sent), "answered");
    lake.clock.time += 30 * DAY;
    assert.equal((await trim(lake)).transactions, 3);
    assert.equal(await repeated(lake, sent), "refused");
    await lake.close();
  });

  test("killed at any call: no id has neither answer nor refusal, and the next run finishes", async () => {
    const lake = await openTestLake();
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STRIDE) {
        assert.ok(at < 100, "the loop ends");
        const tableId = await newTable(lake, `t.crash_${when}${at}`);
        const sent = await appended(lake, tableId, 0);
        await mirrorTable(lake, tableId);
        const later = { ...lake.clock, now: () => lake.clock.time + 31 * DAY };
        const point = crashPoint(at, when);
        const doomed = { ...lake.with({ catalog: dying(lake.catalog, point) }), clock: later };
        await trimTransactions(doomed, { remove: true }).catch((e: unknown) => assert.ok(point.dead, String(e)));
        done = !point.dead;
        assert.notEqual(await repeated(lake, sent), "committed");
        await trimTransactions({ ...lake, clock: later }, { remove: true });
        assert.equal(await repeated(lake, sent), "refused");
        await assertTheorem(lake, tableId);
      }
    }
    await lake.close();
  });

  test("a signal ends a run between two batches", async () => {
    const lake = await openTestLake();
    const { interrupted } = await trimTransactions(lake, { remove: true, signal: { aborted: true } });
    assert.equal(interrupted, true);
    await lake.close();
  });
});
