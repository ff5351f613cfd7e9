/** Migrations: installers that race, databases that are too old or too new. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sql } from "../../lib/catalog/database.ts";
import { MIGRATIONS } from "../../lib/catalog/migrations/index.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { testEngines } from "../support/catalog-engines.ts";
import { add, commitOf, newTable, testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

const code = (wanted: string) => (error: unknown) => isLakeError(error, "unavailable") && error.code === wanted;

test("each migration says which code works on beside it: that of the release before, at least", () => {
  for (const [i, { id, name, worksFrom }] of MIGRATIONS.entries()) {
    if (id < 20) continue;
    const before = MIGRATIONS[i - 1]?.id ?? 0;
    assert.ok(worksFrom !== undefined && worksFrom <= before, `${name}: old code serves while it is deployed`);
  }
});

for (const engine of testEngines()) {
  describe(`migrations on ${engine.name}`, () => {
    test("of many installers at once each migration is run by one", async () => {
      const database = await engine.create();
      const opened = await Promise.all(Array.from({ length: 6 }, () => openCatalog(database.url, testClock())));
      const results = await Promise.all(opened.map((catalog) => catalog.migrate()));
      const applied = results.flatMap((result) => result.applied);
      assert.equal(new Set(applied).size, applied.length);
      for (const catalog of opened) {
        await newTable(catalog);
        assert.deepEqual((await catalog.migrate()).applied, []);
        await catalog.close();
      }
      await database.drop();
    });

    test("a database without the tables, or with only some migrations, names dl migrate", async (t) => {
      const database = await engine.create();
      t.after(() => database.drop());
      await withDatabase(database.url, (db) => db.define("create table other (x integer)"));
      const catalog = await openCatalog(database.url, testClock());
      t.after(() => catalog.close());
      const wanted = (error: unknown) =>
        code("SCHEMA_OUTDATED")(error) && /dl migrate/.test((error as { hint: string }).hint);
      await assert.rejects(catalog.ping(), wanted);
      await assert.rejects(newTable(catalog), wanted);
      const all = MIGRATIONS.map(({ name }) => name);
      const pending = await catalog.pendingMigrations();
      assert.deepEqual(
        pending.map(({ name }) => name),
        all,
      );
      assert.match(pending[0]?.statements[0] ?? "", /create table (if not exists )?dl_migrations/);
      await withDatabase(database.url, async (db) => {
        assert.deepEqual(await db.read(db.dialect.hasTable("dl_migrations")), [], "nothing was written");
      });
      assert.deepEqual((await catalog.migrate()).applied, all);
      assert.deepEqual(await catalog.pendingMigrations(), []);
      await catalog.ping();
      await newTable(catalog);
      await withDatabase(database.url, (db) => db.write(sql`delete from dl_migrations where id = 2`));
      const again = await openCatalog(database.url, testClock());
      t.after(() => again.close());
      await assert.rejects(again.ping(), wanted);
      assert.deepEqual(
        (await again.pendingMigrations()).map(({ name }) => name),
        MIGRATIONS.filter(({ id }) => id === 2).map(({ name }) => name),
      );
    });

    test("an upgrade under load, and taken back: code of before commits on, warm and cold, where the new schema says it can", async (t) => {
      const database = await engine.create();
      t.after(() => database.drop());
      const warm = await openCatalog(database.url, testClock());
      t.after(() => warm.close());
      await warm.migrate();
      const tableId = await newTable(warm);
      let [at, upgraded] = [0, false];
      const commitOne = async (catalog: Catalog) => {
        at += 1;
        await commitOf(catalog, tableId, { actions: { adds: [add(`f${at}`)] } });
      };
      const load = (async () => {
        while (!upgraded || at < 20) await commitOne(warm);
      })();
      const newest = Math.max(...MIGRATIONS.map(({ id }) => id));
      await withDatabase(database.url, (db) =>
        db.transaction(async (tx) => {
          await tx.define("alter table dl_files add column of_the_next_release integer");
          await tx.write(sql`
            insert into dl_migrations (id, name, applied_at, works_from) values (999, 'the next release', 0, ${newest})`);
        }),
      );
      upgraded = true;
      await load;
      const cold = await openCatalog(database.url, testClock());
      t.after(() => cold.close());
      await cold.ping();
      assert.deepEqual((await cold.migrate()).applied, [], "what an upgrade that is taken back comes to");
      await commitOne(cold);
      assert.equal((await cold.findTable({ tableId }))?.version, at);
      // The release after that takes away what this one needs.
      await withDatabase(database.url, (db) =>
        db.write(sql`insert into dl_migrations (id, name, applied_at, works_from) values (1000, 'contract', 0, 999)`),
      );
      const old = await openCatalog(database.url, testClock());
      t.after(() => old.close());
      await assert.rejects(commitOne(old), code("SCHEMA_NEWER"));
    });

    test("a database of a newer release is refused, by migrate too", async (t) => {
      const database = await engine.create();
      t.after(() => database.drop());
      const catalog = await openCatalog(database.url, testClock());
      await catalog.migrate();
      await catalog.close();
      await withDatabase(database.url, (db) =>
        db.write(sql`insert into dl_migrations (id, name, applied_at) values (999, 'x', 0)`),
      );
      const old = await openCatalog(database.url, testClock());
      t.after(() => old.close());
      await assert.rejects(old.ping(), code("SCHEMA_NEWER"));
      await assert.rejects(old.migrate(), code("SCHEMA_NEWER"));
    });
  });
}
