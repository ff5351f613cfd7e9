/** What MySQL does not have, or has otherwise, and what stands in for it: exact numbers out of JSON, locks without gaps, indexes without a condition. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Database, OPEN, sql } from "../../lib/catalog/database.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { catalogOn } from "../../lib/catalog/sql-catalog.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findMysql, type TestDatabase } from "../support/catalog-engines.ts";
import { add, commitNext, id, newTable, remove, testClock } from "../support/catalog-plans.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

describe("limits of MySQL", needs("limits of MySQL", mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  let database: TestDatabase;
  let db: Database;
  let catalog: Catalog;

  before(async () => {
    const created = await findMysql()?.create();
    assert.ok(created);
    database = created;
    db = openMysql(database.url, { poolSize: 4 });
    catalog = catalogOn(db, testClock());
    await catalog.migrate();
  });
  after(async () => {
    await catalog?.close();
    await database?.drop();
  });

  test("numbers that go through JSON keep all their digits, and texts their bytes", async () => {
    const tableId = await newTable(catalog);
    const largest = 9_223_372_036_854_775_807n;
    const stats =
      '{"numRecords":3,"minValues":{"a":1.0,"b":12345678901234567890,"c":1e-7,"t":"\\u00e9 \\" \\\\ \u{1f600}"}}';
    const adds = [
      add("large", { size: largest, modificationTime: -9_223_372_036_854_775_808n, stats }),
      add("quote ' and \\ back", { size: 0, tags: { a: null, ü: "'" } }),
    ];
    const txns = [
      { appId: "a", version: -9_223_372_036_854_775_808n, lastUpdated: 9_007_199_254_740_993n },
      { appId: "b", version: largest },
    ];
    await commitNext(catalog, tableId, { actions: { adds, txns } });
    const [commit] = await catalog.readCommits(tableId, 1, 1);
    assert.deepEqual(commit?.actions.adds, adds);
    assert.deepEqual(commit?.actions.txns, txns);
  });

  test("a transaction that locks what is not there keeps nobody from writing beside it", async () => {
    const tableId = await newTable(catalog, [add("a"), add("z")]);
    await db.transaction(async (tx) => {
      const none = await tx.writeReturning(sql`select ord from dl_files
        where table_id = ${tableId} and added_version > 0 for update`);
      assert.deepEqual(none, []);
      // With its gaps locked this would wait until the server gives up.
      assert.equal(await commitNext(catalog, tableId, { actions: { adds: [add("m")] } }), 1);
    });
  });

  test("without indexes that have a condition a name is one table's while it lives, and may have been any number's", async () => {
    const insert = (status: string, location = `file:///${id()}`) =>
      db.write(sql`insert into dl_tables (table_id, name, location, status, created_at)
        values (${id()}, ${"limits.same"}, ${location}, ${status}, 0)`);
    for (const status of ["DELETED", "DELETED", "ACTIVE"]) await insert(status);
    await assert.rejects(insert("ACTIVE"), { code: "CONSTRAINT_VIOLATED" });
    await assert.rejects(insert("IMPORTING"), { code: "CONSTRAINT_VIOLATED" });
    await insert("DELETED");
  });

  test("of equal files one is live, and any number has been", async () => {
    const tableId = await newTable(catalog, [add("a")]);
    for (let i = 0; i < 3; i += 1) {
      await commitNext(catalog, tableId, { actions: { removes: [remove("a")] } });
      await commitNext(catalog, tableId, { actions: { adds: [add("a", { size: i })] } });
    }
    await assert.rejects(db.write(sql`update dl_files set removed_version = ${OPEN} where table_id = ${tableId}`), {
      code: "CONSTRAINT_VIOLATED",
    });
    const { items } = await catalog.readFiles(tableId, 6, { limit: 10 });
    assert.deepEqual(
      items.map(({ path, size }) => [path, size]),
      [["a", 2]],
    );
  });
});
