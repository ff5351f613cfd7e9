/** dl backup: makes a backup of the catalog; lists, verifies and prunes those that there are. */

import { Command } from "commander";
import { withScratchCatalog } from "../../lake/backups.ts";
import { systemClock } from "../../lake/clock.ts";
import { backupCatalog } from "../../operations/backup.ts";
import { findBackups } from "../../operations/backups/list.ts";
import type { Manifest } from "../../operations/backups/manifest.ts";
import { type Keeping, type Pruned, pruneBackups } from "../../operations/prune-backups.ts";
import { verifyBackup } from "../../operations/verify-backup.ts";
import { integer } from "../arguments.ts";
import { backupsAt, type KeyOptions, withKeyOption } from "../backup-place.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, formatCount, formatSeconds, formatTime, plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { stopwatch } from "../stopwatch.ts";
import { table } from "../table.ts";

interface Making extends KeyOptions {
  readonly to?: string;
  readonly full?: true;
}

export function backupCommand(): Command {
  return withKeyOption(new Command("backup"))
    .option("--to <place>", "a folder, or s3://bucket/prefix, apart from the tables")
    .option("--full", "all rows, even where an increment would do")
    .action(
      action<Making>(async ({ output, withLake }, { to, full = false, ...key }) => {
        if (to === undefined) throw new UsageError("where to? Use --to DIR or --to s3://bucket/prefix");
        const place = await backupsAt(to, key);
        const progress = openProgress();
        const elapsed = stopwatch();
        const made = await withLake((lake) => backupCatalog(lake, place, { full, onProgress: progress.update }), {
          mirror: false,
        }).finally(progress.stop);
        const took = elapsed();
        await output.result({ ...shown(made), ...took.rates(made) }, () => madeText(made, took.seconds));
        for (const name of made.leftOut) output.note(`warning: ${name} is being imported, and is not in the backup`);
        return EXIT.ok;
      }),
    )
    .addCommand(
      pruneCommand().description("take backups away that are no longer wanted; without --yes it only shows them"),
    )
    .addCommand(listCommand().description("show the backups at a place"))
    .addCommand(
      verifyCommand().description("restore a backup into a scratch database, and compare; exits 1 if it differs"),
    );
}

function pruneCommand(): Command {
  return new Command("prune")
    .requiredOption("--from <place>", "where the backups are")
    .option("--keep-days <days>", "keep those of the last so many days", integer(1, 1_000_000))
    .option("--keep-last <number>", "keep the newest so many; never fewer than one", integer(1, 1_000_000))
    .option("--yes", "take them away; without it they are only shown")
    .action(
      action<{ readonly from: string; readonly yes?: true } & Keeping>(
        async ({ output }, { from, yes, ...keeping }) => {
          const { keepDays, keepLast } = keeping;
          if (keepDays === undefined && keepLast === undefined)
            throw new UsageError("use --keep-days, --keep-last or both");
          const dryRun = yes === undefined;
          const pruned = await pruneBackups({ clock: systemClock }, await backupsAt(from, {}), keeping, { dryRun });
          await output.result({ ...pruned, dryRun }, () => prunedText(pruned, dryRun));
          return EXIT.ok;
        },
      ),
    );
}

function prunedText({ kept, removed, leftovers, bytes }: Pruned, dryRun: boolean): string {
  const gone = [...removed, ...leftovers.map((backupId) => `${backupId} (never finished)`)];
  if (gone.length === 0) return `nothing to take away; ${plural(kept.length, "backup")} kept`;
  const what = dryRun ? "would be taken away; say --yes" : "taken away";
  return [...gone, `${plural(gone.length, "backup")} ${what}: ${formatBytes(bytes)}; ${kept.length} kept`].join("\n");
}

function listCommand(): Command {
  return new Command("list").requiredOption("--from <place>", "where the backups are").action(
    action<{ readonly from: string }>(async ({ output }, { from }) => {
      const { backups, unreadable, unfinished } = await findBackups(await backupsAt(from, {}));
      await output.result({ backups: backups.map(shown), unreadable, unfinished }, () => listText(backups));
      for (const { backupId, error } of unreadable) output.note(`warning: ${backupId} cannot be read: ${error}`);
      if (unfinished.length > 0) output.note(`${plural(unfinished.length, "backup")} not finished, or under way`);
      return unreadable.length > 0 ? EXIT.failed : EXIT.ok;
    }),
  );
}

function verifyCommand(): Command {
  return withKeyOption(new Command("verify"))
    .requiredOption("--from <place>", "where the backups are")
    .option("--id <backup>", "this backup; the newest if absent")
    .action(
      action<{ readonly from: string; readonly id?: string } & KeyOptions>(async ({ output }, { from, id, ...key }) => {
        const place = await backupsAt(from, key);
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
