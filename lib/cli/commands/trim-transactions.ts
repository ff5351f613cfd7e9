/** dl trim-transactions: ends what SQL remembers of transactions. */

import { Command } from "commander";
import { type TrimmedTransactions, trimTransactions } from "../../operations/trim-transactions.ts";
import { duration } from "../arguments.ts";
import { action } from "../context.ts";
import { plural } from "../format.ts";
import { maintenanceRules } from "../maintenance-rules.ts";

interface Options {
  readonly retain?: number;
  readonly yes?: true;
}

export function trimTransactionsCommand(): Command {
  return new Command("trim-transactions")
    .option(
      "--retain <duration>",
      "for how long a repeated request gets its first answer, such as 30d; 7d at least; maintenance.transaction_retention_days if not given",
      duration,
    )
    .option("--yes", "forget them; without it they are only counted")
    .action(
      action<Options>(async ({ output, config, withLake }, { retain, yes }) => {
        const retentionMs = retain ?? maintenanceRules(config).transactionRetentionMs;
        const result = await withLake((lake) => trimTransactions(lake, { retentionMs, remove: yes === true }));
        await output.result(result, () => text(result));
        return undefined;
      }),
    );
}

function text({ transactions, before, kept, keptFor, removed }: TrimmedTransactions): string {
  const time = new Date(before).toISOString();
  const stay = kept === 0 ? "" : `; ${plural(kept, "older one")} ${kept === 1 ? "stays" : "stay"}${reason(keptFor)}`;
  if (transactions === 0) return `no transaction from before ${time} can go${stay}`;
  if (!removed)
    return `${plural(transactions, "transaction")} from before ${time} can go${stay}. Forget them with --yes: repeated then, they are refused`;
  return `${plural(transactions, "transaction")} from before ${time} ${transactions === 1 ? "is" : "are"} forgotten${stay}`;
}

function reason(tables: readonly string[]): string {
  if (tables.length === 0) return ", as parts of them are still to come from logs";
  return `, as not all of it is safely in the logs, or a drop may be undone: ${tables.join(", ")}`;
}
