/**
 * MySQL and MariaDB behind the emulator. Values are written into the text, as both JDBC drivers do it unless they are told otherwise. A session
 * has the settings of the cluster's parameter group, and else what a client of its own would have: a collation that none of our tables has. It is
 * reset before another call has it.
 */

import mysql, { type Connection as Client, type FieldPacket } from "mysql2/promise";
import { SERVER_SETTINGS } from "../../../../lib/catalog/engines/mysql/settings.ts";
import { mysqlPlace } from "../../../../lib/catalog/engines/mysql/url.ts";
import { DataApiError, unreachable } from "../errors.ts";
import { placed, type Value } from "../parameters.ts";
import type { Connection, DatabaseServer, Result } from "../server.ts";

export interface MysqlServerOptions {
  /** Takes the statements in the text of a routine for several. */
  readonly refusesRoutines: boolean;
  /** The cluster has our parameter group. */
  readonly hasSettings: boolean;
}

export function mysqlServer(url: string, { refusesRoutines, hasSettings }: MysqlServerOptions): DatabaseServer {
  const { options } = mysqlPlace(url, undefined);
  const idle: Client[] = [];
  const opened = new Set<Client>();
  const open = async (): Promise<Client> => {
    const client = await mysql
      .createConnection({ ...options, typeCast: (field) => field.buffer() })
      .catch((error: unknown) => refused(error));
    opened.add(client);
    // The server may end it while nobody has it.
    client.on("error", () => opened.delete(client));
    await settle(client);
    return client;
  };
  const reused = async (): Promise<Client> => {
    for (let client = idle.pop(); client !== undefined; client = idle.pop()) {
      try {
        await client.reset();
        await settle(client);
        if (opened.has(client)) return client;
      } catch {
        client.destroy();
      }
    }
    return open();
  };
  const settle = async (client: Client): Promise<void> => {
    await client.query("set names utf8mb4 collate utf8mb4_general_ci");
    if (hasSettings) await client.query(`set ${SERVER_SETTINGS.flatMap(({ session }) => session ?? []).join(", ")}`);
    // A statement says it itself by a hint, which is MySQL's alone.
    await client.query("/*M!100500 set max_recursive_iterations = 4294967295 */");
  };
  return {
    givesUpAfterErrors: true,
    bind(sql, parameters) {
      const isRoutine = /^\s*create\s+(function|procedure)\b/i.test(sql);
      const text = isRoutine && !refusesRoutines ? sql : placed(sql, parameters, (_name, value) => literal(value));
      return { text, values: [] };
    },
    async connect() {
      const client = await reused();
      return connectionOn(client, open, (broken) => {
        if (broken) client.destroy();
        else idle.push(client);
      });
    },
    async close() {
      // Also those that somebody gives back later.
      for (const client of opened) client.destroy();
    },
  };
}

function connectionOn(client: Client, open: () => Promise<Client>, giveBack: (broken: boolean) => void): Connection {
  let ended: Error | undefined;
  let listener: (error: Error) => void = () => undefined;
  const onError = (error: Error) => {
    ended = databaseError(error);
    listener(ended);
  };
  client.on("error", onError);
  const run = (text: string) =>
    client.query({ sql: text, rowsAsArray: true }).catch((error: unknown) => refused(error));
  return {
    async query({ text }) {
      const [answer, fields] = await run(text);
      return resultOf(answer, fields);
    },
    begin: async () => void (await run("start transaction")),
    end: async (how) => void (await run(how)),
    async cancel() {
      const other = await open();
      await other.query(`kill query ${client.threadId}`);
      other.destroy();
    },
    onEnd(told) {
      listener = told;
    },
    release(broken) {
      client.off("error", onError);
      giveBack(broken || ended !== undefined);
    },
  };
}

function refused(error: unknown): never {
  throw databaseError(error);
}

/** With its number and its SQLSTATE. */
function databaseError(error: unknown): DataApiError {
  const { errno, sqlState, message, fatal } = error as Partial<Record<string, unknown>>;
  if (typeof errno !== "number" || errno < 1 || typeof sqlState !== "string" || fatal === true)
    return unreachable(error);
  return new DataApiError(
    "DatabaseErrorException",
    `Database error code: ${errno}. Message: ${message}; SQLState: ${sqlState}`,
  );
}

/** With NO_BACKSLASH_ESCAPES nothing but a quote ends a text. */
function literal({ kind, content }: Value): string {
  if (content === null) return "null";
  if (typeof content !== "string") return `x'${content.toString("hex")}'`;
  return kind === "stringValue" ? `'${content.replaceAll("'", "''")}'` : content;
}

/** The number of the character set of what is no text. */
const BINARY = 63;

/** By the number of the type in the protocol; what is not here is a text. */
const KINDS: Readonly<Record<number, "longValue" | "doubleValue">> = {
  1: "longValue",
  2: "longValue",
  3: "longValue",
  4: "doubleValue",
  5: "doubleValue",
  8: "longValue",
  9: "longValue",
};

/** Texts, keys and blobs, which only the character set tells apart. */
const STRINGS = new Set([15, 249, 250, 251, 252, 253, 254]);

function resultOf(answer: unknown, fields: FieldPacket[] | undefined): Result {
  if (fields === undefined) {
    return {
      columns: [],
      written: (answer as { readonly affectedRows?: number }).affectedRows ?? 0,
      records: () => [],
    };
  }
  // A procedure answers with its rows, and then with how it ended: more than one result.
  if (Array.isArray(fields[0])) throw new DataApiError("DatabaseErrorException", "Multiple results are not supported");
  const rows = answer as readonly (Buffer | null)[][];
  return {
    columns: fields.map(({ name }) => name),
    written: 0,
    records: ({ longReturnType }) =>
      rows.map((row) => row.map((value, i) => fieldOf(value, fields[i], longReturnType === "STRING"))),
  };
}

function fieldOf(value: Buffer | null, field: FieldPacket | undefined, longAsText: boolean): unknown {
  if (value === null) return { isNull: true };
  const { columnType: type = 0, characterSet } = field ?? {};
  if (STRINGS.has(type) && characterSet === BINARY) return { blobValue: value.toString("base64") };
  const text = value.toString("utf8");
  switch (KINDS[type]) {
    case "longValue":
      return longAsText ? { stringValue: text } : { longValue: BigInt(text) };
    case "doubleValue":
      return { doubleValue: Number(text) };
    default:
      return { stringValue: text };
  }
}
