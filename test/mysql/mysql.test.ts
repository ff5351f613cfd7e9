/** What is particular to MySQL and MariaDB: texts by their bytes, lengths, packets, definitions that commit, lives of a database. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Database, sql } from "../../lib/catalog/database.ts";
import { tableLock, takeLocks, tryLocks } from "../../lib/catalog/dialect.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { mysqlError } from "../../lib/catalog/engines/mysql/errors.ts";
import { mysqlPlace } from "../../lib/catalog/engines/mysql/url.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { isLakeError, LakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findMysql } from "../support/catalog-engines.ts";
import { add, commitNext, newTable, testClock } from "../support/catalog-plans.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

const code = (wanted: string) => (error: unknown) => error instanceof LakeError && error.code === wanted;

describe("a URL of MySQL", () => {
  test("says place, user and TLS; what it does not say is not guessed", () => {
    const { place, options } = mysqlPlace("mysql://lake:p%40ss%2Fword@db.example.com/lake");
    assert.equal(place, "lake at db.example.com:3306");
    assert.deepEqual([options.user, options.password], ["lake", "p@ss/word"]);
    assert.deepEqual(options.ssl, { rejectUnauthorized: true, verifyIdentity: true });
    assert.equal(mysqlPlace("mysql://a@127.0.0.1:3307/lake").options.ssl, undefined);
    assert.equal(mysqlPlace("mysql://a@db/lake", "disable").options.ssl, undefined);
    const anyone = mysqlPlace("mysql://a@db/lake?ssl-mode=REQUIRED", "verify-full").options.ssl;
    assert.deepEqual(anyone, { rejectUnauthorized: false });
  });

  test("is refused where it means nothing, and shows no password", () => {
    for (const url of [
      "mysql://lake:secret@db",
      "mysql://lake:sec/ret@db/lake",
      "mysql:lake",
      "mysql://lake:secret@one:3306,two:3306/lake",
      "mysql://lake:secret@db/lake?ssl-mode=PREFERRED",
      "mysql://lake:secret@db/lake?charset=latin1",
    ]) {
      assert.throws(
        () => mysqlPlace(url),
        (error) => isLakeError(error, "invalid") && !error.message.includes("sec") && error.hint !== undefined,
        url,
      );
    }
  });

  test("errors are told apart by number, and where there is none the server was not reached", () => {
    const server = (errno: number) => Object.assign(new Error("x"), { errno, sqlState: "HY000" });
    assert.equal(mysqlError(server(1213), "db").code, "DATABASE_BUSY");
    assert.equal(mysqlError(server(1406), "db").kind, "invalid");
    assert.equal(mysqlError(server(9999), "db").kind, "internal");
    assert.equal(
      mysqlError(Object.assign(new Error("x"), { errno: -111, code: "ECONNREFUSED" }), "db").kind,
      "unavailable",
    );
  });
});

describe("MySQL", needs("MySQL", mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  async function withMysql(work: (catalog: Catalog, db: Database, url: string) => Promise<void>): Promise<void> {
    const database = await findMysql()?.create();
    assert.ok(database);
    const catalog = await openCatalog(database.url, testClock());
    const db = openMysql(database.url, { poolSize: 3 });
    try {
      await work(catalog, db, database.url);
    } finally {
      await catalog.close();
      await db.close();
      await database.drop();
    }
  }

  test("texts are equal by their bytes: case, accents and spaces at the end count", () =>
    withMysql(async (catalog) => {
      await catalog.migrate();
      const tableId = await newTable(catalog);
      const apps = ["a", "A", "a ", "ä", "a\u0308", "ß", "ss", "😀", "'\\\"", "\\"].toSorted();
      const txns = apps.map((appId, i) => ({ appId, version: 9_007_199_254_740_993n + BigInt(i) }));
      await commitNext(catalog, tableId, { actions: { txns } });
      const { items } = await catalog.readTxns(tableId, 1, { limit: 100 });
      const bytes = (text: string) => Buffer.from(text).toString("hex");
      assert.deepEqual(
        items.map(({ appId, version }) => [appId, version]),
        txns
          .toSorted((a, b) => (bytes(a.appId) < bytes(b.appId) ? -1 : 1))
          .map(({ appId, version }) => [appId, version]),
      );
    }));

  test("more applications than a recursion goes by default are all found", () =>
    withMysql(async (catalog) => {
      await catalog.migrate();
      const tableId = await newTable(catalog);
      const txns = Array.from({ length: 1500 }, (_, i) => ({ appId: `app-${i}`, version: i }));
      await commitNext(catalog, tableId, { actions: { txns } });
      assert.equal((await catalog.readHeader(tableId, 1)).txns.length, 1500);
    }));

  test("a key that is too long is refused, a path of any length is not", () =>
    withMysql(async (catalog) => {
      await catalog.migrate();
      const tableId = await newTable(catalog);
      await commitNext(catalog, tableId, { actions: { adds: [add("p".repeat(5000))] } });
      await assert.rejects(
        commitNext(catalog, tableId, { actions: { txns: [{ appId: "x".repeat(701), version: 1 }] } }),
        code("TOO_LARGE"),
      );
    }));

  test("a statement that is larger than the server takes is refused, and the connection goes on", () =>
    withMysql(async (_catalog, db) => {
      const [row] = await db.read(sql`select @@max_allowed_packet as bytes`);
      const text = "x".repeat(Number(row?.bytes));
      await assert.rejects(db.read(sql`select octet_length(${text}) as n`), code("TOO_LARGE"));
      assert.equal((await db.read(sql`select 1 as one`))[0]?.one, 1);
    }));

  test("migrations that were killed between any two statements go on, and one installer runs at a time", () =>
    withMysql(async (catalog, db, url) => {
      for (const statement of [
        "create table dl_migrations (id bigint primary key, name longtext, applied_at bigint)",
      ]) {
        await db.define(statement);
      }
      const half = await Promise.allSettled(
        [1, 2, 3].map(async () => {
          const other = await openCatalog(url, testClock());
          const { applied } = await other.migrate();
          await other.close();
          return applied.length;
        }),
      );
      assert.ok(half.every(({ status }) => status === "fulfilled"));
      const counts = half.map((one) => (one.status === "fulfilled" ? one.value : -1));
      assert.equal(counts.filter((count) => count > 0).length, 1);
      // As if it had been killed after its statements, before its row.
      await db.write(sql`delete from dl_migrations where id in (1, 7, 9, 12, 13)`);
      assert.equal((await catalog.migrate()).applied.length, 5);
      await newTable(catalog);
    }));

  test("a database has one epoch, also for others, until its tables are made anew", () =>
    withMysql(async (catalog, db, url) => {
      await catalog.migrate();
      const other = await openCatalog(url, testClock());
      const before = await catalog.epoch();
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await other.epoch(), before);
      await other.close();
      await db.define("create table dl_copy like dl_tables");
      await db.define("drop table dl_tables");
      await db.define("rename table dl_copy to dl_tables");
      const again = await openCatalog(url, testClock());
      assert.notEqual(await again.epoch(), before);
      await again.close();
    }));

  test("locks are given back with the transaction, also where it fails", () =>
    withMysql(async (_catalog, db) => {
      const lock = [tableLock("t")];
      const isFree = () => db.transaction((tx) => tryLocks(tx, lock));
      await db.transaction(async (tx) => {
        await takeLocks(tx, lock);
        assert.equal(await isFree(), false);
      });
      assert.equal(await isFree(), true);
      await assert.rejects(
        db.transaction(async (tx) => {
          await takeLocks(tx, lock);
          throw new Error("stop");
        }),
      );
      assert.equal(await isFree(), true);
    }));

  test("a deadlock is tried again, and both get through", () =>
    withMysql(async (_catalog, db) => {
      await db.define("create table pair (id int primary key, n int)");
      await db.write(sql`insert into pair values (1, 0), (2, 0)`);
      const crossing = (first: number, second: number) =>
        db.transaction(async (tx) => {
          await tx.write(sql`update pair set n = n + 1 where id = ${first}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
          await tx.write(sql`update pair set n = n + 1 where id = ${second}`);
        });
      await Promise.all([crossing(1, 2), crossing(2, 1)]);
      assert.deepEqual(
        (await db.read(sql`select n from pair order by id`)).map(({ n }) => n),
        [2, 2],
      );
    }));

  test("a connection that is killed within a transaction writes nothing, and the next one works", () =>
    withMysql(async (_catalog, db) => {
      await db.define("create table one (n int)");
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.write(sql`insert into one values (1)`);
          const [row] = await tx.read(sql`select connection_id() as id`);
          await db.define(`kill ${row?.id}`);
          await tx.write(sql`insert into one values (2)`);
        }),
        (error) => isLakeError(error, "unavailable"),
      );
      assert.deepEqual(await db.read(sql`select n from one`), []);
    }));
});
