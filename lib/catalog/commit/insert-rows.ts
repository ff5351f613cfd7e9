/** Inserts rows that are given by the names of their columns. */

import { empty, join, raw, type Sql, type SqlTransaction, type SqlValue, sql } from "../database.ts";

type NamedRow = Readonly<Record<string, SqlValue | undefined>>;

/**
 * @param columns all that are written; a row without one of them has NULL there
 * @param onConflict what happens to a row whose key is there already
 */
export async function insertRows(
  tx: SqlTransaction,
  table: string,
  columns: readonly string[],
  rows: readonly NamedRow[],
  onConflict: Sql = empty,
): Promise<void> {
  if (rows.length === 0) return;
  // Keys of paths are bytes where the engine has no type for 16 of them.
  const places = columns.map((column) => (column === "path_key" ? sql`unhex(${null})` : sql`${null}`));
  const statement = sql`insert into ${raw(table)} (${raw(columns.join(", "))}) values (${join(places)})${onConflict}`;
  await tx.each(
    statement,
    rows.map((row) => columns.map((column) => row[column] ?? null)),
  );
}

/** Lets a later row of the same key take the place of an earlier one. */
export function replacing(key: readonly string[], columns: readonly string[]): Sql {
  const values = columns.map((column) => `${column} = excluded.${column}`).join(", ");
  return raw(` on conflict (${key.join(", ")}) do update set ${values}`);
}
