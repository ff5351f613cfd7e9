/** Restores the newest backup for practice, into a schema of its own, compares, and measures what a loss would cost. */

import { withScratchCatalog, withScratchSchema } from "../lib/lake/backups.ts";
import { verifyBackup } from "../lib/operations/verify-backup.ts";
import type { Catalog } from "../lib/ports.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";

const lakeOf = containerLake();

export const handler = around(async () => {
  const lake = await lakeOf();
  const startedAt = lake.clock.now();
  const place = await lake.backups();
  const url = lake.settings.scratchDatabaseUrl;
  const practise = (scratch: Catalog) => verifyBackup(scratch, place);
  // Without a login of its own for it, the database that serves is left alone.
  const restored = await (url === undefined ? withScratchCatalog(practise) : withScratchSchema(url, practise));
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
