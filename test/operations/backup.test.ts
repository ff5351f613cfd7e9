/** Backups and restores over all engines: what comes back is, row by row, what was there at the cut. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { findBackups } from "../../lib/operations/backups/list.ts";
import { PART_CHARACTERS } from "../../lib/operations/backups/parts.ts";
import { commit } from "../../lib/operations/commit.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import type { BackupPlace, Catalog, ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { dumpCatalog } from "../support/catalog-dump.ts";
import { SQLITE_ENGINE, type TestDatabase, type TestEngine, testEngines } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, request, type TestLake, testClock } from "../support/lake.ts";
import { fillLake } from "../support/rich-lake.ts";

function memoryPlace(store: ObjectStore = openMemoryStore()): BackupPlace {
  return { location: "file:///backups", store, ...ZSTD };
}

async function withTarget<T>(
  engine: TestEngine,
  work: (catalog: Catalog, url: string, database: TestDatabase) => Promise<T>,
): Promise<T> {
  const database = await engine.create();
  const catalog = await openCatalog(database.url, testClock(), { schema: "leave" });
  try {
    return await work(catalog, database.url, database);
  } finally {
    await catalog.close();
    await database.drop();
  }
}

/** What a backup does not have: tables that are being imported, and the rows of their heads. */
function withoutImports(dump: Awaited<ReturnType<typeof dumpCatalog>>): typeof dump {
  return { ...dump, dl_tables: dump.dl_tables?.filter((row) => !row.includes("status=IMPORTING")) ?? [] };
}

for (const from of testEngines()) {
  describe(`a backup of a catalog on ${from.name}`, () => {
    let lake: TestLake;
    let place: BackupPlace;
    before(async () => {
      lake = await openTestLake(from);
      place = memoryPlace();
      await fillLake(lake);
      await backupCatalog(lake, place);
    });
    after(() => lake.close());

    for (const to of testEngines()) {
      test(`is restored to ${to.name}, every row as it was, and the catalog goes on`, async () => {
        await withTarget(to, async (catalog, url) => {
          const restored = await restoreCatalog(catalog, place);
          const wanted = withoutImports(await dumpCatalog(lake.url));
          assert.deepEqual(await dumpCatalog(url), wanted);
          assert.ok(restored.rows > 40 && restored.tables === 5);
          const copy = lake.with({ catalog });
          const { tableId, version } = (await catalog.findTable({ name: "rich.tracked" })) ?? {};
          assert.equal(
            await commitTo(copy, tableId ?? "", version ?? 0, [addOf("after", { stats: `{"numRecords":1}` })]),
            (version ?? 0) + 1,
          );
        });
      });
    }

    test("is verified in a scratch database", async () => {
      await withTarget(SQLITE_ENGINE, async (scratch) => {
        const verified = await verifyBackup(scratch, place);
        assert.deepEqual(verified.differences, []);
        assert.ok(verified.files > 4);
      });
    });

    test("while commits go on: the state at the cut, no transaction cut in two, and ids of no later one", async () => {
      const [a, b] = [await newTable(lake, `c.${from.name}_a`), await newTable(lake, `c.${from.name}_b`)];
      let version = 0;
      const ids: string[] = [];
      const move = async () => {
        const wanted = request(
          { tableId: a, readVersion: version, actions: [addOf(`a${version}`)] },
          { tableId: b, readVersion: version, actions: [addOf(`b${version}`)] },
        );
        ids.push(wanted.transactionId);
        await commit(lake, wanted);
        version += 1;
      };
      await move();
      const busy: Catalog = {
        ...lake.catalog,
        async readRows(wanted) {
          await move();
          const page = await lake.catalog.readRows(wanted);
          await move();
          return page;
        },
      };
      const running = memoryPlace();
      await backupCatalog({ ...lake, catalog: busy }, running);
      assert.ok(version > 10, "commits were made meanwhile");
      await withTarget(SQLITE_ENGINE, async (scratch) => {
        assert.deepEqual((await verifyBackup(scratch, running)).differences, []);
        for (const tableId of [a, b]) assert.equal((await scratch.findTable({ tableId }))?.version, 1);
        const known = await Promise.all(ids.map((id) => scratch.findTransaction(id)));
        assert.deepEqual(
          known.map((found) => found !== undefined),
          ids.map((_, i) => i === 0),
        );
      });
    });
  });
}

describe("a restore", () => {
  let lake: TestLake;
  let place: BackupPlace;
  before(async () => {
    lake = await openTestLake(SQLITE_ENGINE);
    place = memoryPlace();
    await fillLake(lake);
    await backupCatalog(lake, place);
  });
  after(() => lake.close());

  for (const engine of testEngines()) {
    test(`is made into no database that holds anything (${engine.name})`, async () => {
      const other = await openTestLake(engine);
      await newTable(other, "there.before");
      const before = await dumpCatalog(other.url);
      await assert.rejects(restoreCatalog(other.catalog, place), { code: "TARGET_NOT_EMPTY" });
      assert.deepEqual(await dumpCatalog(other.url), before);
      assert.ok(await other.catalog.findTable({ name: "there.before" }), "it is not shut");
      await other.close();
    });

    test(`killed at any call of catalog or store, then repeated, is whole; until then the database is shut (${engine.name})`, async () => {
      const wanted = withoutImports(await dumpCatalog(lake.url));
      const stride = engine.name === "sqlite" ? 1 : 5;
      for (const when of ["before", "after"] as const) {
        for (let at = 0, done = false; !done; at += stride) {
          assert.ok(at < 200, "the loop ends");
          await withTarget(engine, async (catalog, url) => {
            const point = crashPoint(at, when);
            const dead = { ...place, store: dying(place.store, point) };
            const result = await restoreCatalog(dying(catalog, point), dead).catch((error: unknown) => error);
            done = !(result instanceof Crash);
            const shut = await catalog.listTables({ limit: 1 }).catch((error: { code?: string }) => error.code);
            if (shut === "RESTORE_UNFINISHED") await assert.rejects(catalog.migrate(), { code: "RESTORE_UNFINISHED" });
            else assert.ok(typeof shut !== "string" || shut === "SCHEMA_OUTDATED", `not even begun: ${shut}`);
            if (!done) {
              const tables = typeof shut === "string" ? 0 : shut?.items.length;
              // Open again: then it is complete.
              if (tables !== 0) assert.deepEqual(await dumpCatalog(url), wanted);
              else await restoreCatalog(catalog, place);
            }
            assert.deepEqual(await dumpCatalog(url), wanted, `after a crash ${when} call ${at}`);
          });
        }
      }
    });
  }

  test("of another backup than the one that was begun starts anew", async () => {
    const second = await openTestLake(SQLITE_ENGINE);
    await newTable(second, "other.table");
    const others = memoryPlace();
    await backupCatalog(second, others);
    await withTarget(SQLITE_ENGINE, async (catalog, url) => {
      const point = crashPoint(6, "after");
      await assert.rejects(restoreCatalog(dying(catalog, point), place), Crash);
      await restoreCatalog(catalog, others);
      assert.deepEqual(await dumpCatalog(url), await dumpCatalog(second.url));
    });
    await second.close();
  });

  test("keeps the identity of the catalog, a copy has one of its own", async () => {
    const { catalogId } = await lake.catalog.readCut();
    for (const asCopy of [false, true]) {
      await withTarget(SQLITE_ENGINE, async (catalog) => {
        await restoreCatalog(catalog, place, { asCopy });
        assert.equal((await catalog.readCut()).catalogId === catalogId, !asCopy);
      });
    }
  });
});

describe("a backup", () => {
  let lake: TestLake;
  before(async () => {
    lake = await openTestLake();
    await fillLake(lake);
  });
  after(() => lake.close());

  test("killed at any call is none, and the next one is whole", async () => {
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += 1) {
        assert.ok(at < 200, "the loop ends");
        const place = memoryPlace();
        const point = crashPoint(at, when);
        const dead = { ...place, store: dying(place.store, point) };
        const result = await backupCatalog({ ...lake, catalog: dying(lake.catalog, point) }, dead).catch((e) => e);
        done = !(result instanceof Crash);
        const { backups, unfinished } = await findBackups(place);
        // After the last call, the manifest's, there is one although nobody was told.
        assert.ok(backups.length + unfinished.length <= 1);
        if (backups.length === 1) {
          await withTarget(SQLITE_ENGINE, async (scratch) =>
            assert.deepEqual((await verifyBackup(scratch, place)).differences, []),
          );
        } else assert.ok(!done, "a backup that ended is one");
      }
    }
  });

  test("names the tables that are being imported, which it does not have", async () => {
    const { leftOut, tables } = await backupCatalog(lake, memoryPlace());
    assert.deepEqual(leftOut, ["rich.coming"]);
    assert.ok(!tables.some(({ name }) => name === "rich.coming"));
  });

  test("holds two parts in memory at most, however many rows there are: one is written while the next one fills", async () => {
    const [pages, rowsAPage] = [40, 500];
    const row = lake.catalog.backupSets.find(({ name }) => name === "dl_api_keys")?.columns.map(() => "x".repeat(250));
    let read = 0;
    let readWhilePut = 0;
    const catalog: Catalog = {
      ...lake.catalog,
      async readRows(wanted) {
        if (wanted.set !== "dl_api_keys") return lake.catalog.readRows(wanted);
        read += 1;
        const next = read < pages ? { next: String(read) } : {};
        return { rows: Array.from({ length: rowsAPage }, () => row ?? []), ...next };
      },
    };
    const store = openMemoryStore();
    const slow: ObjectStore = {
      ...store,
      async put(key, body) {
        const before = read;
        // Everything that may go on meanwhile does.
        await new Promise((resolve) => setTimeout(resolve, 50));
        readWhilePut = Math.max(readWhilePut, read - before);
        await store.put(key, body);
      },
    };
    const place = memoryPlace(slow);
    const { parts } = await backupCatalog({ ...lake, catalog }, place);
    const keys = parts.filter(({ set }) => set === "dl_api_keys");
    assert.equal(
      keys.reduce((sum, { rows }) => sum + rows, 0),
      pages * rowsAPage,
    );
    assert.ok(keys.length > 3, "there are many parts");
    const pageBytes = rowsAPage * (row?.length ?? 0) * 253;
    assert.ok(
      readWhilePut <= Math.ceil(PART_CHARACTERS / pageBytes) + 1,
      `${readWhilePut} pages were read during a put`,
    );
    for (const { name, rows } of keys) assert.ok(rows * (row?.length ?? 0) * 253 <= PART_CHARACTERS * 1.01, name);
  });

  test("is refused within a table and around one", async () => {
    for (const location of ["file:///lake/rich.plain", "file:///lake/rich.plain/backups", "file:///lake"]) {
      await assert.rejects(backupCatalog(lake, { ...memoryPlace(), location }), { code: "BACKUP_PLACE" });
    }
  });

  test("damaged, lacking or exchanged parts are refused by name", async () => {
    const store = openMemoryStore();
    const place = memoryPlace(store);
    const { backupId, parts } = await backupCatalog(lake, place);
    const [part] = parts;
    assert.ok(part);
    const key = `${backupId}/${part.name}`;
    const whole = (await store.get(key))?.bytes ?? new Uint8Array();
    const other = (await store.get(`${backupId}/${parts[1]?.name}`))?.bytes ?? new Uint8Array();
    const flipped = whole.slice();
    flipped[10] = (flipped[10] ?? 0) ^ 1;
    const refused = (message: RegExp) =>
      withTarget(SQLITE_ENGINE, (scratch) =>
        assert.rejects(restoreCatalog(scratch, place), { kind: "corrupt", code: "BACKUP_DAMAGED", message }),
      );
    for (const bytes of [flipped, whole.slice(0, -1), other, new Uint8Array()]) {
      await store.put(key, bytes);
      await refused(/dl_versions-000001\.ndjson\.zst is not as it was written/);
    }
    await store.removeIf(key, new Uint8Array());
    await refused(/dl_versions-000001\.ndjson\.zst is missing/);
    await store.put(key, whole);
    const manifest = `${backupId}/manifest.json`;
    const text = new TextDecoder().decode((await store.get(manifest))?.bytes);
    await store.put(manifest, new TextEncoder().encode(text.replace('"rich.plain"', '"rich.other"')));
    await refused(/manifest\.json is not as it was written/);
  });

  test("of a newer schema is refused, and nothing is written", async () => {
    const store = openMemoryStore();
    const place = memoryPlace(store);
    const catalog: Catalog = {
      ...lake.catalog,
      readCut: async () => ({ ...(await lake.catalog.readCut()), migrations: [1, 9999] }),
    };
    await backupCatalog({ ...lake, catalog }, place);
    await withTarget(SQLITE_ENGINE, async (scratch) => {
      await assert.rejects(restoreCatalog(scratch, place), { code: "SCHEMA_NEWER" });
      await scratch.migrate();
    });
  });
});
