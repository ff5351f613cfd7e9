/**
 * Connections to MySQL. Reads and the health check have some of their own, so that commits that wait for each other's locks leave
 * room for both. Whoever finds none free waits in turn, and so do we all when the server has no more to give.
 */

import type { Connection, ConnectionOptions } from "mysql2/promise";
import { deadlineMs } from "../../../deadlines.ts";
import { type Int64, int64 } from "../../../delta/values/int64.ts";
import { LakeError } from "../../../errors.ts";
import { type RetryPolicy, retry } from "../../../retry.ts";
import { openSlots, type Slots } from "../../../slots.ts";
import { BYTEWISE, onEither } from "./collation.ts";
import { isPassing } from "./errors.ts";
import { SQL_MODE } from "./settings.ts";
import type { MysqlPlace, SslMode } from "./url.ts";

export interface MysqlOptions {
  /** Connections at most, one for the health check aside; 10 if absent. */
  readonly poolSize?: number;
  /** Connections beyond them while all are in use; 0 if absent. */
  readonly maxOverflow?: number;
  /** TLS, where the URL does not say `ssl-mode`. */
  readonly sslMode?: SslMode;
  /** Milliseconds to wait for a connection when all are in use, or when the server has none left. */
  readonly poolTimeoutMs?: number;
  /** Seconds after which a connection is replaced by a new one; 3600 if absent, 0 never. */
  readonly poolRecycleSeconds?: number;
  /** Milliseconds that one statement may run. */
  readonly statementTimeoutMs?: number;
}

export type Use = "read" | "write" | "health";

export interface Client {
  readonly connection: Connection;
  /** Milliseconds that one statement may run. */
  readonly statementMs: number;
  /** Bytes that the server takes in one call. */
  readonly maxBytes: number;
}

export interface Connections {
  /** @throws LakeError unavailable; the driver's own error when the server refuses the connection */
  take(use: Use): Promise<Client>;
  /** @param broken why the connection cannot be used again */
  giveBack(client: Client, broken?: Error): void;
  close(): Promise<void>;
}

const POOL_SIZE = 10;
const RECYCLE_SECONDS = 3600;
/** Of the connections, those that only reads may have; a pool of one has none to spare. */
const SHARE_OF_READS = 0.3;
/** An idle connection that is older may have been closed by the server or by what is in between. */
const IDLE_MS = 60_000;
const ASKING_AGAIN: RetryPolicy = { firstPauseMs: 50, longestPauseMs: 500, jitter: 0.5 };

export function openConnections({ place, options: target }: MysqlPlace, options: MysqlOptions): Connections {
  const size = options.poolSize ?? POOL_SIZE;
  const forReads = size > 1 ? Math.max(1, Math.floor(size * SHARE_OF_READS)) : 0;
  const overflow = options.maxOverflow ?? 0;
  const overflowOfReads = forReads > 0 ? Math.floor(overflow * SHARE_OF_READS) : 0;
  const statementMs = options.statementTimeoutMs ?? deadlineMs("databaseStatement");
  const pool = (kept: number, beyond: number, ms = statementMs): Pool => ({
    slots: openSlots(kept + beyond),
    kept,
    statementMs: ms,
    idle: [],
  });
  const shared = pool(size - forReads, overflow - overflowOfReads);
  const pools: Readonly<Record<Use, Pool>> = {
    write: shared,
    read: forReads > 0 ? pool(forReads, overflowOfReads) : shared,
    health: pool(1, 0, deadlineMs("databaseConnection")),
  };
  const recycleMs = (options.poolRecycleSeconds ?? RECYCLE_SECONDS) * 1000;
  const taken = new Map<Client, Taken>();
  let isClosed = false;

  return {
    async take(use) {
      if (isClosed) throw new LakeError("internal", `the catalog ${place} is closed`);
      const from = pools[use];
      const waitMs = options.poolTimeoutMs ?? deadlineMs("databasePool");
      const since = performance.now();
      const release = await from.slots.take(waitMs);
      if (release === undefined) throw allInUse(place, waitMs);
      try {
        const idle = idleOf(from, recycleMs);
        const withinMs = waitMs - (performance.now() - since);
        const opened =
          idle ?? (await retry({ ...ASKING_AGAIN, withinMs }, () => connect(target, from.statementMs), isPassing));
        taken.set(opened.client, { from, release, since: opened.since });
        return opened.client;
      } catch (error) {
        release();
        throw error;
      }
    },
    giveBack(client, broken) {
      const was = taken.get(client);
      if (was === undefined) return;
      taken.delete(client);
      const isBeyond = was.from.idle.length >= was.from.kept;
      if (broken !== undefined || isBeyond || isClosed) client.connection.destroy();
      else was.from.idle.push({ client, since: was.since, idleSince: performance.now() });
      was.release();
    },
    async close() {
      isClosed = true;
      const idle = [...new Set(Object.values(pools))].flatMap((one) => one.idle.splice(0));
      for (const { client } of idle) client.connection.destroy();
      for (const client of taken.keys()) client.connection.destroy();
    },
  };
}

interface Opened {
  readonly client: Client;
  readonly since: number;
}

interface Pool {
  readonly slots: Slots;
  /** Connections that stay open when nobody needs them. */
  readonly kept: number;
  readonly statementMs: number;
  readonly idle: (Opened & { readonly idleSince: number })[];
}

interface Taken {
  readonly from: Pool;
  readonly since: number;
  release(): void;
}

function idleOf(pool: Pool, recycleMs: number): Opened | undefined {
  for (let one = pool.idle.pop(); one !== undefined; one = pool.idle.pop()) {
    const now = performance.now();
    const isOld = (recycleMs > 0 && now - one.since > recycleMs) || now - one.idleSince > IDLE_MS;
    if (!isOld && !isEnded.has(one.client.connection)) return one;
    one.client.connection.destroy();
  }
  return undefined;
}

/** Connections that broke while nobody used them. */
const isEnded = new WeakSet<Connection>();

async function connect(target: ConnectionOptions, statementMs: number): Promise<Opened> {
  // Here and not above: the bundles of functions are one file each, and do not have it.
  const { default: mysql } = await import("mysql2/promise");
  const connection = await mysql.createConnection({
    ...target,
    connectTimeout: deadlineMs("databaseConnection"),
    multipleStatements: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    flags: ["-LOCAL_FILES"],
    typeCast: cast,
    enableKeepAlive: true,
    keepAliveInitialDelay: deadlineMs("databaseConnection"),
  });
  const end = () => void isEnded.add(connection);
  connection.on("error", end);
  (connection as unknown as NodeJS.EventEmitter).on("end", end);
  try {
    await connection.query(`${sessionOf(statementMs)}; ${LEVEL}`);
    const [rows] = await connection.query("select @@max_allowed_packet as bytes");
    const maxBytes = Number((rows as unknown as readonly { readonly bytes: number }[])[0]?.bytes);
    return { client: { connection, statementMs, maxBytes }, since: performance.now() };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** What a statement reads was committed when it began, and after each lock that is so for the next one; no gaps are locked. */
const LEVEL = "set session transaction isolation level read committed";

/** What is said differently by default from server to server, and would change what our statements mean. */
function sessionOf(statementMs: number): string {
  const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
  return `set names utf8mb4 ${BYTEWISE}, time_zone = '+00:00',
    sql_mode = '${SQL_MODE}',
    innodb_lock_wait_timeout = ${seconds(deadlineMs("databaseLock"))},
    net_write_timeout = ${seconds(deadlineMs("databaseUnreadAnswer"))}
    ${onEither(", cte_max_recursion_depth = 4294967295", ", max_recursive_iterations = 4294967295")};
    ${statementLimit(statementMs)}`;
}

/** MySQL knows a limit of reads alone. @param ms 0: none */
export function statementLimit(ms: number): string {
  return `set ${onEither(`max_execution_time = ${ms}`, `max_statement_time = ${ms / 1000}`)}`;
}

interface Field {
  readonly type: string;
  string(encoding?: string): string | null;
  buffer(): Buffer | null;
}

/** A number of fewer characters is exact as a double. */
const SAFE_DIGITS = 16;

/** 64-bit integers in the normal form of {@link Int64}; sums come as decimals. No text of ours has a fixed length, keys have. */
function cast(field: Field): string | number | Int64 | Buffer | null {
  if (field.type === "STRING") return field.buffer();
  const text = field.string("utf8");
  if (text === null) return null;
  switch (field.type) {
    case "TINY":
    case "SHORT":
    case "INT24":
    case "LONG":
    case "FLOAT":
    case "DOUBLE":
      return Number(text);
    case "LONGLONG":
    case "NEWDECIMAL":
      return text.length < SAFE_DIGITS || text.includes(".") ? Number(text) : int64(text);
    default:
      return text;
  }
}

function allInUse(place: string, waitMs: number): LakeError {
  return new LakeError(
    "unavailable",
    `all connections of this process to the database ${place} were in use for ${waitMs} ms`,
    {
      code: "DATABASE_OVERLOADED",
      hint: "Try again. If this happens often, raise database.pool_size, as far as max_connections of the server permits.",
    },
  );
}
