/** dl migrate: makes or updates the schema of the database, or says what it would do. */

import { Command, Option } from "commander";
import { maskedUrl } from "../../masked-url.ts";
import { NESTED_HINT, nestedTables } from "../../operations/tables/nested-tables.ts";
import { action, type CommandContext, databaseExists } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

interface MigrateOptions {
  readonly check?: true;
  readonly dryRun?: true;
}

export function migrateCommand(): Command {
  return new Command("migrate")
    .addOption(
      new Option("--check", "write nothing; exit code 5 where migrations of this release are missing").conflicts(
        "dryRun",
      ),
    )
    .option("--dry-run", "write nothing; print the statements that would run")
    .action(
      action<MigrateOptions>(async (context, { check, dryRun }) => {
        if (check) return report(context, "check");
        return dryRun ? report(context, "dryRun") : run(context);
      }),
    );
}

async function run({ output, database, withLake }: CommandContext): Promise<number> {
  // A new SQLite file is made complete as soon as it is opened.
  const made = !databaseExists(database());
  const { applied, nested } = await withLake(
    async ({ catalog }) => ({ ...(await catalog.migrate()), nested: await nestedTables(catalog) }),
    { create: "file", mirror: false },
  );
  await output.result({ database: maskedUrl(database()), made, applied }, () => {
    if (made) return `made ${maskedUrl(database())}`;
    return applied.length === 0 ? "the schema is up to date" : `applied ${applied.join(", ")}`;
  });
  for (const pair of nested) output.note(`warning: ${pair}`);
  if (nested.length > 0) output.note(`hint: ${NESTED_HINT}`);
  return EXIT.ok;
}

/** @returns the exit code: missing migrations are what `--check` is asked about, and what `--dry-run` is for */
async function report({ output, database, withLake }: CommandContext, how: "check" | "dryRun"): Promise<number> {
  const url = maskedUrl(database());
  if (!databaseExists(database())) {
    await output.result(
      { database: url, made: false, pending: null },
      () => `${url} is not there: dl migrate makes it`,
    );
    return how === "check" ? EXIT.pending : EXIT.ok;
  }
  const pending = await withLake(({ catalog }) => catalog.pendingMigrations(), { schema: "leave", mirror: false });
  const names = pending.map(({ name }) => name);
  const json = how === "check" ? names : pending;
  await output.result({ database: url, made: false, pending: json }, () => {
    if (pending.length === 0) return "the schema is up to date";
    if (how === "check") return `dl migrate would run ${names.join(", ")}`;
    return pending.map(({ name, statements }) => `-- ${name}\n${statements.map(asScript).join("\n")}`).join("\n\n");
  });
  return how === "check" && pending.length > 0 ? EXIT.pending : EXIT.ok;
}

function asScript(statement: string): string {
  return `${statement.trim()};`;
}
