/** The functions in lib/ are those that the migrations leave in a database, and those of earlier releases still work on it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Row, sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { CURRENT_FUNCTIONS, RETIRED_FUNCTIONS } from "../../lib/catalog/engines/postgres/functions/index.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { findPostgres, type TestDatabase } from "../support/catalog-engines.ts";
import { newTable, testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

const engine = findPostgres();

describe("functions of PostgreSQL", { skip: engine ? false : "TEST_POSTGRES_URL is not set" }, () => {
  let database: TestDatabase;
  before(async () => {
    if (engine === undefined) return;
    database = await engine.create();
    const catalog = await openCatalog(database.url, testClock());
    await catalog.migrate();
    await catalog.close();
  });
  after(() => database?.drop());

  test("what is in engines/postgres/functions is what the migrations leave", async () => {
    const ours = openPostgres(database.url, { poolSize: 1 });
    try {
      const left = new Map((await definitions(ours)).map((row) => [row.name, row]));
      const retired = RETIRED_FUNCTIONS.map((name) => left.delete(name));
      assert.ok(!retired.includes(false), "RETIRED_FUNCTIONS names one that is gone");
      // Makes them anew, as they are in lib, and takes that back.
      const rollback = new Error("rolled back");
      const made = ours.transaction(async (tx) => {
        for (const text of CURRENT_FUNCTIONS)
          await tx.define(text.replace("create function", "create or replace function"));
        const now = (await definitions(tx)).filter((row) => !RETIRED_FUNCTIONS.includes(String(row.name)));
        assert.deepEqual(now, [...left.values()], "a function was changed without a migration");
        assert.equal(now.length, CURRENT_FUNCTIONS.length);
        throw rollback;
      });
      await assert.rejects(made, (error) => {
        if (error !== rollback) throw error;
        return true;
      });
    } finally {
      await ours.close();
    }
  });

  test("a request of the release before, with rows as lists, still commits", async () => {
    const catalog = await openCatalog(database.url, testClock());
    const tableId = await newTable(catalog);
    const add = (path: string, key: string) =>
      [path, key, "", null, "{}", 10, 1, true, null, 5, null, null, null, null, null, null, 1, 2, 3, 4] as const;
    const request = {
      transactionId: crypto.randomUUID(),
      requestHash: "old",
      tables: [
        {
          adds: [add("old.parquet", "1".padStart(32, "0"))],
          removes: [],
          txns: [["app", 7, null, null]],
          domains: [["d", "{}", false, null]],
          others: [],
          userDomains: true,
          isBlindAppend: true,
          rowIds: false,
          tableId,
          readVersion: 0,
          checkedVersion: 0,
          metadataVersion: 0,
          protocolVersion: 0,
          watch: [],
          inCommitTimestamps: false,
        },
      ],
    };
    const [row] = await withDatabase(database.url, (db) =>
      db.writeReturning(sql`select dl_commit(${JSON.stringify(request)}) as answer`),
    );
    assert.equal(JSON.parse(String(row?.answer)).status, "committed");
    const { actions } = (await catalog.readCommits(tableId, 1, 1))[0] ?? {};
    assert.deepEqual(
      actions?.adds.map((file) => file.path),
      ["old.parquet"],
    );
    assert.deepEqual(actions?.txns, [{ appId: "app", version: 7 }]);
    await catalog.close();
  });
});

interface Reading {
  read: ReturnType<typeof openPostgres>["read"];
}

async function definitions(db: Reading): Promise<readonly Row[]> {
  return db.read(sql`
    select p.proname as name, pg_get_functiondef(p.oid) as text from pg_proc p
    where p.pronamespace = current_schema()::regnamespace order by p.proname`);
}
