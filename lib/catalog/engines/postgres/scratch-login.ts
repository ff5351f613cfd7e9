/** A login for restores for practice: it has one schema, named like itself, and reaches nothing else of the database. */

import type { DatabaseLogin } from "../../../ports.ts";
import { type Database, sql } from "../../database.ts";

/**
 * Every session of the login works in its schema, whoever opens it: the Data API takes no schema with a call. Of tables in other
 * schemas it owns none and was given none. Few connections, so that practice takes none from the service.
 */
const ALLOW = `do $$
declare
  scratch text := current_setting('dl.scratch_name');
begin
  if not exists (select from pg_roles where rolname = scratch) then
    execute format('create role %I', scratch);
  end if;
  execute format('alter role %I login nosuperuser nocreatedb nocreaterole connection limit 5 password %L', scratch,
    current_setting('dl.scratch_password'));
  execute format('alter role %I set search_path = %I', scratch, scratch);
  execute format('create schema if not exists %I', scratch);
  execute format('grant usage, create on schema %I to %I', scratch, scratch);
end $$`;

/** Drops what the login has made in its own schema; refuses any login that is not shut into one. */
const EMPTY = `do $$
declare
  one text;
begin
  if current_schema() is distinct from current_user::name or (select rolsuper from pg_roles where rolname = current_user)
    or exists (select from pg_class where relnamespace <> current_schema()::regnamespace and relname = 'dl_tables'
      and has_any_column_privilege(oid, 'select')) then
    raise exception 'the login % is not one for restores for practice', current_user using errcode = '42501';
  end if;
  for one in
    select format('drop table if exists %I cascade', relname) from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
  loop
    execute one;
  end loop;
  for one in
    select format('drop routine if exists %s cascade', oid::regprocedure) from pg_proc
    where pronamespace = current_schema()::regnamespace
  loop
    execute one;
  end loop;
end $$`;

export async function allowScratch(db: Database, { name, password }: DatabaseLogin): Promise<void> {
  await db.transaction(async (tx) => {
    // Roles belong to the whole server, where two deployments may be at work.
    await tx.writeReturning(sql`select pg_advisory_xact_lock(hashtext('dl_scratch_login'))`);
    await tx.writeReturning(sql`
      select set_config('dl.scratch_name', ${name}, true) as name, set_config('dl.scratch_password', ${password}, true) as word`);
    await tx.define(ALLOW);
  });
}

export function emptyScratch(db: Database): Promise<void> {
  return db.define(EMPTY);
}
