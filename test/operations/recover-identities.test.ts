/** A database that is older than the logs gets the names, drops and places back that their manifests tell, with the versions. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { setLogsAside } from "../../lib/operations/backups/set-log-aside.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { isRecovered, recoverAll, recoverTable } from "../../lib/operations/recover.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import type { BackupPlace, Catalog } from "../../lib/ports.ts";
import { inScratch, memoryPlace } from "../support/backups.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";
import { assertTheorem } from "../support/theorem.ts";

/** All of it is on SQLite: whoever tests another engine has seen it there. */
const [STEP, SEEDS] = process.env.TEST_ENGINE ? [17, 1] : [3, 4];

/** All is published, and the logs are told. */
async function publish(lake: TestLake, tableIds: readonly string[]): Promise<void> {
  lake.clock.time += 1000;
  for (const tableId of tableIds) await mirrorTable(lake, tableId);
}

async function append(lake: TestLake, tableId: string): Promise<void> {
  const { version = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
  await commitTo(lake, tableId, version, [addOf(`f${version}`)]);
}

/** The catalog of a backup, beside the logs of today. */
async function restored(lake: TestLake, place: BackupPlace, work: (old: TestLake) => Promise<void>): Promise<void> {
  await inScratch(async (catalog) => {
    await restoreCatalog(catalog, place);
    await work(lake.with({ catalog }));
  });
}

/** What a table is beside its versions. */
async function lifeIn({ catalog }: { readonly catalog: Catalog }, tableId: string) {
  const head = await catalog.findTable({ tableId }, { anyStatus: true });
  const { manifest, told } = (await catalog.readManifestFacts(tableId)) ?? {};
  // A recovery that follows a move counts once more.
  const { catalogId: _, changes: __, ...life } = manifest ?? {};
  return { ...life, version: head?.version, isTold: told !== undefined && told >= (manifest?.changes ?? 0) };
}

describe("a recovery", () => {
  test("takes over what was renamed, dropped and brought back, and versions with it; again it finds nothing", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const ids: string[] = [];
    for (const name of ["a", "b", "c", "d"]) ids.push(await newTable(lake, `i.${name}`));
    const [a = "", b = "", c = "", d = ""] = ids;
    await publish(lake, ids);
    await dropTable(lake, { tableId: c });
    await publish(lake, ids);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await append(lake, a);
    await renameTable(lake, { tableId: a }, "i.renamed");
    await append(lake, b);
    await publish(lake, ids);
    await dropTable(lake, { tableId: b });
    // Names that were given up are taken by others.
    await undropTable(lake, { tableId: c }, { name: "i.a" });
    await append(lake, c);
    await renameTable(lake, { tableId: d }, "i.b");
    await publish(lake, ids);
    await restored(lake, place, async (old) => {
      const result = await recoverAll(old);
      const told = Object.fromEntries(
        result.identities.map((one) => [one.table, [one.name, ...one.changes].join(" ")]),
      );
      assert.deepEqual(told, {
        "i.a": "i.renamed renamed",
        "i.b": "i.b dropped",
        "i.c": "i.a renamed undropped",
        "i.d": "i.b renamed",
      });
      assert.ok(isRecovered(result, {}));
      for (const id of ids) assert.deepEqual(await lifeIn(old, id), await lifeIn(lake, id), id);
      assert.equal((await old.catalog.whereabouts({ name: "i.d" }))?.renamed?.name, "i.b");
      for (const id of [a, c, d]) await assertTheorem(old, id);
      const again = await recoverAll(old);
      assert.deepEqual([again.identities, again.tables], [[], []]);
      await undropTable(old, { tableId: b }, { name: "i.back" });
    });
    await lake.close();
  });

  test("names that were exchanged change hands at once", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const [a, b] = [await newTable(lake, "x.a"), await newTable(lake, "x.b")];
    await publish(lake, [a, b]);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    for (const [tableId, name] of [
      [a, "x.c"],
      [b, "x.a"],
      [a, "x.b"],
    ] as const)
      await renameTable(lake, { tableId }, name);
    await publish(lake, [a, b]);
    await restored(lake, place, async (old) => {
      await recoverAll(old);
      assert.equal((await old.catalog.findTable({ name: "x.a" }))?.tableId, b);
      assert.deepEqual(await lifeIn(old, a), await lifeIn(lake, a));
    });
    await lake.close();
  });

  test("a name that is taken, and a drop before versions that are held up, are told and left", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const [a, b] = [await newTable(lake, "y.a"), await newTable(lake, "y.b")];
    await publish(lake, [a, b]);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await renameTable(lake, { tableId: a }, "y.new");
    await append(lake, b);
    await publish(lake, [a, b]);
    await dropTable(lake, { tableId: b });
    await publish(lake, [a, b]);
    // Written past the catalog.
    const foreign = new TextEncoder().encode('{"commitInfo":{"timestamp":1}}\n');
    await lake.store("file:///lake/y.b").put("_delta_log/00000000000000000002.json", foreign);
    await restored(lake, place, async (old) => {
      const other = await newTable(old, "y.new");
      const result = await recoverAll(old);
      const told = new Map(result.identities.map((one) => [one.tableId, one]));
      assert.equal(told.get(a)?.blockedBy?.tableId, other);
      assert.equal(told.get(b)?.waits, true);
      assert.equal(isRecovered(result, {}), false);
      assert.equal((await old.catalog.findTable({ tableId: a }))?.name, "y.a");
      assert.equal((await old.catalog.findTable({ tableId: b }))?.version, 1);
      await renameTable(old, { tableId: other }, "y.away");
      await recoverTable(old, { tableId: a });
      assert.equal((await old.catalog.findTable({ tableId: a }))?.name, "y.new");
    });
    await lake.close();
  });

  test("a table that moved goes on from the log at its new place", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const tableId = await newTable(lake, "z.a");
    const store = (to: string) => lake.store(to);
    await store("file:///lake/z.a").put("f0", new Uint8Array(100));
    await append(lake, tableId);
    await publish(lake, [tableId]);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await relocateTable(lake, { tableId }, "file:///lake/elsewhere", { move: true });
    await publish(lake, [tableId]);
    await renameTable(lake, { tableId }, "z.moved");
    await publish(lake, [tableId]);
    await restored(lake, place, async (old) => {
      const { identities } = await recoverAll(old);
      assert.deepEqual(
        identities.map(({ changes }) => changes),
        [["renamed"]],
      );
      await publish(old, [tableId]);
      assert.deepEqual(await lifeIn(old, tableId), await lifeIn(lake, tableId));
      await assertTheorem(old, tableId);
      assert.deepEqual((await recoverAll(old)).identities, []);
    });
    await lake.close();
  });

  test("what a restored moment has given up does not come back", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const [a, b] = [await newTable(lake, "w.a"), await newTable(lake, "w.b")];
    await append(lake, a);
    await publish(lake, [a, b]);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await append(lake, a);
    lake.clock.time += 1000;
    const moment = lake.clock.time;
    lake.clock.time += 1000;
    await append(lake, a);
    await renameTable(lake, { tableId: a }, "w.mistake");
    await publish(lake, [a, b]);
    await dropTable(lake, { tableId: b });
    await publish(lake, [a, b]);
    await inScratch(async (catalog) => {
      const { asOf } = await restoreCatalog(catalog, place, { until: { timestamp: moment } });
      assert.equal((await recoverAll(lake.with({ catalog }), { until: asOf })).tables[0]?.to, 2);
      const old = lake.with({ catalog });
      await setLogsAside(old);
      assert.deepEqual((await recoverAll(old)).identities, []);
      assert.equal((await catalog.findTable({ tableId: a }))?.name, "w.a");
      assert.equal((await catalog.findTable({ tableId: b }))?.status, "ACTIVE");
      assert.deepEqual((await lifeIn(old, a)).isTold, true);
      await assertTheorem(old, a);
    });
    await lake.close();
  });

  test("killed at any call, the next one finishes", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const ids = [await newTable(lake, "k.a"), await newTable(lake, "k.b"), await newTable(lake, "k.c")];
    const [a = "", b = "", c = ""] = ids;
    await publish(lake, ids);
    const place = memoryPlace();
    await backupCatalog(lake, place);
    await append(lake, b);
    await publish(lake, ids);
    await dropTable(lake, { tableId: b });
    await renameTable(lake, { tableId: a }, "k.b");
    await relocateTable(lake, { tableId: c }, "file:///lake/k.there", { move: true });
    await publish(lake, ids);
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STEP) {
        await restored(lake, place, async (old) => {
          const point = crashPoint(at, when);
          const doomed = old.with({ catalog: dying(old.catalog, point) });
          await recoverAll(doomed).catch((error: unknown) => assert.ok(error instanceof Crash, String(error)));
          done = !point.dead;
          await recoverAll(old);
          await publish(old, ids);
          for (const id of ids) assert.deepEqual(await lifeIn(old, id), await lifeIn(lake, id), `${when} call ${at}`);
        });
      }
    }
    await lake.close();
  });
});

test("random renames, drops and returns: a recovered backup is as the catalog is now", async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const chance = seeded(seed);
    const lake = await openTestLake(SQLITE_ENGINE);
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(await newTable(lake, `r.t${i}`));
    const place = memoryPlace();
    const step = async () => {
      lake.clock.time += 1000;
      const tableId = ids[Math.floor(chance() * ids.length)] ?? "";
      const isThere = (await lake.catalog.findTable({ tableId })) !== undefined;
      const name = `r.t${Math.floor(chance() * 7)}`;
      const taken = (error: { code?: string }) => assert.equal(error.code, "TABLE_EXISTS");
      if (!isThere) await undropTable(lake, { tableId }, { name }).catch(taken);
      else if (chance() < 0.4) await append(lake, tableId);
      else if (chance() < 0.6) await renameTable(lake, { tableId }, name).catch(taken);
      else {
        await mirrorTable(lake, tableId);
        await dropTable(lake, { tableId });
      }
    };
    for (let i = 0; i < 10; i += 1) await step();
    await publish(lake, ids);
    await backupCatalog(lake, place);
    for (let i = 0; i < 25; i += 1) await step();
    await publish(lake, ids);
    await restored(lake, place, async (old) => {
      const result = await recoverAll(old);
      assert.ok(isRecovered(result, {}), JSON.stringify(result));
      for (const id of ids) assert.deepEqual(await lifeIn(old, id), await lifeIn(lake, id), `seed ${seed}, ${id}`);
      assert.deepEqual((await recoverAll(old)).identities, []);
    });
    await lake.close();
  }
});
