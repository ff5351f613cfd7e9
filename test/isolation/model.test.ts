/**
 * Random transactions over several tables, through two servers on one SQLite database, in random but repeatable order of their
 * calls, against the reference model (history.ts, referee.ts, order.ts). A failure prints seed, path and what happened.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { client, fillTables, newSeen, observer, type Run } from "./model/clients.ts";
import { count, judge, type Tally } from "./model/judge.ts";
import { type Scenario, scenario } from "./model/scenario.ts";
import { Steps } from "./model/steps.ts";
import { newTables, servers } from "./model/world.ts";
import { openPair, type Pair } from "./pair.ts";

/** ISOLATION_SEED repeats a run, ISOLATION_SECONDS makes it longer. */
const SECONDS = Number(process.env.ISOLATION_SECONDS ?? 8);
const SEED = process.env.ISOLATION_SEED === undefined ? {} : { seed: Number(process.env.ISOLATION_SEED) };

let pair: Pair;
const tally: Tally = { runs: 0, committed: 0, refused: 0, locked: 0 };

before(async () => {
  pair = await openPair();
});
after(() => pair.close());

test("whatever the order of their calls, transactions leave a history that some serial order explains", async (t) => {
  let last: Promise<void> | undefined;
  const runs = fc.asyncProperty(scenario, (plan) => {
    last = play(plan);
    return last;
  });
  await fc.assert(runs, {
    ...SEED,
    numRuns: 100_000,
    interruptAfterTimeLimit: SECONDS * 1000,
    markInterruptAsFailure: false,
    // Shrinking takes long; it is worth it when one looks for the reason.
    endOnFailure: process.env.ISOLATION_SHRINK !== "1",
  });
  // The time is over in the midst of a run, which goes on by itself: its servers are needed until it is done.
  await last;
  const { committed, refused, locked } = tally;
  t.diagnostic(
    `${tally.runs} runs: ${committed} transactions committed, ${refused} refused, ${locked} under lock, 0 anomalies`,
  );
  assert.ok(committed > 0 && refused > 0, "there are both outcomes");
});

async function play(plan: Scenario): Promise<void> {
  const steps = new Steps(plan.choices);
  const seen = newSeen();
  const tables = await newTables(pair.one, plan.levels);
  const run: Run = { tables, fork: (works) => steps.fork(works), seen, servers: servers(pair, steps, seen.anomalies) };
  await fillTables({ ...run, servers: [pair.one, pair.two] });
  await steps.run([
    ...plan.clients.map((planned, i) => client(run, planned, `c${i}`)),
    observer(run, plan.looks, 0),
    observer(run, plan.looks, 1),
    ...plan.mirrors.map(({ server, table }) => async () => {
      await mirrorTable(run.servers[server], tables[table % tables.length] ?? "");
    }),
  ]);
  const anomalies = [...seen.anomalies, ...(await judge(pair, run))];
  count(tally, run);
  tally.locked += steps.trace.filter((label) => label.endsWith("commitLocked")).length;
  if (anomalies.length > 0) assert.fail(`${anomalies.join("\n")}\nsteps: ${steps.trace.join(" ")}`);
}
