/** Pruning backups: what is kept, and what goes when it is killed midway. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backups/list.ts";
import type { Manifest } from "../../lib/operations/backups/manifest.ts";
import { pruneBackups } from "../../lib/operations/prune-backups.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import type { BackupPlace } from "../../lib/ports.ts";
import { inScratch, memoryPlace } from "../support/backups.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";

const DAY_MS = 86_400_000;

describe("dl backup prune", () => {
  async function chain(lake: TestLake): Promise<{ place: BackupPlace; made: Manifest[] }> {
    const place = memoryPlace();
    const id = await newTable(lake, "p.a");
    const made: Manifest[] = [];
    for (const [v, full] of [true, false, true, false, false].entries()) {
      await commitTo(lake, id, v, [addOf(`f${v}`)]);
      made.push(await backupCatalog(lake, place, { full }));
      lake.clock.time += DAY_MS;
    }
    return { place, made };
  }

  test("keeps by age and by number, and never takes away what a kept one goes on from", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const { place, made } = await chain(lake);
    const [a, b, c, d, e] = made.map(({ backupId }) => backupId);
    const shown = (keeping: object) => pruneBackups(lake, place, keeping, { dryRun: true });
    assert.deepEqual((await shown({ keepLast: 1 })).kept, [c, d, e]);
    assert.deepEqual((await shown({ keepLast: 4 })).kept, [a, b, c, d, e]);
    assert.deepEqual((await shown({ keepDays: 1 })).kept, [c, d, e]);
    assert.deepEqual((await shown({ keepDays: 3, keepLast: 1 })).removed, [a, b]);
    assert.deepEqual((await shown({ keepDays: 1000 })).removed, []);
    await place.store.put("20200101T000000000Z-00000000/dl_files-000001.ndjson.zst", new Uint8Array(3));
    await place.store.put("someone/else", new Uint8Array(3));
    const pruned = await pruneBackups(lake, place, { keepLast: 1 }, { dryRun: false });
    assert.deepEqual([pruned.removed, pruned.leftovers], [[a, b], ["20200101T000000000Z-00000000"]]);
    const { backups, objects } = await findBackups(place);
    assert.deepEqual(
      backups.map(({ backupId }) => backupId),
      [c, d, e],
    );
    assert.deepEqual([...objects.keys()], [c, d, e]);
    assert.ok(await place.store.head("someone/else"), "what is not ours stays");
    await lake.close();
  });

  test("killed at any call: every backup that is listed can be restored, and the next prune finishes", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += 1) {
        assert.ok(at < 200, "the loop ends");
        const inner = await openTestLake(SQLITE_ENGINE);
        const { place, made } = await chain(inner);
        const point = crashPoint(at, when);
        const dead = { ...place, store: dying(place.store, point) };
        const result = await pruneBackups(inner, dead, { keepLast: 1 }, { dryRun: false }).catch((e) => e);
        done = !(result instanceof Crash);
        for (const { backupId } of (await findBackups(place)).backups) {
          await inScratch(async (scratch) =>
            assert.deepEqual((await verifyBackup(scratch, place, { backupId })).differences, []),
          );
        }
        inner.clock.time += 10 * DAY_MS;
        await pruneBackups(inner, place, { keepLast: 1 }, { dryRun: false });
        const { objects } = await findBackups(place);
        assert.deepEqual(
          [...objects.keys()],
          made.slice(2).map(({ backupId }) => backupId),
        );
        await inner.close();
      }
    }
    await lake.close();
  });
});
