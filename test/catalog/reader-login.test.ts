/** The login that may only read: the API's reads work with it, also large ones, and nothing that writes does. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { raw, sql } from "../../lib/catalog/database.ts";
import { POSTGRES } from "../../lib/catalog/engines/postgres/dialect.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { tablesOn } from "../../lib/catalog/migrations/index.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { Catalog } from "../../lib/ports.ts";
import { client, stubLake } from "../http/stub-lake.ts";
import { dataApiUrl, postgresEngine, SQLITE_ENGINE, type TestDatabase } from "../support/catalog-engines.ts";
import { add, commitOf, newTable, testClock } from "../support/catalog-plans.ts";
import { type DataApiEmulator, startDataApi } from "../support/data-api/emulator.ts";
import { needs, postgresUrl } from "../support/skip.ts";

test("SQLite has no logins, and says so", async (t) => {
  const database = await SQLITE_ENGINE.create();
  t.after(() => database.drop());
  const catalog = await openCatalog(database.url, testClock());
  t.after(() => catalog.close());
  await assert.rejects(catalog.migrate({ reader: { name: "r", password: "p" } }), /SQLite has no logins/);
});

const SUITE = "the login that may only read";

describe(SUITE, needs(SUITE, postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  const reader = { name: `dl_r"eader_${crypto.randomUUID().slice(0, 8)}`, password: `it's "a" $$secret$$ \\ %L` };
  let database: TestDatabase;
  let catalog: Catalog;
  let emulator: DataApiEmulator;
  let readerUrl: string;
  let tableId: string;

  before(async () => {
    database = await postgresEngine(postgresUrl ?? "").create();
    catalog = await openCatalog(database.url, testClock());
    // Two deployments at once, and one again: the login is there, and has the last password.
    await Promise.all([catalog.migrate({ reader }), catalog.migrate({ reader: { ...reader, password: "first" } })]);
    await catalog.migrate({ reader });
    const stats = JSON.stringify({ numRecords: 1, minValues: { text: "x".repeat(500) } });
    const files = Array.from({ length: 3000 }, (_, i) => add(`f${i}`, { stats }));
    tableId = await newTable(catalog, files);
    const url = new URL(database.url);
    url.username = encodeURIComponent(reader.name);
    url.password = encodeURIComponent(reader.password);
    readerUrl = url.href;
    emulator = await startDataApi(readerUrl);
    process.env.AWS_ACCESS_KEY_ID ??= "test";
    process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  });
  after(async () => {
    await emulator?.close();
    await catalog?.close();
    await database?.drop();
    const admin = openPostgres(postgresUrl ?? "", { poolSize: 1 });
    await admin.define(`drop role if exists "${reader.name.replaceAll('"', '""')}"`);
    await admin.close();
  });

  const engines: Readonly<Record<string, () => string>> = {
    postgres: () => readerUrl,
    "data-api": () => dataApiUrl(postgresUrl ?? "", emulator.endpoint),
  };
  for (const [engine, urlOf] of Object.entries(engines)) {
    test(`every route that reads works through ${engine}; a commit does not`, async (t) => {
      const reading = await openCatalog(urlOf(), testClock());
      t.after(() => reading.close());
      const api = client({ ...stubLake(), catalog: reading }, { serves: "read" });
      const paths = ["", "/commits", "/history", "/mirror", "/files?limit=3000", "/files?version=0"];
      for (const path of ["/v1/health", "/v1/tables", ...paths.map((path) => `/v1/tables/${tableId}${path}`)]) {
        const { status, text } = await api.get(path);
        assert.equal(status, 200, `${path}: ${text.slice(0, 300)}`);
      }
      assert.equal((await api.get(`/v1/transactions/${crypto.randomUUID()}`)).status, 404);
      assert.equal((await api.post("/v1/snapshots", { tables: [{ tableId }] })).status, 200);
      await assert.rejects(commitOf(reading, tableId, { actions: { adds: [add("no")] } }), /permission denied/);
    });
  }

  test("it changes no table and no definition", async (t) => {
    const session = openPostgres(readerUrl, { poolSize: 1 });
    t.after(() => session.close());
    for (const { name, columns, isPrivate } of tablesOn(POSTGRES)) {
      const [column] = columns;
      const rows = session.read(raw(`select count(*) as rows from ${name}`));
      await (isPrivate ? assert.rejects(rows, /permission denied/, name) : rows);
      for (const statement of [
        `insert into ${name} default values`,
        `update ${name} set ${column?.name} = ${column?.name}`,
        `delete from ${name}`,
        `truncate ${name}`,
        `drop table ${name}`,
      ]) {
        await assert.rejects(session.define(statement), /permission denied|must be owner/, statement);
      }
    }
    const wanted = sql`
      select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as mighty from pg_roles
      where rolname = ${reader.name}`;
    assert.deepEqual(await session.read(wanted), [{ mighty: false }]);
  });

  test("it has a password, the last one that it was given", async (t) => {
    const admin = openPostgres(database.url, { poolSize: 1 });
    t.after(() => admin.close());
    const stored = () => admin.read(sql`select rolpassword from pg_authid where rolname = ${reader.name}`);
    const [before] = await stored();
    assert.match(String(before?.rolpassword), /^SCRAM-SHA-256\$|^md5/);
    await catalog.migrate({ reader: { ...reader, password: "another" } });
    assert.notDeepEqual(await stored(), [before]);
    await catalog.migrate({ reader });
  });
});
