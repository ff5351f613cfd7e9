/** Chains of backups: an increment follows the change, and any backup of a chain that is kept restores the state at its cut. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backup-list.ts";
import type { Manifest } from "../../lib/operations/backup-manifest.ts";
import { commit } from "../../lib/operations/commit.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { pruneBackups } from "../../lib/operations/prune-backups.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import type { BackupPlace, Catalog } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { type Dump, dumpCatalog } from "../support/catalog-dump.ts";
import { SQLITE_ENGINE, type TestEngine, testEngines } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import {
  addOf,
  commitTo,
  newTable,
  openTestLake,
  removeOf,
  request,
  STRIDE,
  type TestLake,
  testClock,
} from "../support/lake.ts";
import { seeded } from "../support/random.ts";

const DAY_MS = 86_400_000;

function memoryPlace(): BackupPlace {
  return { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
}

async function inScratch<T>(work: (catalog: Catalog, url: string) => Promise<T>, engine = SQLITE_ENGINE): Promise<T> {
  const database = await engine.create();
  const catalog = await openCatalog(database.url, testClock(), { schema: "leave" });
  try {
    return await work(catalog, database.url);
  } finally {
    await catalog.close();
    await database.drop();
  }
}

async function restored(place: BackupPlace, backupId?: string, engine: TestEngine = SQLITE_ENGINE): Promise<Dump> {
  return inScratch(async (catalog, url) => {
    await restoreCatalog(catalog, place, backupId === undefined ? {} : { backupId });
    return dumpCatalog(url);
  }, engine);
}

/** A few tables, to which anything happens. */
function world(lake: TestLake, random: () => number) {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const tables: { id: string; name: string }[] = [];
  let counted = 0;
  const count = () => {
    counted += 1;
    return counted;
  };
  const version = async (id: string) => (await lake.catalog.findTable({ tableId: id }))?.version ?? -1;
  const change = async ({ id }: (typeof tables)[number]) => {
    const live = await lake.catalog.readFiles(id, await version(id), { limit: 100 });
    const gone = random() < 0.5 ? live.items[0]?.path : undefined;
    const path = random() < 0.2 ? "again" : `f${count()}`;
    const removes = gone === undefined || gone === path ? [] : [removeOf(gone)];
    return [...removes, addOf(path, { size: counted, stats: `{"numRecords":${counted}}` })];
  };
  const steps: Record<string, () => Promise<void>> = {
    async create() {
      if (tables.length > 4) return;
      const name = `w.t${count()}`;
      tables.push({ id: await newTable(lake, name), name });
    },
    async commit() {
      const table = pick(tables);
      await commitTo(lake, table.id, await version(table.id), await change(table), {});
    },
    async two() {
      const [a, b] = [pick(tables), pick(tables)];
      if (a.id === b.id) return;
      const parts = [];
      for (const table of [a, b])
        parts.push({ tableId: table.id, readVersion: await version(table.id), actions: await change(table) });
      await commit(lake, request(...parts));
    },
    async txn() {
      const { id } = pick(tables);
      const txn = { appId: pick(["a", "b"]), version: count(), lastUpdated: 1 };
      await commitTo(lake, id, await version(id), [{ txn }], {});
    },
    async mirror() {
      await mirrorTable(lake, pick(tables).id);
    },
    async fail() {
      const { id } = pick(tables);
      const [open] = await lake.catalog.unpublished(id, 1);
      const error = { code: "UNAVAILABLE", message: `e${count()}`, failed: random() < 0.5, at: counted };
      if (open) await lake.catalog.markMirrorError(id, open.version, error);
    },
    async drop() {
      if (tables.length < 3) return;
      const [gone] = tables.splice(Math.floor(random() * tables.length), 1);
      if (gone === undefined) return;
      if (random() < 0.5) await mirrorTable(lake, gone.id);
      await dropTable(lake, { tableId: gone.id }, { unpublished: "giveUp" });
      if (random() < 0.5) return;
      const name = `w.i${count()}`;
      const back = await importTable(lake, { name, location: `file:///lake/${gone.name}`, mode: "full-history" }).catch(
        () => undefined,
      );
      if (back) tables.push({ id: back.tableId, name: gone.name });
    },
    async quarantine() {
      await lake.catalog.setQuarantine(pick(tables).id, random() < 0.5 ? undefined : `q${count()}`);
    },
  };
  return { tables, step: (name: string) => steps[name]?.() ?? Promise.reject(new Error(name)), pick };
}

const WEIGHTS = [
  "create",
  "commit",
  "commit",
  "commit",
  "commit",
  "two",
  "two",
  "txn",
  "mirror",
  "mirror",
  "fail",
  "drop",
  "quarantine",
];

test("random commits, drops, imports, backups and prunes: each backup that is kept restores the state at its cut", async () => {
  for (let seed = 1; seed <= 12; seed += STRIDE) {
    const lake = await openTestLake();
    const next = seeded(seed);
    const place = memoryPlace();
    const { step, pick } = world(lake, next);
    await step("create");
    await step("create");
    const dumps = new Map<string, Dump>();
    let increments = 0;
    for (let i = 0; i < 60; i += 1) {
      lake.clock.time += 1000;
      if (next() < 0.15) {
        const made = await backupCatalog(lake, place, { full: next() < 0.15 });
        increments += made.kind === "incremental" ? 1 : 0;
        dumps.set(made.backupId, await dumpCatalog(lake.url));
      } else if (next() < 0.04) {
        await pruneBackups(lake, place, { keepLast: 1 + Math.floor(next() * 3) }, { dryRun: false });
      } else await step(pick(WEIGHTS));
    }
    await backupCatalog(lake, place).then(async (made) => dumps.set(made.backupId, await dumpCatalog(lake.url)));
    const { backups, unfinished } = await findBackups(place);
    assert.deepEqual(unfinished, []);
    assert.ok(increments > 0, "some were increments");
    for (const { backupId } of [...backups.slice(0, 1), ...backups.slice(-2)]) {
      assert.deepEqual(await restored(place, backupId), dumps.get(backupId), `seed ${seed}, backup ${backupId}`);
    }
    await lake.close();
  }
});

/** What a moment decides: not what the mirror, an operator or a later manifest has noted. */
function ofMoment(dump: Dump): Dump {
  const without = (names: readonly string[]) => (row: string) =>
    names.reduce((text, name) => text.replace(new RegExp(` ${name}=\\S*( [a-z]+ \\d+)?`), ""), row);
  return {
    ...dump,
    dl_tables: dump.dl_tables?.map(without(["quarantine", "identity_changes", "manifest_changes"])) ?? [],
    dl_mirror_status: dump.dl_mirror_status?.map((row) => row.split(" ").slice(0, 2).join(" ")) ?? [],
  };
}

test("at any moment: a later backup has the state of then, with heads counted again, and no transaction cut in two", async () => {
  for (let seed = 100; seed < 104; seed += STRIDE) {
    const lake = await openTestLake(SQLITE_ENGINE);
    const next = seeded(seed);
    const place = memoryPlace();
    const { step, pick } = world(lake, next);
    await step("create");
    await step("create");
    const moments: { time: number; dump: Dump }[] = [];
    for (let i = 0; i < 40; i += 1) {
      lake.clock.time += 1000;
      await step(pick(WEIGHTS));
      moments.push({ time: lake.clock.time, dump: ofMoment(await dumpCatalog(lake.url)) });
      if (next() < 0.15) await backupCatalog(lake, place);
    }
    lake.clock.time += 1000;
    const { backupId } = await backupCatalog(lake, place);
    for (let i = 0; i < 4; i += 1) {
      const { time, dump } = pick(moments);
      for (const engine of i === 0 ? testEngines() : [SQLITE_ENGINE]) {
        await inScratch(async (catalog, url) => {
          const options = { until: { timestamp: time + 500 }, ...(i % 2 === 0 ? { backupId } : {}) };
          await restoreCatalog(catalog, place, options);
          assert.deepEqual(ofMoment(await dumpCatalog(url)), dump, `seed ${seed} at ${time} on ${engine.name}`);
        }, engine);
      }
    }
    await lake.close();
  }
});

test("up to a transaction: it is in all of its tables, and nothing later is; after the last backup is refused", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const place = memoryPlace();
  const [a, b] = [await newTable(lake, "u.a"), await newTable(lake, "u.b")];
  const ids: string[] = [];
  for (const v of [0, 1, 2]) {
    lake.clock.time += 1000;
    const both = [a, b].map((tableId) => ({ tableId, readVersion: v, actions: [addOf(`f${v}`)] }));
    const wanted = request(...both);
    ids.push(wanted.transactionId);
    await commit(lake, wanted);
  }
  const { cutAt } = await backupCatalog(lake, place);
  await inScratch(async (catalog) => {
    await restoreCatalog(catalog, place, { until: { transactionId: ids[1]?.toUpperCase() ?? "" } });
    for (const tableId of [a, b]) assert.equal((await catalog.findTable({ tableId }))?.version, 2);
    const known = await Promise.all(ids.map((id) => catalog.findTransaction(id)));
    assert.deepEqual(
      known.map((found) => found !== undefined),
      [true, true, false],
    );
  });
  const refused = (until: object, code: string) =>
    inScratch((catalog) => assert.rejects(restoreCatalog(catalog, place, { until } as object), { code }));
  await refused({ timestamp: cutAt + 1 }, "AFTER_LAST_BACKUP");
  await refused({ transactionId: crypto.randomUUID() }, "TRANSACTION_NOT_IN_BACKUP");
  await lake.close();
});

describe("an increment", () => {
  for (const engine of testEngines()) {
    test(`follows the change, and is restored with what it goes on from (${engine.name})`, async () => {
      const lake = await openTestLake(engine);
      const place = memoryPlace();
      const big = await newTable(lake, "i.big");
      await commitTo(
        lake,
        big,
        0,
        Array.from({ length: 5000 }, (_, i) => addOf(`f${i}`)),
      );
      const small = await newTable(lake, "i.small");
      await newTable(lake, "i.idle");
      for (const id of [big, small]) await mirrorTable(lake, id);
      const full = await backupCatalog(lake, place);
      const nothing = await backupCatalog(lake, place);
      assert.deepEqual([full.kind, nothing.kind, nothing.baseId], ["full", "incremental", full.backupId]);
      // Heads, and the line of the outbox of the table that has never been mirrored.
      assert.equal(nothing.rows, 3 + 1);
      await commit(
        lake,
        request(
          { tableId: big, readVersion: 1, actions: [removeOf("f7"), addOf("f7b")] },
          { tableId: small, readVersion: 0, actions: [addOf("x")] },
        ),
      );
      await commitTo(lake, big, 2, [removeOf("f7b"), removeOf("f8")], {});
      const third = await backupCatalog(lake, place);
      const bySet = Object.fromEntries(third.parts.map(({ set, rows }) => [set, rows]));
      assert.deepEqual(bySet, {
        dl_versions: 3,
        dl_transactions: 2,
        dl_files: 2,
        "dl_files.ended": 2,
        dl_removes: 3,
        dl_mirror_status: 4,
        dl_tables: 3,
      });
      assert.deepEqual(await restored(place), await dumpCatalog(lake.url));
      assert.deepEqual(await restored(place, undefined, engine), await dumpCatalog(lake.url));
      await lake.close();
    });
  }

  test("goes on from no backup of another lineage: tables that went back are taken whole", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    const id = await newTable(lake, "l.a");
    const other = await newTable(lake, "l.b");
    const first = await backupCatalog(lake, place);
    for (const v of [0, 1, 2]) await commitTo(lake, id, v, [addOf(`lost${v}`)]);
    await commitTo(lake, other, 0, [addOf("stays")]);
    lake.clock.time += 1000;
    await backupCatalog(lake, place);
    await inScratch(async (catalog, url) => {
      await restoreCatalog(catalog, place, { backupId: first.backupId });
      const again = lake.with({ catalog });
      lake.clock.time += 1000;
      for (const v of [0, 1, 2, 3]) await commitTo(again, id, v, [addOf(`new${v}`)]);
      const made = await backupCatalog(again, place);
      assert.deepEqual([made.kind, made.tables.map(({ after }) => after)], ["incremental", [undefined, undefined]]);
      assert.deepEqual(await restored(place), await dumpCatalog(url));
    });
    await lake.close();
  });

  test("is given up where the history that it needs is cleaned away meanwhile, or its base is", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    const id = await newTable(lake, "g.a");
    await commitTo(lake, id, 0, [addOf("a")]);
    const base = await backupCatalog(lake, place);
    for (const v of [1, 2, 3]) await commitTo(lake, id, v, [removeOf(v === 1 ? "a" : `f${v - 1}`), addOf(`f${v}`)], {});
    const cleaned = (baseVersion: number): Catalog => {
      let looks = 0;
      return {
        ...lake.catalog,
        async readCut() {
          const cut = await lake.catalog.readCut();
          looks += 1;
          return looks === 1 ? cut : { ...cut, tables: cut.tables.map((table) => ({ ...table, baseVersion })) };
        },
      };
    };
    await assert.rejects(backupCatalog({ ...lake, catalog: cleaned(2) }, place), { code: "BACKUP_OVERTAKEN" });
    await backupCatalog({ ...lake, catalog: cleaned(1) }, place);
    await backupCatalog({ ...lake, catalog: cleaned(4) }, place, { full: true });
    await assert.rejects(backupCatalog({ ...lake, catalog: cleaned(5) }, place, { full: true }), {
      code: "BACKUP_OVERTAKEN",
    });
    const gone = memoryPlace();
    const { backupId } = await backupCatalog(lake, gone);
    const pruning: Catalog = {
      ...lake.catalog,
      async readRows(wanted) {
        await gone.store.remove([`${backupId}/manifest.json`]);
        return lake.catalog.readRows(wanted);
      },
    };
    await assert.rejects(backupCatalog({ ...lake, catalog: pruning }, gone), { code: "BACKUP_OVERTAKEN" });
    assert.ok(base.kind === "full");
    await lake.close();
  });

  test("is not made from a backup of which a part is missing, or with another key", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    await newTable(lake, "m.a");
    const { backupId, parts } = await backupCatalog(lake, place);
    await place.store.remove([`${backupId}/${parts[0]?.name}`]);
    assert.equal((await backupCatalog(lake, place)).kind, "full");
    assert.equal((await backupCatalog(lake, { ...place, keyId: "other" })).kind, "full");
    await lake.close();
  });
});

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
