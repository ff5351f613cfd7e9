/** The logins of `dl init-sql --engine mysql` suffice for what each is for, and for nothing else; none is open before it has a password. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { raw } from "../../lib/catalog/database.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { dl } from "../cli/run.ts";
import { mysqlUrl, needs } from "../support/skip.ts";

const SUITE = "logins on MySQL";

describe(SUITE, needs(SUITE, mysqlUrl, "TEST_MYSQL_URL is not set"), () => {
  test("the owner migrates, the app commits and changes no schema, the reader reads", async (t) => {
    const name = `dl_roles_${crypto.randomUUID().slice(0, 8)}`;
    const admin = openMysql(mysqlUrl ?? "", { poolSize: 1 });
    const roles = ["owner", "app", "reader"];
    t.after(async () => {
      for (const role of roles) await admin.define(`drop user if exists '${name}_${role}'@'%'`);
      await admin.define(`drop database if exists ${name}`);
      await admin.close();
    });
    const as = (role: string) => {
      const url = new URL(mysqlUrl ?? "");
      [url.username, url.password, url.pathname] = [`${name}_${role}`, "it's one", `/${name}`];
      return ["--database", url.href];
    };
    const { stdout } = await dl(["init-sql", "--engine", "mysql", "--name", name]);
    await admin.define(stdout.replaceAll(/^--.*$/gm, ""));
    const closed = await dl(["migrate", ...as("owner")]);
    assert.equal(closed.code, 1, "no login is open before it has a password");
    assert.match(closed.stderr, /refuses this user|locked/);
    for (const role of roles)
      await admin.define(`alter user '${name}_${role}'@'%' identified by 'it''s one' account unlock`);
    assert.equal((await dl(["migrate", ...as("app")])).code, 1, "the app makes no schema");
    const made = await dl(["migrate", ...as("owner")]);
    assert.equal(made.code, 0, made.stderr);
    const key = (role: string) => dl(["key", "create", "x", ...as(role)]);
    assert.equal((await key("app")).code, 0);
    assert.equal((await key("reader")).code, 1);
    for (const role of ["app", "reader"]) {
      const listed = await dl(["tables", ...as(role)]);
      assert.equal(listed.code, 0, `${role}: ${listed.stderr}`);
    }
    assert.equal((await dl(["migrate", ...as("app")])).code, 0, "nothing is to be done");
    const call = async (role: string) => {
      const session = openMysql(as(role)[1] ?? "", { poolSize: 1 });
      await session.read(raw("call dl_try_commit_2('{}')")).finally(() => session.close());
    };
    await call("app");
    await assert.rejects(call("reader"), /does not let this user/);
  });
});
