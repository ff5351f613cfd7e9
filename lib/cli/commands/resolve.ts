/** dl resolve: lets the mirror of a quarantined table go on, once no foreign file is in its way. */

import { Command } from "commander";
import { type ResolveResult, resolveTable } from "../../operations/resolve.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";

export function resolveCommand(): Command {
  const command = new Command("resolve");
  return withTableOptions(command).action(
    action<{ readonly table?: string; readonly tableId?: string }>(async ({ output, withLake }, options) => {
      const resolved = await withLake((lake) => resolveTable(lake, oneTable(options)), { mirror: false });
      await output.result(resolved, () => text(resolved));
      return EXIT.ok;
    }),
  );
}

function text({ table, quarantine, unpublished }: ResolveResult): string {
  if (quarantine === undefined) return `${table} is not quarantined`;
  const rest = unpublished === 0 ? "nothing" : plural(unpublished, "version");
  return `${table} is no longer quarantined; ${rest} to publish: the sweeper does, or \`dl mirror --table ${table}\``;
}
