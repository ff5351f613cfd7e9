/**
 * The driver for SQLite files (node:sqlite). One connection writes, another reads beside it. Nothing waits inside SQLite: when
 * another writer holds the file, we try again after a pause, so that the event loop never blocks.
 */

import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate as turn } from "node:timers/promises";
import { BoundedMap } from "../../../bounded-map.ts";
import { deadlineMs } from "../../../deadlines.ts";
import { invalid, LakeError } from "../../../errors.ts";
import { type RetryPolicy, retry } from "../../../retry.ts";
import {
  type Database,
  type Row,
  type Sql,
  type SqlTransaction,
  type SqlValue,
  sql,
  type TransactionOptions,
  untyped,
} from "../../database.ts";
import { SQLITE } from "./dialect.ts";
import { watchEpoch } from "./epoch.ts";
import { isBusy, sqliteError } from "./errors.ts";
import { watchFiles } from "./file-watch.ts";

export interface SqliteOptions {
  /** How long to wait for another writer, in milliseconds. */
  readonly busyTimeoutMs?: number;
  /** What to do where there is no file, or an empty one: `make` a catalog (if absent), or `refuse`. */
  readonly missing?: "make" | "refuse";
  /** Writes are refused, as defects: another connection of this process makes them. */
  readonly readOnly?: boolean;
}

export interface SqliteDatabase extends Database {
  /** True when the file does not exist, or holds no tables at all. */
  isNew(): Promise<boolean>;
}

/** Between two looks at the files for reads alone. */
const LOOK_EVERY_MS = 1000;

const BUSY: RetryPolicy = { firstPauseMs: 2, longestPauseMs: 25, withinMs: deadlineMs("sqliteLock") };
/** Rows written between two turns of the event loop. */
const ROWS_PER_TURN = 1000;

export function openSqlite(path: string, options: SqliteOptions = {}): SqliteDatabase {
  const busy = options.busyTimeoutMs === undefined ? BUSY : { ...BUSY, withinMs: options.busyTimeoutMs };
  checkPlace(path);
  checkMissing(path, options.missing ?? "make");
  const files = watchFiles(path);
  const epoch = watchEpoch(path);
  let lookedAt = Number.NEGATIVE_INFINITY;
  let writer: Connection | undefined;
  let reader: Connection | undefined;
  let closed = false;
  const retried = <T>(attempt: () => T) => whenFree(attempt, path, busy);
  const inTurn = oneAtATime();

  const checkOpen = () => {
    if (closed) throw new LakeError("internal", `the catalog ${path} is closed`);
  };
  const openWriter = async (): Promise<Connection> => {
    checkOpen();
    if (writer !== undefined) return writer;
    if (options.readOnly) throw new LakeError("internal", `the catalog ${path} is open for reading alone`);
    // Opening makes a file where there is none: the one that has been read must still be there.
    if (reader !== undefined) files.check();
    writer = await retried(() => openConnection(path, "write"));
    writer.define("dl_epoch", () => epoch.name);
    return writer;
  };
  const read = (query: Sql): readonly Row[] => {
    checkOpen();
    // Read-only as long as nothing is written: a catalog on a read-only disk can be read.
    reader ??= openConnection(path, "read");
    if (performance.now() - lookedAt > LOOK_EVERY_MS) {
      files.check();
      lookedAt = performance.now();
    }
    return reader.all(query.sql, query.values as SqlValue[]);
  };

  const transaction = <T>(
    work: (tx: SqlTransaction) => Promise<T>,
    { relaxed = false }: TransactionOptions = {},
  ): Promise<T> =>
    inTurn(async () => {
      const connection = await openWriter();
      if (!relaxed) return inTransaction(connection, work);
      connection.waitForDisk(false);
      return inTransaction(connection, work).finally(() => connection.waitForDisk(true));
    });

  async function inTransaction<T>(connection: Connection, work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    await retried(() => connection.all("begin immediate", []));
    try {
      files.check();
      epoch.look({ schema: numberOf(connection, "schema_version"), data: numberOf(connection, "data_version") });
      const result = await work(transactionOn(connection, path));
      translated(path, () => connection.all("commit", []));
      // Before anybody hears of it: a file that went away meanwhile has taken the commit with it.
      files.check();
      epoch.wrote();
      return result;
    } catch (error) {
      connection.rollback();
      throw error;
    }
  }

  return {
    dialect: SQLITE,
    async read(query) {
      // Opening for writing makes the file.
      if (reader === undefined && !existsSync(path)) await inTurn(openWriter);
      return retried(() => read(query));
    },
    async probe(query) {
      const rows = translated(path, () => read(query));
      files.check();
      return rows;
    },
    write: (query) => transaction((tx) => tx.write(query)),
    writeReturning: (query) => transaction((tx) => tx.writeReturning(query)),
    define: (statement) => transaction((tx) => tx.define(statement)),
    transaction,
    async isNew() {
      if (!existsSync(path) || statSync(path).size === 0) return true;
      const [row] = await retried(() => read(sql`select count(*) as n from sqlite_schema`));
      return row?.n === 0;
    },
    async close() {
      closed = true;
      await inTurn(async () => {
        reader?.close();
        // The last connection to close moves the write-ahead log into the file.
        writer?.close();
      });
    },
  };
}

interface Connection {
  all(text: string, values: readonly SqlValue[]): readonly Row[];
  run(text: string, rows: readonly (readonly SqlValue[])[]): void;
  /** Makes a function of SQL without parameters. */
  define(name: string, answer: () => string): void;
  rollback(): void;
  /** Between transactions: whether each is on the disk when its commit returns. The file is sound in any case. */
  waitForDisk(waits: boolean): void;
  close(): void;
}

interface Prepared {
  readonly statement: StatementSync;
  /** Of the columns of its rows, once there have been any. */
  names: readonly string[];
}

const MAX_STATEMENTS = 200;
/** A commit that was acknowledged survives a power cut. */
const DURABLE = "pragma synchronous = full";

function openConnection(path: string, access: "read" | "write"): Connection {
  const readOnly = access === "read";
  if (!readOnly) makePrivate(path);
  const db = new DatabaseSync(path, { readOnly, timeout: 0, readBigInts: true, enableForeignKeyConstraints: false });
  try {
    if (!readOnly) {
      db.exec("pragma journal_mode = wal");
      db.exec(DURABLE);
    }
  } catch (error) {
    db.close();
    throw error;
  }
  const statements = new BoundedMap<string, Prepared>(MAX_STATEMENTS);
  const prepare = (text: string): Prepared => {
    const known = statements.get(text);
    if (known) return known;
    const statement = db.prepare(text);
    // Rows as objects without a prototype take several times as long to make and to read.
    statement.setReturnArrays(true);
    const prepared = { statement, names: [] };
    statements.set(text, prepared);
    return prepared;
  };
  return {
    all(text, values) {
      const prepared = prepare(text);
      const rows = prepared.statement.all(...values.map(bound)) as unknown as readonly unknown[][];
      // A column that was added meanwhile is in the rows of `select *`.
      if (rows[0] !== undefined && rows[0].length !== prepared.names.length)
        prepared.names = prepared.statement.columns().map(({ name }) => name);
      const { names } = prepared;
      return rows.map((row) => plainRow(names, row));
    },
    run(text, rows) {
      const { statement } = prepare(text);
      for (const row of rows) statement.run(...row.map(bound));
    },
    define: (name, answer) => db.function(name, answer),
    rollback() {
      if (db.isTransaction) db.exec("rollback");
    },
    waitForDisk: (waits) => db.exec(waits ? DURABLE : "pragma synchronous = normal"),
    close: () => db.close(),
  };
}

function numberOf(connection: Connection, pragma: "schema_version" | "data_version"): number {
  return connection.all(`pragma ${pragma}`, [])[0]?.[pragma] as number;
}

function bound(value: SqlValue): null | string | number | bigint {
  const plain = untyped(value);
  return typeof plain === "boolean" ? Number(plain) : plain;
}

/** Integers come as bigint, so that none is rounded; the safe ones become numbers. */
function plainRow(names: readonly string[], values: readonly unknown[]): Row {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i += 1) {
    const value = values[i];
    const small = typeof value === "bigint" ? Number(value) : undefined;
    row[names[i] as string] = Number.isSafeInteger(small) ? small : value;
  }
  return row;
}

function transactionOn(connection: Connection, path: string): SqlTransaction {
  const all = async (query: Sql) => translated(path, () => connection.all(query.sql, query.values as SqlValue[]));
  return {
    dialect: SQLITE,
    read: all,
    writeReturning: all,
    write: async (query) => void (await all(query)),
    define: async (statement) => void translated(path, () => connection.all(statement, [])),
    async each(statement, rows) {
      for (let start = 0; start < rows.length; start += ROWS_PER_TURN) {
        if (start > 0) await turn();
        translated(path, () => connection.run(statement.sql, rows.slice(start, start + ROWS_PER_TURN)));
      }
    },
  };
}

function translated<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw sqliteError(error, path);
  }
}

/** Tries again with pauses while another connection holds the file. @throws LakeError unavailable DATABASE_LOCKED */
async function whenFree<T>(attempt: () => T, path: string, policy: RetryPolicy): Promise<T> {
  try {
    return await retry(policy, attempt, isBusy);
  } catch (error) {
    throw sqliteError(error, path);
  }
}

/** Runs one job after the other: writers of one process queue here instead of racing for the file. */
function oneAtATime(): <T>(job: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const mine = last.then(job);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/**
 * Makes a file that is not there, for its owner alone: SQLite would make it for everyone whom the umask lets in, and gives the
 * files beside it (-wal, -shm) the rights of this one. Rights of a file that is there are its owner's choice.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It is there, or cannot be made: opening it says why.
  }
}

/** @throws LakeError notFound where there is no catalog and none is to be made; corrupt where only its log is left */
function checkMissing(path: string, missing: "make" | "refuse"): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== undefined && size > 0) return;
  const what = size === undefined ? `there is no database ${path}` : `${path} is empty: it holds no catalog`;
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new LakeError("corrupt", `${what}, and its write-ahead log is left behind`, {
      code: "DATABASE_GONE",
      hint: `Restore ${path}. If a new catalog is meant, move ${path}-wal and ${path}-shm away first.`,
    });
  }
  if (missing === "make") return;
  throw new LakeError("notFound", what, {
    code: "DATABASE_NOT_FOUND",
    hint: "Check the name; dl serve, dl import and dl migrate make a new one.",
  });
}

function checkPlace(path: string): void {
  const folder = dirname(path);
  const refuse = (message: string) =>
    invalid(message, { code: "DATABASE_NOT_FOUND", hint: "Correct the path of the database, or make its folder." });
  if (!existsSync(folder)) throw refuse(`the folder ${folder} of the catalog ${path} does not exist`);
  if (existsSync(path) && statSync(path).isDirectory()) throw refuse(`the catalog ${path} is a folder, not a file`);
}
