/** dl history: the versions of a table, newest first. */

import { Command } from "commander";
import { tableHistory } from "../../operations/history.ts";
import { integer } from "../arguments.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { formatBytes, formatTime } from "../format.ts";
import { table } from "../table.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly limit: number;
  readonly before?: number;
}

export function historyCommand(): Command {
  const command = new Command("history")
    .option("--limit <n>", "at most so many", integer(1, 10_000), 100)
    .option("--before <version>", "only versions below this one", integer(0));
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, options) => {
      const { limit, before } = options;
      const page = await withLake((lake) =>
        tableHistory(lake, oneTable(options), before === undefined ? { limit } : { limit, before }),
      );
      await output.result({ versions: page.items }, () =>
        table(
          ["VERSION", "TIME", "OPERATION", "BY", "ADDED", "REMOVED", "FILES", "SIZE", "MIRROR"],
          page.items.map((v) => [
            v.version,
            formatTime(v.timestamp),
            textOf(v.commitInfo?.operation),
            textOf(v.commitInfo?.userName ?? v.commitInfo?.userId),
            v.numAdds,
            v.numRemoves,
            v.numFiles,
            formatBytes(v.sizeInBytes),
            v.mirror,
          ]),
        ),
      );
      const oldest = page.items.at(-1)?.version;
      if (page.next !== undefined && oldest !== undefined) output.note(`older versions: --before ${oldest}`);
      return 0;
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "-";
}
