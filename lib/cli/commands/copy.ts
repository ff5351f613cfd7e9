/** dl copy: moves a whole catalog into the database of another engine. */

import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { systemClock } from "../../lake/clock.ts";
import { openLocalLake } from "../../lake/local.ts";
import { maskedUrl } from "../../masked-url.ts";
import { copyCatalog } from "../../operations/copy-catalog.ts";
import { backupsAt } from "../backup-place.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatSeconds, plural } from "../format.ts";
import { lakeOptions } from "../lake-options.ts";
import { openProgress } from "../progress.ts";
import { stopwatch } from "../stopwatch.ts";

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly work?: string;
}

export function copyCommand(): Command {
  return new Command("copy")
    .option("--from <url>", "the database with the catalog, such as sqlite:lake.sqlite")
    .option("--to <url>", "an empty database of any engine, such as postgresql://user@host/lake")
    .option(
      "--work <dir>",
      "where rows lie on their way; a copy that was killed goes on from there (default: a temporary folder)",
    )
    .addHelpText(
      "after",
      "\nNothing may be written meanwhile: end dl serve, dl gateway and all else that commits. Ids, history, transactions and keys\nmove along; data files and logs stay where they are. The original is not changed.",
    )
    .action(
      action<Options>(async ({ config, output }, { from, to, work }) => {
        if (from === undefined || to === undefined) throw new UsageError("say --from URL and --to URL");
        if (from === to) throw new UsageError("--from and --to are the same database");
        const { pool } = lakeOptions(config);
        const folder = work ?? join(tmpdir(), `dl-copy-${nameOf(from, to)}`);
        const progress = openProgress();
        const elapsed = stopwatch();
        const shared = { ...(pool && { pool }), mirror: false };
        const source = await openLocalLake({ ...shared, database: from, missing: "refuse" });
        try {
          const target = await openLocalLake({ ...shared, database: to, missing: "make", schema: "leave" });
          try {
            const both = { from: source.catalog, to: target.catalog, clock: systemClock };
            const copied = await copyCatalog(both, await backupsAt(folder, {}), {
              onProgress: progress.update,
            }).finally(progress.stop);
            const { seconds } = elapsed();
            if (work === undefined) await rm(folder, { recursive: true, force: true });
            await output.result({ ...copied, seconds, from: maskedUrl(from), to: maskedUrl(to) }, () =>
              [
                `${plural(copied.tables, "table")}, ${plural(copied.rows, "row")} copied in ${formatSeconds(seconds)}; nothing differs`,
                `Go on with --database ${maskedUrl(to)}, and let nobody write to ${maskedUrl(from)} any more.`,
              ].join("\n"),
            );
            return EXIT.ok;
          } finally {
            await target.close();
          }
        } finally {
          progress.stop();
          await source.close();
        }
      }),
    );
}

/** The same for a repeat, without any password. */
function nameOf(from: string, to: string): string {
  return createHash("sha256")
    .update(`${maskedUrl(from)} ${maskedUrl(to)}`)
    .digest("hex")
    .slice(0, 16);
}
