/** Tables that move: under the locks of whoever makes a table at the new place. */

import type { Claim, FormerPlace } from "../ports.ts";
import { firstClaim, readClaims, touch } from "./claims.ts";
import { type Queries, type Row, type SqlTransaction, sql, uuid } from "./database.ts";
import { locksAbove } from "./dialect.ts";
import { integer, optionalInteger, requireUuid, text } from "./rows/values.ts";

/** What a table takes that is about to live there; the places above are shared ({@link sharedPlaceLocks}). */
export const placeLocks = (to: string | undefined): readonly string[] => (to === undefined ? [] : [`location:${to}`]);

export const sharedPlaceLocks = (to: string | undefined): readonly string[] =>
  to === undefined ? [] : locksAbove({ location: to });

/**
 * Gives a table another place, and keeps the former one in mind. The caller has the locks.
 * @param row of dl_tables, as it is
 * @returns who is in the way
 */
export async function takePlace(tx: SqlTransaction, row: Row, to: string, now: number): Promise<Claim | undefined> {
  const [tableId, name, from] = [text(row, "table_id"), text(row, "name"), text(row, "location")];
  if (from === to) return undefined;
  // Its log stays behind, and belongs to whoever reads it: what lies within is not safe from another engine's VACUUM.
  if (touch([from, to])) return { tableId, name, location: from };
  const claims = await readClaims(tx, { tableId, name, location: to });
  const by = firstClaim(
    claims.filter((other) => other.table_id !== tableId),
    name,
  );
  if (by !== undefined) return by;
  const id = uuid(tableId);
  const [last] = await tx.read(sql`select max(valid_until) as since from dl_table_places where table_id = ${id}`);
  const since = optionalInteger(last ?? {}, "since") ?? integer(row, "created_at");
  await tx.write(sql`
    insert into dl_table_places (table_id, "change", location, valid_from, valid_until)
    values (${id}, ${integer(row, "identity_changes") + 1}, ${from}, ${since}, ${now})`);
  // Everything is compared again: it is another log.
  await tx.write(sql`delete from dl_parity where table_id = ${id}`);
  await tx.write(sql`
    update dl_tables set location = ${to}, identity_changes = identity_changes + 1 where table_id = ${id}`);
  return undefined;
}

/** Oldest first. */
export async function formerPlaces(db: Queries, tableId: string): Promise<readonly FormerPlace[]> {
  const rows = await db.read(sql`
    select location, valid_from, valid_until from dl_table_places
    where table_id = ${uuid(requireUuid(tableId, "table id"))} order by "change"`);
  return rows.map((row) => ({
    location: text(row, "location"),
    since: integer(row, "valid_from"),
    until: integer(row, "valid_until"),
  }));
}
