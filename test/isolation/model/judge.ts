/** Everything that must hold when the clients of a run are done, whatever they did and in whatever order. */

import assert from "node:assert/strict";
import { mirrorTable } from "../../../lib/operations/mirror.ts";
import { snapshots } from "../../../lib/operations/read.ts";
import { assertTheorem } from "../../support/theorem.ts";
import { type History, recordAnomalies, Timeline } from "../history.ts";
import { orderAnomalies } from "../order.ts";
import type { Pair } from "../pair.ts";
import { refereeAnomalies } from "../referee.ts";
import { ask, type Run } from "./clients.ts";
import { readVersions } from "./world.ts";

/** How a run's transactions ended. */
export interface Tally {
  runs: number;
  committed: number;
  refused: number;
  /** Times that the last check was made with the locks held. */
  locked: number;
}

export function count(tally: Tally, { seen }: Run): void {
  tally.runs += 1;
  tally.committed += seen.attempts.filter(({ attempt }) => attempt.answers.length > 0).length;
  tally.refused += seen.attempts.filter(({ attempt }) => attempt.refusals.length > 0).length;
}

/** One sentence per anomaly. @param options.log false leaves `_delta_log` out, which takes long on many versions */
export async function judge(pair: Pair, run: Run, options: { readonly log?: boolean } = {}): Promise<string[]> {
  const { seen, tables } = run;
  const unstepped: Run = { ...run, servers: [pair.one, pair.two] };
  const before = await readHistory(pair, tables);
  // Forever: who asks again, and be it at the other server, is told the same and changes nothing.
  for (const [i, { request, attempt }] of seen.attempts.entries()) {
    await ask(unstepped, unstepped.servers[i % 2 === 0 ? 0 : 1], request, attempt);
  }
  const history = await readHistory(pair, tables);
  const attempts = seen.attempts.map(({ attempt }) => attempt);
  const anomalies = [
    ...recordAnomalies(history, attempts),
    ...refereeAnomalies(history, attempts),
    ...orderAnomalies(history, seen.heads),
    // Each by itself: a timestamp that is still to come gives the newest versions, and later commits may come below it.
    ...seen.times.flatMap((look) => orderAnomalies(history, [look])),
    ...(await timeTravelAnomalies(pair, history)),
  ];
  for (const [table, versions] of history) {
    if (versions.length !== before.get(table)?.length) anomalies.push(`doubled: asking again has written to ${table}`);
    const timeline = new Timeline(versions);
    for (const view of seen.views.filter((v) => v.table === table)) {
      const wanted = timeline.files(view.version);
      if (wanted.join("\n") !== view.files.join("\n"))
        anomalies.push(`view: ${table}@${view.version} was read as ${view.files}`);
    }
    if (options.log === false) continue;
    await mirrorTable(pair.one, table);
    assert.equal(await assertTheorem(pair.one, table), versions.length - 1);
  }
  return anomalies;
}

/** With nobody writing any more, a timestamp gives exactly the versions up to it. */
async function timeTravelAnomalies(pair: Pair, history: History): Promise<string[]> {
  const tables = [...history.keys()].map((tableId) => ({ tableId }));
  const created = Math.max(...[...history.values()].map(([first]) => first?.timestamp ?? 0));
  const times = new Set([...history.values()].flatMap((versions) => versions.map((version) => version.timestamp)));
  const found: string[] = [];
  for (const timestamp of [...times].filter((time) => time >= created).slice(-5)) {
    const { tables: seen } = await snapshots(pair.one, { tables, timestamp });
    for (const { tableId, version } of seen) {
      const wanted = history.get(tableId)?.findLast((v) => v.timestamp <= timestamp)?.version;
      if (version !== wanted) found.push(`time: ${tableId} at ${timestamp} is shown at ${version}, not ${wanted}`);
    }
  }
  return found;
}

async function readHistory(pair: Pair, tables: readonly string[]): Promise<History> {
  const history = new Map();
  for (const table of tables) history.set(table, await readVersions(pair.one.catalog, table));
  return history;
}
