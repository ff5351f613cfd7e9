/** dl undrop: brings a dropped table back. */

import { Command } from "commander";
import { undropTable } from "../../operations/undrop-table.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly as?: string;
}

export function undropCommand(): Command {
  const command = new Command("undrop")
    .argument("[table]", "the table: namespace.name or its id")
    .option("--as <ns.name>", "another name than it had, where that is taken");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, { as, ...options }, [named]) => {
      const ref = oneTable(named === undefined ? options : { ...options, table: named });
      const back = await withLake((lake) => undropTable(lake, ref, as === undefined ? {} : { name: as }));
      await output.result(
        back,
        () => `${back.name} is back, at version ${back.version}; its files are at ${back.location}`,
      );
      return EXIT.ok;
    }),
  );
}
