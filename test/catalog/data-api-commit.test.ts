/** Commits over the Data API: one call each, once each however often answers are lost, and of any size. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { sql } from "../../lib/catalog/database.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { CommitActions } from "../../lib/delta/actions.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Catalog } from "../../lib/ports.ts";
import { createDataApi, type DataApiDatabase } from "../support/catalog-engines.ts";
import {
  add,
  creation,
  id,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";
import { actions, addOf, commitTo, newTable as newLakeTable, openTestLake, type TestLake } from "../support/lake.ts";
import { needs, postgresUrl } from "../support/skip.ts";

const unavailable = (error: unknown) => isLakeError(error, "unavailable");

describe(
  "commits over the Data API",
  needs("commits over the Data API", postgresUrl, "TEST_POSTGRES_URL is not set"),
  () => {
    let database: DataApiDatabase;
    let catalog: Catalog;
    const waits: number[] = [];
    before(async () => {
      database = await createDataApi(postgresUrl ?? "");
      catalog = await openCatalog(database.url, testClock(), { sleep: async (ms) => void waits.push(ms) });
      await catalog.migrate();
    });
    after(async () => {
      await catalog.close();
      await database.drop();
    });
    beforeEach(() => {
      database.emulator.faults.clear();
      database.emulator.resetCalls();
    });
    const executed = () => database.emulator.calls.ExecuteStatement;
    const stagedParts = () =>
      withDatabase(
        database.url,
        async (db) => (await db.read(sql`select count(*) as n from dl_staged_requests`))[0]?.n,
      );

    test("a commit whose answer is lost is in the head once; sent again, it gets its first answer", async () => {
      const tableId = await newTable(catalog);
      const plan = planned([plannedTable(tableId, { actions: { adds: [add("a")] } })]);
      database.emulator.resetCalls();
      database.emulator.faults.inject({ sql: /dl_commit/, loseResponse: true });
      await assert.rejects(catalog.commit(plan), unavailable);
      assert.equal(executed(), 1);
      const again = await catalog.commit(plan);
      assert.ok(again.status === "committed" && again.replayed);
      assert.equal((await stateOf(catalog, tableId)).version, 1);
    });

    test("a locked commit whose COMMIT lost its answer is final, and is replayed", async () => {
      const tableId = await newTable(catalog);
      const plan = planned([plannedTable(tableId, { actions: { adds: [add("a")] } })]);
      const locked = () => catalog.commitLocked(plan.transactionId, [{ tableId, after: 0 }], () => plan);
      database.emulator.faults.inject({ operation: "CommitTransaction", loseResponse: true });
      await assert.rejects(locked(), unavailable);
      const again = await locked();
      assert.ok(again.status === "committed" && again.replayed);
      assert.equal((await stateOf(catalog, tableId)).version, 1);
    });

    test("100,000 files of three tables in one transaction", async () => {
      const tables = [await newTable(catalog), await newTable(catalog), await newTable(catalog)];
      const stats = JSON.stringify({
        numRecords: 1,
        minValues: { id: 1, name: "东京" },
        maxValues: { id: 9, name: "zürich" },
      });
      const adds = Array.from({ length: 100_000 }, (_, i) => add(`day=${i % 365}/part-${i}.parquet`, { stats }));
      const plan = planned(
        tables.map((tableId, t) => plannedTable(tableId, { actions: { adds: adds.filter((_, i) => i % 3 === t) } })),
      );
      database.emulator.resetCalls();
      const startedAt = performance.now();
      assert.equal((await catalog.commit(plan)).status, "committed");
      console.log(`# 100,000 adds: ${executed()} calls, ${Math.round(performance.now() - startedAt)} ms`);
      const states = await catalog.readStates(tables.map((tableId) => ({ tableId })));
      assert.equal(
        states.reduce((sum, state) => sum + state.numFiles, 0),
        100_000,
      );
      assert.equal(await stagedParts(), 0);
    });

    test("parts of a large commit may lose their answers, and go with a commit that is refused", async () => {
      const tableId = await newTable(catalog);
      const adds = Array.from({ length: 20_000 }, (_, i) =>
        add(`part-${i}.parquet`, { stats: `{"x":"${"😀".repeat(60)}"}` }),
      );
      const plan = planned([plannedTable(tableId, { actions: { adds, removes: [remove("nowhere")] } })]);
      database.emulator.faults.inject({ sql: /insert into dl_staged_requests/, loseResponse: true, times: 2 });
      assert.equal((await catalog.commit(plan)).status, "rejected");
      assert.equal(await stagedParts(), 0);
      const good = planned([plannedTable(tableId, { actions: { adds } })]);
      database.emulator.faults.inject({ sql: /dl_commit/, loseResponse: true });
      await assert.rejects(catalog.commit(good), unavailable);
      const again = await catalog.commit(good);
      assert.ok(again.status === "committed" && again.replayed);
      const { items } = await catalog.readFiles(tableId, 1, { limit: 20_001 });
      assert.deepEqual(items, adds);
      assert.equal(await stagedParts(), 0);
    });
  },
);

describe("calls per commit", needs("Data API calls per commit", postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  let database: DataApiDatabase;
  let lake: TestLake;
  let memory: TestLake;
  before(async () => {
    database = await createDataApi(postgresUrl ?? "");
    memory = await openTestLake();
    const catalog = await openCatalog(database.url, memory.clock);
    await catalog.migrate();
    lake = memory.with({ catalog });
  });
  after(async () => {
    await lake.catalog.close();
    await memory.close();
    await database.drop();
  });

  async function callsOf(
    tableCount: number,
    adds: number,
    conflict: boolean,
  ): Promise<{ calls: number; status: string }> {
    const ids = Array.from({ length: tableCount }, id);
    await lake.catalog.commit(planned(ids.map((tableId) => creation(tableId, `calls.${tableId}`))));
    const send = (more: (i: number) => CommitActions) =>
      commit(lake, {
        transactionId: id(),
        tables: ids.map((tableId, i) => ({
          table: { tableId },
          readVersion: 0,
          reads: { wholeTable: conflict },
          actions: more(i),
          at: `/tables/${i}`,
        })),
      });
    const some = (name: string, count: number) =>
      actions(...Array.from({ length: count }, (_, i) => addOf(`${name}-${i}`)));
    // Makes the states known, as any commit before in the same Lambda does.
    await commit(lake, {
      transactionId: id(),
      tables: ids.map((tableId, i) => ({
        table: { tableId },
        readVersion: 0,
        actions: some("warm", 1),
        at: `/tables/${i}`,
      })),
    });
    database.emulator.resetCalls();
    const { status } = await send(() => some("a", adds));
    return { calls: Object.values(database.emulator.calls).reduce((sum, n) => sum + n, 0), status };
  }

  test("a warm commit is one call, whatever its size and number of tables", async () => {
    console.log("# | tables | adds each | without conflict | with conflict |\n# |-|-|-|-|");
    for (const tables of [1, 3, 50]) {
      for (const adds of [1, 10, 1000]) {
        // 50 × 1000 adds are beyond 4 MiB: they are staged.
        const without = await callsOf(tables, adds, false);
        const withConflict = await callsOf(tables, adds, true);
        console.log(`# | ${tables} | ${adds} | ${without.calls} | ${withConflict.calls} |`);
        assert.equal(without.status, "committed");
        assert.equal(withConflict.status, "conflict");
        if (tables * adds > 3000) continue;
        assert.equal(without.calls, 1);
        // The refused commit, the states, the winners of ten tables at a time, and a look for a twin of the request.
        assert.equal(withConflict.calls, 3 + Math.ceil(tables / 10));
      }
    }
  });

  test("what a message asks for is published with two calls, however many versions; a checkpoint adds its pages", async () => {
    console.log("# | versions | checkpoints | calls of the mirror |\n# |-|-|-|");
    for (const [versions, checkpointInterval, expected] of [
      [1, 100, 2],
      [49, 100, 2],
      [60, 100, 4],
      [1, 1, 5],
    ] as const) {
      const name = `mirrored.v${versions}_${checkpointInterval}`;
      const configuration = { "delta.checkpointInterval": String(checkpointInterval) };
      const tableId = await newLakeTable(lake, name, { configuration });
      await mirrorTable(lake, tableId);
      for (let v = 0; v < versions; v += 1) await commitTo(lake, tableId, v, [addOf(`f${v}`)]);
      database.emulator.resetCalls();
      const { published, checkpoints } = await mirrorTable(lake, tableId);
      const calls = Object.values(database.emulator.calls).reduce((sum, n) => sum + n, 0);
      console.log(`# | ${published.length} | ${checkpoints.length} | ${calls} |`);
      assert.deepEqual([published.length, calls], [versions, expected]);
    }
  });
});
