/** dl trim-history: ends what SQL remembers of a table's versions. */

import { Command } from "commander";
import { MAINTENANCE_RULES, policyOf } from "../../operations/maintenance.ts";
import { findHead } from "../../operations/read.ts";
import { type TrimResult, trimHistory } from "../../operations/trim-history.ts";
import type { Lake } from "../../ports.ts";
import { duration } from "../arguments.ts";
import { action, oneTable } from "../context.ts";
import { plural } from "../format.ts";

interface Options {
  readonly retain?: number;
  readonly yes?: true;
}

export function trimHistoryCommand(): Command {
  return new Command("trim-history")
    .argument("<table>", "the table: namespace.name or its id")
    .option(
      "--retain <duration>",
      "for how long SQL keeps versions, such as 90d; never less than the table's log and removed files stay",
      duration,
    )
    .option("--yes", "remove them; without it they are only counted")
    .action(
      action<Options>(async ({ output, withLake }, options, [table]) => {
        const result = await withLake((lake) => trim(lake, table ?? "", options));
        await output.result(result, () => text(result));
        return undefined;
      }),
    );
}

async function trim(lake: Lake, table: string, { retain, yes }: Options): Promise<TrimResult> {
  const { tableId } = await findHead(lake, oneTable({ table }));
  const [upkeep] = await lake.catalog.readUpkeep([tableId]);
  return trimHistory(
    lake,
    { tableId },
    {
      ...(retain === undefined ? {} : { retentionMs: retain }),
      keepForVacuum: policyOf(upkeep, MAINTENANCE_RULES).vacuum,
      remove: yes === true,
    },
  );
}

function text({ versions, oldestVersion, removed }: TrimResult): string {
  if (versions === 0) return `no version has expired; SQL keeps version ${oldestVersion} and later ones`;
  const then = removed ? "SQL keeps" : "SQL then keeps";
  const what = removed ? `${plural(versions, "version")} removed` : `${plural(versions, "version")} can go`;
  return `${what}; ${then} version ${oldestVersion} and later ones${removed ? "" : ". Remove them with --yes"}`;
}
