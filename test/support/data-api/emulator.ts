/**
 * The RDS Data API over any server of PostgreSQL, MySQL or MariaDB, for tests: what `@aws-sdk/client-rds-data` sends, with AWS's limits and errors.
 * It refuses what AWS refuses, and lets tests lose responses, pause the database and wait.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { isJsonObject, type JsonObject, parseJson, stringifyJson } from "../../../lib/delta/values/json.ts";
import { DataApiError, validation } from "./errors.ts";
import { type Faults, OPERATIONS, type Operation, openFaults } from "./faults.ts";
import { answerTo } from "./operations.ts";
import type { DatabaseServer } from "./server.ts";
import { mysqlServer } from "./servers/mysql.ts";
import { postgresServer } from "./servers/postgres.ts";
import { openSessions, type Sessions } from "./sessions.ts";

export interface EmulatorOptions {
  /** 0, and so any free one, if absent. */
  readonly port?: number;
  /** The clock by which transactions expire. */
  readonly now?: () => number;
  readonly statementTimeoutMs?: number;
  /** On MySQL: takes the statements in the text of a routine for several, which nobody says it does not. */
  readonly refusesRoutines?: boolean;
  /** On MySQL: the cluster's parameter group is not ours. */
  readonly hasOtherSettings?: boolean;
  /** Logins by the ARNs of their secrets; any other secret is that of the server's URL. */
  readonly logins?: ReadonlyMap<string, { readonly user: string; readonly password: string }>;
  /** The server's name of a database that callers call otherwise. */
  readonly databases?: ReadonlyMap<string, string>;
}

export interface DataApiEmulator {
  readonly endpoint: string;
  readonly faults: Faults;
  /** Calls since the last `resetCalls`, those that failed too. */
  readonly calls: Readonly<Record<Operation, number>>;
  resetCalls(): void;
  openTransactions(): number;
  close(): Promise<void>;
}

const PATHS: Readonly<Record<string, Operation>> = {
  "/Execute": "ExecuteStatement",
  "/BatchExecute": "BatchExecuteStatement",
  "/BeginTransaction": "BeginTransaction",
  "/CommitTransaction": "CommitTransaction",
  "/RollbackTransaction": "RollbackTransaction",
};
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const STATEMENT_TIMEOUT_MS = 45_000;

/** @param url `postgresql://…` or `mysql://…` of the server; calls that name a database go to that one */
export async function startDataApi(url: string, options: EmulatorOptions = {}): Promise<DataApiEmulator> {
  const faults = openFaults();
  const calls = Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;
  const databases = new Map<string, Sessions>();
  const holderOf = (id: string) => [...databases.values()].find((sessions) => sessions.holds(id));
  const sessionsOf = (database: string | undefined, secretArn: string, transactionId: string | undefined): Sessions => {
    // Who ends a transaction names no database.
    const begun = database === undefined && transactionId !== undefined ? holderOf(transactionId) : undefined;
    if (begun !== undefined) return begun;
    const target = new URL(url);
    const login = options.logins?.get(secretArn);
    if (login !== undefined) {
      target.username = login.user;
      target.password = encodeURIComponent(login.password);
    }
    const name = database && (options.databases?.get(database) ?? database);
    if (name !== undefined) target.pathname = `/${encodeURIComponent(name)}`;
    const known = databases.get(target.href);
    if (known !== undefined) return known;
    const { now = Date.now, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
    const opened = openSessions(serverOf(target.href, options), { now, statementTimeoutMs });
    databases.set(target.href, opened);
    return opened;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await bodyText(request);
    const operation = operationOf(request);
    calls[operation] += 1;
    const input = inputOf(text);
    const fault = faults.next(operation, typeof input.sql === "string" ? input.sql : undefined);
    if (fault?.latencyMs !== undefined) await pause(fault.latencyMs);
    if (fault?.error !== undefined) throw new DataApiError(fault.error.name, fault.error.message ?? "Injected.");
    let body: string;
    try {
      body = await answerTo(operation, input, sessionsOf);
    } catch (error) {
      if (fault?.loseResponse) return void response.destroy();
      throw error;
    }
    if (fault?.loseResponse) return void response.destroy();
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => refuse(response, error));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  // A test that fails and closes nothing must end all the same.
  server.unref();
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    calls,
    resetCalls() {
      for (const operation of OPERATIONS) calls[operation] = 0;
    },
    openTransactions: () => [...databases.values()].reduce((sum, sessions) => sum + sessions.open(), 0),
    async close() {
      await closed(server);
      for (const sessions of databases.values()) await sessions.close();
    },
  };
}

function serverOf(url: string, { refusesRoutines = false, hasOtherSettings = false }: EmulatorOptions): DatabaseServer {
  if (!url.startsWith("mysql:")) return postgresServer(url);
  return mysqlServer(url, { refusesRoutines, hasSettings: !hasOtherSettings });
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await done;
}

function refuse(response: ServerResponse, error: unknown): void {
  const known = error instanceof DataApiError ? error : new DataApiError("InternalServerErrorException", String(error));
  response
    .writeHead(known.status, { "content-type": "application/json", "x-amzn-errortype": known.name })
    .end(stringifyJson({ message: known.message }));
}

function operationOf(request: IncomingMessage): Operation {
  const operation = PATHS[request.url ?? ""];
  if (request.method !== "POST" || operation === undefined) {
    throw new DataApiError("UnknownOperationException", `${request.method} ${request.url} is no operation`);
  }
  const { authorization } = request.headers;
  if (!/^AWS4-HMAC-SHA256 Credential=[^,]*\/rds-data\/aws4_request/.test(authorization ?? "")) {
    throw new DataApiError("MissingAuthenticationTokenException", "The request is not signed for rds-data");
  }
  return operation;
}

/** The limit is on the whole request: headers and JSON notation count. */
async function bodyText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = request.rawHeaders.reduce((sum, header) => sum + header.length + 2, 0);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_REQUEST_BYTES) {
    throw new DataApiError("RequestEntityTooLargeException", "The request is larger than 4 MiB");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function inputOf(text: string): JsonObject {
  try {
    const input = parseJson(text);
    if (isJsonObject(input)) return input;
  } catch {
    // Said below.
  }
  throw validation("The body is not a JSON object");
}
