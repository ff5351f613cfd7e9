/** Connections to MySQL and MariaDB: a small pool, a server without room, reads beside blocked writes, sessions that end. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Database, sql } from "../../lib/catalog/database.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import type { MysqlOptions } from "../../lib/catalog/engines/mysql/pool.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { isLakeError } from "../../lib/errors.ts";
import { findMysql, type TestDatabase } from "../support/catalog-engines.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

/** As many clients as in a burst, each with a short statement. */
const CLIENTS = 200;

describe("the pool of MySQL", needs("the pool of MySQL", mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  let database: TestDatabase;
  let admin: Database;
  let user: string;
  const opened: Database[] = [];

  before(async () => {
    const created = await findMysql()?.create();
    assert.ok(created);
    database = created;
    admin = openMysql(database.url, { poolSize: 2 });
    user = `dl_${crypto.randomUUID().slice(0, 8)}`;
    await admin.define(`create user ${user}@'%' identified by 'x'`);
    await admin.define(`grant all on ${new URL(database.url).pathname.slice(1)}.* to ${user}@'%'`);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
    await until(0);
  });
  after(async () => {
    await admin.define(`drop user ${user}@'%'`);
    await admin.close();
    await database.drop();
  });

  /** As a user of its own, whose connections can be counted. */
  const open = (options: MysqlOptions): Database => {
    const url = Object.assign(new URL(database.url), { username: user, password: "x" });
    const db = openMysql(url.href, options);
    opened.push(db);
    return db;
  };
  const connections = async (): Promise<readonly string[]> => {
    const rows = await admin.read(sql`select id from information_schema.processlist where user = ${user} order by id`);
    return rows.map((row) => String(row.id ?? row.ID));
  };
  const until = async (count: number) => {
    for (const end = performance.now() + 5_000; (await connections()).length !== count; await pause(20)) {
      assert.ok(performance.now() < end, `there are ${(await connections()).length} connections and not ${count}`);
    }
  };
  const slow = (db: Database, seconds: number) => db.writeReturning(sql`select sleep(${seconds})`);
  const burst = (dbs: readonly Database[]) =>
    Promise.allSettled(Array.from({ length: CLIENTS }, (_, i) => slow(dbs[i % dbs.length] as Database, 0.02)));
  const lost = (results: readonly PromiseSettledResult<unknown>[]) =>
    results.filter(({ status }) => status === "rejected").map((result) => (result as PromiseRejectedResult).reason);
  const isOverloaded = (error: unknown) => isLakeError(error, "unavailable") && error.code === "DATABASE_OVERLOADED";

  test(`pool_size: ${CLIENTS} clients on three connections all get their turn`, async () => {
    const db = open({ poolSize: 3 });
    const all = burst([db]);
    await pause(100);
    assert.ok((await connections()).length <= 3);
    assert.deepEqual(lost(await all), []);
  });

  test("max_overflow: connections beyond the size come when all are in use, and end as soon as nobody waits", async () => {
    const db = open({ poolSize: 2, maxOverflow: 4 });
    // One of the two, and one of the four, are for reads alone.
    const all = [1, 2, 3, 4].map(() => slow(db, 0.4));
    await until(4);
    await Promise.all(all);
    await until(1);
  });

  test("pool_timeout: who waits in vain hears so, and that it is worth to try again", async () => {
    const db = open({ poolSize: 2, poolTimeoutMs: 100 });
    const first = slow(db, 0.6);
    await assert.rejects(slow(db, 0), isOverloaded);
    await first;
    await slow(db, 0);
  });

  test("pool_recycle: a connection that is older is replaced, and one that is not is used again", async () => {
    const kept = open({ poolSize: 1 });
    const ofKept = [
      await kept.read(sql`select connection_id() as id`),
      await kept.read(sql`select connection_id() as id`),
    ];
    assert.deepEqual(ofKept[0], ofKept[1]);
    await kept.close();
    const db = open({ poolSize: 1, poolRecycleSeconds: 1 });
    const before = await db.read(sql`select connection_id() as id`);
    await pause(1_100);
    assert.notDeepEqual(await db.read(sql`select connection_id() as id`), before);
    assert.equal((await connections()).length, 1, "the old one is closed");
  });

  test("ssl_mode: what asks for TLS never speaks plain text, and what checks takes no certificate of an unknown authority", async () => {
    const cipher = async (db: Database) => (await db.read(sql`show status like 'Ssl_cipher'`))[0]?.Value;
    const hasTls = (await admin.read(sql`show variables like 'ssl_cert'`))[0]?.Value !== "";
    for (const sslMode of ["require", "verify-full", "verify-ca", "no-verify"] as const) {
      const asked = cipher(open({ sslMode }));
      if (hasTls && sslMode === "no-verify") assert.notEqual(await asked, "", sslMode);
      else await assert.rejects(asked, /agree on no TLS: .*(certificate|secure connection)/, sslMode);
    }
    assert.equal(await cipher(open({ sslMode: "disable" })), "");
  });

  test("a server that has no connection left for us (1226) is waited for", async (context) => {
    await admin.define(`alter user ${user}@'%' with max_user_connections 4`);
    const refused = await countRefusals(open);
    context.diagnostic(`${refused} of 12 connections at once are refused`);
    assert.ok(refused > 0, "the server has room for all: the test tests nothing");
    await until(0);
    const holder = open({ poolSize: 5 });
    const held = [1, 2, 3, 4].map(() => slow(holder, 1));
    await until(4);
    await assert.rejects(open({ poolSize: 2, poolTimeoutMs: 200 }).read(sql`select 1`), isOverloaded);
    const patient = open({ poolSize: 2, poolTimeoutMs: 10_000 }).read(sql`select 1`);
    await Promise.all(held);
    await holder.close();
    await patient;
    await admin.define(`alter user ${user}@'%' with max_user_connections 0`);
  });

  test("reads and the health check go on while every connection that writes waits for a lock", async () => {
    const db = open({ poolSize: 3 });
    await admin.transaction(async (tx) => {
      await tx.writeReturning(sql`select get_lock('dl_pool_test', 1)`);
      const waiting = [1, 2, 3, 4].map(() => db.writeReturning(sql`select get_lock('dl_pool_test', 1)`));
      await pause(100);
      const startedAt = performance.now();
      await Promise.all([db.read(sql`select 1`), db.probe(sql`select 1`)]);
      assert.ok(performance.now() - startedAt < deadlineMs("databasePool") / 2);
      await Promise.allSettled(waiting);
    });
  });

  test("no session waits for ever: neither for a lock, nor for a client within a transaction", async () => {
    const db = open({ poolSize: 1 });
    const [row] = await db.transaction((tx) =>
      tx.read(
        sql`select @@innodb_lock_wait_timeout as row_lock, @@wait_timeout as idle, @@net_write_timeout as unread`,
      ),
    );
    const seconds = (name: Parameters<typeof deadlineMs>[0]) => Math.ceil(deadlineMs(name) / 1000);
    assert.deepEqual(
      { ...row },
      {
        row_lock: seconds("databaseLock"),
        idle: seconds("databaseIdleTransaction"),
        unread: seconds("databaseUnreadAnswer"),
      },
    );
    const from = performance.now();
    const limited = open({ poolSize: 1, statementTimeoutMs: 300 });
    await assert.rejects(
      limited.read(sql`select count(*) from information_schema.columns a, information_schema.columns b,
      information_schema.columns c`),
      (error) => isLakeError(error),
    );
    assert.ok(performance.now() - from < deadlineMs("databaseStatement"));
  });
});

/** Of twelve connections that are opened at once. */
async function countRefusals(open: (options: MysqlOptions) => Database): Promise<number> {
  const dbs = Array.from({ length: 12 }, () => open({ poolSize: 1, poolTimeoutMs: 0 }));
  const results = await Promise.allSettled(dbs.map((db) => db.writeReturning(sql`select sleep(0.3)`)));
  await Promise.all(dbs.map((db) => db.close()));
  return results.filter(({ status }) => status === "rejected").length;
}
