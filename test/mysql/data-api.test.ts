/** Aurora MySQL behind the Data API, as the strict emulator serves it: one call a commit, and nothing that AWS does not say of it is needed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Database, sql } from "../../lib/catalog/database.ts";
import { tableLock, takeLocks } from "../../lib/catalog/dialect.ts";
import { openDataApi } from "../../lib/catalog/engines/data-api/driver.ts";
import { AURORA_MYSQL } from "../../lib/catalog/engines/data-api/mysql.ts";
import { SERVER_SETTINGS } from "../../lib/catalog/engines/mysql/settings.ts";
import { SLOTS, slotsOf } from "../../lib/catalog/engines/mysql/slots.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog } from "../../lib/ports.ts";
import { createDataApi, type DataApiDatabase, dataApiUrl, findMysql } from "../support/catalog-engines.ts";
import {
  add,
  commitOf,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { type DataApiEmulator, type EmulatorOptions, startDataApi } from "../support/data-api/emulator.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

const ofCode = (code: string) => (error: unknown) => isLakeError(error) && error.code === code;

describe("MySQL behind the Data API", needs("MySQL behind the Data API", mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  let database: DataApiDatabase;
  let catalog: Catalog;
  before(async () => {
    database = await createDataApi(mysqlUrl ?? "");
    const installers = await Promise.all([1, 2, 3].map(() => openCatalog(database.url, testClock())));
    const applied = await Promise.all(installers.map((installer) => installer.migrate()));
    const names = applied.flatMap((one) => one.applied);
    assert.equal(new Set(names).size, names.length, "of many installers one applies each migration");
    catalog = installers[0] as Catalog;
    await Promise.all(installers.slice(1).map((installer) => installer.close()));
  });
  after(async () => {
    await catalog?.close();
    await database?.drop();
  });
  beforeEach(() => database.emulator.faults.clear());

  const callsOf = async (work: () => Promise<unknown>): Promise<number> => {
    database.emulator.resetCalls();
    await work();
    return Object.values(database.emulator.calls).reduce((sum, calls) => sum + calls, 0);
  };

  test("a commit is one call, and so is a group of them", async () => {
    const tables = await Promise.all([1, 2, 3].map(() => newTable(catalog, [add("old")])));
    const append = (tableId: string, path: string) =>
      commitOf(catalog, tableId, { actions: { adds: [add(path)], removes: [remove("old")] } });
    assert.equal(await callsOf(() => append(tables[0] as string, "new")), 1);
    const others = tables.slice(1);
    assert.equal(await callsOf(() => Promise.all(others.map((tableId) => append(tableId, "new")))), 1);
    for (const tableId of tables) assert.equal((await stateOf(catalog, tableId)).version, 1);
  });

  test("a commit whose answer is lost is in the head once; sent again, it gets its first answer", async () => {
    const tableId = await newTable(catalog);
    const plan = planned([plannedTable(tableId, { actions: { adds: [add("a")] } })]);
    database.emulator.faults.inject({ sql: /dl_try_commit_by_slots/, loseResponse: true });
    await assert.rejects(catalog.commit(plan), (error) => isLakeError(error, "unavailable"));
    const again = await catalog.commit(plan);
    assert.ok(again.status === "committed" && again.replayed);
    assert.equal((await stateOf(catalog, tableId)).version, 1);
  });

  test("answers that do not fit into one row come in several calls", async () => {
    const tables: string[] = [];
    for (let i = 0; i < 90; i += 1) tables.push(await newTable(catalog));
    const append = (tableId: string) => commitOf(catalog, tableId, { actions: { adds: [add("x")] } });
    let outcomes: readonly { readonly status: string }[] = [];
    const calls = await callsOf(async () => {
      outcomes = await Promise.all(tables.map(append));
    });
    assert.ok(outcomes.every(({ status }) => status === "committed"));
    assert.ok(calls < 30, `${calls} calls`);
  });

  test("an action larger than a row, a commit larger than a call, and a list larger than an answer", async () => {
    const tableId = await newTable(catalog);
    const stats = (size: number) => JSON.stringify({ numRecords: 1, minValues: { s: 'é"\\😀'.repeat(size) } });
    const adds = [add("big", { stats: stats(200_000) }), add("other", { stats: stats(800_000) })];
    assert.equal((await commitOf(catalog, tableId, { actions: { adds } })).status, "committed");
    const { items } = await catalog.readFiles(tableId, 1, { limit: 10 });
    // MariaDB's temporary tables do not keep rows of this size in order, MySQL's do.
    assert.deepEqual(
      [...items].sort((a, b) => (a.path < b.path ? -1 : 1)),
      adds,
    );
  });

  test("a locked table is waited for no longer than the limit, and a client that is gone frees it", async () => {
    const tableId = await newTable(catalog);
    const db = openDataApi(database.url);
    const busy = () =>
      catalog.commitLocked(crypto.randomUUID(), [{ tableId, after: 0 }], () => assert.fail("had the lock"));
    try {
      await db.transaction(async (tx) => {
        await takeLocks(tx, [tableLock(tableId)]);
        let waits = true;
        const refused = assert.rejects(busy(), ofCode("DATABASE_BUSY")).finally(() => {
          waits = false;
        });
        // The server ends who says nothing for seconds.
        while (waits) {
          await tx.read(sql`select 1 as one`);
          await pause(100);
        }
        await refused;
      });
    } finally {
      await db.close();
    }
    assert.equal((await commitOf(catalog, tableId, { actions: { adds: [add("a")] } })).status, "committed");
  });

  test("a table that has got a column since is read with it", async () => {
    const db = openDataApi(database.url);
    try {
      await db.define("create table later (a int primary key)");
      await db.write(sql`insert into later (a) values (1)`);
      assert.deepEqual(await db.read(sql`select * from later`), [{ a: 1 }]);
      await db.define("alter table later add column b int default 2");
      assert.deepEqual(await db.read(sql`select * from later`), [{ a: 1, b: 2 }]);
    } finally {
      await db.close();
    }
  });

  test("a query that orders by a constant of its own is read, on its own and within others", async () => {
    const db = openDataApi(database.url);
    try {
      const rows = sql`select 0 as part, c.* from (select 2 as n union all select 1) c order by part, n`;
      assert.deepEqual(await db.read(rows), [
        { part: 0, n: 1 },
        { part: 0, n: 2 },
      ]);
    } finally {
      await db.close();
    }
  });

  test("who locks by names is refused", async () => {
    const direct = await openCatalog(addressOf(database), testClock());
    try {
      await assert.rejects(direct.listTables({ limit: 1 }), ofCode("OTHER_LOCKS"));
      await assert.rejects(direct.migrate(), ofCode("OTHER_LOCKS"));
    } finally {
      await direct.close();
    }
  });

  test("a catalog that was made by connections is refused", async () => {
    const made = await findMysql()?.create();
    assert.ok(made);
    const direct = await openCatalog(made.url, testClock());
    await direct.migrate();
    await direct.close();
    const emulator = await startDataApi(made.url);
    const behind = await openCatalog(dataApiUrl(made.url, emulator.endpoint), testClock());
    try {
      await assert.rejects(behind.listTables({ limit: 1 }), ofCode("OTHER_LOCKS"));
    } finally {
      await behind.close();
      await emulator.close();
      await made.drop();
    }
  });

  test("a cluster without our parameter group is told so, before anything is read or written", async () => {
    const emulator = await startDataApi(addressOf(database), { hasOtherSettings: true });
    const db = openDataApi(dataApiUrl(addressOf(database), emulator.endpoint));
    try {
      await assert.rejects(db.read(sql`select 1 as one`), ofCode("DATABASE_SETTINGS"));
      await assert.rejects(
        db.transaction(() => assert.fail("it began")),
        ofCode("DATABASE_SETTINGS"),
      );
    } finally {
      await db.close();
      await emulator.close();
    }
  });
});

describe("who is killed in the midst of calls to MySQL", {
  ...needs("who is killed in the midst of calls to MySQL", mysqlUrl, "TEST_MYSQL_URL is not set"),
  // Each waits for the server.
  concurrency: true,
}, () => {
  const idleMs = deadlineMs("databaseIdleTransaction");
  const never = new Promise<never>(() => undefined);
  let database: DataApiDatabase;
  let db: Database;
  before(async () => {
    // Its clock stands still, so only the server can end whom nobody ends.
    database = await createDataApi(mysqlUrl ?? "", { now: () => 0 });
    db = openDataApi(database.url);
    await db.define("create table t (n int primary key, s text)");
    await db.define("create table answers (s longtext)");
    await db.write(sql`insert into t (n, s) values (0, 'here'), (1, 'here')`);
    await db.write(sql`insert into answers (s) values (${"x".repeat(2_000_000)})`);
  });
  after(async () => {
    await db?.close();
    await database?.drop();
  });

  for (const [n, long] of [false, true].entries()) {
    test(`holds up others for seconds, not for three minutes${long ? ", also in a long transaction" : ""}`, async () => {
      const locked = Promise.withResolvers<void>();
      void db.transaction(
        async (tx) => {
          await tx.write(sql`update t set s = 'killed' where n = ${n}`);
          locked.resolve();
          await never;
        },
        { long },
      );
      await locked.promise;
      const startedAt = performance.now();
      await db.write(sql`update t set s = concat(s, ' still') where n = ${n}`);
      assert.ok(performance.now() - startedAt > 1000, "it held the lock");
      assert.deepEqual(await db.read(sql`select s from t where n = ${n}`), [{ s: "here still" }]);
    });
  }

  test("holds up no migration with a long answer", async () => {
    // Its last call comes when all is over.
    database.emulator.faults.inject({ sql: /^set @dl_text = null/, latencyMs: idleMs + 5000 });
    const reading = db.read(sql`select s from answers`).catch((error: unknown) => error);
    while (database.emulator.faults.left() > 0) await pause(5);
    await db.define("alter table answers add column later int");
    assert.ok(isLakeError(await reading, "unavailable"), "the server had ended it");
  });

  test("leaves its patience to nobody: the session is as new to the next call", async () => {
    const patience = sql`select @@wait_timeout as seconds`;
    const [own] = await db.transaction((tx) => tx.read(patience));
    assert.equal(own?.seconds, idleMs / 1000);
    assert.notEqual((await db.read(patience))[0]?.seconds, own?.seconds);
  });
});

describe(
  "a Data API that takes no routines",
  needs("a Data API that takes no routines", mysqlUrl, "TEST_MYSQL_URL is not set"),
  () => {
    test("has the schema without the function, and commits by transactions", async () => {
      const database = await createDataApi(mysqlUrl ?? "", { refusesRoutines: true } satisfies EmulatorOptions);
      const { emulator }: { readonly emulator: DataApiEmulator } = database;
      const catalog = await openCatalog(database.url, testClock());
      try {
        await catalog.migrate();
        const tableId = await newTable(catalog);
        emulator.resetCalls();
        assert.equal((await commitOf(catalog, tableId, { actions: { adds: [add("a")] } })).status, "committed");
        assert.equal(emulator.calls.BeginTransaction, 1);
        assert.equal((await stateOf(catalog, tableId)).version, 1);
      } finally {
        await catalog.close();
        await database.drop();
      }
    });
  },
);

test("docs/databases.md names the settings of the parameter group", () => {
  const page = readFileSync(new URL("../../docs/databases.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  for (const { name, value } of SERVER_SETTINGS) {
    assert.ok(
      rows.some((row) => row.includes(`\`${name}\``) && row.includes(`\`${value}\``)),
      `${name} = ${value}`,
    );
  }
});

test("slots are within the table, in order, and each once", () => {
  const slots = slotsOf(Array.from({ length: 1000 }, (_, i) => `table:${i % 900}`));
  assert.ok(slots.every((slot, i) => slot < SLOTS && slot > (slots[i - 1] ?? -1)));
});

test("an error is known by its number, and where that is not told by its SQLSTATE", () => {
  for (const [state, code] of Object.entries({
    "1213": "DATABASE_BUSY",
    "40001": "DATABASE_BUSY",
    "1062": "CONSTRAINT_VIOLATED",
    "23000": "CONSTRAINT_VIOLATED",
    "42S02": "SCHEMA_OUTDATED",
    "1242": "DATABASE_SETTINGS",
  })) {
    assert.equal(AURORA_MYSQL.stateError(state, "", "here", undefined).code, code);
  }
  assert.ok(
    AURORA_MYSQL.isTransient("40001") && AURORA_MYSQL.isTransient("1213") && !AURORA_MYSQL.isTransient("23000"),
  );
});

/** Of the database behind the emulator. */
function addressOf({ url }: DataApiDatabase): string {
  const address = new URL(mysqlUrl ?? "");
  address.pathname = new URLSearchParams(url.slice(url.indexOf("?"))).get("database") ?? "";
  return address.href;
}
