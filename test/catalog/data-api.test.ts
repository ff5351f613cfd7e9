/** The driver of the Data API on its emulator: lost answers, paused databases, large results, exact integers, expired transactions. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Database, join, raw, sql, uuid } from "../../lib/catalog/database.ts";
import { openDataApi } from "../../lib/catalog/engines/data-api/driver.ts";
import type { DataApiCall } from "../../lib/catalog/engines/data-api/transport/client.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { isLakeError } from "../../lib/errors.ts";
import { createDataApi, type DataApiDatabase } from "../support/catalog-engines.ts";
import { needs, postgresUrl } from "../support/skip.ts";

const is = (kind: "invalid" | "unavailable" | "conflict" | "internal", code: string) => (error: unknown) => {
  assert.ok(isLakeError(error, kind) && error.code === code, String(error));
  return true;
};

describe("driver of the Data API", needs("driver of the Data API", postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  let time = 0;
  let database: DataApiDatabase;
  let db: Database;
  let waits: number[] = [];
  let calls: DataApiCall[] = [];
  before(async () => {
    database = await createDataApi(postgresUrl ?? "", { now: () => time, statementTimeoutMs: 1000 });
    db = openDataApi(database.url, {
      sleep: async (ms) => void waits.push(ms),
      random: () => 0,
      onCall: (call) => void calls.push(call),
    });
    await db.define("create table t (id uuid, n bigint, s text, primary key (n))");
  });
  after(async () => {
    await db.close();
    await database.drop();
  });
  beforeEach(async () => {
    database.emulator.faults.clear();
    await db.write(raw("delete from t"));
    database.emulator.resetCalls();
    waits = [];
    calls = [];
  });
  const count = async () => (await db.read(sql`select count(*) as n from t`))[0]?.n;
  const insert = (n: number) => db.writeReturning(sql`insert into t (n) values (${n}) returning n`);

  test("values go and come back as they are", async () => {
    const id = crypto.randomUUID();
    const text = 'quotes " and \\, a colon :p1, ünïcödé 東京 😀, and a line\nmore';
    const longs = [0, -1, 2 ** 53 - 1, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
    for (const n of longs) await db.write(sql`insert into t (id, n, s) values (${uuid(id)}, ${n}, ${text})`);
    const rows = await db.read(sql`select id, n, s, n > ${0} as positive, ${null} as nothing from t
        where id = ${uuid(id)} and s = ${text} and n in (${join(longs)}) order by n`);
    const sorted = longs.toSorted((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(
      rows,
      sorted.map((n) => ({ id, n, s: text, positive: n > 0, nothing: null })),
    );
    const exact = await db.read(sql`select n from t where n = ${2n ** 53n + 1n}`);
    assert.deepEqual(exact, [{ n: 9007199254740993n }]);
  });

  test("a row beyond 64 KB and an answer beyond 1 MiB arrive whole and in order, of one snapshot", async () => {
    const long = '東京"\\ '.repeat(50_000);
    await db.write(sql`insert into t (n, s) values (${0}, ${long})`);
    assert.deepEqual(await db.read(sql`select s from t`), [{ s: long }]);
    await db.write(sql`insert into t (n, s) select g, g || repeat('"x', 500) from generate_series(1, 5000) g`);
    database.emulator.faults.inject({ sql: /^fetch/, latencyMs: 300 });
    const executed = () => calls.filter((call) => call.operation === "Execute").length;
    const before = executed();
    const reading = db.read(sql`select n, s from t order by n desc`);
    // The first call, whose answer is too large, and the one that declares the cursor.
    while (executed() < before + 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await db.write(sql`insert into t (n, s) select g, 'late' from generate_series(6001, 6010) g`);
    const rows = await reading;
    assert.deepEqual(
      rows.map((row) => row.n),
      Array.from({ length: 5001 }, (_, i) => 5000 - i),
    );
    assert.equal(rows[1]?.s, `4999${'"x'.repeat(500)}`);
    assert.equal(database.emulator.openTransactions(), 0);
  });

  test("a large result within a transaction leaves it open", async () => {
    await db.write(sql`insert into t (n, s) select g, repeat('x', 2000) from generate_series(1, 1000) g`);
    await db.transaction(async (tx) => {
      await tx.write(sql`delete from t where n = ${1}`);
      assert.equal((await tx.read(sql`select s from t`)).length, 999);
      assert.equal((await tx.read(sql`select s from t`)).length, 999);
      await tx.write(sql`delete from t where n = ${2}`);
    });
    assert.equal(await count(), 998);
  });

  test("a write whose answer is lost is not sent again", async () => {
    database.emulator.faults.inject({ operation: "ExecuteStatement", loseResponse: true });
    await assert.rejects(insert(1), (error) => {
      assert.match((error as { hint?: string }).hint ?? "", /same transactionId/);
      return is("unavailable", "DATABASE_UNAVAILABLE")(error);
    });
    assert.equal(database.emulator.calls.ExecuteStatement, 1);
    assert.equal(await count(), 1);
  });

  test("a read whose answer is lost is sent again", async () => {
    database.emulator.faults.inject({ operation: "ExecuteStatement", loseResponse: true, times: 2 });
    assert.equal(await count(), 0);
    assert.equal(database.emulator.calls.ExecuteStatement, 3);
  });

  test("a COMMIT whose answer is lost is not sent again, and what it wrote stays", async () => {
    database.emulator.faults.inject({ operation: "CommitTransaction", loseResponse: true });
    await assert.rejects(
      db.transaction((tx) => tx.write(sql`insert into t (n) values (${1})`)),
      is("unavailable", "DATABASE_UNAVAILABLE"),
    );
    assert.equal(database.emulator.calls.CommitTransaction, 1);
    assert.equal(await count(), 1);
  });

  for (const name of ["DatabaseResumingException", "ThrottlingException"]) {
    test(`${name}: the same again, at growing intervals, for reads and for writes`, async () => {
      database.emulator.faults.inject({ error: { name }, times: 3 });
      assert.deepEqual(await insert(1), [{ n: 1 }]);
      assert.deepEqual(waits, [0, 1000, 2000]);
      assert.equal(await count(), 1);
    });
  }

  test("a database that goes on resuming is unavailable before API Gateway gives up", async () => {
    database.emulator.faults.inject({ error: { name: "DatabaseResumingException" }, times: 99 });
    await assert.rejects(insert(1), is("unavailable", "DATABASE_RESUMING"));
    assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000]);
    await assert.rejects(
      db.transaction((tx) => tx.read(sql`select 1 as one`)),
      is("unavailable", "DATABASE_RESUMING"),
    );
  });

  test("an address where nobody listens was never called: tried again, then unavailable", async () => {
    const nobody = openDataApi(database.url.replace(/127\.0\.0\.1%3A\d+/, "127.0.0.1%3A1"), {
      sleep: async (ms) => void waits.push(ms),
      random: () => 0,
    });
    await assert.rejects(nobody.write(sql`insert into t (n) values (${1})`), is("unavailable", "DATABASE_UNAVAILABLE"));
    assert.equal(waits.length, 5);
    await nobody.close();
  });

  test("exceptions are told apart by their names", async () => {
    const cases = [
      ["DatabaseUnavailableException", "unavailable", "DATABASE_UNAVAILABLE"],
      ["ServiceUnavailableError", "unavailable", "DATABASE_UNAVAILABLE"],
      ["InternalServerErrorException", "unavailable", "DATABASE_UNAVAILABLE"],
      ["StatementTimeoutException", "unavailable", "DATABASE_TIMEOUT"],
      ["InvalidResourceStateException", "unavailable", "DATABASE_UNAVAILABLE"],
      ["DatabaseNotFoundException", "invalid", "DATABASE_NOT_FOUND"],
      ["HttpEndpointNotEnabledException", "invalid", "DATA_API_DISABLED"],
      ["SecretsErrorException", "invalid", "DATABASE_FORBIDDEN"],
      ["InvalidSecretException", "invalid", "DATABASE_FORBIDDEN"],
      ["AccessDeniedException", "invalid", "DATABASE_FORBIDDEN"],
      ["ForbiddenException", "invalid", "DATABASE_FORBIDDEN"],
      ["ValidationException", "internal", "INTERNAL"],
    ] as const;
    for (const [name, kind, code] of cases) {
      database.emulator.faults.inject({ error: { name } });
      await assert.rejects(insert(1), is(kind, code), name);
    }
    assert.equal(database.emulator.calls.ExecuteStatement, cases.length);
  });

  test("what the server refuses is told apart by its SQLSTATE", async () => {
    await insert(1);
    await assert.rejects(insert(1), is("conflict", "CONSTRAINT_VIOLATED"));
    await assert.rejects(db.read(sql`select * from no_such_table`), is("invalid", "SCHEMA_OUTDATED"));
    await assert.rejects(db.read(sql`select nonsense`), is("internal", "INTERNAL"));
    const other = openDataApi(database.url.replace("database=postgres", "database=no_such_database"));
    await assert.rejects(other.read(sql`select 1 as one`), is("invalid", "DATABASE_NOT_FOUND"));
    await other.close();
  });

  test("a statement that takes too long is unavailable", async () => {
    await assert.rejects(db.read(sql`select pg_sleep(5)::text as s`), is("unavailable", "DATABASE_TIMEOUT"));
  });

  test("a deadlock wrote nothing: the same again", async () => {
    const error = { name: "DatabaseErrorException", message: "ERROR: deadlock detected; SQLState: 40P01" };
    database.emulator.faults.inject({ error, times: 2 });
    assert.deepEqual(await insert(1), [{ n: 1 }]);
    let runs = 0;
    database.emulator.faults.inject({ sql: /insert/, error });
    await db.transaction(async (tx) => {
      runs += 1;
      await tx.write(sql`insert into t (n) values (${2})`);
    });
    assert.equal(runs, 2);
    assert.equal(await count(), 2);
    assert.equal(database.emulator.openTransactions(), 0);
  });

  test("a transaction is rolled back when its work throws", async () => {
    const failing = db.transaction(async (tx) => {
      await tx.write(sql`insert into t (n) values (${1})`);
      throw new Error("stop");
    });
    await assert.rejects(failing, /stop/);
    assert.equal(database.emulator.openTransactions(), 0);
    assert.equal(await count(), 0);
  });

  test("a transaction that expired is unavailable, and wrote nothing", async () => {
    const slow = db.transaction(async (tx) => {
      await tx.write(sql`insert into t (n) values (${1})`);
      time += 3 * 60_000;
      await tx.write(sql`insert into t (n) values (${2})`);
    });
    await assert.rejects(slow, is("unavailable", "DATABASE_TRANSACTION_LOST"));
    assert.equal(await count(), 0);
  });

  /** Whoever is killed says nothing more: no rollback, no commit. The emulator's clock stands still, so only the server can end it. */
  async function untilFree(work: () => Promise<unknown>): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      try {
        await work();
        return performance.now() - startedAt;
      } catch (error) {
        is("unavailable", "DATABASE_TIMEOUT")(error);
      }
    }
  }
  const idleMs = deadlineMs("databaseIdleTransaction");
  const never = new Promise<never>(() => undefined);

  test("a function that is killed while it holds locks holds up its table for seconds, not for three minutes", async () => {
    await insert(1);
    const locked = Promise.withResolvers<void>();
    void db.transaction(async (tx) => {
      await tx.write(sql`update t set s = 'killed' where n = ${1}`);
      locked.resolve();
      await never;
    });
    await locked.promise;
    const waited = await untilFree(() => db.write(sql`update t set s = 'next' where n = ${1}`));
    assert.ok(waited > 1000 && waited < idleMs + 3_000, `${waited} ms`);
    assert.deepEqual(await db.read(sql`select s from t`), [{ s: "next" }]);
  });

  test("one that is killed in the midst of a long answer holds up no migration", async () => {
    await db.write(sql`insert into t (n, s) select g, repeat('x', 500) from generate_series(1, 5000) g`);
    // Its last call comes when all is over.
    database.emulator.faults.inject({ sql: /^close/, latencyMs: idleMs + 3_000 });
    const reading = db.read(sql`select n, s from t`).catch((error: unknown) => error);
    while (database.emulator.faults.left() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const waited = await untilFree(() => db.define("alter table t add column if not exists later bigint"));
    assert.ok(waited > 1000 && waited < idleMs + 2_000, `${waited} ms`);
    is("unavailable", "DATABASE_TRANSACTION_LOST")(await reading);
  });

  test("many rows go in few calls", async () => {
    const rows = Array.from({ length: 2500 }, (_, n) => [n % 2 ? null : uuid(crypto.randomUUID()), n, `s${n}`]);
    await db.transaction((tx) => tx.each(sql`insert into t (id, n, s) values (${null}, ${null}, ${null})`, rows));
    assert.equal(database.emulator.calls.BatchExecuteStatement, 3);
    assert.deepEqual(await db.read(sql`select count(id) as ids, count(*) as n from t`), [{ ids: 1250, n: 2500 }]);
  });

  test("each call is told to the metrics", async () => {
    database.emulator.faults.inject({ error: { name: "ThrottlingException" } });
    await db.transaction((tx) => tx.write(sql`insert into t (n) values (${1})`));
    assert.deepEqual(
      calls.map((call) => [call.operation, call.error, call.durationMs > 0]),
      [
        ["BeginTransaction", "ThrottlingException", true],
        ["BeginTransaction", undefined, true],
        ["Execute", undefined, true],
        ["Execute", undefined, true],
        ["CommitTransaction", undefined, true],
      ],
    );
  });
});

test("a URL of the Data API names a cluster, a secret and a database", () => {
  const cluster = "arn:aws:rds:eu-west-1:123456789012:cluster:lake";
  const secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lake-x";
  for (const url of [
    "rds-data://lake?secret=x&database=y",
    `rds-data://${cluster}`,
    `rds-data://${cluster}?secret=lake&database=lake`,
    `rds-data://${cluster}?secret=${secret}`,
  ]) {
    assert.throws(() => openDataApi(url), is("invalid", "UNKNOWN_DATABASE"), url);
  }
  openDataApi(`rds-data://${cluster}?secret=${secret}&database=lake`);
});
