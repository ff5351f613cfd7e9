/** dl purge: ends dropped tables for good. */

import { Command } from "commander";
import { isLakeError } from "../../errors.ts";
import { expiredTables, type PurgedTable, purgeExpired, purgeTable } from "../../operations/purge.ts";
import type { Claim, Lake } from "../../ports.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, plural } from "../format.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly expired?: true;
  readonly files?: true;
  readonly yes?: true;
}

type Done = PurgedTable | (Pick<Claim, "tableId" | "name"> & { readonly error: string });

export function purgeCommand(): Command {
  const command = new Command("purge")
    .argument("[table]", "the table: the name under which it was dropped last, or its id")
    .option("--expired", "every dropped table that cannot come back any more")
    .option("--files", "also their logs and data files, apart from those that other tables name")
    .option("--yes", "do it; without it the tables are only named");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, { expired, files = false, yes, ...options }, [named]) => {
      const wanted = named === undefined ? options : { ...options, table: named };
      const isNamed = wanted.table !== undefined || wanted.tableId !== undefined;
      if (expired ? isNamed : !isNamed) throw new UsageError("name a table, or say --expired, one of the two");
      if (!yes) {
        const tables = await withLake((lake) => candidates(lake, expired ? undefined : wanted));
        await output.result({ tables }, () => preview(tables));
        return EXIT.ok;
      }
      const purged = await withLake((lake) =>
        expired ? purgeAll(lake, files) : purgeTable(lake, oneTable(wanted), { files }).then((one) => [one]),
      );
      await output.result({ tables: purged }, () => purged.map(text).join("\n") || "nothing is to be purged");
      return purged.every((one) => !("error" in one) && one.failed === 0) ? EXIT.ok : EXIT.failed;
    }),
  );
}

async function candidates(lake: Lake, wanted: Options | undefined): Promise<readonly Claim[]> {
  if (wanted !== undefined) return [(await lake.catalog.whereabouts(oneTable(wanted)))?.dropped ?? []].flat();
  const tables: Claim[] = [];
  for await (const table of expiredTables(lake)) tables.push(table);
  return tables;
}

async function purgeAll(lake: Lake, files: boolean): Promise<readonly Done[]> {
  const done: Done[] = [];
  for await (const one of purgeExpired(lake, { files })) {
    done.push("error" in one && isLakeError(one.error) ? { ...one, error: one.error.message } : (one as PurgedTable));
  }
  return done;
}

function preview(tables: readonly Claim[]): string {
  if (tables.length === 0) return "nothing is to be purged";
  return [...tables.map(({ name, location }) => `${name}, at ${location}`), "End them with --yes"].join("\n");
}

function text(one: Done): string {
  if ("error" in one) return `${one.name}: ${one.error}`;
  const { name, location, files, bytes, logFiles, kept, failed } = one;
  const removed =
    files + logFiles === 0 ? "" : `; ${plural(files, "data file")} (${formatBytes(bytes)}) and its log are removed`;
  const left = kept === 0 ? "" : `; ${plural(kept, "file")} that others name, or that are too young, are kept`;
  const again = failed === 0 ? "" : `; ${plural(failed, "file")} could not be removed: run it again`;
  return `${name}, at ${location}, is purged${removed}${left}${again}`;
}
