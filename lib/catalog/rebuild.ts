/** A database on its way to be a catalog again, from logs alone: a row of dl_migrations says so, under the identity of the lost one. */

import { invalid, LakeError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { type Database, sql, uuid } from "./database.ts";
import { migrate } from "./migrations/migrate.ts";
import { IDENTITY_MIGRATION } from "./rows/identity.ts";
import { storedUuid, text } from "./rows/values.ts";

/** The row that marks it; migrations count from 1. */
const REBUILD_ROW = -1;

/** On a database that nobody has looked at yet: its identity may change here. */
export async function beginRebuild(
  db: Database,
  clock: Clock,
  { catalogId: given }: { readonly catalogId?: string },
): Promise<string> {
  const wanted = given === undefined ? undefined : storedUuid(given);
  if (given !== undefined && wanted === undefined)
    throw invalid(`"${given}" is not the id of a catalog: a UUID is wanted`);
  await migrate(db, clock);
  return db.transaction(async (tx) => {
    const begun = await tx.read(sql`select name from dl_migrations where id = ${REBUILD_ROW}`);
    const [row] = await tx.read(sql`select database_id from dl_migrations where id = ${IDENTITY_MIGRATION}`);
    const there = text(row ?? {}, "database_id");
    if (begun.length > 0) {
      if (wanted === undefined || wanted === there) return there;
      throw notEmpty(`it is being rebuilt for the catalog ${there}`);
    }
    for (const table of [sql`dl_tables`, sql`dl_transactions`]) {
      if ((await tx.read(sql`select 1 as one from ${table} limit 1`)).length > 0)
        throw notEmpty("there is a catalog in it");
    }
    await tx.write(sql`
      insert into dl_migrations (id, name, applied_at) values (${REBUILD_ROW}, 'rebuild', ${clock.now()})
      ${tx.dialect.onConflict("dl_migrations", { key: ["id"], set: [] })}`);
    if (wanted === undefined) return there;
    await tx.write(sql`update dl_migrations set database_id = ${uuid(wanted)} where id = ${IDENTITY_MIGRATION}`);
    return wanted;
  });
}

export async function finishRebuild(db: Database): Promise<void> {
  await db.write(sql`delete from dl_migrations where id = ${REBUILD_ROW}`);
}

function notEmpty(why: string): LakeError {
  return new LakeError("conflict", `the database is not empty: ${why}`, {
    code: "TARGET_NOT_EMPTY",
    hint: "Nothing was written. Rebuild into a new database; one whose rebuild was interrupted goes on.",
  });
}
