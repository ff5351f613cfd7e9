/** dl fence: keeps foreign writers off a table, or lets them on again. */

import { Argument, Command } from "commander";
import { type FenceResult, fenceTable } from "../../operations/fence.ts";
import { mirrorTable } from "../../operations/mirror.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

export function fenceCommand(): Command {
  return new Command("fence")
    .argument("<table>", "the table: namespace.name or its id")
    .addArgument(new Argument("<state>", "whether the fence is up").choices(["on", "off"]))
    .action(
      action<object>(async ({ output, withLake }, _options, [table, state]) => {
        const result = await withLake(
          async (lake) => {
            const fenced = await fenceTable(lake, oneTable({ table: table ?? "" }), state === "on" ? "on" : "off");
            // Only what is in _delta_log keeps others off.
            await mirrorTable(lake, fenced.tableId);
            return fenced;
          },
          { mirror: false },
        );
        await output.result(result, () => text(result));
        return EXIT.ok;
      }),
    );
}

function text({ table, fenced, version }: FenceResult): string {
  if (version === undefined) return `${table} is ${fenced ? "fenced" : "not fenced"} already`;
  return `${table} is ${fenced ? "fenced" : "no longer fenced"} since version ${version}`;
}
