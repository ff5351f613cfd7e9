/** The schema that the migrations make is the one that is committed: dumps in test/schema, the page in docs. UPDATE_SCHEMA=1 writes them. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { findPostgres, SQLITE_ENGINE, type TestEngine } from "../support/catalog-engines.ts";
import { testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";
import { dumpPostgres, dumpSqlite, schemaPage } from "../support/catalog-schema.ts";

function compare(path: string, actual: string): void {
  const url = new URL(`../../${path}`, import.meta.url);
  if (process.env.UPDATE_SCHEMA) writeFileSync(url, actual);
  assert.equal(actual, readFileSync(url, "utf8"), `${path} is out of date: run the tests with UPDATE_SCHEMA=1`);
}

async function dump(engine: TestEngine): Promise<string> {
  const database = await engine.create();
  const catalog = await openCatalog(database.url, testClock());
  await catalog.migrate();
  await catalog.close();
  const dumped = engine.name === "sqlite" ? dumpSqlite : dumpPostgres;
  const text = await withDatabase(database.url, (db) => dumped((query) => db.read(query)));
  await database.drop();
  return text;
}

test("the schema on SQLite", async () => compare("test/schema/sqlite.sql", await dump(SQLITE_ENGINE)));

const postgres = findPostgres();
test("the schema on PostgreSQL", { skip: postgres ? false : "TEST_POSTGRES_URL is not set" }, async () => {
  if (postgres) compare("test/schema/postgres.sql", await dump(postgres));
});

test("docs/sql-schema.md", () => compare("docs/sql-schema.md", schemaPage()));
