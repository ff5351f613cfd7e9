/** `npm run soak:mixed -- --rounds 20 --steps 60 --engines 4 --clients 6 --seed 1`: the mixed run for as long as you like, a new catalog each round. */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runMixed } from "./support/mixed.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    steps: { type: "string", default: "60" },
    engines: { type: "string", default: "4" },
    clients: { type: "string", default: "6" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const document = fileURLToPath(new URL("../../docs/writers.md", import.meta.url));
for (let round = 0; round < Number(values.rounds); round += 1) {
  const seed = Number(values.seed) + round * 1000;
  const numbers = { engines: Number(values.engines), steps: Number(values.steps), clients: Number(values.clients) };
  const { anomalies, ...summary } = await runMixed({
    cache: process.env.INTEROP_CACHE ?? "",
    document,
    seed,
    ...numbers,
  });
  for (const anomaly of anomalies.slice(0, 50)) console.log(anomaly.slice(0, 500));
  console.log(`mixed: seed=${seed} ${JSON.stringify(summary)} anomalies=${anomalies.length}`);
  if (anomalies.length > 0) process.exitCode = 1;
}
