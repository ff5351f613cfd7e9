/** The login of restores for practice: it restores into its own schema, leaves nothing there, and reaches nothing else. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { raw, sql } from "../../lib/catalog/database.ts";
import { POSTGRES } from "../../lib/catalog/engines/postgres/dialect.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { tablesOn } from "../../lib/catalog/migrations/index.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { withScratchSchema } from "../../lib/lake/backups.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import { memoryPlace } from "../support/backups.ts";
import { dataApiUrl, postgresEngine, SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { type DataApiEmulator, startDataApi } from "../support/data-api/emulator.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake, testClock } from "../support/lake.ts";
import { needs, postgresUrl } from "../support/skip.ts";

test("SQLite has no logins, and says so", async (t) => {
  const database = await SQLITE_ENGINE.create();
  t.after(() => database.drop());
  const catalog = await openCatalog(database.url, testClock());
  t.after(() => catalog.close());
  await assert.rejects(catalog.migrate({ scratch: { name: "s", password: "p" } }), /SQLite has no logins/);
  await assert.rejects(catalog.emptyScratch(), /SQLite has no logins/);
});

const SUITE = "the login of restores for practice";

describe(SUITE, needs(SUITE, postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  const login = { name: `dl_s"cratch_${crypto.randomUUID().slice(0, 8)}`, password: `it's "a" $$secret$$` };
  const admin = openPostgres(postgresUrl ?? "", { poolSize: 1 });
  let lake: TestLake;
  let emulator: DataApiEmulator;
  let scratchUrl: string;
  const place = memoryPlace();

  before(async () => {
    lake = await openTestLake(postgresEngine(postgresUrl ?? ""));
    // Two deployments at once, and one again.
    await Promise.all([lake.catalog.migrate({ scratch: login }), lake.catalog.migrate({ scratch: login })]);
    await lake.catalog.migrate({ scratch: login });
    for (let i = 0; i < 3; i += 1) {
      const tableId = await newTable(lake, `s.t${i}`);
      await commitTo(lake, tableId, 0, [addOf("a"), addOf("b")]);
      await commitTo(lake, tableId, 1, [removeOf("a"), addOf("c")]);
    }
    await backupCatalog(lake, place);
    const url = new URL(postgresUrl ?? "");
    url.username = encodeURIComponent(login.name);
    url.password = encodeURIComponent(login.password);
    scratchUrl = url.href;
    emulator = await startDataApi(scratchUrl);
    process.env.AWS_ACCESS_KEY_ID ??= "test";
    process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  });
  after(async () => {
    await emulator?.close();
    await lake?.close();
    const quoted = `"${login.name.replaceAll('"', '""')}"`;
    await admin.define(`drop schema if exists ${quoted} cascade`);
    await admin.define(`drop role if exists ${quoted}`);
    await admin.close();
  });

  const left = () =>
    admin.read(sql`
      select relname as name from pg_class where relnamespace = (select oid from pg_namespace where nspname = ${login.name})
      union all select proname from pg_proc where pronamespace = (select oid from pg_namespace where nspname = ${login.name})`);

  const engines: Readonly<Record<string, () => string>> = {
    postgres: () => scratchUrl,
    "data-api": () => dataApiUrl(postgresUrl ?? "", emulator.endpoint),
  };
  for (const [engine, urlOf] of Object.entries(engines)) {
    test(`a backup is restored by ${engine}, also after a drill that was killed, and nothing is left`, async (t) => {
      const before = await lake.catalog.readCut();
      // Killed: its tables are there, and its restore is not finished.
      const killed = await openCatalog(urlOf(), lake.clock);
      t.after(() => killed.close());
      await killed.migrate();
      assert.ok((await left()).length > tablesOn(POSTGRES).length);
      const verified = await withScratchSchema(urlOf(), (scratch) => verifyBackup(scratch, place));
      assert.deepEqual([verified.differences, verified.tables, verified.files], [[], 3, 6]);
      assert.deepEqual(await left(), []);
      const broken = withScratchSchema(urlOf(), async (scratch) => {
        await scratch.migrate();
        throw new Error("broke off");
      });
      await assert.rejects(broken, /broke off/);
      assert.deepEqual(await left(), []);
      assert.deepEqual((await lake.catalog.readCut()).tables, before.tables);
    });
  }

  test("it reads and changes no table of the catalog", async (t) => {
    const session = openPostgres(scratchUrl, { poolSize: 1 });
    t.after(() => session.close());
    const schema = new URL(lake.url).searchParams.get("options")?.split("=")[1];
    for (const { name, columns } of tablesOn(POSTGRES)) {
      await assert.rejects(session.read(raw(`select count(*) as n from ${schema}.${name}`)), /permission denied/, name);
      const [column] = columns;
      for (const statement of [
        `insert into ${schema}.${name} default values`,
        `update ${schema}.${name} set ${column?.name} = ${column?.name}`,
        `delete from ${schema}.${name}`,
        `drop table ${schema}.${name}`,
      ]) {
        await assert.rejects(session.define(statement), /permission denied|must be owner/, statement);
      }
    }
    await assert.rejects(session.define("create schema another"), /permission denied/);
  });

  test("no other login can be emptied by mistake", async () => {
    await assert.rejects(lake.catalog.emptyScratch(), /permission|not one for restores/);
    assert.equal((await lake.catalog.readCut()).tables.length, 3);
  });
});
