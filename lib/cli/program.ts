/** The commands of `dl`, and how a run ends. Each command is a file in commands/, loaded when it is named. */

import { Command, CommanderError, Option } from "commander";
import { EXIT } from "./exit-codes.ts";
import { reportFailure } from "./failure.ts";
import { VERSION } from "./version.ts";

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./commands/serve.ts")).serveCommand(),
  import: async () => (await import("./commands/import.ts")).importCommand(),
  commit: async () => (await import("./commands/commit.ts")).commitCommand(),
  tables: async () => (await import("./commands/tables.ts")).tablesCommand(),
  files: async () => (await import("./commands/files.ts")).filesCommand(),
  history: async () => (await import("./commands/history.ts")).historyCommand(),
  snapshot: async () => (await import("./commands/snapshot.ts")).snapshotCommand(),
  diff: async () => (await import("./commands/diff.ts")).diffCommand(),
  mirror: async () => (await import("./commands/mirror.ts")).mirrorCommand(),
  export: async () => (await import("./commands/export.ts")).exportCommand(),
  fence: async () => (await import("./commands/fence.ts")).fenceCommand(),
  resolve: async () => (await import("./commands/resolve.ts")).resolveCommand(),
  migrate: async () => (await import("./commands/migrate.ts")).migrateCommand(),
  health: async () => (await import("./commands/health.ts")).healthCommand(),
  config: async () => (await import("./commands/config.ts")).configCommand(),
};

/** Runs one command line and leaves the exit code with the process. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    const program = await buildProgram(args);
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

async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("dl")
    .description("SQL is the truth of Delta Lake tables, _delta_log the mirror")
    // Only -V: `--version` belongs to commands, where it is the version of a table.
    .version(VERSION, "-V", "print the version of dl")
    .option("--database <url>", "a file, sqlite:FILE, postgresql://… or rds-data://… (or DATABASE_URL)")
    .option("--config <file>", "settings in YAML, TOML or JSON")
    .addOption(
      new Option("--format <format>", "how data is printed").choices(["text", "json", "ndjson"]).default("text"),
    )
    .addHelpText("after", "\nExit codes: 0 ok, 1 failed, 2 drift, 3 lag only, 64 wrong usage.");
  for (const load of loadersFor(args)) program.addCommand(await load());
  configure(program);
  return program;
}

/** The commands that the arguments may mean; all of them where help or a suggestion is needed. */
function loadersFor(args: readonly string[]): (() => Promise<Command>)[] {
  const bare = args.length === 1 && ["-V", "--version"].includes(args[0] ?? "");
  if (bare) return [];
  const named = Object.entries(COMMANDS).filter(([name]) => args.includes(name));
  return (named.length > 0 && !args.includes("help") ? named : Object.entries(COMMANDS)).map(([, load]) => load);
}

/** Errors of the command line come back as exceptions, and read like all others. */
function configure(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "dl: ")) });
  command.configureHelp({ showGlobalOptions: true });
  command.showSuggestionAfterError(true);
  for (const sub of command.commands) configure(sub);
}
