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

export function giveIdentity(dialect: Dialect): readonly string[] {
  const made = dialect.name === "sqlite" ? SQLITE_UUID : "gen_random_uuid()";
  return [
    ...addColumn(dialect, "dl_migrations", DATABASE_ID),
    `update dl_migrations set database_id = ${made} where id = ${IDENTITY_MIGRATION}`,
  ];
}
