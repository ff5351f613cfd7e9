/** The driver for PostgreSQL (pg): statements outside a transaction on any connection of the pool, those of a transaction on one. */

import type pg from "pg";
import { LakeError } from "../../../errors.ts";
import {
  type Database,
  type Row,
  type Sql,
  type SqlTransaction,
  type TransactionOptions,
  untyped,
} from "../../database.ts";
import { type DriverErrors, retried } from "../retry.ts";
import { POSTGRES } from "./dialect.ts";
import { DURABLE } from "./durable.ts";
import { isLostStatement, isRefusal, isTransient, outcomeUnknown, postgresError, sqlState } from "./errors.ts";
import { COMMIT_CALL } from "./functions/commit.ts";
import { copyRows, copyText } from "./insert-rows.ts";
import type { PostgresOptions } from "./options.ts";
import { type Connections, openConnections, type Use } from "./pool.ts";
import { serversOf } from "./servers.ts";

export type { PostgresOptions } from "./options.ts";

/** @param url with a list of hosts where there are standbys @throws LakeError invalid */
export function openPostgres(url: string, options: PostgresOptions = {}): Database {
  const servers = serversOf(url);
  const { place } = servers;
  const connections = openConnections(servers, options);
  const errors: DriverErrors = {
    isTransient: (error) => mayPass(sqlState(error)),
    translated: (error) => postgresError(error, place),
  };
  const once = (use: Use, text: string, values?: readonly unknown[]) =>
    retried(() => onConnection(connections, use, place, (session) => run(session, text, values, use)), errors);
  return {
    dialect: POSTGRES,
    takesReadyRows: true,
    read: ({ text, values }, { byIndex = false } = {}) =>
      byIndex
        ? retried(
            () => onConnection(connections, "read", place, (session) => readByIndex(session, text, values)),
            errors,
          )
        : once("read", text, values),
    probe: ({ text, values }) => once("health", text, values),
    writeReturning: ({ text, values }) => once("write", text, values),
    write: async ({ text, values }) => void (await once("write", text, values)),
    define: async (statement) => void (await once("write", statement)),
    transaction: (work, options) =>
      retried(
        () => onConnection(connections, "write", place, (session) => inTransaction(session, work, options)),
        errors,
      ),
    close: () => connections.close(),
  };
}

/** A connection while somebody has it. */
interface Session {
  readonly client: pg.PoolClient;
  readonly place: string;
  readonly connections: Connections;
  /** Why it cannot be used again. */
  broken?: Error;
  /** By `performance.now()`: no statement begins later. */
  endsAt?: number;
  /** Milliseconds to wait for an answer, where it is not the connection's own limit. */
  answerMs?: number;
}

async function onConnection<T>(
  connections: Connections,
  use: Use,
  place: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const client = await connections.take(use).catch((error: unknown) => {
    throw isTransient(sqlState(error)) ? error : postgresError(error, place);
  });
  const session: Session = { client, place, connections };
  const onError = (error: Error) => {
    session.broken ??= error;
  };
  // A connection that breaks between two statements must not end the program.
  client.on("error", onError);
  try {
    return await work(session);
  } finally {
    client.off("error", onError);
    connections.giveBack(client, session.broken);
  }
}

/**
 * Statements that each connection keeps as prepared, by their texts: the server reads and plans them once. A plan of a call does not
 * depend on its parameters; those of other statements do, and would be made for none in particular after some calls.
 */
const PREPARED: ReadonlySet<string> = new Set([COMMIT_CALL]);
/** Of pools through which a statement was lost: theirs are sent whole. */
const unprepared = new WeakSet<Connections>();

/** The same again may work: nothing was written. */
function mayPass(state: string | undefined): boolean {
  return isTransient(state) || isLostStatement(state);
}

/** @throws LakeError; or the driver's own error when the same again may work */
async function run(
  session: Session,
  text: string,
  values: readonly unknown[] = [],
  effect: "read" | "write" | "health" = "read",
): Promise<readonly Row[]> {
  const { client, connections, answerMs } = session;
  const limit = answerMs === undefined ? {} : { query_timeout: answerMs };
  const name = PREPARED.has(text) && !unprepared.has(connections) ? { name: text } : {};
  const query = { text, values: values.map(untyped), ...limit, ...name } as pg.QueryConfig;
  return answered(session, effect, async () => (await client.query<Row>(query)).rows);
}

/** Without statistics, or with those from before a table was filled, the planner takes a list for short and sorts it once a page. */
const BY_INDEX = "begin read only; set local enable_sort = off; set local enable_bitmapscan = off";

async function readByIndex(session: Session, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
  try {
    await run(session, BY_INDEX);
    const rows = await run(session, text, values);
    await run(session, "commit");
    return rows;
  } catch (error) {
    if (session.broken === undefined) await run(session, "rollback").catch(() => undefined);
    throw error;
  }
}

async function answered<T>(session: Session, effect: "read" | "write" | "health", ask: () => Promise<T>): Promise<T> {
  const { place } = session;
  if (session.broken !== undefined) throw postgresError(session.broken, place);
  if (session.endsAt !== undefined && performance.now() > session.endsAt) throw tookTooLong(place);
  try {
    return await ask();
  } catch (error) {
    const state = sqlState(error);
    if (isLostStatement(state)) unprepared.add(session.connections);
    if (mayPass(state)) throw error;
    const translated = postgresError(error, place);
    if (isRefusal(error)) throw translated;
    session.broken ??= error instanceof Error ? error : new Error(String(error));
    throw effect === "write" ? outcomeUnknown(translated) : translated;
  }
}

/** As {@link run}, for rows that the server takes as they come. */
async function copy(session: Session, statement: string, chunks: readonly Uint8Array[]): Promise<void> {
  const { client, answerMs } = session;
  await answered(session, "read", () => copyRows(client, statement, chunks, answerMs));
}

/** Longer than any migration. */
const WITHOUT_LIMIT_MS = 2 ** 31 - 1;

async function inTransaction<T>(
  session: Session,
  work: (tx: SqlTransaction) => Promise<T>,
  { long = false, withinMs, relaxed = false }: TransactionOptions = {},
): Promise<T> {
  // dl_commit is right under READ COMMITTED only, whatever the default of the database.
  const begin = ["begin isolation level read committed"];
  begin.push(relaxed ? "set local synchronous_commit = off" : `select ${DURABLE}`);
  if (long) {
    session.answerMs = WITHOUT_LIMIT_MS;
    begin.push("set local statement_timeout = 0", "set local lock_timeout = 0");
  } else if (withinMs !== undefined) {
    session.endsAt = performance.now() + withinMs;
    begin.push(`set local statement_timeout = ${withinMs}`);
  }
  try {
    await run(session, begin.join("; "));
    const result = await work(transactionOn(session));
    await run(session, "commit", [], "write");
    return result;
  } catch (error) {
    delete session.endsAt;
    if (session.broken === undefined) await run(session, "rollback").catch(() => undefined);
    throw error;
  }
}

/** Within a transaction nothing is tried again: the whole of it is. */
function transactionOn(session: Session): SqlTransaction {
  const all = ({ text, values }: Sql) => run(session, text, values);
  return {
    dialect: POSTGRES,
    read: all,
    writeReturning: all,
    write: async (query) => void (await all(query)),
    define: async (statement) => void (await run(session, statement)),
    async each(statement, rows) {
      for (const row of rows) await run(session, statement.text, row);
    },
    async copy(table, columns, groups) {
      const all = [...Object.keys(groups[0]?.common ?? {}), ...columns];
      await copy(session, `copy ${table} (${all.join(", ")}) from stdin`, [...copyText(columns, groups)]);
    },
    async copyReady(table, columns, rows) {
      const chunks = rows.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
      await copy(session, `copy ${table} (${columns.join(", ")}) from stdin`, chunks);
    },
  };
}

function tookTooLong(place: string): LakeError {
  return new LakeError("unavailable", `a transaction on the database ${place} took too long, and wrote nothing`, {
    code: "DATABASE_BUSY",
    hint: "Try again.",
  });
}
