/** dl vacuum: takes away the files of a table that only versions beyond the retention have. */

import { Command } from "commander";
import { type VacuumResult, vacuumTable } from "../../operations/vacuum.ts";
import { duration } from "../arguments.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes, plural } from "../format.ts";
import { openProgress } from "../progress.ts";

interface Options {
  readonly retain?: number;
  readonly yes?: true;
  readonly force?: true;
  readonly orphans?: true;
}

export function vacuumCommand(): Command {
  return new Command("vacuum")
    .argument("<table>", "the table: namespace.name or its id")
    .option(
      "--retain <duration>",
      "for how long removed files stay, such as 168h or 7d; the table's delta.deletedFileRetentionDuration if not given",
      duration,
    )
    .option("--yes", "remove them; without it they are only counted")
    .option("--force", "allow a retention of less than 24 h")
    .option(
      "--orphans",
      "also files that no version ever named, older than the retention: lists all files of the table",
    )
    .action(
      action<Options>(async ({ output, withLake }, { retain, yes, force, orphans }, [table]) => {
        const progress = openProgress();
        const options = {
          ...{ remove: yes === true, force: force === true, orphans: orphans === true },
          ...(retain === undefined ? {} : { retainMs: retain }),
        };
        const result = await withLake((lake) =>
          vacuumTable(lake, oneTable({ table: table ?? "" }), options, progress.update),
        ).finally(progress.stop);
        await output.result(result, () => text(result));
        return result.failed > 0 ? EXIT.failed : EXIT.ok;
      }),
    );
}

function text({ files, bytes: size, orphans, oldestReadable, removed, failed, failure }: VacuumResult): string {
  const what = `${plural(files, "file")}, ${formatBytes(size)}`;
  const strays = orphans === undefined ? "" : `, ${orphans} of which no version ever named`;
  const oldest = `version ${oldestReadable} is the oldest that stays readable`;
  if (!removed)
    return files === 0 ? `nothing can go; ${oldest}` : `${what}${strays} can go; ${oldest}. Remove them with --yes`;
  const left = failed === 0 ? "" : `; ${plural(failed, "file")} could not be removed: ${failure}. Run it again`;
  return files === 0 && failed === 0 ? `there was nothing to remove; ${oldest}` : `${what} removed; ${oldest}${left}`;
}
