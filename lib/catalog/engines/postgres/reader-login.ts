/** A login of the database that may read the catalog's tables, and nothing else. */

import type { DatabaseLogin } from "../../../ports.ts";
import { type SqlTransaction, sql } from "../../database.ts";

/** Definitions take no parameters: name, password and tables come in as settings of the transaction. */
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
  foreach relation in array string_to_array(current_setting('dl.reader_tables'), ' ') loop
    execute format('grant select on %I to %I', relation, reader);
  end loop;
end $$`;

export async function allowReader(
  tx: SqlTransaction,
  { name, password }: DatabaseLogin,
  tables: readonly string[],
): Promise<void> {
  // Roles belong to the whole server, where two deployments may be at work.
  await tx.writeReturning(sql`select pg_advisory_xact_lock(hashtext('dl_reader_login'))`);
  await tx.writeReturning(sql`
    select set_config('dl.reader_name', ${name}, true) as name, set_config('dl.reader_password', ${password}, true) as word,
      set_config('dl.reader_tables', ${tables.join(" ")}, true) as tables`);
  await tx.define(ALLOW);
}
