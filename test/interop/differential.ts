/** Whatever we take is read by every reader; whatever we refuse, a reader refuses, too, or a reason is on the list.
 * `npm run test:differential -- [--only TEXT] [--seconds N] [--without-spark] [--report FILE]`; docs/interop.md. */

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Case } from "./differential/case.ts";
import { LISTED } from "./differential/cases/index.ts";
import { type Outcome, report } from "./differential/report.ts";
import { runCases } from "./differential/run.ts";
import { Store } from "./differential/store.ts";
import { openEngines } from "./support/engines.ts";
import { startService } from "./support/service.ts";

/** How many additive cases share a table. */
const BATCH = 20;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string" },
    report: { type: "string" },
    "without-spark": { type: "boolean", default: false },
  },
});

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

const cache = process.env.INTEROP_CACHE;
if (!cache) throw new Error("no readers here: npm run test:differential installs them");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-differential-")));
const engines = await openEngines(cache);
const service = await startService(folder);
const outcomes: Outcome[] = [];
const end = performance.now() + Number(values.seconds ?? 3600) * 1000;
try {
  const store = await Store.make(engines, join(folder, "store"));
  const bench = { service, engines, store, folder: join(folder, "copies"), withoutSpark: values["without-spark"] };
  const wanted = LISTED.filter(({ kind, name }) => `${kind}: ${name}`.includes(values.only ?? ""));
  for (const group of batches(wanted)) {
    if (performance.now() > end) break;
    try {
      outcomes.push(...(await runCases(bench, group)));
    } catch (error) {
      const problem = `the test itself fails: ${(error as Error).message.slice(0, 300)}`;
      outcomes.push(...group.map((c) => ({ case: c, taken: false, problem })));
    }
  }
} finally {
  await service.close();
  await engines.close();
  rmSync(folder, { recursive: true, force: true });
}
const text = report(outcomes);
console.log(text);
if (values.report) writeFileSync(values.report, `${text}\n`);
process.exitCode = outcomes.some(({ problem }) => problem) ? 1 : 0;
