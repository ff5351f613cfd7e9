/** A login of the database that has the given rights to the catalog's tables, and no others. */

import type { DatabaseLogin, SqlRights } from "../../../ports.ts";
import { type Database, sql } from "../../database.ts";

/**
 * Definitions take no parameters: name, password and rights come in as settings of the transaction. What a former release gave and this one
 * does not is taken back.
 */
const ALLOW = `do $$
declare
  login text := current_setting('dl.login_name');
  relation text;
  one text;
begin
  if not exists (select from pg_roles where rolname = login) then
    execute format('create role %I', login);
  end if;
  execute format('alter role %I login nosuperuser nocreatedb nocreaterole password %L', login,
    current_setting('dl.login_password'));
  execute format('grant usage on schema %I to %I', current_schema(), login);
  for relation in
    select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
      and relname like 'dl\\_%'
  loop
    execute format('revoke all on %I from %I', relation, login);
  end loop;
  foreach one in array string_to_array(current_setting('dl.login_rights'), ' ') loop
    execute format('grant %s on %I to %I', split_part(one, ':', 2), split_part(one, ':', 1), login);
  end loop;
end $$`;

/** @param rights by the name of a table */
export async function allowLogin(db: Database, { name, password }: DatabaseLogin, rights: SqlRights): Promise<void> {
  const text = Object.entries(rights).map(([table, some]) => `${table}:${some.join(",")}`);
  await db.transaction(async (tx) => {
    // Roles belong to the whole server, where two deployments may be at work.
    await tx.writeReturning(sql`select pg_advisory_xact_lock(hashtext('dl_reader_login'))`);
    await tx.writeReturning(sql`
      select set_config('dl.login_name', ${name}, true) as name, set_config('dl.login_password', ${password}, true) as word,
        set_config('dl.login_rights', ${text.join(" ")}, true) as rights`);
    await tx.define(ALLOW);
  });
}
