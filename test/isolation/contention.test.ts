/** The same random transactions on PostgreSQL, with no order imposed: many clients at once on few tables, through two catalogs. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { raw } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, outcomeOf, request } from "../support/lake.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { assertHistory } from "../support/theorem.ts";
import { client, fillTables, newSeen, observer, type Run } from "./model/clients.ts";
import { count, judge, type Tally } from "./model/judge.ts";
import { scenario } from "./model/scenario.ts";
import { newTables, servers } from "./model/world.ts";
import { openPair, type Pair } from "./pair.ts";

const WHAT = "isolation under contention on PostgreSQL";
const SECONDS = Number(process.env.ISOLATION_SECONDS ?? 8);
const SEED = Number(process.env.ISOLATION_SEED ?? Date.now() % 1_000_000);
/** Scenarios whose clients run at once, on the tables of the first. */
const AT_ONCE = 4;

describe(WHAT, needs(WHAT, postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  const database = `dl_contention_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres(postgresUrl ?? "postgresql://none", { poolSize: 1 });
  const tally: Tally = { runs: 0, committed: 0, refused: 0, locked: 0 };
  let pair: Pair;
  let inDatabase: ReturnType<typeof openPostgres>;

  before(async () => {
    await admin.define(`create database ${database}`);
    const url = new URL(postgresUrl ?? "");
    url.pathname = `/${database}`;
    pair = await openPair(url.href);
    inDatabase = openPostgres(url.href, { poolSize: 1 });
  });
  after(async () => {
    await admin.define(`drop database if exists ${database} with (force)`);
    await admin.close();
  });

  test("many clients at once leave a history that some serial order explains", async (t) => {
    const until = performance.now() + SECONDS * 1000;
    for (let round = 0; performance.now() < until; round += 1) await play(SEED + round);
    const { runs, committed, refused } = tally;
    t.diagnostic(`${runs} runs: ${committed} transactions committed, ${refused} refused, 0 anomalies`);
    assert.ok(committed > 0 && refused > 0, "there are both outcomes");
  });

  test("twins that neither a row nor a marker keeps apart count once", async () => {
    const [tableId = ""] = await newTables(pair.one, ["Serializable"]);
    const rounds = 40;
    for (let round = 0; round < rounds; round += 1) {
      // Nothing read, nothing written: any number of such commits may follow each other.
      const twin = request({ tableId, readVersion: 0, actions: [], reads: {} });
      const answers = await Promise.all([pair.one, pair.two].map((lake) => commit(lake, twin)));
      assert.deepEqual(answers.map(outcomeOf), [round + 1, round + 1]);
    }
    assert.equal((await pair.two.catalog.findTable({ tableId }))?.version, rounds);
  });

  test("times grow although the clock of the database has stepped back", async () => {
    const [tableId = ""] = await newTables(pair.one, ["Serializable"]);
    // As if the commits before had been made while the clock was an hour ahead.
    const head = await pair.one.catalog.findTable({ tableId });
    const ahead = (head?.timestamp ?? 0) + 3_600_000;
    for (const table of ["dl_tables", "dl_versions"]) {
      await inDatabase.write(raw(`update ${table} set timestamp = ${ahead} where table_id = '${tableId}'`));
    }
    for (const version of [0, 1, 2]) {
      assert.equal(
        await commitTo(version === 1 ? pair.two : pair.one, tableId, version, [addOf(`f${version}`)]),
        version + 1,
      );
    }
    await assertHistory(pair.one, tableId);
    await inDatabase.close();
  });

  test("and the database had to end no deadlock", async () => {
    await pair.close();
    // A session hands in its statistics when it ends, a moment after its connection has.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const [row] = await admin.read(raw(`select deadlocks from pg_stat_database where datname = '${database}'`));
    assert.equal(Number(row?.deadlocks), 0, "locks are taken in one order");
  });

  async function play(seed: number): Promise<void> {
    const plans = fc.sample(scenario, { seed, numRuns: AT_ONCE });
    const [first] = plans;
    const seen = newSeen();
    const tables = await newTables(pair.one, first?.levels ?? []);
    const together: Run["fork"] = (works) => Promise.all(works.map((work) => work()));
    const run: Run = {
      tables,
      seen,
      fork: together,
      servers: servers(pair, { stepped: (port) => port }, seen.anomalies),
    };
    await fillTables(run);
    const agents = plans.flatMap((plan, p) => [
      ...plan.clients.map((planned, i) => client(run, planned, `p${p}c${i}`)),
      observer(run, plan.looks, p % 2 === 0 ? 0 : 1),
      ...plan.mirrors.map(({ server, table }) => async () => {
        await mirrorTable(run.servers[server], tables[table % tables.length] ?? "");
      }),
    ]);
    await Promise.all(agents.map((agent) => agent()));
    const anomalies = [...seen.anomalies, ...(await judge(pair, run, { log: false }))];
    count(tally, run);
    assert.deepEqual(anomalies.slice(0, 20), [], `seed ${seed}`);
  }
});
