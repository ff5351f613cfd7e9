/** Names and drops out of logs that know more than this database: of all tables at once, since names change hands. */

import type { AdoptedLife, Claim } from "../ports.ts";
import { readClaims } from "./claims.ts";
import { type Database, join, type Row, type SqlTransaction, sql, uuid } from "./database.ts";
import { creationLocks, locksAbove, tableLock, takeLocks } from "./dialect.ts";
import { liveOn } from "./imports.ts";
import { claimOf } from "./lifecycle.ts";
import { integer, requireUuid } from "./rows/values.ts";

interface Wanted extends AdoptedLife {
  readonly row: Row;
}

export interface Blocked {
  readonly tableId: string;
  readonly by: Claim;
}

export async function adoptLives(db: Database, lives: readonly AdoptedLife[]): Promise<readonly Blocked[]> {
  if (lives.length === 0) return [];
  return db.transaction(
    async (tx) => {
      const places = lives.map(({ life: { name }, location }) => ({ name, location }));
      const own = lives.flatMap(({ tableId }, i) => [
        tableLock(requireUuid(tableId, "table id")),
        ...creationLocks(places[i] ?? { name: "", location: "" }),
      ]);
      await takeLocks(tx, [...new Set(own)], [...new Set(places.flatMap(locksAbove))]);
      const { free, blocked } = await unblocked(tx, await wantedOf(tx, lives));
      // Names that are exchanged are taken by nobody in between.
      for (const { tableId } of free) {
        await tx.write(sql`update dl_tables set name = ${`recovered.${tableId}`} where table_id = ${uuid(tableId)}`);
      }
      for (const { tableId, row, life } of free) {
        // Everything is compared again: nobody has looked at its log while it was dropped.
        if (row.status !== "ACTIVE") await tx.write(sql`delete from dl_parity where table_id = ${uuid(tableId)}`);
        await liveOn(tx, tableId, life);
      }
      return blocked;
    },
    { long: true },
  );
}

/** Those that this database still knows less of. */
async function wantedOf(tx: SqlTransaction, lives: readonly AdoptedLife[]): Promise<readonly Wanted[]> {
  const wanted: Wanted[] = [];
  for (const one of lives) {
    const [row] = await tx.read(sql`
      select * from dl_tables where table_id = ${uuid(one.tableId)} and location = ${one.location}
        and status in ('ACTIVE', 'DELETED') and purged_at is null`);
    if (row !== undefined && integer(row, "identity_changes") < one.life.changes) wanted.push({ ...one, row });
  }
  return wanted;
}

/** Whoever stays as it is keeps its name, and may be in the way of another one: until nobody is. */
async function unblocked(tx: SqlTransaction, wanted: readonly Wanted[]) {
  const blocked: Blocked[] = [];
  let free = wanted;
  for (;;) {
    const left: Wanted[] = [];
    for (const one of free) {
      const by = await blockerOf(tx, one, free);
      if (by === undefined) left.push(one);
      else blocked.push({ tableId: one.tableId, by });
    }
    if (left.length === free.length) return { free, blocked };
    free = left;
  }
}

async function blockerOf(tx: SqlTransaction, one: Wanted, free: readonly Wanted[]): Promise<Claim | undefined> {
  const { tableId, life, row, location } = one;
  if (life.droppedAt !== undefined) return undefined;
  const name = life.name.toLowerCase();
  // Two logs that tell the same name: the first one has it.
  const first = free.find((other) => other.life.droppedAt === undefined && other.life.name.toLowerCase() === name);
  if (first !== undefined && first !== one) return { ...claimOf(first.row), name: first.life.name };
  const ids = join(free.map((other) => uuid(other.tableId)));
  const [other] = await tx.read(sql`
    select * from dl_tables t where lower(t.name) = ${name} and t.status <> 'DELETED' and t.table_id not in (${ids}) limit 1`);
  if (other !== undefined) return claimOf(other);
  if (row.status === "ACTIVE") return undefined;
  const claims = await readClaims(tx, { tableId, name: life.name, location });
  // A name is not at issue any more, and who is about to be dropped gives the place free.
  const gone = new Set(free.filter((each) => each.life.droppedAt !== undefined).map((each) => each.tableId));
  const near = claims.map(claimOf).filter((claim) => claim.tableId !== tableId && !gone.has(claim.tableId));
  return near.find((claim) => isAround(claim.location, location));
}

function isAround(other: string, location: string): boolean {
  return other === location || other.startsWith(`${location}/`) || location.startsWith(`${other}/`);
}

export async function raiseChanges(db: Database, tableId: string, changes: number): Promise<void> {
  await db.write(sql`
    update dl_tables set identity_changes = ${changes}
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and identity_changes < ${changes}`);
}
