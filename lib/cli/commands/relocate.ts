/** dl relocate: takes a table to another place, with its files. */

import { Command } from "commander";
import { toLocation } from "../../lake/local.ts";
import { type RelocatedTable, relocateTable } from "../../operations/relocate-table.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes, plural } from "../format.ts";
import { openProgress } from "../progress.ts";

interface Options {
  readonly to: string;
  readonly yes?: true;
}

export function relocateCommand(): Command {
  return new Command("relocate")
    .argument("<table>", "the table: namespace.name or its id")
    .requiredOption("--to <place>", "the folder, or s3://bucket/prefix, that becomes the root of the table")
    .option("--yes", "move it; without it files and bytes are only counted")
    .addHelpText(
      "after",
      `
Data files, deletion vectors and change data that retained versions need are copied, and the log is written anew,
while commits go on; then the table moves in one commit. Writers that had read a version before it are refused
(409 DELTA_METADATA_CHANGED), as their files are at the old place. Killed, the same command goes on where it was.
The old place stays as it is; remove it yourself once nobody reads there.`,
    )
    .action(
      action<Options>(async ({ output, withLake }, { to, yes }, [table = ""]) => {
        const place = await toLocation(to);
        const progress = openProgress();
        const result = await withLake((lake) =>
          relocateTable(lake, oneTable({ table }), place, { move: yes === true }, progress.update),
        ).finally(progress.stop);
        await output.result(result, () => text(result));
        return EXIT.ok;
      }),
    );
}

function text({ table, from, to, version, files, bytes, copied, outside, missing, status }: RelocatedTable): string {
  if (status === "there") return `${table} is at ${to} already`;
  const elsewhere =
    outside === 0
      ? ""
      : `; ${plural(outside, "path")} outside of the table ${outside === 1 ? "stays" : "stay"} as named`;
  if (status === "counted") {
    return `${plural(files, "file")}, ${formatBytes(bytes)}, and the log up to version ${version} go from ${from} to ${to}${elsewhere}. Move the table with --yes`;
  }
  const gone =
    missing === 0 ? "" : `; ${plural(missing, "file")} of older versions ${missing === 1 ? "was" : "were"} not there`;
  return [
    `${table} is at ${to} now, since version ${version}; ${plural(copied, "file")} of ${files} copied, ${formatBytes(bytes)}${elsewhere}${gone}`,
    `The old place stays: ${from}. Remove it once nobody reads there, and no other table (a clone) names its files`,
  ].join("\n");
}
