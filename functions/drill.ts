/** Restores the newest backup for practice, into a database of its own, compares, and measures what a loss would cost. */

import { openBackups, withScratchCatalog } from "../lib/lake/backups.ts";
import { verifyBackup } from "../lib/operations/verify-backup.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, backupsOf, containerLake, logger } from "./middleware.ts";

const lakeOf = containerLake();

export const handler = around(async () => {
  const lake = await lakeOf();
  const startedAt = lake.clock.now();
  const place = await openBackups(backupsOf(lake));
  const restored = await withScratchCatalog((scratch) => verifyBackup(scratch, place));
  const { backupId, tables, rows, files, differences, cutAt } = restored;
  const rtoSeconds = Math.max(0, lake.clock.now() - startedAt) / 1000;
  // What is younger than the backup is in the logs, up to the lag of the mirror: `dl recover` brings it back.
  const rpoSeconds = Math.max(0, startedAt - cutAt) / 1000;
  lake.metrics.record(EVENT_METRICS.restoreTime.cloudwatch, rtoSeconds, "Seconds", { backupId });
  lake.metrics.record(EVENT_METRICS.restoreGap.cloudwatch, rpoSeconds, "Seconds", { backupId });
  const report = { backupId, tables, rows, files, rtoSeconds, rpoSeconds };
  logger.info("restored for practice", report);
  if (differences.length > 0) throw new Error(`what was restored differs: ${differences.slice(0, 10).join("; ")}`);
  lake.metrics.record(EVENT_METRICS.restoreDrills.cloudwatch, 1, "Count", { backupId });
  return report;
});
