/** dl repair: puts back what is missing from the log of a table, or of all tables. */

import { Command } from "commander";
import { errorText, isLakeError } from "../../errors.ts";
import { allTables } from "../../operations/read.ts";
import { type RepairResult, repairTable } from "../../operations/repair.ts";
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
}

type Repaired = RepairResult | { readonly tableId: string; readonly table: string; readonly error: string };

export function repairCommand(): Command {
  const command = new Command("repair")
    .argument("[table]", "the table: namespace.name or its id")
    .option("--all", "every table of the catalog, one after the other");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, { all, ...options }, [named]) => {
      const wanted = named === undefined ? options : { ...options, table: named };
      const isNamed = wanted.table !== undefined || wanted.tableId !== undefined;
      if (named !== undefined && (options.table ?? options.tableId) !== undefined) {
        throw new UsageError("name the table once: as an argument, by --table or by --table-id");
      }
      if (all && isNamed) throw new UsageError("name a table, or say --all, not both");
      const tables = await withLake((lake) => (all ? repairAll(lake) : repairOne(lake, wanted)));
      await output.result({ tables }, () => text(tables));
      return tables.every(isWhole) ? EXIT.ok : EXIT.failed;
    }),
  );
}

async function repairOne(lake: Lake, options: Options): Promise<readonly Repaired[]> {
  const progress = openProgress();
  try {
    return [await repairTable(lake, oneTable(options), progress.update)];
  } finally {
    progress.stop();
  }
}

/** One that fails holds up no other. */
async function repairAll(lake: Lake): Promise<readonly Repaired[]> {
  const progress = openProgress();
  const done: Repaired[] = [];
  for await (const { tableId, name } of allTables(lake)) {
    progress.update({ phase: "tables", done: done.length });
    try {
      done.push(await repairTable(lake, { tableId }));
    } catch (error) {
      // Dropped since it was listed.
      if (!isLakeError(error, "notFound")) done.push({ tableId, table: name, error: errorText(error) });
    }
  }
  progress.stop();
  return done;
}

function isWhole(repaired: Repaired): boolean {
  return !("error" in repaired) && repaired.fault === undefined && repaired.otherBytes.length === 0;
}

function text(tables: readonly Repaired[]): string {
  if (tables.length === 0) return "there are no tables";
  return table(
    ["TABLE", "RESULT"],
    tables.map((repaired) => [repaired.table, "error" in repaired ? repaired.error : sentence(repaired)]),
  );
}

function sentence({ restored, checkpoints, removed, lost, otherBytes, fault }: RepairResult): string {
  const parts = [
    ...(restored.length > 0 ? [`${plural(restored.length, "version")} put back (${ranges(restored)})`] : []),
    ...(checkpoints.length > 0 ? [`checkpoints written: ${ranges(checkpoints)}`] : []),
    ...(removed.length > 0 ? [`taken away, of a table that was dropped here: ${removed.join(", ")}`] : []),
    ...(lost.length > 0 ? [`older than the import, and lost to time travel by files: ${ranges(lost)}`] : []),
    ...(otherBytes.length > 0 ? [`left as they are, with other bytes than SQL's: ${ranges(otherBytes)}`] : []),
    ...(fault === undefined ? [] : [`still wrong: ${fault}`]),
  ];
  return parts.length > 0 ? parts.join("; ") : "nothing is missing";
}

/** 1, 2, 3, 7 as `1-3, 7`. */
function ranges(versions: readonly number[]): string {
  const found: { from: number; to: number }[] = [];
  for (const version of versions) {
    const last = found.at(-1);
    if (last?.to === version - 1) last.to = version;
    else found.push({ from: version, to: version });
  }
  return found.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
