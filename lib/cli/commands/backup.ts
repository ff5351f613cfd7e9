/** dl backup: makes a backup of the catalog; lists, verifies and prunes those that there are. */

import { Command } from "commander";
import { openBackups, withScratchCatalog } from "../../lake/backups.ts";
import { backupCatalog } from "../../operations/backup.ts";
import { findBackups } from "../../operations/backup-list.ts";
import type { Manifest } from "../../operations/backup-manifest.ts";
import { verifyBackup } from "../../operations/verify-backup.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, formatCount, formatSeconds, formatTime, plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { stopwatch } from "../stopwatch.ts";
import { table } from "../table.ts";

export function backupCommand(): Command {
  return new Command("backup")
    .option("--to <place>", "a folder, or s3://bucket/prefix, apart from the tables")
    .action(
      action<{ readonly to?: string }>(async ({ output, withLake }, { to }) => {
        if (to === undefined) throw new UsageError("where to? Use --to DIR or --to s3://bucket/prefix");
        const place = await openBackups(to);
        const progress = openProgress();
        const elapsed = stopwatch();
        const made = await withLake((lake) => backupCatalog(lake, place, { onProgress: progress.update }), {
          mirror: false,
        }).finally(progress.stop);
        const took = elapsed();
        await output.result({ ...shown(made), ...took.rates(made) }, () => madeText(made, took.seconds));
        return EXIT.ok;
      }),
    )
    .addCommand(listCommand().description("show the backups at a place"))
    .addCommand(
      verifyCommand().description("restore a backup into a scratch database, and compare; exits 1 if it differs"),
    );
}

function listCommand(): Command {
  return new Command("list").requiredOption("--from <place>", "where the backups are").action(
    action<{ readonly from: string }>(async ({ output }, { from }) => {
      const { backups, unreadable, unfinished } = await findBackups(await openBackups(from));
      await output.result({ backups: backups.map(shown), unreadable, unfinished }, () => listText(backups));
      for (const { backupId, error } of unreadable) output.note(`warning: ${backupId} cannot be read: ${error}`);
      if (unfinished.length > 0) output.note(`${plural(unfinished.length, "backup")} not finished, or under way`);
      return unreadable.length > 0 ? EXIT.failed : EXIT.ok;
    }),
  );
}

function verifyCommand(): Command {
  return new Command("verify")
    .requiredOption("--from <place>", "where the backups are")
    .option("--id <backup>", "this backup; the newest if absent")
    .action(
      action<{ readonly from: string; readonly id?: string }>(async ({ output }, { from, id }) => {
        const place = await openBackups(from);
        const progress = openProgress();
        const elapsed = stopwatch();
        const verified = await withScratchCatalog((scratch) =>
          verifyBackup(scratch, place, {
            onProgress: progress.update,
            ...(id === undefined ? {} : { backupId: id }),
          }),
        ).finally(progress.stop);
        const { backupId, differences, tables, rows, files } = verified;
        await output.result({ ...verified, ...elapsed().rates(verified) }, () =>
          differences.length > 0
            ? [`${backupId} is not what its manifest says:`, ...differences].join("\n  ")
            : `${backupId} is whole: ${plural(tables, "table")}, ${plural(rows, "row")}, ${plural(files, "live file")} compared`,
        );
        return differences.length > 0 ? EXIT.failed : EXIT.ok;
      }),
    );
}

/** What of a manifest is shown: without the lists of tables and parts. */
function shown({ tables, parts, columns: _columns, ...rest }: Manifest) {
  return { ...rest, tables: tables.length, parts: parts.length };
}

function madeText({ backupId, kind, tables, rows, bytes }: Manifest, seconds: number): string {
  return `${backupId} (${kind}): ${plural(tables.length, "table")}, ${plural(rows, "row")}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}`;
}

function listText(backups: readonly Manifest[]): string {
  if (backups.length === 0) return "there are no backups";
  return table(
    ["BACKUP", "KIND", "CUT", "TABLES", "ROWS", "BYTES"],
    backups.map((one) => [
      one.backupId,
      one.kind,
      formatTime(one.cutAt),
      one.tables.length,
      formatCount(one.rows),
      one.bytes,
    ]),
  );
}
