/** dl export: writes the whole log of a table to another folder, from SQL alone. */

import { Command } from "commander";
import { toLocation } from "../../lake/location.ts";
import { exportTable } from "../../operations/export.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { plural } from "../format.ts";
import { openProgress } from "../progress.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly to: string;
}

export function exportCommand(): Command {
  const command = new Command("export").requiredOption(
    "--to <dir>",
    "folder, or s3://bucket/prefix, that gets the _delta_log",
  );
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, options) => {
      const location = await toLocation(options.to);
      const progress = openProgress();
      const done = await withLake(
        (lake) => exportTable(lake, oneTable(options), lake.openLog(location), progress.update),
        { mirror: false },
      ).finally(progress.stop);
      await output.result(
        done,
        () =>
          `exported ${plural(done.versions, "version")} (${done.fromVersion} to ${done.toVersion}) and ${plural(done.checkpoints.length, "checkpoint")} to ${done.location}`,
      );
      return 0;
    }),
  );
}
