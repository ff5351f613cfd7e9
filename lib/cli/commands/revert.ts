/** dl revert: brings the content of a table back to that of an older version. */

import { Command } from "commander";
import { type RevertResult, revertTable } from "../../operations/revert.ts";
import { integer, moment } from "../arguments.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { plural } from "../format.ts";

interface Options {
  readonly version?: number;
  readonly timestamp?: number;
}

export function revertCommand(): Command {
  return new Command("revert")
    .argument("<table>", "the table: namespace.name or its id")
    .option("--version <n>", "to this version", integer(0))
    .option("--timestamp <time>", "to the version of this moment (ISO 8601, or milliseconds)", moment)
    .action(
      action<Options>(async ({ output, withLake }, { version, timestamp }, [table]) => {
        if ((version === undefined) === (timestamp === undefined)) throw new UsageError("say --version or --timestamp");
        const asOf = version === undefined ? { timestamp: timestamp as number } : { version };
        const result = await withLake((lake) => revertTable(lake, oneTable({ table: table ?? "" }), asOf));
        await output.result(result, () => text(result));
        return EXIT.ok;
      }),
    );
}

function text({ table, to, version, restoredFiles, removedFiles, schemaChanged }: RevertResult): string {
  if (version === undefined) return `${table} has the content of version ${to} already`;
  const schema = schemaChanged ? ", and the columns of then" : "";
  return `${table} has the content of version ${to} again, as version ${version}: ${plural(restoredFiles, "file")} brought back, ${plural(removedFiles, "file")} removed${schema}`;
}
