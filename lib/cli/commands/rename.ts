/** dl rename: gives a table another name. */

import { Command } from "commander";
import { renameTable } from "../../operations/rename-table.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

export function renameCommand(): Command {
  return new Command("rename")
    .argument("<table>", "the table: namespace.name or its id")
    .argument("<name>", "its new name: namespace.name")
    .action(
      action(async ({ output, withLake }, _options, [table = "", name = ""]) => {
        const renamed = await withLake((lake) => renameTable(lake, oneTable({ table }), name));
        const { formerName, location } = renamed;
        await output.result(renamed, () =>
          formerName === name
            ? `${name} is its name already`
            : `${formerName} is ${name} now; its files stay at ${location}`,
        );
        return EXIT.ok;
      }),
    );
}
