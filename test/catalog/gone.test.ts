/** The ground goes away: the database is deleted, moved, replaced, emptied or made anew under a process that has it open. */

import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findDataApi, findPostgres } from "../support/catalog-engines.ts";
import { add, commitNext, newTable, stateOf, testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-gone-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const lost = (code: string) => (error: unknown) => isLakeError(error, "unavailable") && error.code === code;

/** What befalls the file, and what is then said. */
const FAULTS: Readonly<
  Record<string, { readonly code: string; befall(path: string): void; undo?(path: string): void }>
> = {
  "is deleted": { code: "DATABASE_GONE", befall: (path) => rmSync(path) },
  "is deleted with all that is beside it": {
    code: "DATABASE_GONE",
    befall(path) {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix);
    },
  },
  "is moved away": {
    code: "DATABASE_GONE",
    befall: (path) => renameSync(path, `${path}.moved`),
    undo: (path) => renameSync(`${path}.moved`, path),
  },
  "is replaced by a copy of itself": {
    code: "DATABASE_CHANGED",
    befall(path) {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  },
  "is replaced by an empty file": {
    code: "DATABASE_GONE",
    befall(path) {
      writeFileSync(`${path}.new`, "");
      renameSync(`${path}.new`, path);
    },
  },
  "is emptied": { code: "DATABASE_GONE", befall: (path) => truncateSync(path) },
  "loses its write-ahead log": { code: "DATABASE_GONE", befall: (path) => rmSync(`${path}-wal`) },
  "gets another write-ahead log": {
    code: "DATABASE_CHANGED",
    befall(path) {
      copyFileSync(`${path}-wal`, `${path}-wal.copy`);
      renameSync(`${path}-wal.copy`, `${path}-wal`);
    },
  },
};

describe("a SQLite file under a process that has it open", () => {
  for (const [what, { code, befall, undo }] of Object.entries(FAULTS)) {
    test(`that ${what}: no commit is acknowledged, and health says so`, async () => {
      const path = join(folder, `${what.replaceAll(" ", "-")}.sqlite`);
      const catalog = await openCatalog(path, testClock());
      const tableId = await newTable(catalog, [add("a")]);
      await catalog.ping();
      befall(path);
      const before = existsSync(path);
      await assert.rejects(commitNext(catalog, tableId, { actions: { adds: [add("b")] } }), lost(code));
      await assert.rejects(catalog.ping(), lost(code));
      await assert.rejects(newTable(catalog), lost(code));
      assert.equal(existsSync(path), before, "nothing has made a new file");
      if (undo) {
        undo(path);
        await catalog.ping();
        const version = await commitNext(catalog, tableId, { actions: { adds: [add("b")] } });
        assert.ok(version);
        assert.equal((await stateOf(catalog, tableId)).version, 1);
      }
      await catalog.close();
    });
  }

  test("that has only been read: a commit makes no new file in its place", async () => {
    const path = join(folder, "read.sqlite");
    const first = await openCatalog(path, testClock());
    const tableId = await newTable(first, [add("a")]);
    await first.close();
    const catalog = await openCatalog(path, testClock());
    const state = await stateOf(catalog, tableId);
    assert.equal(state.version, 0);
    rmSync(path);
    await assert.rejects(commitNext(catalog, tableId, { actions: { adds: [add("b")] } }), lost("DATABASE_GONE"));
    assert.ok(!existsSync(path));
    await catalog.close();
  });
});

describe("no catalog is made by a read", () => {
  const refused = (error: unknown) => isLakeError(error, "notFound") && error.code === "DATABASE_NOT_FOUND";
  test("a missing file stays missing, an empty one empty", async () => {
    const path = join(folder, "none.sqlite");
    await assert.rejects(openCatalog(path, testClock(), { missing: "refuse" }), refused);
    assert.ok(!existsSync(path));
    writeFileSync(path, "");
    await assert.rejects(openCatalog(path, testClock(), { missing: "refuse" }), refused);
    assert.equal(statSync(path).size, 0);
  });

  test("a write-ahead log that is left behind is no new catalog", async () => {
    const path = join(folder, "left.sqlite");
    writeFileSync(`${path}-wal`, "rows");
    const behind = (error: unknown) => isLakeError(error, "corrupt") && error.code === "DATABASE_GONE";
    for (const missing of ["make", "refuse"] as const)
      await assert.rejects(openCatalog(path, testClock(), { missing }), behind);
    assert.ok(!existsSync(path));
  });
});

test("VACUUM INTO copies a live catalog, whole; a copy of the file alone does not", async () => {
  const path = join(folder, "live.sqlite");
  const catalog = await openCatalog(path, testClock());
  const tableId = await newTable(catalog, [add("a")]);
  await commitNext(catalog, tableId, { actions: { adds: [add("b")] } });
  copyFileSync(path, join(folder, "cp.sqlite"));
  const copying = new DatabaseSync(path);
  copying.exec(`vacuum into '${join(folder, "copy.sqlite")}'`);
  copying.close();
  await commitNext(catalog, tableId, { actions: { adds: [add("c")] } });
  const versionIn = async (name: string): Promise<number | undefined> => {
    const copy = await openCatalog(join(folder, name), testClock()).catch(() => undefined);
    const found = await copy?.findTable({ tableId }).catch(() => undefined);
    await copy?.close();
    return found?.version;
  };
  assert.equal(await versionIn("copy.sqlite"), 1);
  assert.equal(await versionIn("cp.sqlite"), undefined, "the rows were in the write-ahead log");
  await catalog.close();
});

for (const engine of [findPostgres(), findDataApi()]) {
  if (engine)
    describe(`a database on a server, ${engine.name}`, () => {
      /** The statements go past the catalog, to the same place. */
      const open = async (work: (catalog: Catalog, url: string) => Promise<void>) => {
        const database = await engine.create();
        const catalog = await openCatalog(database.url, testClock());
        try {
          await catalog.migrate();
          await work(catalog, database.url);
        } finally {
          await catalog.close();
          await database.drop();
        }
      };

      test("that holds another catalog than before: nothing is written, and health says so", () =>
        open(async (catalog, url) => {
          const tableId = await newTable(catalog, [add("a")]);
          await withDatabase(url, (db) =>
            db.define("update dl_migrations set database_id = gen_random_uuid() where id = 10"),
          );
          await assert.rejects(
            commitNext(catalog, tableId, { actions: { adds: [add("b")] } }),
            lost("DATABASE_CHANGED"),
          );
          await assert.rejects(newTable(catalog), lost("DATABASE_CHANGED"));
          await assert.rejects(catalog.ping(), lost("DATABASE_CHANGED"));
          const again = await openCatalog(url, testClock());
          assert.equal((await stateOf(again, tableId)).version, 0);
          await commitNext(again, tableId, { actions: { adds: [add("b")] } });
          await again.close();
        }));

      test("whose tables are gone: unavailable, and health says so", () =>
        open(async (catalog, url) => {
          const tableId = await newTable(catalog, [add("a")]);
          await withDatabase(url, async (db) => {
            await db.define("alter table dl_migrations rename to dl_migrations_away");
            await db.define("alter table dl_tables rename to dl_tables_away");
          });
          await assert.rejects(commitNext(catalog, tableId, { actions: { adds: [add("b")] } }), lost("DATABASE_GONE"));
          await assert.rejects(catalog.ping(), lost("DATABASE_GONE"));
        }));
    });
}
