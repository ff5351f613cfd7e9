/** Sessions of the database behind the emulator: one per call, or one that a transaction keeps until it ends or expires. */

import { DataApiError, validation } from "./errors.ts";
import type { Parameter } from "./parameters.ts";
import type { Bound, Connection, DatabaseServer, Result } from "./server.ts";

const IDLE_MS = 3 * 60_000;
const MAX_MS = 24 * 60 * 60_000;

export interface SessionOptions {
  /** Milliseconds of the clock by which transactions expire. */
  now(): number;
  readonly statementTimeoutMs: number;
}

export interface Session {
  run(bound: Bound, options?: { readonly continueAfterTimeout?: boolean }): Promise<Result>;
}

export interface Sessions {
  /** @throws DataApiError */
  bind(sql: string, parameters: readonly Parameter[]): Bound;
  /** In the transaction, or in a session of its own, which commits when `work` ends. */
  within<T>(transactionId: string | undefined, work: (session: Session) => Promise<T>): Promise<T>;
  begin(): Promise<string>;
  end(transactionId: string, how: "commit" | "rollback"): Promise<void>;
  /** Rolls a transaction back behind its owner's back, as AWS does after a response that is too large. */
  lose(transactionId: string): Promise<void>;
  open(): number;
  /** Whether the transaction was begun here, and has not ended. */
  holds(transactionId: string): boolean;
  close(): Promise<void>;
}

interface Transaction {
  readonly connection: Connection;
  readonly begunAt: number;
  usedAt: number;
  last: Promise<unknown>;
  /** What the server said when it ended the session. */
  ended: Error | undefined;
}

export function openSessions(server: DatabaseServer, options: SessionOptions): Sessions {
  const transactions = new Map<string, Transaction>();
  const sessionOn = (connection: Connection): Session => ({
    run: (bound, { continueAfterTimeout = false } = {}) =>
      timed(connection, bound, options.statementTimeoutMs, continueAfterTimeout),
  });
  const finish = async (id: string, how: "commit" | "rollback") => {
    const transaction = transactions.get(id);
    transactions.delete(id);
    if (transaction === undefined) return;
    await transaction.last.catch(() => undefined);
    let broken = false;
    try {
      await transaction.connection.end(how);
    } catch (error) {
      broken = true;
      throw error;
    } finally {
      transaction.connection.release(broken);
    }
  };
  const found = async (id: string): Promise<Transaction> => {
    const transaction = transactions.get(id);
    const now = options.now();
    if (transaction && now - transaction.usedAt < IDLE_MS && now - transaction.begunAt < MAX_MS) {
      transaction.usedAt = now;
      return transaction;
    }
    await finish(id, "rollback");
    throw new DataApiError("TransactionNotFoundException", `Transaction ${id} is not found`);
  };
  const expire = () => {
    for (const [id, { usedAt }] of transactions) {
      if (options.now() - usedAt >= IDLE_MS) void finish(id, "rollback").catch(() => undefined);
    }
  };
  const janitor = setInterval(expire, 200).unref();

  return {
    bind: (sql, parameters) => server.bind(sql, parameters),
    async within(id, work) {
      if (id === undefined) return inOwnSession(server, (connection) => work(sessionOn(connection)));
      const transaction = await found(id);
      if (transaction.ended) {
        await finish(id, "rollback").catch(() => undefined);
        throw transaction.ended;
      }
      const mine = transaction.last.catch(() => undefined).then(() => work(sessionOn(transaction.connection)));
      transaction.last = mine;
      if (server.givesUpAfterErrors) mine.catch(() => finish(id, "rollback")).catch(() => undefined);
      return mine;
    },
    async begin() {
      const connection = await server.connect();
      await connection.begin();
      const id = Buffer.from(crypto.randomUUID() + crypto.randomUUID()).toString("base64");
      const now = options.now();
      const transaction: Transaction = {
        connection,
        begunAt: now,
        usedAt: now,
        last: Promise.resolve(),
        ended: undefined,
      };
      // The server may end a session in the midst of a transaction; the next call of it says so.
      connection.onEnd((error) => {
        transaction.ended ??= error;
      });
      transactions.set(id, transaction);
      return id;
    },
    async end(id, how) {
      await found(id);
      await finish(id, how);
    },
    lose: (id) => finish(id, "rollback"),
    open: () => transactions.size,
    holds: (id) => transactions.has(id),
    async close() {
      clearInterval(janitor);
      for (const id of transactions.keys()) await finish(id, "rollback").catch(() => undefined);
      await server.close();
    },
  };
}

async function inOwnSession<T>(server: DatabaseServer, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await server.connect();
  try {
    const result = await work(connection);
    connection.release(false);
    return result;
  } catch (error) {
    connection.release(error instanceof DataApiError && error.name === "StatementTimeoutException");
    throw error;
  }
}

/** Stops a statement at the time limit, or lets it run on, as the call wishes; the caller sees the same error. */
async function timed(
  connection: Connection,
  bound: Bound,
  timeoutMs: number,
  continueAfterTimeout: boolean,
): Promise<Result> {
  if (/^\s*(begin|commit|rollback|start\s+transaction)\b/i.test(bound.text)) {
    throw validation("Transactions are begun and ended by their own operations.");
  }
  const running = connection.query(bound);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, timeoutMs, "late");
  });
  try {
    const first = await Promise.race([running, late]);
    if (first !== "late") return first;
  } finally {
    clearTimeout(timer);
  }
  const ended = running.catch(() => undefined);
  if (!continueAfterTimeout) await connection.cancel();
  await ended;
  throw new DataApiError("StatementTimeoutException", "Request timed out");
}
