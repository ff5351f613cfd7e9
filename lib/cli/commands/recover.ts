/** dl recover: takes over into SQL what the log has more, of some tables or of all. */

import { Command } from "commander";
import {
  isRecovered,
  type RecoveredTable,
  type RecoverOptions,
  type RecoverResult,
  recoverAll,
  recoverTables,
  type Stop,
} from "../../operations/recover.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { plural } from "../format.ts";
import { identitySentence } from "../identity-text.ts";
import { openProgress } from "../progress.ts";
import { table } from "../table.ts";

interface Options extends RecoverOptions {
  readonly all?: true;
}

export function recoverCommand(): Command {
  return new Command("recover")
    .argument("[tables...]", "tables: namespace.name or their ids")
    .option("--all", "every table of the catalog")
    .option("--foreign", "take over also what others have written past the catalog")
    .option(
      "--accept-incomplete",
      "take over also the parts of transactions whose other parts are lost; they are answered with what stands",
    )
    .action(
      action<Options>(async ({ output, withLake }, { all, ...options }, [named]) => {
        const names = named === undefined ? [] : [named].flat();
        if (all && names.length > 0) throw new UsageError("name tables, or say --all, not both");
        if (!all && names.length === 0) throw new UsageError("name a table, or say --all");
        const progress = openProgress();
        const result = await withLake((lake) =>
          all
            ? recoverAll(lake, options, progress.update)
            : recoverTables(lake, names.map(tableRef), options, progress.update),
        ).finally(progress.stop);
        await output.result(result, () => text(result));
        for (const change of result.identities) output.note(identitySentence(change));
        for (const { transactionId, known, missing } of result.incomplete) {
          const parts = known.map(({ tableId, version }) => `${tableId} at version ${version}`).join(", ");
          output.note(
            `transaction ${transactionId}: in ${parts || "no table"}; nothing is left of it in ${missing.join(", ")}`,
          );
        }
        if (result.incomplete.length > 0 && !options.acceptIncomplete) output.note(INCOMPLETE_HINT);
        for (const { error } of result.tables) if (error?.hint) output.note(`hint: ${error.hint}`);
        return isRecovered(result, options) ? EXIT.ok : EXIT.failed;
      }),
    );
}

const INCOMPLETE_HINT =
  "hint: Bring in the tables that are missing, if their logs are somewhere; a newer backup may hold them. To go on without: dl recover --accept-incomplete";

function text({ tables, seen }: RecoverResult): string {
  if (tables.length === 0) return `no log is ahead of SQL (${plural(seen, "table")} looked at)`;
  return table(
    ["TABLE", "FROM", "TO", "LOG", "RESULT"],
    tables.map((one) => [one.table, one.from, one.to, one.logVersion, sentence(one)]),
  );
}

function sentence({ from, to, baseVersion, unproven = [], stop, error }: RecoveredTable): string {
  if (error) return `${error.code}: ${error.message}`;
  const taken = to > from ? [`${plural(to - from, "version")} taken over`] : [];
  const base = baseVersion === undefined ? [] : [`its log was cleaned: it begins with version ${baseVersion} now`];
  const doubt =
    unproven.length === 0
      ? []
      : [`of ${plural(unproven.length, "version")} from ${unproven[0]} on the log cannot tell whether it was SQL's`];
  return [...taken, ...base, ...doubt, ...(stop ? [stopSentence(stop)] : [])].join("; ");
}

function stopSentence({ version, reason, transactionId }: Stop): string {
  const WHY: Readonly<Record<Stop["reason"], string>> = {
    foreign: "others have written it past the catalog (--foreign takes it over)",
    incomplete: `a part of its transaction ${transactionId} is lost (--accept-incomplete takes it over)`,
    waits: `its transaction ${transactionId} is in a table that stops before it`,
    later: "it is later than the moment that was asked for",
    gone: "the log still has its state at a later version only, which is held up",
  };
  return `stopped before version ${version}: ${WHY[reason]}`;
}
