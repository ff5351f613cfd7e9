/** Inserts rows that are given by the names of their columns. */

import { join, raw, type SqlTransaction, type SqlValue, sql } from "../database.ts";

type NamedRow = Readonly<Record<string, SqlValue | undefined>>;

/**
 * @param columns all that are written; a row without one of them has NULL there
 * @param key then a row takes the place of an earlier one with the same
 */
export async function insertRows(
  tx: SqlTransaction,
  table: string,
  columns: readonly string[],
  rows: readonly NamedRow[],
  key?: readonly string[],
): Promise<void> {
  if (rows.length === 0) return;
  // Keys of paths are bytes where the engine has no type for 16 of them.
  const places = columns.map((column) => (column === "path_key" ? sql`unhex(${null})` : sql`${null}`));
  const onConflict =
    key === undefined
      ? sql``
      : tx.dialect.onConflict(table, { key, set: columns.filter((column) => !key.includes(column)) });
  const statement = sql`insert into ${raw(table)} (${raw(columns.join(", "))}) values (${join(places)})${onConflict}`;
  await tx.each(
    statement,
    rows.map((row) => columns.map((column) => row[column] ?? null)),
  );
}
