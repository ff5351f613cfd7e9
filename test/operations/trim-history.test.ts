/** SQL's history ends where its retention does: refused by name below, whole above, and nothing is left behind. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { resolveVersion } from "../../lib/operations/read.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, STRIDE, type TestLake } from "../support/lake.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const DAY = 86_400_000;
const SHORT = {
  "delta.enableRowTracking": "true",
  "delta.logRetentionDuration": "interval 0 days",
  "delta.deletedFileRetentionDuration": "interval 0 days",
};

const add = (path: string) => addOf(path, { stats: '{"numRecords":1}' });

async function fill(lake: TestLake, tableId: string): Promise<void> {
  for (let v = 0; v < 12; v += 1) {
    const txn = { txn: { appId: `app${v % 2}`, version: v, lastUpdated: lake.clock.time } };
    const domain = { domainMetadata: { domain: "d", configuration: `${v}`, removed: v === 4 } };
    const files = v % 3 === 2 ? [removeOf(`f${v - 1}`), add(`f${v}`)] : [add(`f${v}`)];
    await commitTo(lake, tableId, v, [...files, txn, domain]);
  }
  await mirrorTable(lake, tableId);
}

const trim = (lake: TestLake, tableId: string, retentionMs = 0) =>
  trimHistory(lake, { tableId }, { retentionMs, remove: true });

describe("history retention", () => {
  test("what is older is refused by name, what is younger is as it was", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "h.first", { configuration: { ...SHORT, "delta.checkpointInterval": "5" } });
    await fill(lake, tableId);
    const before = await lake.catalog.readHeader(tableId, 12);
    const old = await lake.catalog.history(tableId, { limit: 100 });
    assert.equal((await trim(lake, tableId, 90 * DAY)).versions, 0);
    lake.clock.time += DAY;
    const shown = await trimHistory(lake, { tableId }, { retentionMs: 0, remove: false });
    assert.deepEqual([shown.versions, shown.oldestVersion], [12, 12]);
    assert.equal((await lake.catalog.findTable({ tableId }))?.baseVersion, 0);
    assert.equal((await trim(lake, tableId)).oldestVersion, 12);
    assert.deepEqual(await lake.catalog.readHeader(tableId, 12), before);
    assert.equal((await lake.catalog.readFiles(tableId, 12, { limit: 100 })).items.length, before.numFiles);
    for (const gone of [
      () => resolveVersion(lake, { tableId }, { version: 11 }),
      () => lake.catalog.readFiles(tableId, 11, { limit: 1 }),
      () => lake.catalog.readHeader(tableId, 3),
      () => lake.catalog.readCommits(tableId, 11, 12),
    ]) {
      await assert.rejects(gone, { kind: "notFound", code: "VERSION_NOT_RETAINED" });
    }
    const at = old.items.at(-1)?.timestamp ?? 0;
    await assert.rejects(resolveVersion(lake, { tableId }, { timestamp: at }), {
      code: "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
    });
    await assertHistory(lake, tableId);
    await assertTheorem(lake, tableId);
    assert.equal((await checkParity(lake, { tableId, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome, "ok");
    assert.deepEqual((await repairTable(lake, { tableId })).restored, []);
    await lake.close();
  });

  test("a version that the log loses below SQL's history cannot come back, and is said to be lost", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "h.repair", { configuration: { ...SHORT, "delta.checkpointInterval": "5" } });
    await fill(lake, tableId);
    lake.clock.time += DAY;
    await trim(lake, tableId);
    await lake.store("file:///lake/h.repair").remove(["_delta_log/00000000000000000007.json"]);
    const repaired = await repairTable(lake, { tableId });
    assert.deepEqual([repaired.lost, repaired.restored, repaired.fault], [[7], [], undefined]);
    assert.equal((await checkParity(lake, { tableId, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome, "ok");
    await lake.close();
  });

  test("a commit that was read below the base conflicts by name where its winners are gone", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "h.commit", { configuration: SHORT });
    await fill(lake, tableId);
    lake.clock.time += DAY;
    await trim(lake, tableId);
    assert.equal(await commitTo(lake, tableId, 2, [add("g")], { wholeTable: true }), "DELTA_CONCURRENT_WRITE");
    assert.equal(await commitTo(lake, tableId, 2, [removeOf("f1")]), "DELTA_CONCURRENT_WRITE");
    assert.equal(await commitTo(lake, tableId, 12, [add("g")], { wholeTable: true }), 13);
    await lake.close();
  });

  test("an answer is given for ever: a request from before is replayed", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "h.replay", { configuration: SHORT });
    const first = request({ tableId, readVersion: 0, actions: [add("a")] });
    await commit(lake, first);
    await commitTo(lake, tableId, 1, [removeOf("a")]);
    await mirrorTable(lake, tableId);
    lake.clock.time += DAY;
    await trim(lake, tableId);
    const again = await commit(lake, first);
    assert.deepEqual(again.status === "committed" && [again.replayed, again.tables[0]?.version], [true, 1]);
    await lake.close();
  });

  test("nothing that is unpublished goes", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "h.open", { configuration: SHORT });
    await mirrorTable(lake, tableId);
    for (let v = 0; v < 3; v += 1) await commitTo(lake, tableId, v, [add(`f${v}`)]);
    lake.clock.time += DAY;
    assert.equal((await trim(lake, tableId)).oldestVersion, 0);
    await mirrorTable(lake, tableId);
    assert.equal(await assertTheorem(lake, tableId), 3);
    await lake.close();
  });

  test("killed at any call: the theorem holds, and the next run finishes", async () => {
    const lake = await openTestLake();
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STRIDE) {
        assert.ok(at < 100, "the loop ends");
        const tableId = await newTable(lake, `h.crash_${when}${at}`, { configuration: SHORT });
        await fill(lake, tableId);
        const later = { ...lake.clock, now: () => lake.clock.time + DAY };
        const point = crashPoint(at, when);
        const doomed = { ...lake.with({ catalog: dying(lake.catalog, point) }), clock: later };
        await trimHistory(doomed, { tableId }, { retentionMs: 0, remove: true }).catch((e: unknown) =>
          assert.ok(point.dead, String(e)),
        );
        done = !point.dead;
        await assertTheorem(lake, tableId);
        await assertHistory(lake, tableId);
        await trimHistory({ ...lake, clock: later }, { tableId }, { retentionMs: 0, remove: true });
        assert.equal((await lake.catalog.findTable({ tableId }))?.baseVersion, 12);
        await assertTheorem(lake, tableId);
      }
    }
    await lake.close();
  });
});
