/** dl drop: forgets a table, once its log has all of it. */

import { Command } from "commander";
import { type DroppedTable, dropTable } from "../../operations/drop-table.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";

export function dropCommand(): Command {
  return new Command("drop")
    .argument("<table>", "the table: namespace.name or its id")
    .option("--force", "give up versions that are not in _delta_log, instead of waiting for them")
    .action(
      action<{ readonly force?: true }>(async ({ output, withLake }, { force }, [table]) => {
        const unpublished = force ? "giveUp" : "keep";
        const dropped = await withLake((lake) => dropTable(lake, oneTable({ table: table ?? "" }), { unpublished }));
        await output.result(dropped, () => text(dropped));
        return EXIT.ok;
      }),
    );
}

function text({ name, location, givenUp }: DroppedTable): string {
  const lost =
    givenUp === 0
      ? ""
      : `; ${plural(givenUp, "version")} that it had in SQL alone ${givenUp === 1 ? "is" : "are"} given up`;
  return `${name} is dropped${lost}. Its files are where they were, at ${location}: \`dl undrop ${name}\` brings it back`;
}
