/**
 * Random transactions over several tables, through two servers on one SQLite database, in random but repeatable order of their
 * calls, against the reference model (history.ts, referee.ts, order.ts). A failure prints seed, path and what happened.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { snapshots } from "../../lib/operations/read.ts";
import { assertTheorem } from "../support/theorem.ts";
import { type History, recordAnomalies, Timeline } from "./history.ts";
import { ask, client, observer, type Run, type Seen } from "./model/clients.ts";
import { type Scenario, scenario } from "./model/scenario.ts";
import { Steps } from "./model/steps.ts";
import { newTables, openWorld, readVersions, servers, type World } from "./model/world.ts";
import { orderAnomalies } from "./order.ts";
import { refereeAnomalies } from "./referee.ts";

/** ISOLATION_SEED repeats a run, ISOLATION_SECONDS makes it longer. */
const SECONDS = Number(process.env.ISOLATION_SECONDS ?? 8);
const SEED = process.env.ISOLATION_SEED === undefined ? {} : { seed: Number(process.env.ISOLATION_SEED) };

let world: World;
const total = { runs: 0, committed: 0, refused: 0, tornOrSent: 0 };

before(async () => {
  world = await openWorld();
});
after(() => world.close());

test("whatever the order of their calls, transactions leave a history that some serial order explains", async (t) => {
  const property = fc.asyncProperty(scenario, play);
  await fc.assert(property, {
    ...SEED,
    numRuns: 100_000,
    interruptAfterTimeLimit: SECONDS * 1000,
    markInterruptAsFailure: false,
    endOnFailure: process.env.ISOLATION_SHRINK !== "1",
  });
  t.diagnostic(`${total.runs} runs: ${total.committed} transactions committed, ${total.refused} refused, 0 anomalies`);
  assert.ok(total.committed > total.refused && total.refused > 0, "both outcomes are common");
});

async function play(plan: Scenario): Promise<void> {
  const steps = new Steps(plan.choices);
  const seen: Seen = { attempts: [], heads: [], times: [], views: [], anomalies: [] };
  const tables = await newTables(world.lake, plan.levels);
  const run: Run = { tables, steps, seen, servers: servers(world, steps, seen.anomalies) };
  await steps.run([
    ...plan.clients.map((planned, i) => client(run, planned, `c${i}`)),
    observer(run, plan.looks, 0),
    observer(run, plan.looks, 1),
    ...plan.mirrors.map(({ server, table }) => async () => {
      await mirrorTable(run.servers[server], tables[table % tables.length] ?? "");
    }),
  ]);
  const anomalies = [...seen.anomalies, ...(await judge(run))];
  if (anomalies.length > 0) assert.fail(`${anomalies.join("\n")}\nsteps: ${steps.trace.join(" ")}`);
}

/** Everything that must hold at the end of a run. */
async function judge(run: Run): Promise<string[]> {
  const { seen, tables } = run;
  const unstepped: Run = { ...run, servers: [world.lake, world.lake.with({ catalog: world.second })] };
  const before = await readHistory(tables);
  // For ever: who asks again, and be it at the other server, is told the same and changes nothing.
  for (const [i, { request, attempt }] of seen.attempts.entries()) {
    await ask(unstepped, unstepped.servers[i % 2 === 0 ? 0 : 1], request, attempt);
  }
  const history = await readHistory(tables);
  const attempts = seen.attempts.map(({ attempt }) => attempt);
  total.runs += 1;
  total.committed += attempts.filter((attempt) => attempt.answers.length > 0).length;
  total.refused += attempts.filter((attempt) => attempt.refusals.length > 0).length;
  const anomalies = [
    ...recordAnomalies(history, attempts),
    ...refereeAnomalies(history, attempts),
    ...orderAnomalies(history, seen.heads),
    // Each by itself: a timestamp that is still to come gives the newest versions, and later commits may come below it.
    ...seen.times.flatMap((look) => orderAnomalies(history, [look])),
    ...(await timeTravelAnomalies(history)),
  ];
  for (const [table, versions] of history) {
    if (versions.length !== before.get(table)?.length) anomalies.push(`doubled: asking again has written to ${table}`);
    const timeline = new Timeline(versions);
    for (const view of seen.views.filter((v) => v.table === table)) {
      const wanted = timeline.files(view.version);
      if (wanted.join("\n") !== view.files.join("\n"))
        anomalies.push(`view: ${table}@${view.version} was read as ${view.files}`);
    }
    await mirrorTable(world.lake, table);
    assert.equal(await assertTheorem(world.lake, table), versions.length - 1);
  }
  return anomalies;
}

/** With nobody writing any more, a timestamp gives exactly the versions up to it. */
async function timeTravelAnomalies(history: History): Promise<string[]> {
  const tables = [...history.keys()].map((tableId) => ({ tableId }));
  const created = Math.max(...[...history.values()].map(([first]) => first?.timestamp ?? 0));
  const times = new Set([...history.values()].flatMap((versions) => versions.map((version) => version.timestamp)));
  const found: string[] = [];
  for (const timestamp of [...times].filter((time) => time >= created).slice(-5)) {
    const { tables: seen } = await snapshots(world.lake, { tables, timestamp });
    for (const { tableId, version } of seen) {
      const wanted = history.get(tableId)?.findLast((v) => v.timestamp <= timestamp)?.version;
      if (version !== wanted) found.push(`time: ${tableId} at ${timestamp} is shown at ${version}, not ${wanted}`);
    }
  }
  return found;
}

async function readHistory(tables: readonly string[]): Promise<History> {
  const history = new Map();
  for (const table of tables) history.set(table, await readVersions(world.lake.catalog, table));
  return history;
}
