/** Runs migrations, forward only, one transaction each, and tells whether a database fits this release. */

import { LakeError } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { type Database, type Row, type SqlTransaction, sql } from "../database.ts";
import { IDENTITY_MIGRATION } from "../rows/identity.ts";
import { integer, optionalText } from "../rows/values.ts";
import { createTable } from "./ddl.ts";
import { MIGRATIONS, MIGRATIONS_TABLE, type Migration } from "./index.ts";

/** @throws LakeError invalid SCHEMA_NEWER */
export async function migrate(db: Database, clock: Clock): Promise<{ readonly applied: readonly string[] }> {
  const before = await appliedMigrations(db);
  refuseNewer(before);
  if (before === undefined) await createMigrationsTable(db);
  const applied: string[] = [];
  for (const migration of MIGRATIONS) {
    if (before?.has(migration.id)) continue;
    if (await db.transaction((tx) => apply(db, tx, migration, clock), { long: true })) applied.push(migration.name);
  }
  return { applied };
}

/** The first statement claims the version: of two installers one waits here, finds it taken, and carries on. */
async function apply(db: Database, tx: SqlTransaction, migration: Migration, clock: Clock): Promise<boolean> {
  const claimed = await tx.writeReturning(sql`
    insert into dl_migrations (id, name, applied_at) values (${migration.id}, ${migration.name}, ${clock.now()})
    on conflict (id) do nothing returning id`);
  if (claimed.length === 0) return false;
  for (const statement of migration.statements(db.dialect)) await tx.define(statement);
  return true;
}

async function createMigrationsTable(db: Database): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      if ((await tx.read(tx.dialect.hasTable(MIGRATIONS_TABLE.name))).length > 0) return;
      for (const statement of createTable(db.dialect, MIGRATIONS_TABLE)) await tx.define(statement);
    });
  } catch (error) {
    // Another installer was faster.
    if ((await appliedMigrations(db)) === undefined) throw error;
  }
}

type Reading = Pick<Database, "dialect" | "read">;

/** undefined when there is not even dl_migrations */
async function readMigrations(db: Reading): Promise<readonly Row[] | undefined> {
  if ((await db.read(db.dialect.hasTable(MIGRATIONS_TABLE.name))).length === 0) return undefined;
  // All columns: older schemas have fewer.
  return db.read(sql`select * from dl_migrations`);
}

async function appliedMigrations(db: Reading): Promise<ReadonlySet<number> | undefined> {
  const rows = await readMigrations(db);
  return rows && idsOf(rows);
}

function idsOf(rows: readonly Row[]): ReadonlySet<number> {
  return new Set(rows.map((row) => integer(row, "id")));
}

/**
 * @returns the identity of the catalog
 * @throws LakeError invalid: SCHEMA_OUTDATED, SCHEMA_NEWER
 */
export async function checkSchema(db: Reading): Promise<string> {
  const rows = await readMigrations(db);
  const applied = rows && idsOf(rows);
  refuseNewer(applied);
  const missing = MIGRATIONS.filter((migration) => !applied?.has(migration.id));
  if (missing.length === 0) return identityIn(rows ?? []);
  throw new LakeError(
    "invalid",
    `the database lacks ${applied ? "migrations of this release" : "the tables of the catalog"}`,
    {
      code: "SCHEMA_OUTDATED",
      hint: "Run `dl migrate` on it.",
      facts: { missing: missing.map((migration) => migration.name) },
    },
  );
}

function identityIn(rows: readonly Row[]): string {
  const row = rows.find(({ id }) => id === IDENTITY_MIGRATION);
  return row === undefined ? "" : (optionalText(row, "database_id") ?? "");
}

function refuseNewer(applied: ReadonlySet<number> | undefined): void {
  const newest = Math.max(...MIGRATIONS.map((migration) => migration.id));
  const unknown = [...(applied ?? [])].filter((id) => id > newest);
  if (unknown.length === 0) return;
  throw new LakeError("invalid", `the database was migrated by a newer release (migration ${Math.max(...unknown)})`, {
    code: "SCHEMA_NEWER",
    hint: `This release knows migrations up to ${newest}: run a newer one. \`dl migrate\` does not go back.`,
  });
}
