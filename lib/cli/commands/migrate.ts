/** dl migrate: makes or updates the schema of the database. */

import { Command } from "commander";
import { maskedUrl } from "../../masked-url.ts";
import { NESTED_HINT, nestedTables } from "../../operations/tables/nested-tables.ts";
import { action, databaseExists } from "../context.ts";

export function migrateCommand(): Command {
  return new Command("migrate").action(
    action(async ({ output, database, withLake }) => {
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
      return 0;
    }),
  );
}
