/**
 * Connections to PostgreSQL. Reads and the health check have some of their own, so that commits that wait for each other's locks
 * leave room for both. Whoever finds none free waits in turn, and so do we all when the server has no more to give.
 */

import pg from "pg";
import { deadlineMs } from "../../../deadlines.ts";
import { type Int64, int64 } from "../../../delta/values/int64.ts";
import { LakeError } from "../../../errors.ts";
import { type RetryPolicy, retry } from "../../../retry.ts";
import { openSlots, type Slots } from "../../../slots.ts";
import { sqlState } from "./errors.ts";
import type { PostgresOptions } from "./options.ts";
import { connecting, type Servers, tryNext } from "./servers.ts";
import { tlsOf } from "./tls.ts";

export type Use = "read" | "write" | "health";

export interface Connections {
  /** @throws LakeError unavailable; the driver's own error when the server refuses the connection */
  take(use: Use): Promise<pg.PoolClient>;
  /** @param broken why the connection cannot be used again */
  giveBack(client: pg.PoolClient, broken?: Error): void;
  close(): Promise<void>;
}

const POOL_SIZE = 10;
const RECYCLE_SECONDS = 3600;
/** Of the connections, those that only reads may have; a pool of one has none to spare. */
const SHARE_OF_READS = 0.3;
/** How long the end waits for connections that are in use. */
const CLOSING_MS = 2_000;
/** The server has no connection left (for this user or database), or is about to start. */
const PASSING = new Set(["53300", "57P03"]);
const ASKING_AGAIN: RetryPolicy = { firstPauseMs: 50, longestPauseMs: 500, jitter: 0.5 };

export function openConnections(servers: Servers, options: PostgresOptions): Connections {
  const { place } = servers;
  const size = options.poolSize ?? POOL_SIZE;
  const forReads = size > 1 ? Math.max(1, Math.floor(size * SHARE_OF_READS)) : 0;
  const overflow = options.maxOverflow ?? 0;
  const overflowOfReads = forReads > 0 ? Math.floor(overflow * SHARE_OF_READS) : 0;
  const shared = poolOf(servers, size - forReads, { ...options, maxOverflow: overflow - overflowOfReads });
  const pools: Readonly<Record<Use, Pool>> = {
    write: shared,
    read: forReads > 0 ? poolOf(servers, forReads, { ...options, maxOverflow: overflowOfReads }) : shared,
    health: poolOf(
      servers,
      1,
      { ...options, maxOverflow: 0, statementTimeoutMs: deadlineMs("databaseConnection") },
      "health",
    ),
  };
  const takenFrom = new WeakMap<pg.PoolClient, { readonly from: Pool; readonly release: () => void }>();
  let closing: Promise<unknown> | undefined;

  return {
    async take(use) {
      const waitMs = options.poolTimeoutMs ?? deadlineMs("databasePool");
      const since = performance.now();
      const from = pools[use];
      const { pool, slots, max } = from;
      const release = await slots.take(waitMs);
      if (release === undefined) throw allInUse(place, max, waitMs);
      try {
        const withinMs = waitMs - (performance.now() - since);
        let asked = servers.at;
        const connect = () => {
          asked = servers.at;
          return pool.connect();
        };
        const mayPass = (error: unknown) => tryNext(servers, asked, error) || isPassing(error);
        const client = await retry({ ...ASKING_AGAIN, withinMs }, connect, mayPass);
        takenFrom.set(client, { from, release });
        return client;
      } catch (error) {
        release();
        throw error;
      }
    },
    giveBack(client, broken) {
      const taken = takenFrom.get(client);
      // One beyond the size of the pool ends as soon as nobody waits for it.
      const isBeyond =
        taken !== undefined && taken.from.pool.totalCount > taken.from.size && taken.from.slots.waiting === 0;
      client.release(broken ?? isBeyond);
      taken?.release();
    },
    async close() {
      closing ??= Promise.all([...new Set(Object.values(pools))].map(closePool));
      await closing;
    },
  };
}

function isPassing(error: unknown): boolean {
  return PASSING.has(sqlState(error) ?? "");
}

function allInUse(place: string, max: number, waitMs: number): LakeError {
  const what = max === 1 ? "the connection" : `all ${max} connections`;
  return new LakeError("unavailable", `${what} of this process to the database ${place} were in use for ${waitMs} ms`, {
    code: "DATABASE_OVERLOADED",
    hint: "Try again. If this happens often, raise database.pool_size, as far as max_connections of the server permits.",
  });
}

interface Pool {
  readonly pool: pg.Pool;
  readonly slots: Slots;
  /** Connections that stay open for a while when nobody needs them, and those at most. */
  readonly size: number;
  readonly max: number;
  readonly open: Set<pg.PoolClient>;
}

function poolOf(servers: Servers, size: number, options: PostgresOptions, use?: "health"): Pool {
  const max = size + (options.maxOverflow ?? 0);
  const each = tlsOf(servers.urls, options.sslMode);
  const urls = each.map((tls) => withServerOptions(tls.url));
  const [tls] = each;
  const statementTimeoutMs = options.statementTimeoutMs ?? deadlineMs("databaseStatement");
  const patienceMs = use === "health" ? 0 : deadlineMs("databaseAnswer");
  const pool = new pg.Pool({
    connectionString: urls[0],
    ...(tls?.ssl === undefined ? {} : { ssl: tls.ssl }),
    ...connecting(servers, urls),
    max,
    application_name: "deltalakedb",
    connectionTimeoutMillis: deadlineMs("databaseConnection"),
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + patienceMs,
    lock_timeout: deadlineMs("databaseLock"),
    idle_in_transaction_session_timeout: deadlineMs("databaseIdleTransaction"),
    maxLifetimeSeconds: options.poolRecycleSeconds ?? RECYCLE_SECONDS,
    // The health check keeps its connection, so that it has one when the server has no other to give.
    ...(use === "health" ? { idleTimeoutMillis: 0 } : {}),
    keepAlive: true,
    keepAliveInitialDelayMillis: deadlineMs("databaseConnection"),
    types: { getTypeParser: typeParser },
  });
  // An idle connection that breaks is replaced when the next one is needed.
  pool.on("error", () => undefined);
  const open = new Set<pg.PoolClient>();
  pool.on("connect", (client) => void open.add(client));
  pool.on("remove", (client) => void open.delete(client));
  return { pool, slots: openSlots(max), size, max, open };
}

/** Settings that the driver cannot send by name go before those of the URL, which win. */
function withServerOptions(url: string): string {
  const target = new URL(url);
  const own = `-c tcp_user_timeout=${deadlineMs("databaseUnreadAnswer")}`;
  const given = target.searchParams.get("options");
  target.searchParams.set("options", given === null ? own : `${own} ${given}`);
  return target.href;
}

/** Waits a moment for what is under way, then cuts it off: a server that is silent must not keep this process alive. */
async function closePool({ pool, open }: Pool): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSING_MS);
  });
  await Promise.race([pool.end(), late]);
  clearTimeout(timer);
  for (const client of open) {
    (
      client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }
    ).connection.stream.destroy();
  }
}

/** A number of fewer characters is exact as a double. */
const SAFE_DIGITS = 16;

/** 64-bit integers in the normal form of {@link Int64}; all else as pg reads it. */
const typeParser: typeof pg.types.getTypeParser = ((oid: number, format?: "text") =>
  oid === pg.types.builtins.INT8
    ? (text: string): Int64 => (text.length < SAFE_DIGITS ? Number(text) : int64(text))
    : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
