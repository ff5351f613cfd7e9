/** dl export: writes the whole log of a table, or of all tables, to another folder, from SQL alone. */

import { Command } from "commander";
import { defaultFolder } from "../../delta/files/locations.ts";
import { errorText, isLakeError } from "../../errors.ts";
import { toLocation } from "../../lake/location.ts";
import { type ExportResult, exportTable } from "../../operations/export.ts";
import { allTables } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { table } from "../table.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly all?: true;
  readonly to: string;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .requiredOption("--to <dir>", "folder, or s3://bucket/prefix, that gets the _delta_log")
    .option("--all", "every table of the catalog, each in a folder named after it: namespace/name");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, { all, to, ...options }) => {
      const isNamed = options.table !== undefined || options.tableId !== undefined;
      if (all && isNamed) throw new UsageError("name a table, or say --all, not both");
      if (!all) {
        const done = await withLake((lake) => exportOne(lake, options, to), { mirror: false });
        await output.result(done, () => `exported ${sentence(done)}`);
        return EXIT.ok;
      }
      const tables = await withLake((lake) => exportAll(lake, to), { mirror: false });
      await output.result({ tables }, () => text(tables));
      return tables.some((each) => "error" in each) ? EXIT.failed : EXIT.ok;
    }),
  );
}

async function exportOne(lake: Lake, options: Pick<Options, "table" | "tableId">, to: string): Promise<ExportResult> {
  const location = await toLocation(to);
  const progress = openProgress();
  return exportTable(lake, oneTable(options), lake.openLog(location), progress.update).finally(progress.stop);
}

type Exported = (ExportResult & { readonly table: string }) | { readonly table: string; readonly error: string };

/** One that fails holds up no other. */
async function exportAll(lake: Lake, to: string): Promise<readonly Exported[]> {
  const progress = openProgress();
  const done: Exported[] = [];
  for await (const { tableId, name } of allTables(lake)) {
    progress.update({ phase: "tables", done: done.length });
    try {
      const location = await toLocation(defaultFolder(name), to);
      done.push({ table: name, ...(await exportTable(lake, { tableId }, lake.openLog(location))) });
    } catch (error) {
      // Dropped since it was listed.
      if (!isLakeError(error, "notFound")) done.push({ table: name, error: errorText(error) });
    }
  }
  progress.stop();
  return done;
}

function sentence({ versions, fromVersion, toVersion, checkpoints, location }: ExportResult): string {
  return `${plural(versions, "version")} (${fromVersion} to ${toVersion}) and ${plural(checkpoints.length, "checkpoint")} to ${location}`;
}

function text(tables: readonly Exported[]): string {
  if (tables.length === 0) return "there are no tables";
  return table(
    ["TABLE", "RESULT"],
    tables.map((each) => [each.table, "error" in each ? each.error : sentence(each)]),
  );
}
