/** The driver for MySQL and MariaDB (mysql2): statements outside a transaction on any connection of the pool, those of a transaction on one. */

import { deadlineMs } from "../../../deadlines.ts";
import { LakeError } from "../../../errors.ts";
import type { Database, Row, Sql, SqlTransaction, TransactionOptions } from "../../database.ts";
import { type DriverErrors, retried } from "../retry.ts";
import { MYSQL } from "./dialect.ts";
import { isRefusal, isTransient, mysqlError, outcomeUnknown } from "./errors.ts";
import { textOf, textsOf } from "./literals.ts";
import { type Client, type Connections, type MysqlOptions, openConnections, statementLimit, type Use } from "./pool.ts";
import { mysqlPlace } from "./url.ts";

export type { MysqlOptions } from "./pool.ts";

export function openMysql(url: string, options: MysqlOptions = {}): Database {
  const target = mysqlPlace(url, options.sslMode);
  const { place } = target;
  const connections = openConnections(target, options);
  const errors: DriverErrors = { isTransient, translated: (error) => mysqlError(error, place) };
  const once = (use: Use, text: string) =>
    retried(() => onConnection(connections, use, place, (session) => run(session, text, use)), errors);
  return {
    dialect: MYSQL,
    read: (query) => once("read", textOf(query)),
    probe: (query) => once("health", textOf(query)),
    writeReturning: (query) => once("write", textOf(query)),
    write: async (query) => void (await once("write", textOf(query))),
    define: async (statement) => void (await once("write", statement)),
    transaction: (work, given) =>
      retried(
        () => onConnection(connections, "write", place, (session) => inTransaction(session, work, given)),
        errors,
      ),
    close: () => connections.close(),
  };
}

/** A connection while somebody has it. */
interface Session {
  readonly client: Client;
  readonly place: string;
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
    throw isTransient(error) ? error : mysqlError(error, place);
  });
  const session: Session = { client, place };
  try {
    return await work(session);
  } finally {
    connections.giveBack(client, session.broken);
  }
}

/** @throws LakeError; or the driver's own error when the same again may work */
async function run(
  session: Session,
  text: string,
  effect: "read" | "write" | "health" = "read",
): Promise<readonly Row[]> {
  const { client, place, answerMs } = session;
  if (session.broken !== undefined) throw mysqlError(session.broken, place);
  if (session.endsAt !== undefined && performance.now() > session.endsAt) throw tookTooLong(place);
  // The server would only cut the connection.
  if (text.length * 4 > client.maxBytes && Buffer.byteLength(text) >= client.maxBytes) throw tooLarge(client, place);
  try {
    const timeout = answerMs ?? client.statementMs + deadlineMs("databaseAnswer");
    const [rows] = await answered(client.connection.query(text), timeout);
    return rowsOf(rows);
  } catch (error) {
    if (isTransient(error)) throw error;
    const translated = mysqlError(error, place);
    if (isRefusal(error)) throw translated;
    session.broken ??= error instanceof Error ? error : new Error(String(error));
    throw effect === "write" ? outcomeUnknown(translated) : translated;
  }
}

/** The limit of mysql2 itself goes on when its connection has ended, and keeps a process from its end. */
async function answered<T>(query: Promise<T>, withinMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no answer within ${withinMs} ms`), { code: "ETIMEDOUT" });
    timer = setTimeout(reject, withinMs, error);
  });
  return Promise.race([query, late]).finally(() => clearTimeout(timer));
}

/** A call of a procedure answers with its rows, and then with how it ended. */
function rowsOf(answer: unknown): readonly Row[] {
  if (!Array.isArray(answer)) return [];
  return Array.isArray(answer[0]) ? answer[0] : answer;
}

/** Longer than any migration. */
const WITHOUT_LIMIT_MS = 2 ** 31 - 1;
/** What a server has by default. */
const IDLE_SECONDS = 28_800;
/** Locks by name are the session's, and come free behind the end of the transaction. */
const RELEASED = `do release_all_locks(); set wait_timeout = ${IDLE_SECONDS}`;

async function inTransaction<T>(
  session: Session,
  work: (tx: SqlTransaction) => Promise<T>,
  { long = false, withinMs }: TransactionOptions = {},
): Promise<T> {
  const { statementMs } = session.client;
  const patience = Math.ceil(deadlineMs("databaseIdleTransaction") / 1000);
  const begin = [`set wait_timeout = ${long ? IDLE_SECONDS : patience}`, "start transaction"];
  if (long) {
    session.answerMs = WITHOUT_LIMIT_MS;
    begin.unshift(statementLimit(0));
  } else if (withinMs !== undefined) {
    session.endsAt = performance.now() + withinMs;
    begin.unshift(statementLimit(withinMs));
  }
  const after = long || withinMs !== undefined ? `${RELEASED}; ${statementLimit(statementMs)}` : RELEASED;
  try {
    await run(session, begin.join("; "));
    const result = await work(transactionOn(session));
    await run(session, `commit; ${after}`, "write");
    return result;
  } catch (error) {
    delete session.endsAt;
    if (session.broken === undefined) {
      await run(session, `rollback; ${after}`).catch((failed: unknown) => {
        session.broken ??= failed instanceof Error ? failed : new Error(String(failed));
      });
    }
    throw error;
  }
}

/** Characters of statements that go in one call. */
const CALL_CHARACTERS = 500_000;

/** Within a transaction nothing is tried again: the whole of it is. */
function transactionOn(session: Session): SqlTransaction {
  const all = (query: Sql) => run(session, textOf(query));
  return {
    dialect: MYSQL,
    read: all,
    writeReturning: all,
    write: async (query) => void (await all(query)),
    define: async (statement) => void (await run(session, statement)),
    async each(statement, rows) {
      const limit = Math.min(CALL_CHARACTERS, session.client.maxBytes / 8);
      for (const text of textsOf(statement, rows, limit)) await run(session, text);
    },
  };
}

function tooLarge({ maxBytes }: Client, place: string): LakeError {
  return new LakeError("invalid", `a statement is larger than the ${maxBytes} bytes that the database ${place} takes`, {
    code: "TOO_LARGE",
    hint: "Raise max_allowed_packet of the server, or send less at once.",
  });
}

function tookTooLong(place: string): LakeError {
  return new LakeError("unavailable", `a transaction on the database ${place} took too long, and wrote nothing`, {
    code: "DATABASE_BUSY",
    hint: "Try again.",
  });
}
