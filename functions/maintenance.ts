/** Removes what no version needs any more, table by table, at every tick of a clock. The one function that may delete. */

import type { Context } from "aws-lambda";
import { errorText, isLakeError } from "../lib/errors.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import { allTables } from "../lib/operations/read.ts";
import { vacuumTable } from "../lib/operations/vacuum.ts";
import type { Signal } from "../lib/ports.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, deadlineOf, logger } from "./middleware.ts";

/** Milliseconds before the time is over at which no more work begins: what is under way is finished. */
const RESERVE_MS = 60_000;

const lakeOf = containerLake();

/** @throws Error at the end when a table failed, so that Lambda counts it; the others are done by then */
export const handler = around(async (_event: unknown, context: Context) => {
  const lake = await lakeOf();
  const signal = deadlineOf(context, RESERVE_MS);
  const failed: string[] = [];
  for await (const { tableId, name } of allTables(lake)) {
    if (signal.aborted) break;
    await vacuum(lake, tableId, signal).catch((error: unknown) => {
      // Dropped since it was listed.
      if (isLakeError(error, "notFound")) return;
      failed.push(name);
      logger.error("maintenance of a table failed", { table: name, tableId, reason: errorText(error) });
      lake.metrics.record(EVENT_METRICS.maintenanceFailures.cloudwatch, 1, "Count", { tableId });
    });
  }
  lake.metrics.record(EVENT_METRICS.maintenanceRuns.cloudwatch, 1, "Count");
  if (failed.length > 0) throw new Error(`maintenance failed for ${failed.length} tables, first ${failed[0]}`);
  return { interrupted: signal.aborted };
});

async function vacuum(lake: AwsLake, tableId: string, signal: Signal): Promise<void> {
  const [upkeep] = await lake.catalog.readUpkeep([tableId]);
  if (!(upkeep?.vacuum ?? lake.settings.vacuum)) return;
  const { table, files, bytes, failure } = await vacuumTable(lake, { tableId }, { remove: true, signal });
  logger.info("vacuumed", { table, tableId, files, bytes: Number(bytes) });
  if (failure !== undefined) throw new Error(failure);
}
