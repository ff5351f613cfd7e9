/**
 * The black-box checker, for a short time on each database: servers that are killed and paused, connections that are cut, a
 * PostgreSQL that crashes, sixteen impatient clients, no anomaly.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { postgresPrograms } from "../support/own-postgres.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import type { DatabaseChoice } from "./checker/databases.ts";
import { runChecker, summaryLine } from "./checker/run.ts";

const SECONDS = Number(process.env.ISOLATION_CHECKER_SECONDS ?? 10);
const programs = postgresPrograms();

function check(what: string, database: DatabaseChoice | undefined, missing: string): void {
  test(what, { ...needs(what, database, missing), timeout: 300_000 }, async (t) => {
    if (database === undefined) return;
    const seed = Number(process.env.ISOLATION_SEED ?? Date.now() % 1_000_000);
    const summary = await runChecker({ database, seconds: SECONDS, clients: 16, seed, faultEvery: 2 });
    t.diagnostic(summaryLine(summary));
    assert.deepEqual(summary.anomalies.slice(0, 20), [], `seed ${seed}`);
    const { committed, conflicts, resent, kills, pauses, crashes, cuts } = summary;
    assert.ok(committed > SECONDS && conflicts > 0 && resent > 0 && cuts > 0, summaryLine(summary));
    assert.ok(kills + pauses > 0 && (database.engine !== "postgres that crashes" || crashes > 0), summaryLine(summary));
  });
}

check("isolation over HTTP: three servers on one SQLite file", { engine: "sqlite" }, "");
check(
  "isolation over HTTP: two servers on PostgreSQL",
  postgresUrl === undefined ? undefined : { engine: "postgres", url: postgresUrl },
  "TEST_POSTGRES_URL is not set",
);
check(
  "isolation over HTTP: two servers on a PostgreSQL that crashes",
  programs === undefined || postgresUrl === undefined ? undefined : { engine: "postgres that crashes", programs },
  "there are no programs of PostgreSQL, or TEST_POSTGRES_URL is not set",
);
