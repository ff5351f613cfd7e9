/** dl restore: brings a backup into an empty database. */

import { Command } from "commander";
import { openBackups } from "../../lake/backups.ts";
import { type Restored, restoreCatalog } from "../../operations/restore.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { formatSeconds, formatTime, plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { stopwatch } from "../stopwatch.ts";

interface Options {
  readonly from: string;
  readonly id?: string;
  readonly asCopy?: true;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .requiredOption("--from <place>", "where the backups are: a folder, or s3://bucket/prefix")
    .option("--id <backup>", "this backup; the newest if absent")
    .option("--as-copy", "give the catalog an identity of its own: it lives beside the old one")
    .action(
      action<Options>(async ({ output, withLake }, { from, id, asCopy = false }) => {
        const place = await openBackups(from);
        const progress = openProgress();
        const elapsed = stopwatch();
        const options = { onProgress: progress.update, asCopy, ...(id === undefined ? {} : { backupId: id }) };
        const restored = await withLake(({ catalog }) => restoreCatalog(catalog, place, options), {
          create: "file",
          schema: "leave",
          mirror: false,
        }).finally(progress.stop);
        const took = elapsed();
        await output.result({ ...restored, ...took.rates(restored) }, () => text(restored, took.seconds));
        return EXIT.ok;
      }),
    );
}

function text({ backupId, cutAt, tables, rows }: Restored, seconds: number): string {
  return `${backupId} is restored: ${plural(tables, "table")}, ${plural(rows, "row")} in ${formatSeconds(seconds)}, as of ${formatTime(cutAt)}`;
}
