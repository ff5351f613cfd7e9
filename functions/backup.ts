/** Makes a backup of the catalog at every tick of a clock, and verifies the newest one at another's. */

import { anchorsOf } from "../lib/access/audit.ts";
import { isLakeError } from "../lib/errors.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import { withScratchCatalog } from "../lib/lake/backups.ts";
import { backupCatalog } from "../lib/operations/backup.ts";
import { verifyBackup } from "../lib/operations/verify-backup.ts";
import type { BackupPlace } from "../lib/ports.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";

const lakeOf = containerLake();

interface Task {
  readonly task?: "backup" | "verify";
  /** All rows, even where an increment would do. */
  readonly full?: boolean;
}

export const handler = around(async ({ task = "backup", full = false }: Task) => {
  const lake = await lakeOf();
  const place = await lake.backups();
  return task === "verify" ? verify(lake, place) : backup(lake, place, full);
});

async function backup(lake: AwsLake, place: BackupPlace, full: boolean) {
  const { backupId, kind, rows, bytes, cutAt, tables } = await backupCatalog(lake, place, { full });
  const made = { backupId, kind, tables: tables.length, rows, bytes };
  logger.info("made a backup", made);
  lake.metrics.record(EVENT_METRICS.backups.cloudwatch, 1, "Count", made);
  recordAge(lake, cutAt);
  await anchor(lake, place);
  return made;
}

/** The ends of all chains of the audit trail, beside the backups: the lock of their bucket holds these, too. */
async function anchor(lake: AwsLake, place: BackupPlace): Promise<void> {
  const anchors = await anchorsOf(lake.catalog);
  if (anchors.length === 0) return;
  const at = new Date(lake.clock.now()).toISOString();
  await place.store.putIfAbsent(`anchors/${at}.json`, new TextEncoder().encode(JSON.stringify({ anchors })));
  logger.info("anchored the audit trail", { at, chains: anchors.length });
}

async function verify(lake: AwsLake, place: BackupPlace) {
  const verified = await withScratchCatalog((scratch) => verifyBackup(scratch, place)).catch((error: unknown) => {
    // A place that does not answer says nothing about what is there.
    if (isLakeError(error) && error.kind !== "unavailable") failed(lake, [error.message]);
    throw error;
  });
  const { backupId, tables, rows, files, differences, cutAt } = verified;
  recordAge(lake, cutAt);
  if (differences.length > 0) {
    failed(lake, differences);
    throw new Error(`the backup ${backupId} is not what its manifest says: ${differences[0]}`);
  }
  lake.metrics.record(EVENT_METRICS.backupVerifications.cloudwatch, 1, "Count", { backupId });
  // The zero ends the alarm about the one before.
  lake.metrics.record(EVENT_METRICS.backupVerifyFailures.cloudwatch, 0, "Count", { backupId });
  return { backupId, tables, rows, files };
}

function failed(lake: AwsLake, differences: readonly string[]): void {
  logger.error("a backup is not what it should be", { differences: differences.slice(0, 100) });
  lake.metrics.record(EVENT_METRICS.backupVerifyFailures.cloudwatch, 1, "Count");
}

function recordAge(lake: AwsLake, cutAt: number): void {
  const seconds = Math.max(0, lake.clock.now() - cutAt) / 1000;
  lake.metrics.record(EVENT_METRICS.backupAge.cloudwatch, seconds, "Seconds");
}
