/** Runs migrations, forward only, one transaction each, and tells whether a database fits this release. */

import { isLakeError, LakeError } from "../../errors.ts";
import type { Clock, PendingMigration } from "../../ports.ts";
import { type Database, type Row, type SqlTransaction, sql } from "../database.ts";
import { takeLocks } from "../dialect.ts";
import { IDENTITY_MIGRATION } from "../rows/identity.ts";
import { integer, optionalText } from "../rows/values.ts";
import { BY_ROWS } from "./0064-mysql-slots.ts";
import { createTable } from "./ddl.ts";
import { MIGRATIONS, MIGRATIONS_TABLE, type Migration, SLOTS_MIGRATION } from "./index.ts";

/** The row of dl_migrations that shuts a database while a backup is being restored into it (catalog/backup/restore.ts). */
export const RESTORE_ROW = 0;

export interface MigrateOptions {
  /** These migrations alone; all if absent. */
  readonly only?: readonly number[];
  /** The text of the row that shuts the database: it is there before any migration runs, and stays. */
  readonly shut?: string;
}

/**
 * Nothing is done to a database of a newer release that this code can work with: it is there when an upgrade is taken back.
 * @throws LakeError unavailable: SCHEMA_NEWER, RESTORE_UNFINISHED
 */
export async function migrate(
  db: Database,
  clock: Clock,
  { only, shut }: MigrateOptions = {},
): Promise<{ readonly applied: readonly string[] }> {
  const before = await appliedMigrations(db);
  refuseNewer(before);
  refuseOtherLocks(before, db.dialect.locks);
  if (shut === undefined) refuseUnfinished(before);
  if (db.dialect.locks === "rows") return migrateBesideOthers(db, clock, only, shut);
  if (db.dialect.definitionsCommit) {
    return db.transaction((tx) => migrateInSteps(tx, clock, only, shut), { long: true });
  }
  if (before === undefined) await createMigrationsTable(db, shut);
  const applied: string[] = [];
  for (const migration of MIGRATIONS) {
    if (before?.has(migration.id) || only?.includes(migration.id) === false) continue;
    if (await db.transaction((tx) => apply(db, tx, migration, clock), { long: true })) applied.push(migration.name);
  }
  return { applied };
}

/**
 * What {@link migrate} would run, without running it; empty where nothing is missing.
 * @throws LakeError unavailable: SCHEMA_NEWER, RESTORE_UNFINISHED
 */
export async function pendingMigrations(db: Reading): Promise<readonly PendingMigration[]> {
  const before = await appliedMigrations(db);
  refuseNewer(before);
  refuseUnfinished(before);
  const pending = MIGRATIONS.filter(({ id }) => !before?.has(id)).map(({ name, statements, rows }) => ({
    name,
    statements: [...statements(db.dialect), ...(rows?.(db.dialect) ?? [])],
  }));
  const [first, ...later] = pending;
  if (before !== undefined || first === undefined) return pending;
  return [{ ...first, statements: [...createTable(db.dialect, MIGRATIONS_TABLE), ...first.statements] }, ...later];
}

/** The first statement claims the version: of two installers one waits here, finds it taken, and carries on. */
async function apply(db: Database, tx: SqlTransaction, migration: Migration, clock: Clock): Promise<boolean> {
  const claimed = await tx.writeReturning(sql`
    insert into dl_migrations (id, name, applied_at) values (${migration.id}, ${migration.name}, ${clock.now()})
    ${tx.dialect.onConflict("dl_migrations", { key: ["id"], set: [] })} returning id`);
  if (claimed.length === 0) return false;
  for (const statement of migration.statements(db.dialect)) await tx.define(statement);
  await applyRows(tx, migration);
  return true;
}

async function applyRows(tx: SqlTransaction, { id, worksFrom, rows }: Migration): Promise<void> {
  for (const statement of rows?.(tx.dialect) ?? []) await tx.define(statement);
  if (worksFrom !== undefined) await tx.write(sql`update dl_migrations set works_from = ${worksFrom} where id = ${id}`);
}

/**
 * Where each definition commits: one installer at a time, as one has the lock. What one that was killed has made is there already,
 * and a migration has its row when all of it is.
 */
async function migrateInSteps(
  tx: SqlTransaction,
  clock: Clock,
  only: MigrateOptions["only"],
  shut: string | undefined,
): Promise<{ readonly applied: readonly string[] }> {
  await takeLocks(tx, ["migrations"]);
  const known = await appliedMigrations(tx);
  // A login that may make no tables gets by where nothing is to be done.
  if (known === undefined) await defineAnew(tx, createTable(tx.dialect, MIGRATIONS_TABLE));
  const before = known ?? new Map();
  if (shut === undefined) refuseUnfinished(before);
  if (shut !== undefined && before.size === 0) {
    await tx.write(sql`insert into dl_migrations (id, name, applied_at) values (${RESTORE_ROW}, ${shut}, 0)`);
  }
  const applied: string[] = [];
  for (const migration of MIGRATIONS) {
    const { id, name } = migration;
    if (before.has(id) || only?.includes(id) === false) continue;
    await defineAnew(tx, migration.statements(tx.dialect));
    await tx.define("start transaction");
    await tx.write(sql`insert into dl_migrations (id, name, applied_at) values (${id}, ${name}, ${clock.now()})`);
    await applyRows(tx, migration);
    await tx.define("commit");
    applied.push(name);
  }
  return { applied };
}

/**
 * Where each definition commits and so frees all locks: of two installers both define what is missing, which does no harm, and the one whose
 * row is there first writes the rows.
 */
async function migrateBesideOthers(
  db: Database,
  clock: Clock,
  only: MigrateOptions["only"],
  shut: string | undefined,
): Promise<{ readonly applied: readonly string[] }> {
  await defineAnew(db, createTable(db.dialect, MIGRATIONS_TABLE));
  const before = (await appliedMigrations(db)) ?? new Map();
  if (shut !== undefined && before.size === 0) await claimed(db, RESTORE_ROW, shut, 0);
  const applied: string[] = [];
  for (const migration of MIGRATIONS) {
    const { id, name } = migration;
    if (before.has(id) || only?.includes(id) === false) continue;
    await defineAnew(db, migration.statements(db.dialect));
    if (await claimed(db, id, name, clock.now(), (tx) => applyRows(tx, migration))) applied.push(name);
  }
  return { applied };
}

/** @returns false where another installer has written the row */
async function claimed(
  db: Database,
  id: number,
  name: string,
  at: number,
  also: (tx: SqlTransaction) => Promise<void> = async () => undefined,
): Promise<boolean> {
  try {
    await db.transaction(
      async (tx) => {
        await tx.write(sql`insert into dl_migrations (id, name, applied_at) values (${id}, ${name}, ${at})`);
        await also(tx);
      },
      { long: true },
    );
    return true;
  } catch (error) {
    if (isLakeError(error) && error.code === "CONSTRAINT_VIOLATED") return false;
    throw error;
  }
}

async function defineAnew(db: Pick<SqlTransaction, "define">, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    await db.define(statement).catch((error: unknown) => {
      if (isLakeError(error) && (error.code === "ALREADY_DEFINED" || isUnableToCarry(error, statement))) return;
      throw error;
    });
  }
}

/** What takes the statements within a function for several does without it: the steps commit all, in more calls. */
function isUnableToCarry({ cause }: LakeError, statement: string): boolean {
  const isInvalid = cause instanceof Error && cause.name === "ValidationException";
  return isInvalid && /^\s*create (function|procedure) /.test(statement);
}

async function createMigrationsTable(db: Database, shut: string | undefined): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      if ((await tx.read(tx.dialect.hasTable(MIGRATIONS_TABLE.name))).length > 0) return;
      for (const statement of createTable(db.dialect, MIGRATIONS_TABLE)) await tx.define(statement);
      if (shut === undefined) return;
      await tx.write(sql`insert into dl_migrations (id, name, applied_at) values (${RESTORE_ROW}, ${shut}, 0)`);
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

/** By number what each says of older code. */
type Applied = ReadonlyMap<number, { readonly name: unknown; readonly worksFrom: number | undefined }>;

async function appliedMigrations(db: Reading): Promise<Applied | undefined> {
  const rows = await readMigrations(db);
  return rows && appliedIn(rows);
}

function appliedIn(rows: readonly Row[]): Applied {
  return new Map(
    rows.map((row) => {
      const says = row.works_from !== undefined && row.works_from !== null;
      return [integer(row, "id"), { name: row.name, worksFrom: says ? integer(row, "works_from") : undefined }];
    }),
  );
}

/**
 * @returns the identity of the catalog
 * @throws LakeError unavailable: SCHEMA_OUTDATED, SCHEMA_NEWER, RESTORE_UNFINISHED
 */
export async function checkSchema(db: Reading): Promise<string> {
  const rows = await readMigrations(db);
  const applied = rows && appliedIn(rows);
  refuseNewer(applied);
  refuseOtherLocks(applied, db.dialect.locks);
  refuseUnfinished(applied);
  const missing = MIGRATIONS.filter((migration) => !applied?.has(migration.id));
  if (missing.length === 0) return identityIn(rows ?? []);
  throw new LakeError(
    "unavailable",
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

function refuseUnfinished(applied: Applied | undefined): void {
  if (!applied?.has(RESTORE_ROW)) return;
  throw new LakeError("unavailable", "the database is being restored from a backup, and is not whole yet", {
    code: "RESTORE_UNFINISHED",
    hint: "Wait for `dl restore`. When that was stopped, repeat it: it goes on where it stood.",
  });
}

/** @throws LakeError where others of this database lock by something that we do not see, nor they ours */
function refuseOtherLocks(applied: Applied | undefined, locks: Database["dialect"]["locks"]): void {
  const made = applied?.get(SLOTS_MIGRATION)?.name;
  if (made === undefined || (made === BY_ROWS) === (locks === "rows")) return;
  const [its, ours] = locks === "rows" ? ["connections", "the RDS Data API"] : ["the RDS Data API", "connections"];
  throw new LakeError("invalid", `the catalog in this database is for ${its}, and cannot be used through ${ours}`, {
    code: "OTHER_LOCKS",
    hint: "Use it as it was made, or move it: `dl copy` into a database of its own.",
  });
}

/** A newer release may have been here, as long as it says that this one can work on. */
function refuseNewer(applied: Applied | undefined): void {
  const newest = Math.max(...MIGRATIONS.map((migration) => migration.id));
  const beyond = [...(applied ?? [])].filter(
    ([id, { worksFrom = Number.POSITIVE_INFINITY }]) => id > newest && worksFrom > newest,
  );
  if (beyond.length === 0) return;
  const migration = Math.max(...beyond.map(([id]) => id));
  throw new LakeError("unavailable", `the database was migrated by a newer release (migration ${migration})`, {
    code: "SCHEMA_NEWER",
    hint: `This release knows migrations up to ${newest}: run a newer one. \`dl migrate\` does not go back.`,
  });
}
