/**
 * `npm run soak`: the black-box isolation checker for as long as you like, one engine after the other.
 * `node test/isolation/soak.ts --seconds 3600 --engine sqlite --clients 16 --fault-every 5 --seed 1`.
 */

import { parseArgs } from "node:util";
import { postgresPrograms } from "../support/own-postgres.ts";
import { mysqlUrl } from "../support/skip.ts";
import type { DatabaseChoice } from "./checker/databases.ts";
import { runChecker, summaryLine } from "./checker/run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    clients: { type: "string", default: "16" },
    "fault-every": { type: "string", default: "5" },
    engine: { type: "string", multiple: true, default: ["sqlite", "postgres", "postgres that crashes"] },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});

const url = process.env.TEST_POSTGRES_URL;
const programs = postgresPrograms();
const choices: Readonly<Record<string, DatabaseChoice | string>> = {
  sqlite: { engine: "sqlite" },
  mysql: mysqlUrl
    ? { engine: "mysql", url: mysqlUrl }
    : "TEST_MYSQL_URL must name a server on which a database may be made",
  postgres: url ? { engine: "postgres", url } : "TEST_POSTGRES_URL must name a server on which a database may be made",
  "postgres that crashes": programs
    ? { engine: "postgres that crashes", programs }
    : "the programs of a PostgreSQL server are not installed",
};

for (const engine of values.engine) {
  const database = choices[engine] ?? `there is no engine "${engine}": ${Object.keys(choices).join(", ")}`;
  if (typeof database === "string") {
    console.error(`${engine}: ${database}`);
    process.exitCode = 64;
    continue;
  }
  const summary = await runChecker({
    database,
    seconds: Number(values.seconds),
    clients: Number(values.clients),
    seed: Number(values.seed),
    faultEvery: Number(values["fault-every"]),
    say: (text) => console.error(text),
  });
  for (const anomaly of summary.anomalies.slice(0, 50)) console.log(anomaly.slice(0, 500));
  console.log(summaryLine(summary));
  if (summary.anomalies.length > 0) process.exitCode = 1;
}
