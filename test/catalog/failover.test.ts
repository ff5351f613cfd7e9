/** A list of servers in the URL: writes find the primary, and a failover in the middle of commits loses and doubles none of them. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { raw } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { serversOf } from "../../lib/catalog/engines/postgres/servers.ts";
import { isLakeError, LakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { livePaths } from "../support/catalog-plans.ts";
import { addOf, newTable, openTestLake, request } from "../support/lake.ts";
import { type OwnPostgres, postgresPrograms, startOwnPostgres } from "../support/own-postgres.ts";
import { needs } from "../support/skip.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

describe("a list of servers in a URL", () => {
  test("is read as libpq reads it; a password stays with each", () => {
    const servers = serversOf("postgresql://a:p%2Cw@one:6432,two/lake?target_session_attrs=read-write&sslmode=disable");
    assert.equal(servers.place, "lake at one:6432, two:5432");
    assert.deepEqual(servers.urls, [
      "postgresql://a:p%2Cw@one:6432/lake?sslmode=disable",
      "postgresql://a:p%2Cw@two/lake?sslmode=disable",
    ]);
    assert.equal(serversOf("postgresql://one/lake").areAsked, false);
    assert.equal(serversOf("postgresql://one/lake?target_session_attrs=primary").areAsked, true);
  });

  test("is refused where it means nothing, and shows no password", () => {
    for (const url of [
      "postgresql://a:secret@one,/lake",
      "postgresql://a:sec/ret@one,two/lake",
      "postgresql://a:secret@one:x,two/lake",
      "postgresql://a:secret@one,two/lake?target_session_attrs=prefer-standby",
      "postgresql://a:secret@one,two/lake?target_session_attrs=any",
    ]) {
      assert.throws(
        () => serversOf(url),
        (error) => isLakeError(error, "invalid") && !error.message.includes("sec") && error.hint !== undefined,
        url,
      );
    }
  });
});

const programs = postgresPrograms();

describe("a primary and its standby", needs("failover", programs, "no PostgreSQL server is installed here"), () => {
  let primary: OwnPostgres;
  let standby: OwnPostgres;
  before(async () => {
    primary = await startOwnPostgres(programs ?? "");
    standby = await startOwnPostgres(programs ?? "", { copyOf: primary, follows: true });
    // What is acknowledged is on the standby.
    await on(primary, "alter system set synchronous_standby_names = '*'", "select pg_reload_conf()");
  });
  after(async () => {
    await standby.drop();
    await primary.drop();
  });

  const urlOf = (...servers: OwnPostgres[]) =>
    `postgresql://postgres@${servers.map(({ port }) => `127.0.0.1:${port}`).join()}/postgres?target_session_attrs=read-write`;

  test("where the standby comes first, or nobody is primary", async () => {
    const found = openPostgres(urlOf(standby, primary), { poolSize: 2 });
    assert.deepEqual(await found.read(raw("select pg_is_in_recovery() as standby")), [{ standby: false }]);
    await found.close();
    const nobody = openPostgres(urlOf(standby), { poolSize: 1, poolTimeoutMs: 300 });
    await assert.rejects(nobody.read(raw("select 1")), (error) => {
      return (
        isLakeError(error, "unavailable") && error.code === "DATABASE_READ_ONLY" && /promote/.test(error.hint ?? "")
      );
    });
    await nobody.close();
  });

  test("the standby is promoted in the middle of commits: none is lost, none doubled", async (t) => {
    const url = urlOf(primary, standby);
    const lake = await openTestLake({ name: "postgres", create: async () => ({ url, drop: async () => undefined }) });
    t.after(() => lake.close());
    const tables = await Promise.all(["a", "b", "c"].map((name) => newTable(lake, `failover.${name}`)));
    const acknowledged = new Map<string, Map<number, string>>(tables.map((tableId) => [tableId, new Map()]));
    const count = () => [...acknowledged.values()].reduce((sum, { size }) => sum + size, 0);
    let refused = 0;
    let isOver = false;
    const write = async (tableId: string): Promise<void> => {
      while (!isOver) {
        const name = crypto.randomUUID();
        const wanted = request({ tableId, readVersion: 0, actions: [addOf(name)] });
        for (;;) {
          try {
            const result = await commit(lake, wanted);
            assert.equal(result.status, "committed");
            const version = Number(result.tables[0]?.version);
            assert.equal(acknowledged.get(tableId)?.has(version), false, "each version is one commit's");
            acknowledged.get(tableId)?.set(version, name);
            break;
          } catch (error) {
            if (!(error instanceof LakeError) || error.kind !== "unavailable") throw error;
            refused += 1;
            await pause(20);
          }
        }
      }
    };
    const writers = Promise.all(tables.flatMap((tableId) => [write(tableId), write(tableId), write(tableId)]));
    const until = async (commits: number) => {
      while (count() < commits) await Promise.race([pause(20), writers]);
    };
    await until(60);
    await primary.kill();
    const atFailover = count();
    await on(standby, "select pg_promote()");
    await until(atFailover + 60);
    isOver = true;
    await writers;
    assert.ok(refused > 0, "commits were under way");

    for (const [tableId, versions] of acknowledged) {
      const head = Math.max(...versions.keys());
      assert.equal(versions.size, head, "every version but that of the creation was acknowledged, once");
      const { error, published } = await mirrorTable(lake, tableId);
      assert.deepEqual([error, published.at(-1)], [undefined, head]);
      await assertTheorem(lake, tableId);
      await assertHistory(lake, tableId);
      const paths = await livePaths(lake.catalog, tableId, head);
      assert.deepEqual(paths, [...versions.values()].sort(), "each file once");
    }
    t.diagnostic(`${count()} commits, ${refused} tries refused, 0 lost, 0 doubled`);
  });
});

async function on(server: OwnPostgres, ...statements: string[]): Promise<void> {
  const db = openPostgres(server.url, { poolSize: 1 });
  for (const statement of statements) await db.define(statement);
  await db.close();
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
