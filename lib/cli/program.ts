/** The commands of `dl`, and how a run ends. Each command is a file in commands/, loaded when it is named. */

import { Command, CommanderError, Option } from "commander";
import { EXIT } from "./exit-codes.ts";
import { reportFailure } from "./failure.ts";
import { VERSION } from "./version.ts";

interface Listed {
  readonly about: string;
  readonly load: () => Promise<Command>;
}

/** In the order of the help, which needs no more of a command than what stands here. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  serve: {
    about: "run the API, the mirror, the sweeper and parity checks in one process",
    load: async () => (await import("./commands/serve.ts")).serveCommand(),
  },
  gateway: {
    about: "an S3 endpoint for engines: what they write to a Delta log is committed to the catalog",
    load: async () => (await import("./commands/gateway.ts")).gatewayCommand(),
  },
  import: {
    about: "take an existing Delta table into the catalog; prints what it found as JSON",
    load: async () => (await import("./commands/import.ts")).importCommand(),
  },
  commit: {
    about: "commit a request of POST /v1/commits from a file, or from standard input (-)",
    load: async () => (await import("./commands/commit.ts")).commitCommand(),
  },
  tables: {
    about: "list the tables of the catalog; with --table, describe one",
    load: async () => (await import("./commands/tables.ts")).tablesCommand(),
  },
  files: {
    about: "list the live files of a table; --format ndjson prints one add object a line",
    load: async () => (await import("./commands/files.ts")).filesCommand(),
  },
  index: {
    about: "the columns by which scans of a table find files fast: list them, make one, take one away",
    load: async () => (await import("./commands/index-scans.ts")).indexCommand(),
  },
  history: {
    about: "show the versions of a table, newest first",
    load: async () => (await import("./commands/history.ts")).historyCommand(),
  },
  snapshot: {
    about: "show one version per table, consistent across tables, and what each holds",
    load: async () => (await import("./commands/snapshot.ts")).snapshotCommand(),
  },
  diff: {
    about: "compare SQL with _delta_log; exits 2 on drift, 3 when the mirror is only late",
    load: async () => (await import("./commands/diff.ts")).diffCommand(),
  },
  mirror: {
    about: "publish all unpublished versions to _delta_log now",
    load: async () => (await import("./commands/mirror.ts")).mirrorCommand(),
  },
  export: {
    about: "write the _delta_log of a table, or of all, elsewhere, whole, from SQL alone; data files are not copied",
    load: async () => (await import("./commands/export.ts")).exportCommand(),
  },
  fence: {
    about: "make every other Delta writer refuse to write to a table (on), or let them (off); readers go on reading",
    load: async () => (await import("./commands/fence.ts")).fenceCommand(),
  },
  resolve: {
    about: "let the mirror of a quarantined table go on, once the foreign files are gone from its _delta_log",
    load: async () => (await import("./commands/resolve.ts")).resolveCommand(),
  },
  rebuild: {
    about:
      "make a lost catalog again from the logs of its tables, into an empty database; exits 1 when a table is missing",
    load: async () => (await import("./commands/rebuild.ts")).rebuildCommand(),
  },
  repair: {
    about: "put back files that are missing from _delta_log, from SQL; exits 1 when something is wrong all the same",
    load: async () => (await import("./commands/repair.ts")).repairCommand(),
  },
  revert: {
    about: "bring the content of a table back to that of an older version, as a new one",
    load: async () => (await import("./commands/revert.ts")).revertCommand(),
  },
  compact: {
    about: "make large files of small ones; --plan only says which, for an engine to do it",
    load: async () => (await import("./commands/compact.ts")).compactCommand(),
  },
  vacuum: {
    about: "remove the files that only versions beyond the retention have; without --yes, count them",
    load: async () => (await import("./commands/vacuum.ts")).vacuumCommand(),
  },
  recover: {
    about: "bring a database that is older than the log up to it: what the log has more, with its transactions",
    load: async () => (await import("./commands/recover.ts")).recoverCommand(),
  },
  "clean-log": {
    about: "remove expired versions from _delta_log; without --yes, count them",
    load: async () => (await import("./commands/clean-log.ts")).cleanLogCommand(),
  },
  "trim-history": {
    about: "let SQL forget expired versions; without --yes, count them",
    load: async () => (await import("./commands/trim-history.ts")).trimHistoryCommand(),
  },
  "trim-transactions": {
    about: "let SQL forget transactions beyond their retention; without --yes, count them",
    load: async () => (await import("./commands/trim-transactions.ts")).trimTransactionsCommand(),
  },
  policy: {
    about: "show and set what the schedule does with a table: vacuum, clean-log, trim-history",
    load: async () => (await import("./commands/policy.ts")).policyCommand(),
  },
  drop: {
    about: "forget a table, once all of it is in its _delta_log; its files stay, and for some days it can come back",
    load: async () => (await import("./commands/drop.ts")).dropCommand(),
  },
  takeover: {
    about: "write a followed table here from now on: fenced against its former writers",
    load: async () => (await import("./commands/takeover.ts")).takeoverCommand(),
  },
  eject: {
    about: "give a table back as plain Delta: complete, without the fence, and dropped here",
    load: async () => (await import("./commands/eject.ts")).ejectCommand(),
  },
  undrop: {
    about: "bring a dropped table back, with all its versions",
    load: async () => (await import("./commands/undrop.ts")).undropCommand(),
  },
  purge: {
    about:
      "end dropped tables for good, once they cannot come back any more: their rows, with --files their files as well",
    load: async () => (await import("./commands/purge.ts")).purgeCommand(),
  },
  rename: {
    about: "give a table another name; nothing moves",
    load: async () => (await import("./commands/rename.ts")).renameCommand(),
  },
  relocate: {
    about: "take a table to another place, with its files, while commits go on; without --yes, count them",
    load: async () => (await import("./commands/relocate.ts")).relocateCommand(),
  },
  migrate: {
    about: "make the schema of the database, or bring it up to date",
    load: async () => (await import("./commands/migrate.ts")).migrateCommand(),
  },
  backup: {
    about: "back up the whole catalog to a folder or bucket; list, verify and prune backups",
    load: async () => (await import("./commands/backup.ts")).backupCommand(),
  },
  restore: {
    about: "restore a backup into an empty database of any engine",
    load: async () => (await import("./commands/restore.ts")).restoreCommand(),
  },
  "init-sql": {
    about: "print the roles and rights that a new database on a server needs",
    load: async () => (await import("./commands/init-sql.ts")).initSqlCommand(),
  },
  copy: {
    about: "move a whole catalog into an empty database of another engine",
    load: async () => (await import("./commands/copy.ts")).copyCommand(),
  },
  health: {
    about: "check that database and storage answer, and which tables are not ok; --url asks a running server",
    load: async () => (await import("./commands/health.ts")).healthCommand(),
  },
  key: {
    about: "make, list and revoke the API keys of dl serve",
    load: async () => (await import("./commands/key.ts")).keyCommand(),
  },
  grant: {
    about: "grant a privilege on the catalog, a namespace or a table, or a place in a role",
    load: async () => (await import("./commands/grant.ts")).grantCommand(),
  },
  revoke: {
    about: "revoke what was granted",
    load: async () => (await import("./commands/grant.ts")).revokeCommand(),
  },
  grants: {
    about: "list grants and places in roles",
    load: async () => (await import("./commands/grant.ts")).grantsCommand(),
  },
  access: {
    about: "hold grants against requests (on, off), explain decisions, set policies",
    load: async () => (await import("./commands/access.ts")).accessCommand(),
  },
  audit: {
    about: "who tried what, and what came of it; verify that nobody has changed it",
    load: async () => (await import("./commands/audit.ts")).auditCommand(),
  },
  config: {
    about: "work with configuration files",
    load: async () => (await import("./commands/config.ts")).configCommand(),
  },
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
    .option("--database <url>", "a file, sqlite:FILE, postgresql://…, mysql://… or rds-data://… (or DATABASE_URL)")
    .option("--config <file>", "settings in YAML, TOML or JSON")
    .addOption(
      new Option("--format <format>", "how data is printed")
        .choices(["text", "json", "ndjson", "cloudevents"])
        .default("text"),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 drift, 3 lag only, 4 stopped before all was done, 64 wrong usage.",
    );
  for (const command of await commandsFor(args)) program.addCommand(command);
  configure(program);
  return program;
}

/** The commands that the arguments may mean; the names of all where help or a suggestion is needed. */
async function commandsFor(args: readonly string[]): Promise<Command[]> {
  const bare = args.length === 1 && ["-V", "--version"].includes(args[0] ?? "");
  if (bare) return [];
  const named = Object.entries(COMMANDS).filter(([name]) => args.includes(name));
  if (named.length === 0)
    return Object.entries(COMMANDS).map(([name, { about }]) => new Command(name).description(about));
  return Promise.all(named.map(async ([, { about, load }]) => (await load()).description(about)));
}

/** Errors of the command line come back as exceptions, and read like all others. */
function configure(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "dl: ")) });
  command.configureHelp({ showGlobalOptions: true });
  command.showSuggestionAfterError(true);
  for (const sub of command.commands) configure(sub);
}
