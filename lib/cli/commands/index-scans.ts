/** dl index: the columns by which scans of a table find files without looking at all of them. */

import { Command } from "commander";
import { addScanIndex, dropScanIndex, indexScans, scanIndexesOf } from "../../operations/index-scans.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { UsageError } from "../failure.ts";
import { plural } from "../format.ts";
import { table } from "../table.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly column?: string;
  readonly drop?: true;
}

const ABOUT = `
A scan of a large table (POST …/plan, dl files --where) looks at every file, unless there is an index of a column of its condition.
dl serve makes up to four for a table, of columns that scans ask for, and keeps all of them up with the commits; on AWS the sweep does.
Elsewhere this command does. An index takes some 100 to 200 bytes a file, and no commit waits for it.

  dl index --table sales.orders                 lists them
  dl index --table sales.orders --column id     makes one, and brings all up to the newest version
  dl index --table sales.orders --column id --drop`;

export function indexCommand(): Command {
  const command = new Command("index")
    .option("--column <name>", "a column, or a member of a struct as a path with dots")
    .option("--drop", "take the index of the column away")
    .addHelpText("after", ABOUT);
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, { column, drop, ...options }) => {
      if (drop && column === undefined) throw new UsageError("--drop needs --column: the column whose index is to go");
      await withLake(async (lake) => {
        const ref = oneTable(options);
        if (column !== undefined && drop) await dropScanIndex(lake, ref, column);
        else if (column !== undefined) await addScanIndex(lake, ref, column);
        if (column !== undefined) await indexScans(lake);
        const indexes = await scanIndexesOf(lake, ref);
        await output.result({ indexes }, () => text(indexes));
      });
      return 0;
    }),
  );
}

function text(indexes: Awaited<ReturnType<typeof scanIndexesOf>>): string {
  if (indexes.length === 0) return "no column has an index: scans look at every file\n";
  const rows = indexes.map(({ column, fromVersion, toVersion, files }) => [
    column,
    toVersion < 0 ? "is being made" : `${fromVersion} to ${toVersion}`,
    plural(files, "file"),
  ]);
  return table(["COLUMN", "VERSIONS", "HOLDS"], rows);
}
