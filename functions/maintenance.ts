/** Removes what no version needs any more, table by table, at every tick of a clock. The one function that may delete. */

import type { Context } from "aws-lambda";
import { keepRetention } from "../lib/access/audit-retention.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import {
  MAINTENANCE_RULES,
  maintainTable,
  maintainTransactions,
  maintenanceDue,
  TASKS,
} from "../lib/operations/maintenance.ts";
import { purgeExpired } from "../lib/operations/purge.ts";
import type { Signal } from "../lib/ports.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, deadlineOf, logger } from "./middleware.ts";

/** Milliseconds before the time is over at which no more work begins: what is under way is finished. */
const RESERVE_MS = 60_000;

const DAY_MS = 86_400_000;

/** Compaction reads rows: it needs more memory than all of these, and a package of 70 MB. */
const OURS = TASKS.filter((task) => task !== "compact");

const lakeOf = containerLake();

/** @throws Error at the end when a table failed, so that Lambda counts it; the others are done by then */
export const handler = around(async (_event: unknown, context: Context) => {
  const lake = await lakeOf();
  const signal = deadlineOf(context, RESERVE_MS);
  const { vacuum, auditRetentionDays } = lake.settings;
  const rules = { ...MAINTENANCE_RULES, vacuum };
  const failed: string[] = [];
  for await (const due of maintenanceDue(lake, rules, OURS)) {
    if (signal.aborted) break;
    const { table, tableId, files, bytes, logFiles, versions, failure } = await maintainTable(lake, due, rules, {
      signal,
    });
    if (failure !== undefined) {
      failed.push(table);
      logger.error("maintenance of a table failed", { table, tableId, reason: failure });
    }
    logger.info("maintained", { table, tableId, tasks: due.tasks, files, bytes: Number(bytes), logFiles, versions });
  }
  const { transactions = 0, kept = 0, failure } = await maintainTransactions(lake, rules, { signal });
  if (failure !== undefined) {
    failed.push("the transactions of all tables");
    logger.error("transactions could not be forgotten", { reason: failure });
  } else logger.info("transactions forgotten", { transactions, kept });
  const trail = await keepRetention(lake, auditRetentionDays * DAY_MS, { signal });
  if (trail.failure !== undefined) {
    failed.push("the audit trail");
    logger.error("old rows of the audit trail stay", { reason: trail.failure });
  } else logger.info("rows of the audit trail ended", { rows: trail.removed });
  failed.push(...(await purge(lake, signal)));
  lake.metrics.record(EVENT_METRICS.maintenanceRuns.cloudwatch, 1, "Count");
  if (failed.length > 0) throw new Error(`maintenance failed ${failed.length} times, first for ${failed[0]}`);
  return { interrupted: signal.aborted };
});

/** Dropped tables that can no longer come back leave SQL. Their files stay: whoever wants them gone says so (`dl purge --files`). */
async function purge(lake: AwsLake, signal: Signal): Promise<readonly string[]> {
  const failed: string[] = [];
  for await (const one of purgeExpired(lake, { signal })) {
    if ("error" in one) {
      failed.push(one.name);
      logger.error("a dropped table could not be purged", { table: one.name, reason: one.error.message });
    } else logger.info("purged", { table: one.name, tableId: one.tableId });
  }
  return failed;
}
