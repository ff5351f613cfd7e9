/** The command line `dl`: which commands there are, and how it ends. Each command is a file in commands/. */

import { Command, CommanderError, Option } from "commander";
import { commitCommand } from "./commands/commit.ts";
import { configCommand } from "./commands/config.ts";
import { diffCommand } from "./commands/diff.ts";
import { exportCommand } from "./commands/export.ts";
import { filesCommand } from "./commands/files.ts";
import { healthCommand } from "./commands/health.ts";
import { historyCommand } from "./commands/history.ts";
import { importCommand } from "./commands/import.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { mirrorCommand } from "./commands/mirror.ts";
import { serveCommand } from "./commands/serve.ts";
import { snapshotCommand } from "./commands/snapshot.ts";
import { tablesCommand } from "./commands/tables.ts";
import { EXIT } from "./exit-codes.ts";
import { reportFailure } from "./failure.ts";
import { VERSION } from "./version.ts";

const COMMANDS = [
  serveCommand,
  importCommand,
  commitCommand,
  tablesCommand,
  filesCommand,
  historyCommand,
  snapshotCommand,
  diffCommand,
  mirrorCommand,
  exportCommand,
  migrateCommand,
  healthCommand,
  configCommand,
];

function buildProgram(): Command {
  const program = new Command("dl")
    .description("SQL is the truth of Delta Lake tables, _delta_log the mirror")
    // Only -V: `--version` belongs to commands, where it is the version of a table.
    .version(VERSION, "-V", "print the version of dl")
    .option("--database <url>", "a file, sqlite:FILE or postgresql://… (or DATABASE_URL)")
    .option("--config <file>", "settings in YAML, TOML or JSON")
    .addOption(
      new Option("--format <format>", "how data is printed").choices(["text", "json", "ndjson"]).default("text"),
    )
    .addHelpText("after", "\nExit codes: 0 ok, 1 failed, 2 drift, 3 lag only, 64 wrong usage.")
    .configureHelp({ showGlobalOptions: true });
  for (const command of COMMANDS) program.addCommand(command());
  configure(program);
  return program;
}

/** Errors of the command line come back as exceptions, and read like all others. */
function configure(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "dl: ")) });
  command.configureHelp({ showGlobalOptions: true });
  command.showSuggestionAfterError(true);
  for (const sub of command.commands) configure(sub);
}

async function main(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  try {
    await program.parseAsync(args[0] === "--version" ? ["-V"] : [...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      process.exitCode = reportFailure(error);
      return;
    }
    // Commander has printed it. Help and version that were asked for are no errors.
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

// A reader that has seen enough (`dl files | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? EXIT.ok);
});

await main(process.argv.slice(2));
