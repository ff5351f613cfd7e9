/** Log clean-up: every retained version stays readable, and parity, repair and imports find the log whole. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pickSegment } from "../../lib/delta/files/log-files.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

const DAY = 86_400_000;
const EVERY_FIVE = { "delta.checkpointInterval": "5" };

async function versionsIn(lake: TestLake, location: string) {
  const { commits, checkpoints } = await lake.openLog(location).list();
  return { commits: commits.map(({ version }) => version), checkpoints: checkpoints.map(({ version }) => version) };
}

/** A table of versions 0 to 12, of which those up to 7 are old. */
async function openTable(name: string, configuration: Record<string, string> = EVERY_FIVE) {
  const lake = await openTestLake();
  const tableId = await newTable(lake, name, { configuration });
  const location = `file:///lake/${name}`;
  await commitUpTo(lake, tableId, 0, 12);
  return { lake, tableId, location };
}

async function commitUpTo(lake: TestLake, tableId: string, head: number, to: number): Promise<void> {
  for (let v = head; v < to; v += 1) {
    await commitTo(lake, tableId, v, v % 3 === 2 ? [removeOf(`f${v - 1}`), addOf(`f${v}`)] : [addOf(`f${v}`)]);
    await mirrorTable(lake, tableId);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("log clean-up", () => {
  test("edge 57: what lies below the newest expired checkpoint goes; all else stays readable", async () => {
    const { lake, tableId, location } = await openTable("l.first");
    assert.equal((await cleanLog(lake, { tableId }, { remove: true })).kept, "no version has expired");
    lake.clock.time += 32 * DAY;
    const shown = await cleanLog(lake, { tableId }, { remove: false });
    assert.deepEqual([shown.commits, shown.checkpoints, shown.oldestVersion], [10, 1, 10]);
    assert.equal((await versionsIn(lake, location)).commits.length, 13);
    const done = await cleanLog(lake, { tableId }, { remove: true });
    assert.deepEqual([done.commits, done.checkpoints, done.failed], [10, 1, 0]);
    assert.deepEqual(await versionsIn(lake, location), { commits: range(10, 12), checkpoints: [10] });
    await assertTheorem(lake, tableId);
    const parity = { tableId, lagThresholdSeconds: 5, maxDriftFiles: 0 };
    assert.equal((await checkParity(lake, parity)).outcome, "ok");
    const repaired = await repairTable(lake, { tableId });
    assert.deepEqual([repaired.restored, repaired.lost, repaired.fault], [[], [], undefined]);
    assert.deepEqual(await versionsIn(lake, location), { commits: range(10, 12), checkpoints: [10] });
    await commitUpTo(lake, tableId, 12, 16);
    assert.equal((await checkParity(lake, parity)).outcome, "ok");
    assert.equal((await diffTable(lake, { ref: { tableId }, ...parity })).outcome, "ok");
    await lake.catalog.dropTable(tableId, { unpublished: "keep" });
    const back = await importTable(lake, { name: "l.again", location, mode: "full-history" });
    assert.equal(back.version, 16);
    await lake.close();
  });

  test("a checkpoint is written where none stands; one that is wrong takes the place of nothing", async () => {
    const { lake, tableId, location } = await openTable("l.none", { "delta.checkpointInterval": "1000" });
    lake.clock.time += 32 * DAY;
    assert.equal((await cleanLog(lake, { tableId }, { remove: false })).checkpointWritten, 12);
    assert.deepEqual((await versionsIn(lake, location)).checkpoints, []);
    const done = await cleanLog(lake, { tableId }, { remove: true });
    assert.deepEqual([done.commits, done.checkpointWritten], [12, 12]);
    assert.deepEqual(await versionsIn(lake, location), { commits: [12], checkpoints: [12] });
    await assertTheorem(lake, tableId);
    await lake.close();

    const other = await openTable("l.wrong");
    const store = other.lake.store(other.location);
    const early = await store.get("_delta_log/00000000000000000005.checkpoint.parquet");
    await store.put("_delta_log/00000000000000000010.checkpoint.parquet", early?.bytes ?? new Uint8Array());
    other.lake.clock.time += 32 * DAY;
    const kept = await cleanLog(other.lake, { tableId: other.tableId }, { remove: true });
    assert.match(kept.kept ?? "", /the checkpoint of version 10 is not what SQL has/);
    assert.equal((await versionsIn(other.lake, other.location)).commits.length, 13);
    await store.put("_delta_log/00000000000000000010.checkpoint.parquet", Uint8Array.of(1));
    const unreadable = await cleanLog(other.lake, { tableId: other.tableId }, { remove: true });
    assert.match(unreadable.kept ?? "", /not a readable Parquet file/);
    assert.equal((await versionsIn(other.lake, other.location)).commits.length, 13);
    await other.lake.close();
  });

  test("the properties of the table decide, and the hint that readers believe", async () => {
    const { lake, tableId, location } = await openTable("l.off", {
      ...EVERY_FIVE,
      "delta.enableExpiredLogCleanup": "false",
    });
    lake.clock.time += 32 * DAY;
    assert.match((await cleanLog(lake, { tableId }, { remove: true })).kept ?? "", /enableExpiredLogCleanup/);
    const hint = await lake.store(location).get("_delta_log/_last_checkpoint");
    await lake.store(location).put("_delta_log/_last_checkpoint", new TextEncoder().encode('{"version":5,"size":3}'));
    assert.equal((await cleanLog(lake, { tableId }, { remove: true, force: true })).oldestVersion, 5);
    assert.deepEqual((await versionsIn(lake, location)).commits, range(5, 12));
    await lake.store(location).put("_delta_log/_last_checkpoint", hint?.bytes ?? new Uint8Array());
    assert.equal((await cleanLog(lake, { tableId }, { remove: true, force: true })).oldestVersion, 10);
    await lake.close();
  });

  test("killed at any call: readers and parity find a whole log, and the next run finishes", async () => {
    const lake = await openTestLake();
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STRIDE) {
        assert.ok(at < 100, "the loop ends");
        const tableId = await newTable(lake, `l.crash_${when}${at}`, { configuration: EVERY_FIVE });
        await commitUpTo(lake, tableId, 0, 12);
        const later = { ...lake.clock, now: () => lake.clock.time + 32 * DAY };
        const point = crashPoint(at, when);
        const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
        await cleanLog({ ...doomed, clock: later }, { tableId }, { remove: true }).catch((error: unknown) =>
          assert.ok(error instanceof Crash || point.dead, String(error)),
        );
        done = !point.dead;
        const location = `file:///lake/l.crash_${when}${at}`;
        const listing = await lake.openLog(location).list();
        assert.equal(pickSegment(listing).version, 12);
        await assertTheorem(lake, tableId);
        const again = await cleanLog({ ...lake, clock: later }, { tableId }, { remove: true });
        assert.equal(again.failed, 0);
        assert.deepEqual(await versionsIn(lake, location), { commits: range(10, 12), checkpoints: [10] });
      }
    }
    await lake.close();
  });
});
