/**
 * `npm run lives`: catalogs that live by chance until so many steps are reached, of each kind a life in turn. Each failure is printed with
 * its seed, with which the same life comes again: `npm run lives -- --kind disaster --seed 4022 --lives 1`.
 */

import { parseArgs } from "node:util";
import { disasterLife } from "./disaster.ts";
import { recoveryLife } from "./recovery.ts";
import { upkeepLife } from "./upkeep.ts";

interface Kind {
  /** Of one life. */
  readonly steps: number;
  live(seed: number, steps: number): Promise<unknown>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  disaster: { steps: 60, live: disasterLife },
  recovery: { steps: 60, live: recoveryLife },
  upkeep: { steps: 40, live: upkeepLife },
};

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "100000" },
    lives: { type: "string", default: "1000000" },
    kind: { type: "string", multiple: true, default: Object.keys(KINDS) },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const wanted = Number(values.steps);
const firstSeed = Number(values.seed);
const began = performance.now();
const lived: Record<string, { lives: number; steps: number; ms: number; failed: number[] }> = {};
let steps = 0;

for (let i = 0; steps < wanted && i < Number(values.lives); i += 1) {
  for (const name of values.kind) {
    const kind = KINDS[name];
    if (kind === undefined) {
      console.error(`there is no kind "${name}": ${Object.keys(KINDS).join(", ")}`);
      process.exit(64);
    }
    const seed = firstSeed + i;
    const at = performance.now();
    lived[name] ??= { lives: 0, steps: 0, ms: 0, failed: [] };
    const sum = lived[name];
    try {
      await kind.live(seed, kind.steps);
      // Those of a life that failed do not count: nobody knows how many there were.
      sum.steps += kind.steps;
      steps += kind.steps;
    } catch (error) {
      sum.failed.push(seed);
      console.log(`FAILED ${name}, seed ${seed}:`, error);
    }
    sum.lives += 1;
    sum.ms += performance.now() - at;
  }
  if (i % 20 === 19) console.error(summary());
}

function summary(): string {
  const each = Object.entries(lived).map(
    ([name, { lives, steps: own, ms, failed }]) =>
      `${name} ${own} steps in ${lives} lives, ${Math.round(ms / 1000)} s, ${failed.length} failed`,
  );
  return `${steps} steps from seed ${firstSeed} in ${Math.round((performance.now() - began) / 1000)} s: ${each.join("; ")}`;
}

const failures = Object.values(lived).reduce((sum, { failed }) => sum + failed.length, 0);
console.log(`${failures === 0 ? "ok" : "FAILED"}: ${summary()}`);
process.exitCode = failures === 0 ? 0 : 1;
