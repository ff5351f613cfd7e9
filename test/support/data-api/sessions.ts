/** Sessions of the database behind the emulator: one per call, or one that a transaction keeps until it ends or expires. */

import pg from "pg";
import { DataApiError, databaseError, validation } from "./errors.ts";
import type { Bound } from "./parameters.ts";

const IDLE_MS = 3 * 60_000;
const MAX_MS = 24 * 60 * 60_000;

export interface SessionOptions {
  /** Milliseconds of the clock by which transactions expire. */
  now(): number;
  readonly statementTimeoutMs: number;
}

export interface Session {
  run(bound: Bound, options?: { readonly continueAfterTimeout?: boolean }): Promise<pg.QueryArrayResult>;
}

export interface Sessions {
  /** In the transaction, or in a session of its own, which commits when `work` ends. */
  within<T>(transactionId: string | undefined, work: (session: Session) => Promise<T>): Promise<T>;
  begin(): Promise<string>;
  end(transactionId: string, how: "commit" | "rollback"): Promise<void>;
  /** Rolls a transaction back behind its owner's back, as AWS does after a response that is too large. */
  lose(transactionId: string): Promise<void>;
  open(): number;
  close(): Promise<void>;
}

interface Transaction {
  readonly client: pg.PoolClient;
  readonly begunAt: number;
  usedAt: number;
  last: Promise<unknown>;
  /** What the server said when it ended the session. */
  ended: Error | undefined;
}

export function openSessions(url: string, options: SessionOptions): Sessions {
  const pool = new pg.Pool({ connectionString: url, max: 40, connectionTimeoutMillis: 5000 });
  pool.on("error", () => undefined);
  const transactions = new Map<string, Transaction>();
  const sessionOn = (client: pg.PoolClient): Session => ({
    run: (bound, { continueAfterTimeout = false } = {}) =>
      timed(pool, client, bound, options.statementTimeoutMs, continueAfterTimeout),
  });
  const finish = async (id: string, how: "commit" | "rollback") => {
    const transaction = transactions.get(id);
    transactions.delete(id);
    if (transaction === undefined) return;
    await transaction.last.catch(() => undefined);
    let broken = false;
    try {
      await transaction.client.query(how);
    } catch (error) {
      broken = true;
      throw databaseError(error);
    } finally {
      transaction.client.removeAllListeners("error");
      transaction.client.release(broken);
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
    async within(id, work) {
      if (id === undefined) return inOwnSession(pool, (client) => work(sessionOn(client)));
      const transaction = await found(id);
      if (transaction.ended) {
        await finish(id, "rollback").catch(() => undefined);
        throw databaseError(transaction.ended);
      }
      const mine = transaction.last.catch(() => undefined).then(() => work(sessionOn(transaction.client)));
      transaction.last = mine;
      return mine;
    },
    async begin() {
      const client = await connect(pool);
      await client.query("begin");
      const id = Buffer.from(crypto.randomUUID() + crypto.randomUUID()).toString("base64");
      const now = options.now();
      const transaction: Transaction = { client, begunAt: now, usedAt: now, last: Promise.resolve(), ended: undefined };
      // The server may end a session in the midst of a transaction; the next call of it says so.
      client.on("error", (error) => {
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
    async close() {
      clearInterval(janitor);
      for (const id of transactions.keys()) await finish(id, "rollback").catch(() => undefined);
      await pool.end();
    },
  };
}

function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  return pool.connect().catch((error: unknown) => {
    throw databaseError(error);
  });
}

async function inOwnSession<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(error instanceof DataApiError && error.name === "StatementTimeoutException");
    throw error;
  }
}

/** Stops a statement at the time limit, or lets it run on, as the call wishes; the caller sees the same error. */
async function timed(
  pool: pg.Pool,
  client: pg.PoolClient,
  { text, values }: Bound,
  timeoutMs: number,
  continueAfterTimeout: boolean,
): Promise<pg.QueryArrayResult> {
  if (/^\s*(begin|commit|rollback|start\s+transaction)\b/i.test(text)) {
    throw validation("Transactions are begun and ended by their own operations.");
  }
  const running = client.query({
    text,
    values: [...values],
    rowMode: "array",
    types: { getTypeParser: () => (value: unknown) => value },
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, timeoutMs, "late");
  });
  try {
    const first = await Promise.race([running, late]);
    if (first !== "late") return first;
  } catch (error) {
    throw databaseError(error);
  } finally {
    clearTimeout(timer);
  }
  const ended = running.catch(() => undefined);
  if (!continueAfterTimeout) {
    const { processID } = client as unknown as { readonly processID: number };
    await pool.query("select pg_cancel_backend($1)", [processID]);
  }
  await ended;
  throw new DataApiError("StatementTimeoutException", "Request timed out");
}
