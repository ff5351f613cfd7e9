/** A database that is checked before its first statement: its schema is the one of this release, and it stays the same catalog. */

import { isLakeError, LakeError } from "../errors.ts";
import { type Database, type Queries, type Sql, type SqlTransaction, sql } from "./database.ts";
import { checkSchema } from "./migrations/migrate.ts";
import { IDENTITY_MIGRATION } from "./rows/identity.ts";
import { text } from "./rows/values.ts";

export interface CheckedDatabase extends Database {
  /** Of the catalog that was there at the first call; no round trip from the second on. */
  identity(): Promise<string>;
  /** See Commits.epoch. */
  epoch(): Promise<string>;
  /** A statement has told that the database is in this one now. */
  noteEpoch(epoch: string): void;
}

export interface Checked {
  readonly db: CheckedDatabase;
  /** What was found no longer holds: the schema has been migrated. */
  recheck(): void;
  /** See Schema.ping. */
  ping(): Promise<readonly string[]>;
}

export function checkedDatabase(database: Database): Checked {
  let checked: Promise<string> | undefined;
  let first: string | undefined;
  let epoch: Promise<string> | undefined;

  async function look(db: Pick<Queries, "dialect" | "read">): Promise<string> {
    const found = await checkSchema(db).catch((error: unknown) => {
      throw first === undefined ? error : goneIfWithoutTables(error);
    });
    first ??= found;
    if (found !== first) throw changed();
    return found;
  }
  const check = (): Promise<string> => {
    checked ??= look(database).catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
    return checked;
  };
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    await check();
    try {
      return await work();
    } catch (error) {
      throw goneIfWithoutTables(error);
    }
  };
  return {
    db: {
      ...database,
      identity: check,
      epoch() {
        epoch ??= run(() => readEpoch(database)).catch((error: unknown) => {
          epoch = undefined;
          throw error;
        });
        return epoch;
      },
      noteEpoch(now) {
        epoch = Promise.resolve(now);
      },
      read: (query, options) => run(() => database.read(query, options)),
      write: (query) => run(() => database.write(query)),
      writeReturning: (query) => run(() => database.writeReturning(query)),
      transaction: (work, options) => run(() => database.transaction(work, options)),
    },
    recheck() {
      checked = undefined;
    },
    async ping() {
      const { dialect } = database;
      const read = (query: Sql) => database.probe(query);
      await look({ dialect, read });
      return dialect.doubts === undefined ? [] : dialect.doubts.of(await read(dialect.doubts.query));
    },
  };
}

/** Where commits are made, though it changes nothing: another connection may see another life. */
export async function readEpoch(db: Pick<Queries, "dialect" | "writeReturning">): Promise<string> {
  const [row] = await db.writeReturning(sql`select ${db.dialect.epoch} as epoch`);
  return row === undefined ? "" : text(row, "epoch");
}

/** Within a transaction, where the engine has no function that compares. @throws LakeError unavailable DATABASE_CHANGED */
export async function checkIdentity(tx: SqlTransaction, identity: string): Promise<void> {
  const [row] = await tx.read(sql`select database_id from dl_migrations where id = ${IDENTITY_MIGRATION}`);
  if (row?.database_id !== identity) throw changed();
}

/** The tables were there when this process began. */
function goneIfWithoutTables(error: unknown): unknown {
  if (!isLakeError(error) || error.code !== "SCHEMA_OUTDATED") return error;
  return new LakeError("unavailable", `the tables of the catalog are gone: ${error.message}`, {
    code: "DATABASE_GONE",
    hint: "Nothing was written. Bring the database back from a backup; this server then goes on by itself.",
    cause: error,
  });
}

function changed(): LakeError {
  return new LakeError("unavailable", "the database holds another catalog than the one that this server began with", {
    code: "DATABASE_CHANGED",
    hint: "Nothing was written. If this is meant, restart the server; if not, bring the database back.",
  });
}
