/** A commit on MySQL is one call wherever nothing has to be looked up or refused; what is left by it is decided by the steps, and told as ever. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Database } from "../../lib/catalog/database.ts";
import { sql } from "../../lib/catalog/database.ts";
import { tableLock, takeLocks } from "../../lib/catalog/dialect.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { ADD_COLUMNS } from "../../lib/catalog/rows/add.ts";
import { catalogOn } from "../../lib/catalog/sql-catalog.ts";
import { LakeError } from "../../lib/errors.ts";
import type { Catalog, CommitOutcome } from "../../lib/ports.ts";
import { findMysql, type TestDatabase } from "../support/catalog-engines.ts";
import {
  add,
  commitOf,
  creation,
  dv,
  id,
  metadata,
  newTable,
  type Plan,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

const NO_CALLS = { statements: 0, transactions: 0 };
const ONE_CALL = { statements: 1, transactions: 0 };
const CALL_AND_STEPS = { statements: 1, transactions: 1 };
const STEPS = { statements: 0, transactions: 1 };

describe("the commit of MySQL", needs("the commit of MySQL", mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  let database: TestDatabase;
  let db: Database;
  let catalog: Catalog;
  let calls = { ...NO_CALLS };
  /** The next call is. */
  let isRefused = false;

  before(async () => {
    const created = await findMysql()?.create();
    assert.ok(created);
    database = created;
    db = openMysql(database.url, { poolSize: 4 });
    catalog = catalogOn(
      {
        ...db,
        writeReturning: async (query) => {
          calls.statements += 1;
          if (isRefused) {
            isRefused = false;
            throw new LakeError("invalid", "larger than a packet", { code: "TOO_LARGE" });
          }
          return db.writeReturning(query);
        },
        transaction: (work, options) => {
          calls.transactions += 1;
          return db.transaction(work, options);
        },
      },
      testClock(),
    );
    await catalog.migrate();
  });
  after(async () => {
    await catalog?.close();
    await database?.drop();
  });

  async function counted(work: () => Promise<CommitOutcome>): Promise<CommitOutcome> {
    calls = { ...NO_CALLS };
    return work();
  }

  const FILES = [add("a"), add("b"), add("v", { deletionVector: dv("1") })];
  const PLAIN: Readonly<Record<string, Plan>> = {
    "an append": { actions: { adds: [add("new")] } },
    "an append with row ids": { assignRowIds: true, actions: { adds: [add("new"), add("other")] } },
    "a rewrite": { actions: { adds: [add("new")], removes: [remove("a"), remove("b")] } },
    "a new deletion vector": {
      actions: { adds: [add("v", { deletionVector: dv("2") })], removes: [remove("v", { deletionVector: dv("1") })] },
    },
    "a file that is added once more": { actions: { adds: [add("a", { size: 7 })] } },
    "metadata, transactions and domains": {
      inCommitTimestamps: true,
      actions: {
        metadata: metadata(),
        txns: [{ appId: "app", version: 9_223_372_036_854_775_807n }],
        domains: [{ domain: "d", configuration: "{}", removed: false }],
      },
    },
    "a thousand files": { actions: { adds: Array.from({ length: 1000 }, (_, i) => add(`f${i}`)) } },
  };
  for (const [what, plan] of Object.entries(PLAIN)) {
    test(`${what} is one call`, async () => {
      const tableId = await newTable(catalog, FILES);
      const outcome = await counted(() => commitOf(catalog, tableId, plan));
      assert.equal(outcome.status, "committed");
      assert.deepEqual(calls, ONE_CALL);
    });
  }

  test("two tables are one call, and so is a conflict", async () => {
    const tables = [await newTable(catalog, FILES), await newTable(catalog, FILES)];
    const both = (plan: Plan) => catalog.commit(planned(tables.map((tableId) => plannedTable(tableId, plan))));
    const first = await counted(() => both({ actions: { removes: [remove("a")] } }));
    assert.equal(first.status, "committed");
    assert.deepEqual(calls, ONE_CALL);
    const second = await counted(() => both({ watch: ["remove"], actions: { removes: [remove("b")] } }));
    assert.deepEqual(second, { status: "moved", tableIds: tables });
    assert.deepEqual(calls, ONE_CALL);
  });

  test("the call knows the database's epoch as everybody else does", async () => {
    const tableId = await newTable(catalog, FILES);
    const epoch = await catalog.epoch();
    assert.ok(epoch);
    const append = (path: string, of: string) =>
      catalog.commit({ ...planned([plannedTable(tableId, { actions: { adds: [add(path)] } })]), epoch: of });
    assert.equal((await counted(() => append("here", epoch))).status, "committed");
    assert.deepEqual(calls, ONE_CALL);
    const elsewhere = await counted(() => append("elsewhere", `${epoch}x`));
    assert.notEqual(elsewhere.status, "committed");
  });

  test("commits that come at once to different tables share the call", async () => {
    const tables = await Promise.all([1, 2, 3, 4].map(() => newTable(catalog)));
    calls = { ...NO_CALLS };
    const plan: Plan = { actions: { adds: [add("x")] } };
    const outcomes = await Promise.all(tables.map((tableId) => commitOf(catalog, tableId, plan)));
    assert.ok(outcomes.every(({ status }) => status === "committed"));
    assert.deepEqual(calls, ONE_CALL);
  });

  test("a refusal is told by the steps, and nothing of the others in its group is lost", async () => {
    const tables = await Promise.all([1, 2, 3].map(() => newTable(catalog, FILES)));
    calls = { ...NO_CALLS };
    const outcomes = await Promise.all(
      tables.map((tableId, i) =>
        commitOf(catalog, tableId, { actions: { removes: [remove(i === 1 ? "none" : "a")] } }),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["committed", "rejected", "committed"],
    );
    assert.deepEqual(calls, CALL_AND_STEPS);
    const heads = await catalog.readStates(tables.map((tableId) => ({ tableId })));
    assert.deepEqual(
      tables.map((tableId) => heads.find((head) => head.tableId === tableId)?.version),
      [1, 0, 1],
    );
  });

  /** Ten of them are more than one call takes. */
  const LARGE = JSON.stringify({ numRecords: 1, minValues: { text: "x".repeat(100_000) } });

  test("what a packet of the server cannot hold goes by the steps", async () => {
    const tableId = await newTable(catalog, FILES);
    isRefused = true;
    const outcome = await counted(() => commitOf(catalog, tableId, { actions: { adds: [add("new")] } }));
    assert.equal(outcome.status, "committed");
    assert.deepEqual(calls, CALL_AND_STEPS);
  });

  test("a table that is made, looked-up row ids and what is large go by the steps alone", async () => {
    const made = await counted(() => catalog.commit(planned([creation(id(), `t.${id()}`)])));
    assert.equal(made.status, "committed");
    assert.deepEqual(calls, STEPS);
    const tableId = await newTable(catalog, FILES);
    for (const plan of [
      { assignRowIds: true, actions: { removes: [remove("a")] } },
      { actions: { adds: Array.from({ length: 1001 }, (_, i) => add(`g${i}`)) } },
      { actions: { adds: Array.from({ length: 11 }, (_, i) => add(`h${i}`, { stats: LARGE })) } },
    ] satisfies Plan[]) {
      const readVersion = (await stateOf(catalog, tableId)).version;
      const outcome = await counted(() => commitOf(catalog, tableId, { ...plan, readVersion }));
      assert.equal(outcome.status, "committed");
      assert.deepEqual(calls, STEPS);
    }
  });

  test("a call that waits for a lock in vain writes nothing, and leaves neither transaction nor lock", async () => {
    const tableId = await newTable(catalog);
    const group = {
      of: {
        database: await identityOf(db),
        waits: 1,
        locks: [tableLock(tableId)],
        numLocks: 1,
        lockSeconds: 0,
        numRequests: 0,
      },
    };
    const call = () => db.writeReturning(sql`call dl_try_commit_2(${JSON.stringify(group)})`);
    await db.transaction(async (tx) => {
      await takeLocks(tx, [tableLock(tableId)]);
      await assert.rejects(call(), { code: "DATABASE_BUSY" });
    });
    assert.deepEqual(await call(), [{ answers: "[]" }]);
    assert.equal((await commitOf(catalog, tableId, { actions: { adds: [add("x")] } })).status, "committed");
  });

  test("the procedure writes every column of a file", async () => {
    const [row] = await db.read(sql`select routine_definition as body from information_schema.routines
      where routine_schema = database() and routine_name = 'dl_try_commit_2'`);
    const lists = String(row?.body).match(/insert into dl_files \(([^)]*)\)/g) ?? [];
    assert.equal(lists.length, 2);
    for (const list of lists) {
      const columns = list.replace(/.*\(|\)/g, "").split(", ");
      assert.deepEqual(
        ADD_COLUMNS.filter((column) => !columns.includes(column)),
        [],
      );
    }
  });
});

async function identityOf(db: Database): Promise<string> {
  const [row] = await db.read(sql`select database_id from dl_migrations where id = 10`);
  return String(row?.database_id);
}
