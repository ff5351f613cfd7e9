/** The login of restores for practice on MySQL, behind the Data API: it has a database of its own, leaves nothing there, and reaches nothing else. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { raw, sql } from "../../lib/catalog/database.ts";
import { openDataApi } from "../../lib/catalog/engines/data-api/driver.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { withScratchSchema } from "../../lib/lake/backups.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { verifyBackup } from "../../lib/operations/verify-backup.ts";
import { memoryPlace } from "../support/backups.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { FORBIDDEN, onAuroraMysql } from "../support/login-lakes.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

const SUITE = "the login of restores for practice on MySQL";

describe(SUITE, needs(SUITE, mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  const login = { name: `dl_scratch_${crypto.randomUUID().slice(0, 8)}`, password: `it's "a" secret` };
  const on = onAuroraMysql();
  const place = memoryPlace();
  let lake: TestLake;
  let url: string;

  before(async () => {
    lake = await openTestLake(on.engine);
    // Two deployments at once, and one again.
    await Promise.all([lake.catalog.migrate({ scratch: login }), lake.catalog.migrate({ scratch: login })]);
    await lake.catalog.migrate({ scratch: login });
    await commitTo(lake, await newTable(lake, "s.t"), 0, [addOf("a"), addOf("b")]);
    await backupCatalog(lake, place);
    url = on.urlFor(lake.url, login).replace(/database=[^&]+/, `database=${login.name}`);
  });
  after(async () => {
    await lake?.close();
    const admin = openMysql(mysqlUrl ?? "", { poolSize: 1 });
    await admin.define(`drop database if exists ${login.name}`);
    await admin.close();
    await on.dropLogins([login.name]);
  });

  test("a backup is restored, also after a drill that was killed, and nothing is left", async (t) => {
    const killed = await openCatalog(url, lake.clock);
    t.after(() => killed.close());
    await killed.migrate();
    const verified = await withScratchSchema(url, (scratch) => verifyBackup(scratch, place));
    assert.deepEqual([verified.differences, verified.tables, verified.files], [[], 1, 2]);
    const session = openDataApi(url);
    t.after(() => session.close());
    const left = sql`select table_name as name from information_schema.tables where table_schema = database()
      union all select routine_name from information_schema.routines where routine_schema = database()`;
    assert.deepEqual(await session.read(left), []);
    assert.equal((await lake.catalog.readCut()).tables.length, 1);
  });

  test("it reaches no table of the catalog, and makes no other database", async (t) => {
    const owner = openDataApi(lake.url);
    const session = openDataApi(url);
    t.after(() => Promise.all([owner.close(), session.close()]));
    const [row] = await owner.read(raw("select database() as name"));
    for (const statement of [
      `select count(*) from ${row?.name}.dl_tables`,
      `delete from ${row?.name}.dl_tables`,
      `drop table ${row?.name}.dl_tables`,
      `create database ${login.name.replaceAll("_", "x")}`,
    ])
      await assert.rejects(session.define(statement), FORBIDDEN, statement);
  });

  test("no other login can be emptied by mistake", async () => {
    await assert.rejects(lake.catalog.emptyScratch(), /not one for restores/);
    assert.equal((await lake.catalog.readCut()).tables.length, 1);
  });
});
