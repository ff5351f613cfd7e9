/** Each catalog has an identity, by which a process finds out that another one has come into its place. */

import type { Dialect } from "../dialect.ts";
import { IDENTITY_MIGRATION } from "../rows/identity.ts";
import { addColumn, type ColumnSpec } from "./ddl.ts";

export const DATABASE_ID: ColumnSpec = {
  name: "database_id",
  type: "uuid",
  optional: true,
  comment: "Identity of this catalog, in the row of the migration that gave it; a copy has the same.",
};

/** A version 4 UUID out of random bytes. */
const SQLITE_UUID = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a' ||
  substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`;

const MYSQL_UUID = `lower(concat(hex(random_bytes(4)), '-', hex(random_bytes(2)), '-4', substr(hex(random_bytes(2)), 2), '-a',
  substr(hex(random_bytes(2)), 2), '-', hex(random_bytes(6))))`;

/** `gen_random_uuid()` came with PostgreSQL 13. This is no secret, only unlike any other. */
const POSTGRES_UUID = `overlay(overlay(md5(concat(random(), clock_timestamp(), pg_backend_pid(), txid_current()))
  placing '4' from 13) placing 'a' from 17)::uuid`;

const UUIDS: Readonly<Record<Dialect["name"], string>> = {
  sqlite: SQLITE_UUID,
  postgres: POSTGRES_UUID,
  mysql: MYSQL_UUID,
};

export function identityColumn(dialect: Dialect): readonly string[] {
  return addColumn(dialect, "dl_migrations", DATABASE_ID);
}

export function giveIdentity({ name }: Dialect): readonly string[] {
  return [`update dl_migrations set database_id = ${UUIDS[name]} where id = ${IDENTITY_MIGRATION}`];
}
