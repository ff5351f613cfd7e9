/**
 * Locks by name: GET_LOCK. They are the session's, so the driver gives them back behind each COMMIT and ROLLBACK. There are none to
 * share: what others may have, too, is taken alone here, so that new tables below one folder wait for each other.
 */

import { deadlineMs } from "../../../deadlines.ts";
import { LakeError } from "../../../errors.ts";
import { join, type Sql, type SqlTransaction, sql } from "../../database.ts";

export async function takeLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[],
): Promise<void> {
  const seconds = Math.ceil(deadlineMs("databaseLock") / 1000);
  if (await got(tx, [...exclusive, ...shared], seconds)) return;
  throw new LakeError("unavailable", "the database did not give a lock in time: others commit to the same table", {
    code: "DATABASE_BUSY",
    hint: "Nothing was written. Send the same request again.",
  });
}

export function tryLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[],
): Promise<boolean> {
  return got(tx, [...exclusive, ...shared], 0);
}

/** In ascending order, one after the other until one is not given. */
async function got(tx: SqlTransaction, names: readonly string[], seconds: number): Promise<boolean> {
  if (names.length === 0) return true;
  const locks = [...new Set(names)]
    .sort()
    .map((name) => sql`coalesce(get_lock(${ofDatabase(name)}, ${seconds}), 0) = 1`);
  const [row] = await tx.writeReturning(sql`select ${join(locks, " and ")} as got`);
  return row?.got === 1;
}

/** Names are those of the whole server, of any case, and of 64 characters at most. */
function ofDatabase(name: string): Sql {
  return sql`sha2(concat(database(), ${`/${name}`}), 256)`;
}
