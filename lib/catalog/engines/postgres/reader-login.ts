/** A login of the database that may read the catalog's tables, and nothing else. */

import { invalid } from "../../../errors.ts";
import type { ReaderLogin } from "../../../ports.ts";
import { type Database, raw, sql } from "../../database.ts";
import { SCHEMA } from "../../migrations/index.ts";

const TABLES = SCHEMA.map(({ name }) => `'${name}'`).join(", ");

/** Definitions take no parameters: name and password come in as settings of the transaction. */
const ALLOW = `do $$
declare
  reader text := current_setting('dl.reader_name');
  relation text;
begin
  if not exists (select from pg_roles where rolname = reader) then
    execute format('create role %I', reader);
  end if;
  execute format('alter role %I login nosuperuser nocreatedb nocreaterole password %L', reader,
    current_setting('dl.reader_password'));
  execute format('grant usage on schema %I to %I', current_schema(), reader);
  foreach relation in array array[${TABLES}] loop
    execute format('grant select on %I to %I', relation, reader);
  end loop;
end $$`;

/**
 * Makes the login, or gives it this password, and lets it read all tables that there are now. Safe to run again, and at once.
 * @throws LakeError invalid where the engine has no logins
 */
export async function allowReader(db: Database, { name, password }: ReaderLogin): Promise<void> {
  if (db.dialect.name !== "postgres") {
    throw invalid("SQLite has no logins: whoever can open the file may write to it", {
      hint: "Open the file read-only, or use PostgreSQL.",
    });
  }
  await db.transaction(async (tx) => {
    // Roles belong to the whole server, where two deployments may be at work.
    await tx.all(sql`select pg_advisory_xact_lock(hashtext('dl_reader_login'))`);
    await tx.all(sql`
      select set_config('dl.reader_name', ${name}, true) as name, set_config('dl.reader_password', ${password}, true) as word`);
    await tx.all(raw(ALLOW));
  });
}
