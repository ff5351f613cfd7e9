/**
 * The black-box checker as a test, for a short time: servers that are killed and paused, connections that are cut, a
 * PostgreSQL that crashes, sixteen impatient clients, no anomaly.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { needs } from "../../support/skip.ts";
import type { DatabaseChoice } from "./databases.ts";
import { runChecker, summaryLine } from "./run.ts";

const SECONDS = Number(process.env.ISOLATION_CHECKER_SECONDS ?? 10);

/** @param database undefined where it is not there, for the reason `missing` */
export function check(what: string, database: DatabaseChoice | undefined, missing: string): void {
  test(what, { ...needs(what, database, missing), timeout: 300_000 }, async (t) => {
    if (database === undefined) return;
    const seed = Number(process.env.ISOLATION_SEED ?? Date.now() % 1_000_000);
    const summary = await runChecker({ database, seconds: SECONDS, clients: 16, seed, faultEvery: 2 });
    t.diagnostic(summaryLine(summary));
    assert.deepEqual(summary.anomalies.slice(0, 20), [], `seed ${seed}`);
    const { committed, conflicts, resent, kills, pauses, crashes, cuts } = summary;
    assert.ok(committed > SECONDS && conflicts > 0 && resent > 0 && cuts > 0, summaryLine(summary));
    assert.ok(kills + pauses > 0 && (!database.engine.endsWith("that crashes") || crashes > 0), summaryLine(summary));
  });
}
