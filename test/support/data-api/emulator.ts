/** A strict emulator of the RDS Data API over a real PostgreSQL: the five operations, their limits and errors, and faults on demand. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { ApiError, fromPostgres } from "./errors.ts";
import { exactLongs, type Parameter, type Prepared, prepare } from "./statements.ts";

/** What AWS documents; a call beyond is refused. */
export const LIMITS = {
  requestBytes: 4 * 1024 * 1024,
  rowBytes: 64 * 1024,
  responseBytes: 1024 * 1024,
  idleTransactionMs: 3 * 60 * 1000,
  statementMs: 45_000,
} as const;

export type Operation = "Execute" | "BatchExecute" | "BeginTransaction" | "CommitTransaction" | "RollbackTransaction";

export interface Faults {
  /** So many of the next calls find the cluster paused. */
  resuming: number;
  /** So many of the next calls are throttled. */
  throttled: number;
  /** So many of the next calls are executed, and their answer is lost. */
  lost: number;
  /** Milliseconds that each call takes longer. */
  latencyMs: number;
}

export interface DataApiEmulator {
  readonly url: string;
  readonly faults: Faults;
  /** Calls so far, by operation. */
  readonly calls: Record<Operation, number>;
  total(): number;
  close(): Promise<void>;
}

interface Request {
  readonly resourceArn?: string;
  readonly secretArn?: string;
  readonly sql?: string;
  readonly parameters?: readonly Parameter[];
  readonly parameterSets?: readonly (readonly Parameter[])[];
  readonly transactionId?: string;
  readonly continueAfterTimeout?: boolean;
}

/** An open transaction: a connection, and when it was last used. */
interface Open {
  readonly client: pg.PoolClient;
  lastUsed: number;
  tail: Promise<unknown>;
}

export interface EmulatorOptions {
  readonly port?: number;
  /** The clock by which transactions expire. */
  readonly now?: () => number;
}

/** @param postgres connection URL of the cluster's database */
export async function startDataApi(postgres: string, options: EmulatorOptions = {}): Promise<DataApiEmulator> {
  const pool = new pg.Pool({
    connectionString: postgres,
    max: 32,
    types: { getTypeParser: () => (text: string) => text },
  });
  pool.on("error", () => undefined);
  const cluster = new Cluster(pool, options.now ?? Date.now);
  const faults: Faults = { resuming: 0, throttled: 0, lost: 0, latencyMs: 0 };
  const calls = { Execute: 0, BatchExecute: 0, BeginTransaction: 0, CommitTransaction: 0, RollbackTransaction: 0 };
  const server = createServer((request, response) => {
    void answer(request, response, cluster, faults, calls);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    calls,
    total: () => Object.values(calls).reduce((sum, n) => sum + n, 0),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await cluster.close();
      // A statement that still runs holds its connection; nobody waits for it any more.
      await Promise.race([pool.end(), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  cluster: Cluster,
  faults: Faults,
  calls: Record<Operation, number>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const operation = (request.url ?? "").slice(1) as Operation;
  try {
    if (faults.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.latencyMs));
    if (calls[operation] === undefined) throw new ApiError("NotFoundException", 404, `no operation ${operation}`);
    calls[operation] += 1;
    if (faults.throttled > 0) {
      faults.throttled -= 1;
      throw new ApiError("ThrottlingException", 400, "Rate exceeded");
    }
    if (faults.resuming > 0) {
      faults.resuming -= 1;
      throw new ApiError(
        "DatabaseResumingException",
        400,
        "The Aurora DB instance is resuming after being auto-paused.",
      );
    }
    if (body.length > LIMITS.requestBytes) {
      throw new ApiError("RequestEntityTooLargeException", 413, "Request body is larger than 4 MiB");
    }
    const text = JSON.stringify(await cluster.run(operation, body.toString("utf8")));
    if (faults.lost > 0) {
      faults.lost -= 1;
      request.socket.destroy();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(text);
  } catch (error) {
    const { name, status, message } = error instanceof ApiError ? error : fromPostgres(error);
    response.writeHead(status, { "content-type": "application/json", "x-amzn-errortype": name });
    response.end(JSON.stringify({ message }));
  }
}

class Cluster {
  readonly #pool: pg.Pool;
  readonly #now: () => number;
  readonly #open = new Map<string, Open>();

  constructor(pool: pg.Pool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  async run(operation: Operation, body: string): Promise<object> {
    const request = JSON.parse(body) as Request;
    for (const name of ["resourceArn", "secretArn"] as const) {
      if (!/^arn:/.test(request[name] ?? "")) throw new ApiError("ValidationException", 400, `${name} is not an ARN`);
    }
    await this.#expire();
    switch (operation) {
      case "BeginTransaction":
        return this.#begin();
      case "CommitTransaction":
        return this.#end(request, "commit", "Transaction Committed");
      case "RollbackTransaction":
        return this.#end(request, "rollback", "Rollback Complete");
      case "Execute":
        return this.#execute(request, exactLongs(body));
      default:
        return this.#batch(request);
    }
  }

  async #begin(): Promise<object> {
    const client = await this.#pool.connect();
    await client.query("begin");
    const transactionId = crypto.randomUUID();
    this.#open.set(transactionId, { client, lastUsed: this.#now(), tail: Promise.resolve() });
    return { transactionId };
  }

  async #end({ transactionId = "" }: Request, statement: string, transactionStatus: string): Promise<object> {
    const open = this.#find(transactionId);
    this.#open.delete(transactionId);
    await open.tail.catch(() => undefined);
    try {
      await open.client.query(statement);
    } finally {
      open.client.release();
    }
    return { transactionStatus };
  }

  async #execute(request: Request, longs: ReadonlyMap<string, string>): Promise<object> {
    const prepared = prepare(request.sql, request.parameters, longs);
    const result = await this.#on(request, (client) => query(client, prepared, request.continueAfterTimeout === true));
    return { numberOfRecordsUpdated: result.rows.length > 0 ? 0 : (result.rowCount ?? 0), records: recordsOf(result) };
  }

  async #batch(request: Request): Promise<object> {
    const sets = request.parameterSets ?? [];
    const all = sets.map((set) => prepare(request.sql, set, exactLongs(JSON.stringify(set))));
    await this.#on(request, async (client) => {
      const alone = request.transactionId === undefined;
      if (alone) await client.query("begin");
      try {
        for (const prepared of all) await query(client, prepared, false);
        if (alone) await client.query("commit");
      } catch (error) {
        if (alone) await client.query("rollback");
        throw error;
      }
    });
    return { updateResults: sets.map(() => ({ generatedFields: [] })) };
  }

  /** On the transaction's connection, one after the other, or on one of its own that commits by itself. */
  async #on<T>({ transactionId }: Request, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (transactionId !== undefined) {
      const open = this.#find(transactionId);
      open.lastUsed = this.#now();
      const result = open.tail.then(() => work(open.client));
      open.tail = result.catch(() => undefined);
      return result;
    }
    const client = await this.#pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }

  #find(transactionId: string): Open {
    const open = this.#open.get(transactionId);
    if (open === undefined) {
      throw new ApiError("TransactionNotFoundException", 404, `Transaction ${transactionId} is not found`);
    }
    return open;
  }

  async #expire(): Promise<void> {
    for (const [id, open] of this.#open) {
      if (this.#now() - open.lastUsed <= LIMITS.idleTransactionMs) continue;
      this.#open.delete(id);
      await open.client.query("rollback").finally(() => open.client.release());
    }
  }

  async close(): Promise<void> {
    for (const { client } of this.#open.values()) client.release(true);
    this.#open.clear();
  }
}

async function query(client: pg.PoolClient, { text, values }: Prepared, long: boolean): Promise<pg.QueryArrayResult> {
  await client.query(`set statement_timeout = ${long ? 0 : LIMITS.statementMs}`);
  return client.query({ text, values: [...values], rowMode: "array" });
}

/** @throws ApiError beyond the limits of a row and of a response */
function recordsOf(result: pg.QueryArrayResult): object[][] {
  let total = 0;
  return result.rows.map((row: (string | null)[]) => {
    const bytes = row.reduce((sum, value) => sum + Buffer.byteLength(value ?? ""), 0);
    total += Buffer.byteLength(JSON.stringify(row));
    if (bytes > LIMITS.rowBytes) {
      throw new ApiError(
        "DatabaseErrorException",
        400,
        "Database returned a row larger than the allowed row size limit",
      );
    }
    if (total > LIMITS.responseBytes) {
      const message = "Database returned more than the allowed response size limit";
      throw new ApiError("BadRequestException", 400, message);
    }
    return row.map((value, i) => fieldOf(value, result.fields[i]?.dataTypeID ?? 0));
  });
}

const BOOLEAN = 16;
const INTEGERS = new Set([20, 21, 23, 26]);
const FLOATS = new Set([700, 701]);
const ARRAYS = new Set([1000, 1005, 1007, 1009, 1015, 1016, 2951]);

function fieldOf(value: string | null, type: number): object {
  if (value === null) return { isNull: true };
  if (ARRAYS.has(type)) throw new ApiError("UnsupportedResultException", 400, "Arrays are not emulated");
  if (type === BOOLEAN) return { booleanValue: value === "t" };
  // As AWS sends it, a JSON number: whoever reads it as a double loses digits.
  if (INTEGERS.has(type)) return { longValue: (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value) };
  if (FLOATS.has(type)) return { doubleValue: Number(value) };
  return { stringValue: value };
}
