/** Whatever we take is read by every reader; whatever we refuse, a reader refuses, too, or a reason is on the list.
 * `npm run test:differential -- [--only TEXT] [--seconds N] [--random N] [--seed S] [--spark N] [--report FILE]`; docs/interop.md. */

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../support/random.ts";
import type { Case } from "./differential/case.ts";
import { LISTED } from "./differential/cases/index.ts";
import { randomCase } from "./differential/random.ts";
import { disagreement, type Outcome, report } from "./differential/report.ts";
import { runCases } from "./differential/run.ts";
import { Store } from "./differential/store.ts";
import { openEngines } from "./support/engines.ts";
import { startService } from "./support/service.ts";

/** How many additive cases share a table. */
const BATCH = 20;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string", default: "3600" },
    random: { type: "string", default: "0" },
    seed: { type: "string", default: String(Math.trunc(Date.now() / 1000)) },
    report: { type: "string" },
    spark: { type: "string", default: "1" },
  },
});

const end = performance.now() + Number(values.seconds) * 1000;

/** Groups of cases that share a table. */
function batches(cases: readonly Case[]): Case[][] {
  const groups: Case[][] = [];
  const open = new Map<string, Case[]>();
  for (const wanted of cases) {
    const key = `${wanted.base} ${wanted.kind}`;
    const group = open.get(key);
    if (wanted.additive && group && group.length < BATCH) group.push(wanted);
    else {
      const fresh = [wanted];
      groups.push(fresh);
      if (wanted.additive) open.set(key, fresh);
    }
  }
  return groups;
}

/** Some at a time, until time is up: one engine reads while another plans. */
async function all(groups: readonly Case[][], run: (group: readonly Case[]) => Promise<void>): Promise<void> {
  const queue = groups.values();
  const worker = async () => {
    for (const group of queue) {
      if (performance.now() > end) break;
      await run(group);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}

const cache = process.env.INTEROP_CACHE;
if (!cache) throw new Error("no readers here: npm run test:differential installs them");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-differential-")));
const engines = await openEngines(cache);
const service = await startService(folder);
const outcomes: Outcome[] = [];
try {
  const store = await Store.make(engines, join(folder, "store"));
  const bench = { service, engines, store, folder: join(folder, "copies"), sparkEvery: Number(values.spark) };
  const run = async (group: readonly Case[]) => {
    const found = await runCases(bench, group).catch((error: Error) => {
      const problem = `the test itself fails: ${error.message.slice(0, 300)}`;
      return group.map((c): Outcome => ({ case: c, taken: false, problem }));
    });
    outcomes.push(...found);
    for (const outcome of found) if (outcome.problem) console.error(disagreement(outcome));
  };
  const wanted = LISTED.filter(({ kind, name }) => `${kind}: ${name}`.includes(values.only ?? ""));
  await all(batches(wanted), run);
  const next = seeded(Number(values.seed));
  const random = Array.from({ length: Number(values.random) }, (_, n) => randomCase(next, n));
  await all(batches(random), run);
} finally {
  await service.close();
  await engines.close();
  rmSync(folder, { recursive: true, force: true });
}
const text = `${report(outcomes)}\n\nseed ${values.seed}`;
console.log(text);
if (values.report) writeFileSync(values.report, `${text}\n`);
process.exitCode = outcomes.some(({ problem }) => problem) ? 1 : 0;
