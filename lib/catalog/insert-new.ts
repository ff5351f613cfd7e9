/** Rows that are inserted unless they are there: where others insert the same at this moment, the engine may refuse what is there by now. */

import { isLakeError } from "../errors.ts";
import type { Database } from "./database.ts";
import type { NewRows } from "./dialect.ts";

/** Each time others have to put one more of the rows there just then. */
const ATTEMPTS = 4;

/** @throws LakeError of the database, but for that a row is there already */
export async function insertNewRows(db: Pick<Database, "dialect" | "write">, rows: NewRows): Promise<void> {
  await sentAgain(() => db.write(db.dialect.insertNew(rows)));
}

/** Sends {@link Dialect.insertNew} until it is not refused for what others have put there meanwhile. */
export async function sentAgain<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      const isThere = isLakeError(error) && error.code === "CONSTRAINT_VIOLATED";
      if (!isThere || attempt === ATTEMPTS) throw error;
    }
  }
}
