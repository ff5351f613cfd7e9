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

const UUIDS: Readonly<Record<Dialect["name"], string>> = {
  sqlite: SQLITE_UUID,
  postgres: "gen_random_uuid()",
  mysql: MYSQL_UUID,
};

export function identityColumn(dialect: Dialect): readonly string[] {
  return addColumn(dialect, "dl_migrations", DATABASE_ID);
}

export function giveIdentity({ name }: Dialect): readonly string[] {
  return [`update dl_migrations set database_id = ${UUIDS[name]} where id = ${IDENTITY_MIGRATION}`];
}
