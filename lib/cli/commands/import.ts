/** dl import: takes an existing Delta table into the catalog. */

import { Command, Option } from "commander";
import { stringifyJson } from "../../delta/values/json.ts";
import { toLocation } from "../../lake/location.ts";
import { importTable } from "../../operations/import.ts";
import { IMPORT_MODES } from "../../wire/import-modes.ts";
import { action } from "../context.ts";
import { formatBytes, plural } from "../format.ts";
import { openProgress } from "../progress.ts";

interface Options {
  readonly name: string;
  readonly mode: (typeof IMPORT_MODES)[number];
  readonly follow?: true;
}

export function importCommand(): Command {
  return new Command("import")
    .argument("<location>", "folder of the table: a path, file:///… or s3://bucket/prefix")
    .requiredOption("--name <ns.name>", "name of the table in the catalog")
    .addOption(
      new Option("--mode <mode>", "every version that the log still has, or the newest state alone")
        .choices(IMPORT_MODES)
        .default("full-history"),
    )
    .option(
      "--follow",
      "its writers go on writing it directly: it is followed, and takes no commits here until `dl takeover`",
    )
    .action(
      action<Options>(async ({ output, withLake }, { name, mode, follow = false }, [given = ""]) => {
        const location = await toLocation(given);
        const progress = openProgress();
        const imported = await withLake(
          async (lake, { made }) => {
            if (made) output.note("there was no catalog here: a new one has been made");
            return importTable(lake, { location, name, mode, follow }, progress.update);
          },
          { create: "schema", ...(follow && { mirror: false }) },
        ).finally(progress.stop);
        // JSON in every format: the id in it is what the next command needs.
        await output.write(`${stringifyJson(imported)}\n`);
        const { version, baseVersion, files, bytes, resumed, notes } = imported;
        for (const note of notes) output.note(`note: ${note}`);
        if (output.format === "text") {
          const range = baseVersion === version ? `version ${version}` : `versions ${baseVersion} to ${version}`;
          output.note(
            `${resumed ? "finished the import of" : "imported"} ${name}: ${range}, ${plural(files, "file")}, ${formatBytes(bytes)}`,
          );
          if (follow) output.note(followText(name));
        }
        return 0;
      }),
    );
}

function followText(name: string): string {
  return (
    `${name} is followed: a server (\`dl serve\`) looks at its log with each sweep, every few seconds, and \`dl mirror --table ${name}\` ` +
    `looks once. It takes no commits here; \`dl takeover ${name}\` changes that`
  );
}
