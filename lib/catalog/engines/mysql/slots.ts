/**
 * Locks where no session is ours, behind the Data API: rows of dl_slots, of which each name has one. They come free with the transaction, whoever
 * ends it. Two names may have the same row, and then wait for each other without need; of so many rows that is rare.
 */

import { createHash } from "node:crypto";
import { LakeError } from "../../../errors.ts";
import { raw, type Sql, type SqlTransaction, sql } from "../../database.ts";

/** As many rows as the migration makes. */
export const SLOTS = 65_536;

export async function takeSlots(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[],
): Promise<void> {
  const wanted = slotsOf([...exclusive, ...shared]);
  if (wanted.length === 0 || (await taken(tx, wanted, raw(""))) === wanted.length) return;
  throw new LakeError("internal", "the table dl_slots lacks rows, so nothing can be locked", {
    hint: "Put back the rows that the migration 0064 made.",
  });
}

export async function trySlots(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[],
): Promise<boolean> {
  const wanted = slotsOf([...exclusive, ...shared]);
  return wanted.length === 0 || (await taken(tx, wanted, raw(" skip locked"))) === wanted.length;
}

/** In ascending order, as all take them. */
export function slotsOf(names: readonly string[]): readonly number[] {
  const slots = names.map((name) => createHash("sha256").update(name).digest().readUInt32BE() % SLOTS);
  return [...new Set(slots)].sort((a, b) => a - b);
}

async function taken(tx: SqlTransaction, slots: readonly number[], how: Sql): Promise<number> {
  const rows = await tx.writeReturning(sql`select slot from dl_slots force index (primary)
    where slot in (${raw(slots.join(", "))}) order by slot for update${how}`);
  return rows.length;
}
