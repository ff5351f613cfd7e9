/** dl takeover: ends the writing of others to a followed table, and begins ours. */

import { Command } from "commander";
import { MAX_BEHIND, type TakenOver, takeOverTable } from "../../operations/takeover.ts";
import { integer } from "../arguments.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";

interface Options {
  readonly maxBehind?: number;
}

export function takeoverCommand(): Command {
  return new Command("takeover")
    .argument("<table>", "the table: namespace.name or its id")
    .option(
      "--max-behind <versions>",
      `refused where it is further behind its log; ${MAX_BEHIND} if absent`,
      integer(0),
    )
    .action(
      action<Options>(async ({ output, withLake }, options, [table]) => {
        const taken = await withLake((lake) => takeOverTable(lake, oneTable({ table: table ?? "" }), options));
        await output.result(taken, () => text(taken));
        return EXIT.ok;
      }),
    );
}

function text({ name, version, behind, pauseMs, status }: TakenOver): string {
  if (status === "there") return `${name} is written here already, at version ${version}`;
  return (
    `${name} is written here from now on, and by nobody else: it is fenced at version ${version}. ` +
    `${plural(behind, "version")} behind at the start; nobody could write it for ${Math.round(pauseMs)} ms`
  );
}
