/** What is particular to PostgreSQL: errors by SQLSTATE, lost connections, plans that stay on the indexes, nothing half written. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findPostgres, type TestDatabase, type TestEngine } from "../support/catalog-engines.ts";
import {
  add,
  commitNext,
  commitOf,
  creation,
  id,
  livePaths,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { readRows, withDatabase } from "../support/catalog-rows.ts";

const code = (kind: "invalid" | "unavailable", wanted: string) => (error: unknown) =>
  isLakeError(error, kind) && error.code === wanted;

/** Every table that a commit writes. */
const WRITTEN = [
  "dl_files",
  "dl_removes",
  "dl_metadata",
  "dl_protocols",
  "dl_txns",
  "dl_domains",
  "dl_other_actions",
].concat(["dl_tables", "dl_versions", "dl_mirror_status", "dl_transactions"]);

const engine = findPostgres();
if (engine) describe("PostgreSQL", () => tests(engine));

function tests(postgres: TestEngine): void {
  let database: TestDatabase;
  let catalog: Catalog;
  let tableId: string;
  const clock = testClock();
  before(async () => {
    database = await postgres.create();
    catalog = await openCatalog(database.url, clock);
    await catalog.migrate();
  });
  after(async () => {
    await catalog.close();
    await database.drop();
  });
  beforeEach(async () => {
    tableId = await newTable(catalog, [add("old")]);
  });

  test("a failure at any table leaves nothing half written", async () => {
    const created = id();
    const plan = planned([
      plannedTable(tableId, {
        actions: {
          removes: [remove("old")],
          adds: [add("new")],
          txns: [{ appId: "a", version: 1 }],
          others: [{ cdc: {} }],
          domains: [{ domain: "d", configuration: "", removed: false }],
        },
      }),
      creation(created, `crash.${created}`),
    ]);
    const untouched = await readRows(database.url, tableId);
    await withDatabase(database.url, async (db) => {
      await db.define(
        "create function boom() returns trigger language plpgsql as $$ begin raise exception 'boom'; end $$",
      );
      for (const table of WRITTEN) {
        await db.define(`create trigger boom before insert or update on ${table} for each row execute function boom()`);
        await assert.rejects(catalog.commit(plan), (error) => isLakeError(error, "internal"), table);
        await db.define(`drop trigger boom on ${table}`);
        assert.deepEqual(await readRows(database.url, tableId), untouched, table);
        assert.equal(await catalog.findTable({ tableId: created }, { anyStatus: true }), undefined);
      }
    });
    assert.equal((await catalog.commit(plan)).status, "committed");
  });

  test("a connection that breaks is unavailable, and the next call gets another", async () => {
    const own = new URL(database.url);
    own.searchParams.set("application_name", "deltalakedb-lost");
    const terminate = () =>
      withDatabase(database.url, (db) =>
        db.read(
          sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deltalakedb-lost'`,
        ),
      );
    const lonely = await openCatalog(own.href, clock, { poolSize: 1 });
    await lonely.ping();
    await terminate();
    await lonely.ping().catch((error: unknown) => assert.ok(isLakeError(error, "unavailable")));
    await lonely.ping();
    const holder = await holdLock(database.url, tableId);
    const waiting = commitOf(lonely, tableId, {});
    const lost = assert.rejects(waiting, (error) => isLakeError(error, "unavailable"));
    await holder.waiters(1);
    await terminate();
    await lost;
    await holder.release();
    assert.equal((await commitOf(lonely, tableId, {})).status, "committed");
    await lonely.close();
  });

  test("a table whose lock another server holds holds up no other table", async () => {
    const others = await Promise.all([newTable(catalog), newTable(catalog)]);
    const holder = await holdLock(database.url, tableId);
    let isDone = false;
    const waiting = Promise.all([0, 1].map(() => commitOf(catalog, tableId, {}))).finally(() => {
      isDone = true;
    });
    const served = await Promise.all(others.map((id) => commitOf(catalog, id, {})));
    assert.deepEqual(
      served.map(({ status }) => status),
      ["committed", "committed"],
    );
    await holder.waiters(1);
    assert.equal(isDone, false);
    await commitNext(catalog, others[0] ?? "", {});
    await holder.release();
    for (const { status } of await waiting) assert.equal(status, "committed");
  });

  test("a statement that takes too long is unavailable", async () => {
    const impatient = await openCatalog(database.url, clock, { statementTimeoutMs: 100 });
    await impatient.ping();
    const holder = await holdLock(database.url, tableId);
    await assert.rejects(commitOf(impatient, tableId, {}), code("unavailable", "DATABASE_TIMEOUT"));
    await holder.release();
    await impatient.close();
    assert.equal((await stateOf(catalog, tableId)).version, 0);
  });

  test("what cannot be reached or entered is told apart, and no password is shown", async () => {
    const refused = async (change: (url: URL) => void, check: (error: unknown) => boolean) => {
      const url = new URL(database.url);
      url.password = "s3cret";
      change(url);
      const other = await openCatalog(url.href, clock);
      await assert.rejects(other.ping(), (error: unknown) => {
        assert.ok(!JSON.stringify([error, String(error)]).includes("s3cret"));
        return check(error);
      });
      await other.close();
    };
    await refused(
      (url) => {
        url.port = "1";
      },
      code("unavailable", "DATABASE_UNAVAILABLE"),
    );
    await refused(
      (url) => {
        url.pathname = "/no_such_database";
      },
      code("invalid", "DATABASE_NOT_FOUND"),
    );
    await refused(
      (url) => {
        url.username = "no_such_user";
      },
      code("invalid", "DATABASE_FORBIDDEN"),
    );
  });

  test("the commit refuses to run under another isolation level", async () => {
    const url = new URL(database.url);
    url.searchParams.set("options", `${url.searchParams.get("options")} -cdefault_transaction_isolation=serializable`);
    const serializable = await openCatalog(url.href, clock);
    await assert.rejects(commitOf(serializable, tableId, {}), code("invalid", "DATABASE_ISOLATION"));
    await serializable.close();
  });

  test("a session that planned on empty tables stays on the indexes when they are large", async () => {
    const fresh = await postgres.create();
    const planner = await openCatalog(fresh.url, clock, { poolSize: 1 });
    await planner.migrate();
    const large = await newTable(planner, [add("first")]);
    await commitNext(planner, large, { actions: { removes: [remove("first")], adds: [add("a")] } });
    const adds = Array.from({ length: 10_000 }, (_, i) => add(`f${i}`));
    await commitNext(planner, large, { actions: { adds } });
    const started = performance.now();
    const half = adds.slice(5000);
    await commitNext(planner, large, {
      actions: { removes: half.map((f) => remove(f.path)), adds: half.map((f) => add(`n${f.path}`)) },
    });
    await commitNext(planner, large, {
      actions: { adds: adds.slice(0, 5000).map((f) => add(f.path, { stats: "{}" })) },
    });
    await planner.readTombstones(large, 4, { newerThan: 0, limit: 10_000 });
    const elapsedMs = performance.now() - started;
    // With the plans that scan all files of the table these take minutes.
    assert.ok(elapsedMs < 15_000, `${Math.round(elapsedMs)} ms`);
    assert.equal((await livePaths(planner, large, 4)).length, 10_001);
    await planner.close();
    await fresh.drop();
  });

  test("updates of a head are HOT: no index is touched", async () => {
    const before = await hotUpdates(database.url);
    for (let i = 0; i < 20; i += 1)
      await commitNext(catalog, tableId, { isBlindAppend: true, actions: { adds: [add(`h${i}`)] } });
    const since = await hotUpdates(database.url);
    assert.ok(since.hot - before.hot >= 0.9 * (since.all - before.all), JSON.stringify({ before, since }));
  });
}

async function hotUpdates(url: string): Promise<{ all: number; hot: number }> {
  // Statistics of other sessions arrive a moment later.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return withDatabase(url, async (db) => {
    const [row] = await db.read(sql`select n_tup_upd as updates, n_tup_hot_upd as hot from pg_stat_user_tables
      where relname = 'dl_tables' and schemaname = current_schema()`);
    return { all: Number(row?.updates), hot: Number(row?.hot) };
  });
}

/** Another session that holds the lock of a table. */
async function holdLock(url: string, tableId: string) {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let held: () => void = () => undefined;
  const holding = new Promise<void>((resolve) => {
    held = resolve;
  });
  const holder = openPostgres(url, { poolSize: 1 });
  const done = holder.transaction(async (tx) => {
    await tx.writeReturning(sql`select dl_lock(${[`table:${tableId}`]})`);
    held();
    await released;
  });
  await holding;
  return {
    async waiters(count: number): Promise<void> {
      for (;;) {
        const waiting = await withDatabase(url, (db) =>
          db.read(sql`select 1 as one from pg_locks where locktype = 'advisory' and not granted`),
        );
        if (waiting.length >= count) return;
      }
    },
    async release(): Promise<void> {
      release();
      await done;
      await holder.close();
    },
  };
}
