/** Connections to PostgreSQL: a small pool, a server without room, reads beside blocked commits, commits that last. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Database, sql } from "../../lib/catalog/database.ts";
import { openPostgres, type PostgresOptions } from "../../lib/catalog/engines/postgres/driver.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { isLakeError } from "../../lib/errors.ts";
import { dataApiUrl, findPostgres, type TestDatabase, type TestEngine } from "../support/catalog-engines.ts";
import { add, commitNext, newTable, testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";
import { type DataApiEmulator, startDataApi } from "../support/data-api/emulator.ts";
import { postgresUrl } from "../support/skip.ts";

/** As many clients as in a burst, each with a short statement. */
const CLIENTS = 200;

const engine = findPostgres();
if (engine) describe("the pool of PostgreSQL", () => tests(engine));

function tests(postgres: TestEngine): void {
  let database: TestDatabase;
  const opened: Database[] = [];
  const open = (options: PostgresOptions, url = database.url): Database => {
    const db = openPostgres(url, options);
    opened.push(db);
    return db;
  };
  before(async () => {
    database = await postgres.create();
  });
  after(async () => {
    await Promise.all(opened.map((db) => db.close()));
    await database.drop();
  });
  const burst = (dbs: readonly Database[]) =>
    Promise.allSettled(
      Array.from({ length: CLIENTS }, (_, i) =>
        (dbs[i % dbs.length] as Database).writeReturning(sql`select pg_sleep(0.02)`),
      ),
    );
  const lost = (results: readonly PromiseSettledResult<unknown>[]) =>
    results.filter(({ status }) => status === "rejected").map((result) => (result as PromiseRejectedResult).reason);

  test(`${CLIENTS} clients on a pool of three all get their turn`, async () => {
    assert.deepEqual(lost(await burst([open({ poolSize: 3 })])), []);
  });

  test("connections beyond the size come when all are in use, and end as soon as nobody waits", async () => {
    const name = `dl_${crypto.randomUUID().slice(0, 8)}`;
    const own = new URL(database.url);
    own.searchParams.set("application_name", name);
    const db = open({ poolSize: 2, maxOverflow: 4 }, own.href);
    const count = async () => {
      const [row] = await withDatabase(database.url, (other) =>
        other.read(sql`select count(*)::int as n from pg_stat_activity where application_name = ${name}`),
      );
      return row?.n;
    };
    // One of the two, and one of the four, are for reads alone.
    const slow = [1, 2, 3, 4].map(() => db.writeReturning(sql`select pg_sleep(0.4)`));
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(await count(), 4);
    await Promise.all(slow);
    for (const end = performance.now() + 5_000; (await count()) !== 1; ) assert.ok(performance.now() < end, "they end");
  });

  test("ssl_mode: no server without TLS is spoken to in plain text unless that is asked for", async (context) => {
    const [row] = await open({}).read(sql`select current_setting('ssl') as ssl`);
    if (row?.ssl !== "off") return context.skip("the server speaks TLS");
    for (const sslMode of ["require", "verify-full", "verify-ca", "no-verify"] as const) {
      await assert.rejects(open({ sslMode }).read(sql`select 1`), /SSL|TLS/, sslMode);
    }
    await open({ sslMode: "disable" }).read(sql`select 1`);
    const said = new URL(database.url);
    said.searchParams.set("sslmode", "disable");
    await open({ sslMode: "require" }, said.href).read(sql`select 1`);
  });

  test("who waits in vain hears so, and that it is worth to try again", async () => {
    const db = open({ poolSize: 2, poolTimeoutMs: 100 });
    const slow = db.writeReturning(sql`select pg_sleep(0.6)`);
    await assert.rejects(
      db.writeReturning(sql`select 1`),
      (error) => isLakeError(error, "unavailable") && error.code === "DATABASE_OVERLOADED",
    );
    await slow;
    await db.writeReturning(sql`select 1`);
  });

  test("a server that has no connection left (53300) is waited for", async (context) => {
    const role = `dl_few_${crypto.randomUUID().slice(0, 8)}`;
    await withDatabase(database.url, (db) => db.define(`create role ${role} login connection limit 4`));
    const own = new URL(database.url);
    own.username = role;
    const pools = [1, 2, 3].map(() => open({ poolSize: 5, poolTimeoutMs: 30_000 }, own.href));
    // Without waiting, most of these are refused: twelve connections are asked for, and four are given.
    const refusals = await countRefusals(own.href);
    context.diagnostic(`${refusals} of 12 connections at once are refused`);
    assert.ok(refusals > 0, "the server has room for all: the test tests nothing");
    assert.deepEqual(lost(await burst(pools)), []);
    await Promise.all(pools.map((db) => db.close()));
    const impatient = open({ poolSize: 2, poolTimeoutMs: 300 }, own.href);
    await withDatabase(database.url, (db) => db.define(`alter role ${role} connection limit 0`));
    await assert.rejects(
      impatient.read(sql`select 1`),
      (error) => isLakeError(error, "unavailable") && error.code === "DATABASE_OVERLOADED",
    );
    await withDatabase(database.url, (db) => db.define(`drop role ${role}`));
  });

  test("reads and the health check go on while every connection that writes waits for a lock", async () => {
    const db = open({ poolSize: 3 });
    await withDatabase(database.url, async (holder) => {
      await holder.transaction(async (tx) => {
        await tx.writeReturning(sql`select pg_advisory_xact_lock(4711)`);
        const waiting = [1, 2, 3, 4].map(() => db.writeReturning(sql`select pg_advisory_xact_lock(4711)`));
        await new Promise((resolve) => setTimeout(resolve, 100));
        const startedAt = performance.now();
        await Promise.all([db.read(sql`select 1`), db.probe(sql`select 1`)]);
        assert.ok(performance.now() - startedAt < deadlineMs("databasePool") / 2);
        for (const one of waiting) one.catch(() => undefined);
      });
    });
  });

  test("no session waits for ever: neither for a lock, nor for a client", async () => {
    const [row] = await open({}).read(sql`
      select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle, current_setting('tcp_user_timeout') as unread`);
    assert.deepEqual({ ...row }, { statement: "20s", lock: "10s", idle: "5s", unread: "5000" });
  });
}

/** Of twelve connections that are opened at once. */
async function countRefusals(url: string): Promise<number> {
  const dbs = Array.from({ length: 12 }, () => openPostgres(url, { poolSize: 1, poolTimeoutMs: 0 }));
  const results = await Promise.allSettled(dbs.map((db) => db.writeReturning(sql`select pg_sleep(0.3)`)));
  await Promise.all(dbs.map((db) => db.close()));
  return results.filter(({ status }) => status === "rejected").length;
}

/** The setting that counts is the one at COMMIT: a trigger notes it when all else of the transaction is done. */
const NOTES = [
  "create table noted (setting text)",
  `create function note() returns trigger language plpgsql as $$ begin
    insert into noted values (current_setting('synchronous_commit')); return null; end $$`,
  "create constraint trigger note after insert on dl_transactions deferrable initially deferred for each row execute function note()",
  "create constraint trigger note after update on dl_tables deferrable initially deferred for each row execute function note()",
];

async function noted(postgres: TestEngine, engineUrl: (url: string) => Promise<string>): Promise<readonly unknown[]> {
  const database = await postgres.create();
  try {
    const url = new URL(database.url);
    url.searchParams.set("options", `${url.searchParams.get("options")} -csynchronous_commit=off`);
    const catalog = await openCatalog(await engineUrl(url.href), testClock());
    await catalog.migrate();
    await withDatabase(database.url, async (db) => {
      for (const statement of NOTES) await db.define(statement);
    });
    const tableId = await newTable(catalog, [add("a")]);
    await commitNext(catalog, tableId, { actions: { adds: [add("b")] } });
    await catalog.dropTable(tableId, { unpublished: "giveUp" });
    await catalog.close();
    return await withDatabase(database.url, async (db) =>
      (await db.read(sql`select setting from noted`)).map(({ setting }) => setting),
    );
  } finally {
    await database.drop();
  }
}

describe("a server that by default does not wait for its disk (synchronous_commit off)", () => {
  if (!engine || postgresUrl === undefined) return;
  const base = postgresUrl;
  const all = (settings: readonly unknown[]) => {
    assert.ok(settings.length >= 4, `only ${settings.length} commits were seen`);
    assert.deepEqual([...new Set(settings)], ["on"]);
  };
  test("does so for our commits, on postgres", async () => all(await noted(engine, async (url) => url)));
  test("does so for our commits, on data-api", async () => {
    let emulator: DataApiEmulator | undefined;
    try {
      all(
        await noted(engine, async (url) => {
          emulator = await startDataApi(url);
          process.env.AWS_ACCESS_KEY_ID ??= "test";
          process.env.AWS_SECRET_ACCESS_KEY ??= "test";
          return dataApiUrl(base, emulator.endpoint);
        }),
      );
    } finally {
      await emulator?.close();
    }
  });
});
