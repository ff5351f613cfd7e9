/** Chains of backups: an increment follows the change, and any backup of a chain that is kept restores the state at its cut. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backups/list.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { pruneBackups } from "../../lib/operations/prune-backups.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { Catalog } from "../../lib/ports.ts";
import { inScratch, memoryPlace, restored, WEIGHTS, world } from "../support/backups.ts";
import { type Dump, dumpCatalog } from "../support/catalog-dump.ts";
import { SQLITE_ENGINE, testEngines } from "../support/catalog-engines.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, STRIDE } from "../support/lake.ts";
import { seeded } from "../support/random.ts";

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

test("up to a transaction: it is in all of its tables, and nothing later is", async () => {
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
  await backupCatalog(lake, place);
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

  test("goes on from no backup that lacks history which came back with an earlier one", async () => {
    const lake = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    const [idle, moved] = [await newTable(lake, "t.idle"), await newTable(lake, "t.moved")];
    const change = (on: typeof lake, id: string, v: number) =>
      commitTo(on, id, v, [...(v > 0 ? [removeOf(`f${v - 1}`)] : []), addOf(`f${v}`)], {});
    for (const id of [idle, moved]) for (const v of [0, 1, 2]) await change(lake, id, v);
    const first = await backupCatalog(lake, place);
    for (const id of [idle, moved]) {
      await mirrorTable(lake, id);
      await lake.catalog.raiseBase(id, 2);
      const keeps = { batch: 2, tombstonesNewerThan: 0, removesAfter: Number.MAX_SAFE_INTEGER };
      while (await lake.catalog.trimBelowBase(id, keeps));
    }
    await backupCatalog(lake, place, { full: true });
    await inScratch(async (catalog, url) => {
      await restoreCatalog(catalog, place, { backupId: first.backupId });
      const again = lake.with({ catalog });
      await change(again, moved, 3);
      const { kind, tables } = await backupCatalog(again, place);
      assert.deepEqual([kind, tables.map(({ after }) => after)], ["incremental", [undefined, undefined]]);
      assert.deepEqual(await restored(place), await dumpCatalog(url));
    });
    await lake.close();
  });

  for (const engine of testEngines()) {
    test(`of a table whose history is trimmed: each version that SQL still has is restored (${engine.name})`, async () => {
      const lake = await openTestLake(engine);
      const place = memoryPlace();
      const id = await newTable(lake, "h.a");
      const commitMore = async (from: number, to: number) => {
        for (let v = from; v < to; v += 1) {
          await commitTo(lake, id, v, [...(v > 1 ? [removeOf(`f${v - 2}`)] : []), addOf(`f${v}`)], {});
        }
      };
      const trim = async (base: number) => {
        await lake.catalog.raiseBase(id, base);
        const keeps = { batch: 2, tombstonesNewerThan: Number.MAX_SAFE_INTEGER, removesAfter: Number.MAX_SAFE_INTEGER };
        while (await lake.catalog.trimBelowBase(id, keeps));
      };
      const same = async () => {
        await inScratch(async (catalog) => {
          await restoreCatalog(catalog, place);
          const [ours, theirs] = await Promise.all(
            [lake.catalog, catalog].map((one) => one.findTable({ tableId: id })),
          );
          assert.deepEqual(theirs, ours);
          for (let v = ours?.baseVersion ?? 0; v <= (ours?.version ?? -1); v += 1) {
            const [wanted, found] = await Promise.all(
              [lake.catalog, catalog].map((one) => one.readFiles(id, v, { limit: 100 })),
            );
            assert.deepEqual(found?.items, wanted?.items, `version ${v}`);
          }
        });
      };
      await commitMore(0, 6);
      await mirrorTable(lake, id);
      await trim(2);
      await backupCatalog(lake, place);
      await same();
      await commitMore(6, 9);
      await trim(5);
      assert.deepEqual(
        (await backupCatalog(lake, place)).tables.map(({ after }) => after),
        [6],
      );
      await same();
      await commitMore(9, 12);
      await mirrorTable(lake, id);
      await trim(11);
      const { kind, tables } = await backupCatalog(lake, place);
      assert.deepEqual([kind, tables.map(({ after }) => after)], ["incremental", [undefined]]);
      await same();
      await lake.close();
    });
  }

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

test("an increment goes on from no backup of which a part is cut short, or missing", async () => {
  for (const harm of ["cut", "missing"] as const) {
    const lake = await openTestLake(SQLITE_ENGINE);
    const place = memoryPlace();
    const tableId = await newTable(lake, "t.a");
    const whole = await backupCatalog(lake, place);
    await commitTo(lake, tableId, 0, [addOf("f1")]);
    const damaged = await backupCatalog(lake, place);
    assert.deepEqual([damaged.kind, damaged.baseId], ["incremental", whole.backupId]);
    const { backups } = await findBackups(place);
    const part = backups.at(-1)?.parts.find(({ set }) => set === "dl_files");
    assert.ok(part);
    const key = `${damaged.backupId}/${part.name}`;
    const bytes = (await place.store.get(key))?.bytes ?? new Uint8Array();
    if (harm === "cut") await place.store.put(key, bytes.subarray(1));
    else await place.store.remove([key]);
    await commitTo(lake, tableId, 1, [addOf("f2")]);
    const next = await backupCatalog(lake, place);
    assert.deepEqual([next.kind, next.baseId], ["incremental", whole.backupId], "it goes on from the last whole one");
    assert.deepEqual(await restored(place, next.backupId), await dumpCatalog(lake.url));
    await lake.close();
  }
});
