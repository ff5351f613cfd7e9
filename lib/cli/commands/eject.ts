/** dl eject: gives a table back as plain Delta, which others may write. */

import { Command } from "commander";
import { type EjectedTable, ejectTable } from "../../operations/eject.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

export function ejectCommand(): Command {
  return new Command("eject").argument("<table>", "the table: namespace.name or its id").action(
    action<object>(async ({ output, withLake }, _options, [table]) => {
      const ejected = await withLake((lake) => ejectTable(lake, oneTable({ table: table ?? "" })), { mirror: false });
      await output.result(ejected, () => text(ejected));
      return EXIT.ok;
    }),
  );
}

function text({ name, location, version, unfenced }: EjectedTable): string {
  const fence = unfenced === undefined ? "" : `; its fence is down since version ${unfenced}`;
  return (
    `${name} is plain Delta now, at ${location}, version ${version}${fence}. Any engine may write it; nothing here knows it any more. ` +
    `\`dl import ${location} --name ${name}\` takes it in again`
  );
}
