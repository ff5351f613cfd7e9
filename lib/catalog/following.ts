/** Tables that others write: what was seen of their logs, and the end of it. */

import type { Followed } from "../delta/table.ts";
import { type Database, type SqlTransaction, sql, uuid } from "./database.ts";
import { tableLock, takeLocks } from "./dialect.ts";
import { FOLLOWED_MIGRATION } from "./migrations/0051-followed.ts";
import { integer, isNull, requireUuid } from "./rows/values.ts";
import { tableNotFound } from "./tables.ts";

/** Code from before would commit to a table that others write: from the first such table on it refuses the database. */
export async function refuseOlderCode(tx: SqlTransaction): Promise<void> {
  await tx.write(sql`update dl_migrations set works_from = ${FOLLOWED_MIGRATION} where id = ${FOLLOWED_MIGRATION}`);
}

export async function noteFollowed(
  db: Database,
  tableId: string,
  { lookedAt, logVersion, error }: Followed,
): Promise<void> {
  await db.write(sql`
    update dl_tables set followed_at = ${lookedAt}, followed_version = ${logVersion}, follow_error = ${error ?? null}
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and followed_at is not null`);
}

export async function takeOver(db: Database, tableId: string, head: number): Promise<boolean> {
  const id = requireUuid(tableId, "table id");
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id)]);
    const [row] = await tx.read(sql`
      select version, followed_at from dl_tables where table_id = ${uuid(id)} and status = 'ACTIVE'`);
    if (row === undefined) throw tableNotFound(tableId);
    if (isNull(row, "followed_at")) return true;
    if (integer(row, "version") !== head) return false;
    await tx.write(sql`
      update dl_tables set followed_at = null, followed_version = null, follow_error = null
      where table_id = ${uuid(id)}`);
    return true;
  });
}
