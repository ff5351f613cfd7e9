/** The driver for PostgreSQL (pg): a pool of connections, statements outside a transaction on any of them. */

import pg from "pg";
import { type Int64, int64 } from "../../../delta/int64.ts";
import { invalid } from "../../../errors.ts";
import { type Database, type Queries, type Row, type Sql, type SqlTransaction, untyped } from "../../database.ts";
import { type DriverErrors, retried } from "../retry.ts";
import { POSTGRES } from "./dialect.ts";
import { isTransient, postgresError, sqlState } from "./errors.ts";

export interface PostgresOptions {
  /** Connections at most; 10 if absent. */
  readonly poolSize?: number;
  /** Milliseconds that one statement may run; 60 000 if absent. */
  readonly statementTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;

export function openPostgres(url: string, options: PostgresOptions = {}): Database {
  const place = placeOf(url);
  const statementTimeoutMs = options.statementTimeoutMs ?? 60_000;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.poolSize ?? 10,
    application_name: "deltalakedb",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: typeParser },
  });
  // An idle connection that breaks is replaced when the next one is needed.
  pool.on("error", () => undefined);

  const errors: DriverErrors = {
    isTransient: (error) => isTransient(sqlState(error)),
    translated: (error) => postgresError(error, place),
  };
  return {
    ...statementsOn(pool, place, (work) => retried(work, errors)),
    transaction: (work, options) => retried(() => inTransaction(pool, place, work, options?.long === true), errors),
    close: () => pool.end(),
  };
}

/** A number of fewer characters is exact as a double. */
const SAFE_DIGITS = 16;

/** 64-bit integers in the normal form of {@link Int64}; all else as pg reads it. */
const typeParser: typeof pg.types.getTypeParser = ((oid: number, format?: "text") =>
  oid === pg.types.builtins.INT8
    ? (text: string): Int64 => (text.length < SAFE_DIGITS ? Number(text) : int64(text))
    : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;

/** @throws LakeError; or the driver's own error when the same again may work */
async function run(
  client: pg.Pool | pg.PoolClient,
  place: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  try {
    const { rows } = await client.query<Row>(text, values.map(untyped));
    return rows;
  } catch (error) {
    throw isTransient(sqlState(error)) ? error : postgresError(error, place);
  }
}

async function inTransaction<T>(
  pool: pg.Pool,
  place: string,
  work: (tx: SqlTransaction) => Promise<T>,
  long: boolean,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw postgresError(error, place);
  });
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  // A connection that breaks between two statements must not end the program.
  client.on("error", onError);
  try {
    // dl_commit is right under READ COMMITTED only, whatever the default of the database.
    await run(client, place, "begin isolation level read committed");
    if (long) await run(client, place, "set local statement_timeout = 0");
    const result = await work(transactionOn(client, place));
    await run(client, place, "commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** @param attempt within a transaction nothing is tried again: the whole of it is */
function statementsOn(
  client: pg.Pool | pg.PoolClient,
  place: string,
  attempt: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
): Queries {
  const all = ({ text, values }: Sql) => attempt(() => run(client, place, text, values));
  return {
    dialect: POSTGRES,
    read: all,
    writeReturning: all,
    write: async (query) => void (await all(query)),
    define: async (statement) => void (await attempt(() => run(client, place, statement))),
  };
}

function transactionOn(client: pg.PoolClient, place: string): SqlTransaction {
  return {
    ...statementsOn(client, place),
    async each(statement, rows) {
      for (const row of rows) await run(client, place, statement.text, row);
    },
  };
}

function placeOf(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    // A "/" in a password ends the host for URL: what follows is the rest of the password, and must not be shown.
    if (pathname.includes("@")) throw new Error("a password that is not encoded");
    return `${decodeURIComponent(pathname.slice(1)) || "(default)"} at ${hostname || "localhost"}:${port || 5432}`;
  } catch {
    throw invalid("the URL of the PostgreSQL database cannot be read", {
      hint: "It reads postgresql://user:password@host:5432/database; special characters are percent-encoded.",
    });
  }
}
