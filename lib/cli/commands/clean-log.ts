/** dl clean-log: takes expired versions out of `_delta_log`. */

import { Command } from "commander";
import { type CleanLogResult, cleanLog } from "../../operations/clean-log.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";

export function cleanLogCommand(): Command {
  return new Command("clean-log")
    .argument("<table>", "the table: namespace.name or its id")
    .option("--yes", "remove them; without it they are only counted")
    .option("--force", "also where the table says delta.enableExpiredLogCleanup = false")
    .action(
      action<{ readonly yes?: true; readonly force?: true }>(async ({ output, withLake }, { yes, force }, [table]) => {
        const options = { remove: yes === true, force: force === true };
        const result = await withLake((lake) => cleanLog(lake, oneTable({ table: table ?? "" }), options));
        await output.result(result, () => text(result));
        return result.failed > 0 ? EXIT.failed : EXIT.ok;
      }),
    );
}

function text({ commits, checkpoints, others, oldestVersion, removed, kept, ...result }: CleanLogResult): string {
  if (kept !== undefined) return `nothing goes: ${kept}`;
  const what = `${plural(commits, "commit")}, ${plural(checkpoints, "checkpoint")} and ${plural(others, "other file")}`;
  const oldest = `the log then begins with the checkpoint of version ${oldestVersion}`;
  if (!removed) return `${what} can go; ${oldest}. Remove them with --yes`;
  const left = result.failed === 0 ? "" : `; ${plural(result.failed, "file")} could not be removed: ${result.failure}`;
  return `${what} removed; the log begins with the checkpoint of version ${oldestVersion}${left}`;
}
