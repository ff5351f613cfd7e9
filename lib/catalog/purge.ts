/** The end of a dropped table: its rows go, in batches; its line in dl_tables stays, so that what its workers put late is still known. */

import { placesAbove } from "../delta/files/locations.ts";
import type { Claim, Clock, PurgeOutcome } from "../ports.ts";
import { type Database, join, type Queries, raw, sql, uuid } from "./database.ts";
import { tableLock, takeLocks } from "./dialect.ts";
import { forgetGrantsOn } from "./grants.ts";
import { ROW_TABLES } from "./imports.ts";
import { claimOf, droppedOf, rowOf, timeOf } from "./lifecycle.ts";
import { SCHEMA } from "./migrations/index.ts";
import { requireUuid } from "./rows/values.ts";
import { tableNotFound } from "./tables.ts";

/** From here on the table cannot come back; begun before, it goes on. */
export async function beginPurge(
  db: Database,
  tableId: string,
  { windowMs }: { readonly windowMs: number },
  clock: Clock,
): Promise<PurgeOutcome> {
  const id = requireUuid(tableId, "table id");
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id)]);
    const row = await rowOf(tx, id);
    if (row.status !== "DELETED") throw tableNotFound(tableId);
    const table = droppedOf(row);
    const now = await timeOf(tx, clock);
    if (table.purgedAt !== undefined) {
      // Older releases have left them.
      await forgetGrantsOn(tx, id, now);
      return { status: "begun", table };
    }
    if (table.droppedAt + windowMs >= now) return { status: "canComeBack", table };
    await tx.write(sql`update dl_tables set purged_at = ${now} where table_id = ${uuid(id)}`);
    await forgetGrantsOn(tx, id, now);
    return { status: "begun", table: { ...table, purgedAt: now } };
  });
}

/** Tables whose rows bind a table to nothing else. */
const PURGED_TABLES = [...ROW_TABLES, "dl_parity", "dl_maintenance"];

/** Rows of one kind in one short transaction: nobody waits for a table of millions of files. */
export async function purgeRows(db: Database, tableId: string, limit: number): Promise<boolean> {
  const id = uuid(requireUuid(tableId, "table id"));
  const begun = sql`exists (select 1 from dl_tables t where t.table_id = ${id} and t.purged_at is not null)`;
  if ((await db.read(sql`select 1 as one where ${begun}`)).length === 0) return false;
  for (const name of PURGED_TABLES) {
    const table = raw(name);
    const [own, ...rest] = SCHEMA.find((spec) => spec.name === name)?.primaryKey ?? [];
    if (own === undefined) continue;
    const isMine = sql`table_id = ${id} and ${begun}`;
    const key = raw(rest.join(", "));
    const [bound] =
      rest.length === 0
        ? []
        : await db.read(
            sql`select ${key} from ${table} where table_id = ${id} order by ${key} limit 1 offset ${limit}`,
          );
    if (bound === undefined) {
      if ((await db.read(sql`select 1 as one from ${table} where table_id = ${id} limit 1`)).length === 0) continue;
      await db.write(sql`delete from ${table} where ${isMine}`);
      continue;
    }
    const values = rest.map((column) => bound[column] as string | number | bigint);
    await db.write(sql`delete from ${table} where ${isMine} and (${key}) < (${join(values)})`);
    return true;
  }
  return false;
}

/** Live or dropped tables at this place or around it, whose files would be taken for those of this one. */
export async function sharesPlace(db: Queries, tableId: string, location: string): Promise<Claim | undefined> {
  const [row] = await db.read(sql`
    select * from dl_tables t where t.location in (${join([location, ...placesAbove(location)])}) and t.purged_at is null
      and t.table_id <> ${uuid(requireUuid(tableId, "table id"))} order by t.location limit 1`);
  return row && claimOf(row);
}
