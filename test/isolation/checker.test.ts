/** The black-box checker, for a short time: two servers, one PostgreSQL, sixteen impatient clients, no anomaly. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { needs, postgresUrl } from "../support/skip.ts";
import { runChecker, summaryLine } from "./checker/run.ts";

const WHAT = "isolation over HTTP: list-append, bank and streams on two servers";
const SECONDS = Number(process.env.ISOLATION_CHECKER_SECONDS ?? 20);

test(WHAT, { ...needs(WHAT, postgresUrl, "TEST_POSTGRES_URL is not set"), timeout: 300_000 }, async (t) => {
  const seed = Number(process.env.ISOLATION_SEED ?? Date.now() % 1_000_000);
  const postgres = postgresUrl ?? "";
  const summary = await runChecker({ postgres, seconds: SECONDS, clients: 16, seed, killEvery: 8 });
  t.diagnostic(summaryLine(summary));
  assert.deepEqual(summary.anomalies.slice(0, 20), [], `seed ${seed}`);
  assert.ok(summary.committed > SECONDS && summary.conflicts > 0 && summary.resent > 0, summaryLine(summary));
});
