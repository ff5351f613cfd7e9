/** dl init-sql: the statements that make the roles of a database on a server, with no more rights than each needs. */

import { Command } from "commander";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";

interface Options {
  readonly engine: string;
  readonly name: string;
}

const NAME = /^[a-z][a-z0-9_]{0,40}$/;

export function initSqlCommand(): Command {
  return new Command("init-sql")
    .requiredOption("--engine <engine>", "postgresql, or mysql, which is for MariaDB as well")
    .option("--name <name>", "of the database, and what its roles begin with", "lake")
    .addHelpText(
      "after",
      "\nFor the first day of a database: dl init-sql --engine postgresql | psql --set ON_ERROR_STOP=1, or dl init-sql --engine mysql | mysql",
    )
    .action(
      action<Options>(async ({ output }, { engine, name }) => {
        if (!NAME.test(name)) throw new UsageError(`--name ${name}: use small letters, digits and _, such as lake`);
        await output.write(textFor(engine.toLowerCase(), name));
        return EXIT.ok;
      }),
    );
}

/** @throws UsageError */
function textFor(engine: string, name: string): string {
  if (engine === "postgresql" || engine === "postgres") return postgres(name);
  if (engine === "mysql" || engine === "mariadb") return mysql(name);
  if (engine === "sqlite") {
    throw new UsageError(
      "SQLite has no roles: who may read and write is said by the rights to the file and its folder",
    );
  }
  if (engine === "rds-data" || engine === "aurora") {
    throw new UsageError("on Aurora the deployment makes the logins by itself (docs/deployment.md)");
  }
  throw new UsageError(`--engine ${engine} is not known; use postgresql or mysql`);
}

/** Rights to tables that are made later come by default privileges: migrations need not know the roles. */
function postgres(name: string): string {
  return `-- Roles and rights of a catalog on PostgreSQL 12 or newer, for psql as a superuser, once.
--   ${name}_owner   makes and changes the schema: dl migrate
--   ${name}_app     reads and writes rows: dl serve, dl gateway, and all other commands
--   ${name}_reader  reads: reports, dl diff
-- They have no passwords yet: \\password ${name}_owner, and so on, or what your server asks for instead.
create role ${name}_owner login;
create role ${name}_app login;
create role ${name}_reader login;
create database ${name} owner ${name}_owner encoding 'UTF8' template template0;
revoke all on database ${name} from public;
grant connect on database ${name} to ${name}_app, ${name}_reader;
\\connect ${name}
revoke all on schema public from public;
create schema ${name} authorization ${name}_owner;
grant usage on schema ${name} to ${name}_app, ${name}_reader;
alter role ${name}_owner in database ${name} set search_path = ${name};
alter role ${name}_app in database ${name} set search_path = ${name};
alter role ${name}_reader in database ${name} set search_path = ${name};
alter role ${name}_reader in database ${name} set default_transaction_read_only = on;
alter default privileges for role ${name}_owner in schema ${name} grant select, insert, update, delete on tables to ${name}_app;
alter default privileges for role ${name}_owner in schema ${name} grant usage, select on sequences to ${name}_app;
alter default privileges for role ${name}_owner in schema ${name} grant execute on functions to ${name}_app;
alter default privileges for role ${name}_owner revoke execute on functions from public;
alter default privileges for role ${name}_owner in schema ${name} grant select on tables to ${name}_reader;
-- Then: dl migrate --database postgresql://${name}_owner@HOST/${name}
`;
}

/** Rights to a whole database hold for tables and procedures that are made later. A login without a password would be open to all: so it is locked. */
function mysql(name: string): string {
  const [owner, app, reader] = ["owner", "app", "reader"].map((role) => `'${name}_${role}'@'%'`);
  return `-- Logins and rights of a catalog on MySQL 8.0.31 or MariaDB 10.6 and newer, for mysql as an administrator, once.
--   ${name}_owner   makes and changes the schema: dl migrate
--   ${name}_app     reads and writes rows: dl serve, dl gateway, and all other commands
--   ${name}_reader  reads: reports, dl diff
-- Each is locked until it has a password: alter user ${owner} identified by '…' account unlock, and so on.
create database ${name} character set utf8mb4;
create user ${owner} account lock;
create user ${app} account lock;
create user ${reader} account lock;
grant all privileges on ${name}.* to ${owner};
grant select, insert, update, delete, execute on ${name}.* to ${app};
grant select on ${name}.* to ${reader};
-- Then: dl migrate --database mysql://${name}_owner:PASSWORD@HOST/${name}
`;
}
