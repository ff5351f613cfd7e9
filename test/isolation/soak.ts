/** `npm run soak`: the black-box isolation checker for as long as you like. `node test/isolation/soak.ts --seconds 600 --clients 16 --seed 1`. */

import { parseArgs } from "node:util";
import { runChecker, summaryLine } from "./checker/run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    clients: { type: "string", default: "16" },
    "kill-every": { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});

const postgres = process.env.TEST_POSTGRES_URL;
if (!postgres) {
  console.error("TEST_POSTGRES_URL must name a PostgreSQL server on which a database may be made");
  process.exit(64);
}
const summary = await runChecker({
  postgres,
  seconds: Number(values.seconds),
  clients: Number(values.clients),
  seed: Number(values.seed),
  killEvery: Number(values["kill-every"]),
  say: (text) => console.error(text),
});
for (const anomaly of summary.anomalies.slice(0, 50)) console.log(anomaly.slice(0, 500));
console.log(summaryLine(summary));
process.exitCode = summary.anomalies.length > 0 ? 1 : 0;
