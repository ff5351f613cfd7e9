/** dl rebuild: makes a lost catalog again, from the logs of its tables. */

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { isJsonObject, parseJson } from "../../delta/values/json.ts";
import { invalid } from "../../errors.ts";
import { toLocation } from "../../lake/location.ts";
import { type RebuildResult, rebuildCatalog } from "../../operations/rebuild.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { table } from "../table.ts";

interface Options {
  readonly storage: readonly string[];
  readonly catalogId?: string;
  readonly names?: string;
  readonly foreign?: true;
  readonly dryRun?: true;
}

export function rebuildCommand(): Command {
  return new Command("rebuild")
    .requiredOption(
      "--storage <root...>",
      "folders and s3://bucket/prefix below which tables are; may be given several times",
    )
    .option("--catalog-id <uuid>", "which catalog, where the logs belong to several")
    .option("--names <file>", "a JSON object with names of tables whose log does not know it, by table id or location")
    .option("--foreign", "also import tables that were in no catalog, under names after their places")
    .option("--dry-run", "only show what would be made")
    .action(
      action<Options>(async ({ output, withLake }, { storage, names, ...options }) => {
        const roots = await Promise.all(storage.map((root) => toLocation(root)));
        const request = { ...options, roots, ...(names === undefined ? {} : { names: readNames(names) }) };
        const progress = openProgress();
        // The rebuild makes the schema itself. Whatever is due is published by a server later.
        const open = { create: "file", mirror: false } as const;
        const result = await withLake((lake) => rebuildCatalog(lake, request, progress.update), open).finally(
          progress.stop,
        );
        await output.result(result, () => text(result));
        for (const { location, error } of result.failed) output.note(`failed: ${location}: ${error}`);
        const isWhole = result.failed.length === 0 && !result.skipped.some(({ why }) => why === "ambiguous");
        return isWhole ? EXIT.ok : EXIT.failed;
      }),
    );
}

function readNames(path: string): ReadonlyMap<string, string> {
  const value = parseJson(readFileSync(path, "utf8"));
  if (!isJsonObject(value)) throw invalid(`${path} is no JSON object`, { at: path });
  return new Map(
    Object.entries(value).map(([key, name]) => {
      if (typeof name !== "string") throw invalid(`the name of ${key} is no text`, { at: path });
      return [key, name];
    }),
  );
}

function text({ catalogId, tables, skipped, incompleteTransactions }: RebuildResult): string {
  const rows = table(
    ["TABLE", "STATUS", "VERSION", "FILES", "ID", "LOCATION"],
    tables.map(({ name, status, version, files, tableId, location }) => [
      name,
      status,
      version === undefined ? "" : String(version),
      files === undefined ? "" : String(files),
      tableId,
      location,
    ]),
  );
  return [
    ...(tables.length > 0 ? [rows] : []),
    ...tables.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
    ...skipped.map(({ location, message }) => `left out: ${location}: ${message}`),
    ...(incompleteTransactions > 0
      ? [
          `${plural(incompleteTransactions, "transaction")} not whole: the log of some table is missing (\`dl recover\`)`,
        ]
      : []),
    `${plural(tables.length, "table")} of the catalog ${catalogId ?? "without a name"}`,
  ].join("\n");
}
