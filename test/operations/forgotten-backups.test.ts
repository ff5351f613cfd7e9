/** Whatever is backed up, restored, recovered, rebuilt and forgotten in whatever order: every id has its answer, or is refused. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backups/list.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { recoverAll } from "../../lib/operations/recover.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { Catalog } from "../../lib/ports.ts";
import { inScratch, memoryPlace } from "../support/backups.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { appended, DAY, repeated, trim } from "../support/forgotten.ts";
import { addOf, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";

/** The property is of SQLite alone; whoever tests another engine has seen it there. */
const SEEDS = Number(process.env.SEEDS ?? (process.env.TEST_ENGINE ? 1 : 4));

describe("what comes back has its answers, or the line below which repetitions are refused", () => {
  test("transactions are forgotten while a backup reads them", async () => {
    const lake = await openTestLake();
    const tableId = await newTable(lake, "b.racing");
    const sent = await appended(lake, tableId, 0);
    await mirrorTable(lake, tableId);
    lake.clock.time += 31 * DAY;
    let trimmed = 0;
    const busy: Catalog = {
      ...lake.catalog,
      async readRows(wanted) {
        if (wanted.set === "dl_transactions") trimmed += (await trim(lake)).transactions;
        return lake.catalog.readRows(wanted);
      },
    };
    const place = memoryPlace();
    await backupCatalog({ ...lake, catalog: busy }, place);
    assert.equal(trimmed, 2);
    await inScratch(async (catalog) => {
      await restoreCatalog(catalog, place);
      assert.equal(await repeated(lake.with({ catalog }), sent), "refused");
      assert.equal(await catalog.transactionFloor(), await lake.catalog.transactionFloor());
    });
    await lake.close();
  });

  test("an increment does not go on from a backup that has forgotten more than the database", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const tableId = await newTable(lake, "b.chain");
    const place = memoryPlace();
    const { backupId: first } = await backupCatalog(lake, place);
    const sent = await appended(lake, tableId, 0);
    await mirrorTable(lake, tableId);
    lake.clock.time += 31 * DAY;
    await trim(lake);
    assert.equal((await backupCatalog(lake, place)).kind, "incremental");
    await inScratch(async (catalog) => {
      const again = lake.with({ catalog });
      await restoreCatalog(catalog, place, { backupId: first });
      await recoverAll(again);
      assert.equal(await repeated(again, sent), "answered");
      lake.clock.time += 1000;
      await backupCatalog(again, place);
    });
    await inScratch(async (catalog) => {
      await restoreCatalog(catalog, place);
      assert.equal(await repeated(lake.with({ catalog }), sent), "answered");
    });
    await lake.close();
  });

  test("what only a log knew that has been cleaned since is refused", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const day = "interval 1 days";
    const retention = { "delta.logRetentionDuration": day, "delta.deletedFileRetentionDuration": day };
    const configuration = { "delta.checkpointInterval": "3", ...retention };
    const tableId = await newTable(lake, "b.cleaned", { configuration });
    const place = memoryPlace();
    await backupCatalog(lake, place);
    const sent: CommitRequest[] = [];
    for (let v = 0; v < 4; v += 1) sent.push(await appended(lake, tableId, v));
    await mirrorTable(lake, tableId);
    lake.clock.time += 3 * DAY;
    await cleanLog(lake, { tableId }, { remove: true });
    await inScratch(async (catalog) => {
      const again = lake.with({ catalog });
      await restoreCatalog(catalog, place);
      const [table] = (await recoverAll(again)).tables;
      assert.ok((table?.baseVersion ?? 0) > 2);
      const told = [];
      for (const one of sent) told.push(await repeated(again, one));
      assert.ok(told.includes("refused") && !told.includes("committed"), told.join());
    });
    await lake.close();
  });

  test("a moment before what was forgotten goes on, and refuses what it had forgotten", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const tableId = await newTable(lake, "b.moment");
    const old = await appended(lake, tableId, 0);
    const moment = lake.clock.time + 10;
    lake.clock.time += DAY;
    const later = await appended(lake, tableId, 1);
    await mirrorTable(lake, tableId);
    lake.clock.time += 31 * DAY;
    await trim(lake);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await inScratch(async (catalog) => {
      await restoreCatalog(catalog, place, { until: { timestamp: moment } });
      const row = await catalog.findTable({ tableId });
      assert.equal(row?.version, 1);
      // Its log is ahead; at a place of its own it would go on.
      const elsewhere = await openTestLake(SQLITE_ENGINE);
      const again = elsewhere.with({ catalog });
      assert.equal(await repeated(again, old), "refused");
      assert.equal(await repeated(again, later), "committed");
      await elsewhere.close();
    });
    await lake.close();
  });
});

/** What has been acknowledged, and is still in the life of the catalog that goes on. */
interface World {
  lake: TestLake;
  readonly tables: readonly string[];
  sent: CommitRequest[];
}

async function moveOn(world: World, chance: () => number): Promise<void> {
  const { lake, tables } = world;
  const chosen = tables.filter(() => chance() < 0.6);
  const parts = [];
  for (const tableId of chosen.length > 0 ? chosen : tables.slice(0, 1)) {
    const readVersion = (await lake.catalog.findTable({ tableId }))?.version ?? 0;
    parts.push({ tableId, readVersion, actions: [addOf(`f${world.sent.length}-${chance()}`)] });
  }
  const wanted = request(...parts);
  assert.equal((await commit(lake, wanted)).status, "committed");
  world.sent.push(wanted);
}

async function publish({ lake, tables }: World): Promise<void> {
  for (const tableId of tables) await mirrorTable(lake, tableId);
}

test("backups, restores, recoveries, rebuilds and retention in any order: every id is answered or refused", async () => {
  const tally = { answered: 0, refused: 0, restores: 0, increments: 0, behind: 0, rebuilds: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const chance = seeded(seed);
    const disk = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    const configuration = { "delta.checkpointInterval": "3", "delta.logRetentionDuration": "interval 20 days" };
    const world: World = {
      lake: disk,
      tables: [await newTable(disk, "w.a", { configuration }), await newTable(disk, "w.b", { configuration })],
      sent: [],
    };
    const scratch: { catalog: Catalog; drop: () => Promise<void> }[] = [];
    const fresh = async (): Promise<Catalog> => {
      const database = await SQLITE_ENGINE.create();
      const catalog = await openCatalog(database.url, disk.clock, { schema: "leave" });
      scratch.push({ catalog, drop: database.drop });
      return catalog;
    };
    for (let i = 0; i < 40; i += 1) {
      disk.clock.time += Math.floor(chance() * 6 * DAY);
      const dice = chance();
      if (dice < 0.45) await moveOn(world, chance);
      else if (dice < 0.5) {
        await publish(world);
        for (const tableId of world.tables) await cleanLog(world.lake, { tableId }, { remove: true });
      } else if (dice < 0.7) {
        await publish(world);
        await trim(world.lake, 7 * DAY);
      } else if (dice < 0.9) {
        // Some rows are forgotten while others are read.
        const { lake } = world;
        await publish(world);
        const busy: Catalog = {
          ...lake.catalog,
          async readRows(wanted) {
            if (chance() < 0.1) await trim(lake, 7 * DAY);
            return lake.catalog.readRows(wanted);
          },
        };
        const made = await backupCatalog({ ...lake, catalog: busy }, place, { full: chance() < 0.1 });
        tally.increments += made.kind === "incremental" ? 1 : 0;
      } else {
        // What is published comes back, from any backup and the logs, or from the logs alone.
        await publish(world);
        const { backups } = await findBackups(place);
        const chosen = backups[Math.floor(chance() * backups.length)];
        const catalog = await fresh();
        const lake = disk.with({ catalog });
        if (chosen === undefined || chance() < 0.15) {
          const findTables = async function* () {
            yield* ["file:///lake/w.a", "file:///lake/w.b"];
          };
          await rebuildCatalog({ ...lake, findTables }, { roots: ["file:///lake"] });
          tally.rebuilds += 1;
        } else {
          await restoreCatalog(catalog, place, { backupId: chosen.backupId });
          await recoverAll(lake, { acceptIncomplete: true });
          tally.restores += 1;
          tally.behind += chosen === backups.at(-1) ? 0 : 1;
        }
        world.lake = lake;
      }
      for (const one of world.sent.filter(() => chance() < 0.3)) {
        const told = await repeated(world.lake, one);
        assert.notEqual(told, "committed", `seed ${seed}, step ${i}: ${one.transactionId} was committed twice`);
        tally[told as "answered" | "refused"] += 1;
      }
    }
    for (const tableId of world.tables) {
      const files = (await world.lake.catalog.findTable({ tableId }))?.numFiles;
      assert.equal(
        files,
        world.sent.filter(({ tables }) => tables.some(({ table }) => "tableId" in table && table.tableId === tableId))
          .length,
      );
    }
    for (const { catalog, drop } of scratch) {
      await catalog.close();
      await drop();
    }
    await disk.close();
  }
  if (SEEDS > 1)
    for (const [name, count] of Object.entries(tally)) assert.ok(count > 0, `${name}: ${JSON.stringify(tally)}`);
});
