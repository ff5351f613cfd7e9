/** The call of a commit is prepared once a connection, and goes on without that where something else shares the sessions. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Database, type Queries, raw, sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { COMMIT_CALL } from "../../lib/catalog/engines/postgres/functions/commit.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { findPostgres, type TestDatabase } from "../support/catalog-engines.ts";
import { testClock } from "../support/catalog-plans.ts";

const engine = findPostgres();

describe("the prepared call of a commit", { skip: engine ? false : "TEST_POSTGRES_URL is not set" }, () => {
  let database: TestDatabase;
  before(async () => {
    if (engine === undefined) return;
    database = await engine.create();
    const catalog = await openCatalog(database.url, testClock());
    await catalog.migrate();
    await catalog.close();
  });
  after(() => database?.drop());

  /** A group without commits. */
  async function call(db: Queries): Promise<void> {
    const query = sql`select dl_commit_2(${'{"requests":[],"waits":false}'}) as answers`;
    assert.equal(query.text, COMMIT_CALL);
    assert.deepEqual(await db.writeReturning(query), [{ answers: "[]" }]);
  }

  async function prepared(db: Queries): Promise<readonly unknown[]> {
    const rows = await db.read(sql`select statement from pg_prepared_statements`);
    return rows.map(({ statement }) => statement);
  }

  async function withConnection(work: (db: Database) => Promise<void>): Promise<void> {
    const db = openPostgres(database.url, { poolSize: 1 });
    try {
      await work(db);
    } finally {
      await db.close();
    }
  }

  test("is kept by the connection", () =>
    withConnection(async (db) => {
      await call(db);
      await call(db);
      assert.deepEqual(await prepared(db), [COMMIT_CALL]);
    }));

  test("is sent whole from then on where the session has lost it", () =>
    withConnection(async (db) => {
      await call(db);
      await db.define("deallocate all");
      await call(db);
      await call(db);
      assert.deepEqual(await prepared(db), []);
    }));

  test("is sent whole where the session has another of its name", () =>
    withConnection(async (db) => {
      await db.define(`prepare "${COMMIT_CALL}" as select 1`);
      await call(db);
      assert.deepEqual(await prepared(db), [`prepare "${COMMIT_CALL}" as select 1`]);
    }));

  test("is lost within a transaction, which is made again as a whole", () =>
    withConnection(async (db) => {
      await call(db);
      await db.define("create temporary table rounds (n int)");
      await db.define("deallocate all");
      let rounds = 0;
      await db.transaction(async (tx) => {
        rounds += 1;
        await tx.write(sql`insert into rounds values (${raw(String(rounds))})`);
        await call(tx);
      });
      assert.equal(rounds, 2);
      assert.deepEqual(await db.read(sql`select n from rounds`), [{ n: 2 }]);
    }));
});
