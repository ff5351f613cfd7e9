/** The driver of the Data API when calls fail: what is repeated, what never is, and what a commit costs in calls. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openCatalog } from "../../lib/catalog/catalog.ts";
import { raw, sql, uuid } from "../../lib/catalog/database.ts";
import { openDataApi } from "../../lib/catalog/dialects/data-api-database.ts";
import { dataApiPlace } from "../../lib/catalog/dialects/data-api-url.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";
import { dataApiUrl, postgresEngine, type TestDatabase } from "../support/catalog-engines.ts";
import { testClock } from "../support/catalog-plans.ts";
import { type DataApiEmulator, startDataApi } from "../support/data-api/emulator.ts";
import { addOf, newTable, request } from "../support/lake.ts";
import { needs, postgresUrl } from "../support/skip.ts";

const code = (wanted: string) => (error: unknown) => isLakeError(error) && error.code === wanted;

test("a URL that names no cluster, secret or database says what is missing", () => {
  const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:lake";
  const secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:lake";
  assert.deepEqual(dataApiPlace(`rds-data://${cluster}?secret=${secret}&database=dl`), {
    resourceArn: cluster,
    secretArn: secret,
    database: "dl",
    region: "eu-central-1",
  });
  for (const [url, what] of [
    [`rds-data://lake?secret=${secret}&database=dl`, /not the ARN of a cluster/],
    [`rds-data://${cluster}?database=dl`, /secret=/],
    [`rds-data://${cluster}?secret=${secret}`, /database=/],
  ] as const) {
    assert.throws(() => dataApiPlace(url), what);
  }
});

const SUITE = "the Data API, when calls fail";
describe(SUITE, needs(SUITE, postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  let schema: TestDatabase;
  let emulator: DataApiEmulator;
  let catalog: Catalog;
  let lake: Lake;
  let now = 0;
  const slept: number[] = [];
  const seen: boolean[] = [];
  const options = {
    sleep: async (ms: number) => void slept.push(Math.floor(ms / 1000)),
    onCall: ({ error }: { error?: unknown }) => void seen.push(error === undefined),
  };
  before(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    schema = await postgresEngine(postgresUrl ?? "").create();
    emulator = await startDataApi(schema.url, { now: () => now });
    const clock = testClock();
    catalog = await openCatalog(dataApiUrl(emulator.url), clock, options);
    await catalog.migrate();
    lake = { catalog, clock, metrics: { record() {} }, queue: { async ring() {} }, openLog: noLog } as unknown as Lake;
  });
  after(async () => {
    await catalog?.close();
    await emulator?.close();
    await schema?.drop();
  });
  beforeEach(() => {
    slept.length = 0;
    seen.length = 0;
  });
  const noLog = () => ({ list: async () => ({ commits: [], checkpoints: [], hasStagedCommits: false }) });

  test("the answer of a commit is lost: it is not sent again; the same request gets its first answer, and one version", async () => {
    const tableId = await newTable(lake, "api.lost");
    const once = request({ tableId, readVersion: 0, actions: [addOf("a")] });
    await commit(lake, request({ tableId, readVersion: 0, actions: [addOf("warm")] }));
    const { Execute } = emulator.calls;
    emulator.faults.lost = 1;
    await assert.rejects(commit(lake, once), code("DATABASE_UNAVAILABLE"));
    assert.equal(emulator.calls.Execute, Execute + 1);
    const again = await commit(lake, once);
    assert.ok(again.status === "committed" && again.replayed);
    assert.equal((await catalog.findTable({ tableId }))?.version, 2);
  });

  test("the answer of a read is lost: it is asked again", async () => {
    const tableId = await newTable(lake, "api.read");
    emulator.faults.lost = 2;
    assert.equal((await catalog.findTable({ tableId }))?.version, 0);
    assert.deepEqual(seen.slice(-3), [false, false, true], "who measures calls hears of each");
  });

  test("a cluster that wakes up is waited for, a commit, too; but not longer than a gateway waits", async () => {
    const tableId = await newTable(lake, "api.wakes");
    emulator.faults.resuming = 4;
    const outcome = await commit(lake, request({ tableId, readVersion: 0, actions: [addOf("a")] }));
    assert.equal(outcome.status, "committed");
    assert.deepEqual(slept, [0, 1, 2, 4]);
    emulator.faults.resuming = 100;
    slept.length = 0;
    await assert.rejects(catalog.ping(), code("DATABASE_RESUMING"));
    emulator.faults.resuming = 0;
    assert.ok(slept.reduce((sum, s) => sum + s, 0) < 20, `${slept}`);
  });

  test("a throttled call was not executed, and is sent again", async () => {
    const tableId = await newTable(lake, "api.throttled");
    emulator.faults.throttled = 2;
    const outcome = await commit(lake, request({ tableId, readVersion: 0, actions: [addOf("a")] }));
    assert.ok(outcome.status === "committed" && !outcome.replayed);
  });

  test("integers keep their digits, rows of any size come whole and in order, errors keep their SQLSTATE", async () => {
    const database = openDataApi(dataApiUrl(emulator.url), options);
    const [row] = await database.all(sql`select ${9007199254740993n} as big, ${-5} as small, ${"é😀\n"} as text,
      ${true} as yes, ${null} as nothing, ${uuid("0f8fad5b-d9cb-469f-a165-70867728950e")} as id`);
    const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    assert.deepEqual(row, { big: 9007199254740993n, small: -5, text: "é😀\n", yes: true, nothing: null, id });
    assert.deepEqual(await database.all(sql`select 1 as one where false`), []);
    const wide = 'ü😀"\\'.repeat(50_000);
    const rows = await database.all(sql`
      select n, case when n = 700 then ${wide} else repeat('"é', 500) end as text from generate_series(1, 3000) as n order by n desc`);
    assert.deepEqual(
      rows.map((r) => r.n),
      Array.from({ length: 3000 }, (_, i) => 3000 - i),
    );
    assert.equal(rows[2300]?.text, wide);
    await assert.rejects(
      database.all(sql`select 1 / ${0} as x`),
      (error) => isLakeError(error) && /22012/.test(error.message),
    );
    await assert.rejects(database.all(raw("select * from nowhere")), code("SCHEMA_OUTDATED"));
    await database.close();
  });

  test("a transaction that nobody used for three minutes is gone: nothing was written, and the caller hears of it", async () => {
    const database = openDataApi(dataApiUrl(emulator.url), options);
    const writing = database.transaction(async (tx) => {
      await tx.all(raw("create table expired (x integer)"));
      now += 3 * 60 * 1000 + 1;
      await tx.all(sql`insert into expired values (${1})`);
    });
    await assert.rejects(writing, code("DATABASE_BUSY"));
    await assert.rejects(database.all(raw("select * from expired")), code("SCHEMA_OUTDATED"));
    await database.close();
  });

  test("a warm commit is one call, whatever it holds: of one table or many, with a conflict, too", async (t) => {
    for (const tables of [1, 3, 50]) {
      const ids: string[] = [];
      for (let i = 0; i < tables; i += 1) ids.push(await newTable(lake, `calls${tables}.t${i}`));
      for (const adds of tables === 50 ? [1, 10] : [1, 10, 1000]) {
        const parts = ids.map((tableId) => ({
          tableId,
          readVersion: 0,
          actions: Array.from({ length: adds }, (_, i) => addOf(`${adds}-${i}`)),
        }));
        const before = emulator.total();
        assert.equal((await commit(lake, request(...parts))).status, "committed");
        const calls = emulator.total() - before;
        t.diagnostic(`${tables} tables, ${adds} adds each: ${calls} call`);
        // The first commit of a table reads its state.
        assert.ok(calls === 1 || (adds === 1 && calls === 2), `${calls} calls`);
      }
      const reads = ids.map((tableId) => ({
        tableId,
        readVersion: 0,
        actions: [addOf("late")],
        reads: { wholeTable: true },
      }));
      const before = emulator.total();
      assert.equal((await commit(lake, request(...reads))).status, "conflict");
      const calls = emulator.total() - before;
      t.diagnostic(`${tables} tables, conflict: ${calls} calls`);
      // The attempt, the states, the winners of each table, and whether the winner is this very request.
      assert.ok(calls <= 3 + tables, `${calls} calls`);
    }
  });

  test("100,000 actions in one transaction: staged in parts, committed in one call, and nothing is left over", async () => {
    const tableId = await newTable(lake, "api.large");
    const actions = Array.from({ length: 100_000 }, (_, i) => addOf(`part-${String(i).padStart(6, "0")}.parquet`));
    const outcome = await commit(lake, request({ tableId, readVersion: 0, actions }));
    assert.equal(outcome.status, "committed");
    assert.equal((await catalog.findTable({ tableId }))?.numFiles, 100_000);
    const database = openDataApi(dataApiUrl(emulator.url));
    assert.deepEqual(await database.all(sql`select count(*) as n from dl_staged_requests`), [{ n: 0 }]);
    await database.close();
  });
});
