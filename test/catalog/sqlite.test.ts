/** What is particular to SQLite: several programs on one file, waiting without blocking, clear errors, nothing half written. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Database, type SqlTransaction, sql } from "../../lib/catalog/database.ts";
import { openSqlite } from "../../lib/catalog/engines/sqlite/driver.ts";
import { sqliteError } from "../../lib/catalog/engines/sqlite/errors.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { catalogOn } from "../../lib/catalog/sql-catalog.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { SQLITE_ENGINE, type TestDatabase } from "../support/catalog-engines.ts";
import {
  add,
  commitOf,
  creation,
  dv,
  id,
  livePaths,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { readRows } from "../support/catalog-rows.ts";

const code = (kind: "invalid" | "unavailable", wanted: string) => (error: unknown) =>
  isLakeError(error, kind) && error.code === wanted;

describe("SQLite", () => {
  let database: TestDatabase;
  let catalog: Catalog;
  const clock = testClock();
  before(async () => {
    database = await SQLITE_ENGINE.create();
    catalog = await openCatalog(`sqlite:${database.url}`, clock);
  });
  after(async () => {
    await catalog.close();
    await database.drop();
  });
  let tableId: string;
  beforeEach(async () => {
    tableId = await newTable(catalog, [add("old"), add("dv", { deletionVector: dv("1") })]);
  });

  function writer(name: string, count: number) {
    const script = fileURLToPath(new URL("../support/catalog-writer.ts", import.meta.url));
    const child = spawn(process.execPath, [script, database.url, tableId, name, String(count)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const versions: number[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      versions.push(...text.split("\n").filter(Boolean).map(Number));
    });
    return { child, versions, closed: once(child, "close") };
  }

  test("two programs write to one file, a third is killed: what was acknowledged is there, once", async () => {
    const a = writer("a", 60);
    const b = writer("b", 60);
    const c = writer("c", 100_000);
    while (c.versions.length < 20) await pause(5);
    c.child.kill("SIGKILL");
    const mine = await catalog.commit(
      planned([plannedTable(tableId, { isBlindAppend: true, actions: { adds: [add("mine")] } })]),
    );
    assert.equal(mine.status, "committed");
    await Promise.all([a.closed, b.closed, c.closed]);
    const head = await stateOf(catalog, tableId);
    const acknowledged = [...a.versions, ...b.versions, ...c.versions, mine.tables[0]?.version];
    assert.equal(new Set(acknowledged).size, acknowledged.length);
    assert.ok(
      head.version - acknowledged.length <= 1,
      "at most the last commit of the killed one was not acknowledged",
    );
    assert.equal((await livePaths(catalog, tableId, head.version)).length, head.version + 2);
    const { items } = await catalog.history(tableId, { limit: 1000 });
    assert.deepEqual(
      items.map((v) => v.version),
      items.map((_, i) => head.version - i),
    );
  });

  test("a lock of another program is waited for without blocking; then it is an error", async () => {
    const other = new DatabaseSync(database.url);
    other.exec("begin immediate");
    const impatient = await openCatalog(database.url, clock, { busyTimeoutMs: 150 });
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 5);
    await assert.rejects(commitOf(impatient, tableId, {}), code("unavailable", "DATABASE_LOCKED"));
    clearInterval(ticking);
    assert.ok(ticks > 1, `the event loop ran ${ticks} times`);
    assert.equal((await stateOf(impatient, tableId)).version, 0);
    const waiting = commitOf(catalog, tableId, {});
    await pause(30);
    other.exec("rollback");
    assert.equal((await waiting).status, "committed");
    other.close();
    await impatient.close();
  });

  test("reads go on beside a writer, and see whole commits", async () => {
    const slow = openSqlite(database.url);
    await slow.transaction(async (tx) => {
      await tx.write(sql`update dl_tables set version = 99 where table_id = ${tableId}`);
      assert.equal((await stateOf(catalog, tableId)).version, 0);
    });
    assert.equal((await stateOf(catalog, tableId)).version, 99);
    await slow.close();
  });

  test("a crash between any two statements leaves nothing half written", async () => {
    const created = id();
    const plan = planned([
      plannedTable(tableId, {
        assignRowIds: true,
        actions: {
          removes: [remove("dv", { deletionVector: dv("1") })],
          adds: [add("dv", { deletionVector: dv("2") }), add("old", { stats: "{}" }), add("new")],
          txns: [{ appId: "a", version: 1 }],
          others: [{ cdc: {} }],
        },
      }),
      creation(created, `crash.${created}`),
    ]);
    const before = await readRows(database.url, tableId);
    let crashes = 0;
    for (;;) {
      const crashing = openSqlite(database.url);
      const failing = catalogOn(failAfter(crashing, crashes), clock);
      const outcome = await failing.commit(plan).catch((error: unknown) => error);
      await failing.close();
      if (!(outcome instanceof Crash)) {
        assert.equal((outcome as { status: string }).status, "committed");
        break;
      }
      crashes += 1;
      assert.deepEqual(await readRows(database.url, tableId), before, `after statement ${crashes}`);
      assert.equal(await catalog.findTable({ tableId: created }, { anyStatus: true }), undefined);
    }
    assert.ok(crashes > 20, `${crashes} places to crash`);
    assert.deepEqual(await livePaths(catalog, tableId, 1), ["dv", "new", "old"]);
  });

  test("its files are for their owner alone, whatever the umask; rights of a file that is there stay", async () => {
    const before = process.umask(0);
    try {
      const folder = join(database.url, "..");
      writeFileSync(join(folder, "shared.sqlite"), "", { mode: 0o640 });
      const opened = await Promise.all(
        ["private.sqlite", "shared.sqlite"].map((name) => openCatalog(join(folder, name), clock)),
      );
      await Promise.all(opened.map((one) => newTable(one, [add("a")])));
      const modes = readdirSync(folder)
        .filter((name) => /^(private|shared)/.test(name))
        .map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]);
      assert.deepEqual(Object.fromEntries(modes), {
        "private.sqlite": "600",
        "private.sqlite-wal": "600",
        "private.sqlite-shm": "600",
        "shared.sqlite": "640",
        "shared.sqlite-wal": "640",
        "shared.sqlite-shm": "640",
      });
      await Promise.all(opened.map((one) => one.close()));
    } finally {
      process.umask(before);
    }
  });

  test("what cannot be opened is told apart", async () => {
    const folder = join(database.url, "..");
    writeFileSync(join(folder, "text.sqlite"), "this is not a database, but it is long enough to be one".repeat(100));
    mkdirSync(join(folder, "folder.sqlite"));
    const open = (url: string) => openCatalog(url, clock);
    await assert.rejects(open(join(folder, "text.sqlite")), code("invalid", "NOT_A_DATABASE"));
    await assert.rejects(open(join(folder, "folder.sqlite")), code("invalid", "DATABASE_NOT_FOUND"));
    await assert.rejects(open(join(folder, "none", "x.sqlite")), code("invalid", "DATABASE_NOT_FOUND"));
    await assert.rejects(open("oracle://localhost/x"), code("invalid", "UNKNOWN_DATABASE"));
    await assert.rejects(open(":memory:"), code("invalid", "UNKNOWN_DATABASE"));
    assert.ok(code("unavailable", "DISK_FULL")(sqliteError({ errcode: 13 }, "x")));
    assert.ok(code("unavailable", "DATABASE_IO_ERROR")(sqliteError({ errcode: 778 }, "x")));
    const own = new Error("mine");
    assert.equal(sqliteError(own, "x"), own);
  });
});

class Crash extends Error {}

/** A database whose transactions end by an exception after so many statements. */
function failAfter(database: Database, statements: number): Database {
  return {
    ...database,
    transaction: (work) =>
      database.transaction((tx) => {
        let left = statements;
        const step = () => {
          if (left === 0) throw new Crash();
          left -= 1;
        };
        const failing: SqlTransaction = {
          dialect: tx.dialect,
          async read(query) {
            step();
            return tx.read(query);
          },
          async write(query) {
            step();
            return tx.write(query);
          },
          async writeReturning(query) {
            step();
            return tx.writeReturning(query);
          },
          async define(statement) {
            step();
            return tx.define(statement);
          },
          async each(statement, rows) {
            for (const row of rows) {
              step();
              await tx.each(statement, [row]);
            }
          },
        };
        return work(failing);
      }),
  };
}
