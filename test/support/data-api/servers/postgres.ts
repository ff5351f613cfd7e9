/** PostgreSQL behind the emulator: a text is a text, and is no UUID without a cast or a hint. */

import pg from "pg";
import { DataApiError, unreachable } from "../errors.ts";
import { type Hint, placed, type Value } from "../parameters.ts";
import type { Connection, DatabaseServer, Result, ResultOptions } from "../server.ts";

export function postgresServer(url: string): DatabaseServer {
  const pool = new pg.Pool({ connectionString: url, max: 40, connectionTimeoutMillis: 5000 });
  pool.on("error", () => undefined);
  return {
    givesUpAfterErrors: false,
    bind(sql, parameters) {
      const places = new Map<string, number>();
      const values: (string | null | Buffer)[] = [];
      const text = placed(sql, parameters, (name, value) => {
        const place = places.get(name) ?? values.push(value.content);
        places.set(name, place);
        const type = typeOf(value);
        return type === undefined ? `$${place}` : `$${place}::${type}`;
      });
      return { text, values };
    },
    connect: async () => connectionOn(pool, await pool.connect().catch((error: unknown) => refused(error))),
    close: () => pool.end(),
  };
}

function connectionOn(pool: pg.Pool, client: pg.PoolClient): Connection {
  return {
    async query({ text, values }) {
      const types = { getTypeParser: () => (value: unknown) => value };
      const query = { text, values: [...values], rowMode: "array" as const, types };
      return resultOf(await client.query(query).catch((error: unknown) => refused(error)));
    },
    begin: async () => void (await client.query("begin")),
    end: async (how) => void (await client.query(how).catch((error: unknown) => refused(error))),
    async cancel() {
      const { processID } = client as unknown as { readonly processID: number };
      await pool.query("select pg_cancel_backend($1)", [processID]);
    },
    onEnd: (listener) => void client.on("error", (error) => listener(databaseError(error))),
    release(broken) {
      client.removeAllListeners("error");
      client.release(broken);
    },
  };
}

function refused(error: unknown): never {
  throw databaseError(error);
}

/** With the SQLSTATE at the end of the message. */
function databaseError(error: unknown): DataApiError {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return unreachable(error);
  return new DataApiError("DatabaseErrorException", `ERROR: ${String(message)}; SQLState: ${code}`);
}

const HINTED: Readonly<Record<Hint, string>> = {
  UUID: "uuid",
  JSON: "json",
  DATE: "date",
  TIME: "time",
  TIMESTAMP: "timestamp",
  DECIMAL: "numeric",
};
const PLAIN = {
  stringValue: "text",
  longValue: "bigint",
  doubleValue: "double precision",
  booleanValue: "boolean",
  blobValue: "bytea",
  // The server finds out its type.
  isNull: undefined,
} as const;

function typeOf({ kind, hint }: Value): string | undefined {
  return hint === undefined ? PLAIN[kind] : HINTED[hint];
}

/** By the object id of the type; what is not here is refused, as on AWS. */
const KINDS: Readonly<Record<number, "boolean" | "long" | "double" | "blob" | "string" | "timestamptz" | "texts">> = {
  16: "boolean",
  20: "long",
  21: "long",
  23: "long",
  26: "long",
  700: "double",
  701: "double",
  17: "blob",
  19: "string",
  25: "string",
  114: "string",
  1042: "string",
  1043: "string",
  1082: "string",
  1083: "string",
  1114: "string",
  1700: "string",
  2950: "string",
  3802: "string",
  1184: "timestamptz",
  1009: "texts",
};

function resultOf(result: pg.QueryArrayResult): Result {
  const wrote = /^(INSERT|UPDATE|DELETE|MERGE)/.test(result.command ?? "");
  return {
    columns: result.fields.map(({ name }) => name),
    written: wrote ? (result.rowCount ?? 0) : 0,
    records: (options) => recordsOf(result, options),
  };
}

function recordsOf(result: pg.QueryArrayResult, options: ResultOptions): readonly (readonly unknown[])[] {
  const unsupported = result.fields.find((field) => KINDS[field.dataTypeID] === undefined);
  if (unsupported !== undefined) {
    throw new DataApiError("UnsupportedResultException", `The type of the column ${unsupported.name} is not supported`);
  }
  return (result.rows as readonly (string | null)[][]).map((row) =>
    row.map((value, i) => field(value, result.fields[i]?.dataTypeID ?? 25, options)),
  );
}

function field(text: string | null, type: number, options: ResultOptions): unknown {
  if (text === null) return { isNull: true };
  switch (KINDS[type]) {
    case "boolean":
      return { booleanValue: text === "t" };
    case "long":
      return options.longReturnType === "STRING" ? { stringValue: text } : { longValue: BigInt(text) };
    case "double":
      return { doubleValue: Number(text) };
    case "blob":
      return { blobValue: Buffer.from(text.slice(2), "hex").toString("base64") };
    case "timestamptz":
      return { stringValue: new Date(text).toISOString().replace("T", " ").replace("Z", "") };
    case "texts":
      return { arrayValue: { stringValues: textsOf(text) } };
    default:
      return { stringValue: text };
  }
}

/** `{a,"b c"}` of one dimension. */
function textsOf(text: string): readonly string[] {
  if (text.startsWith("{{")) {
    throw new DataApiError("UnsupportedResultException", "Arrays of more than one dimension are not supported");
  }
  return [...text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g)].map(
    ([, quoted, plain]) => plain ?? (quoted ?? "").replace(/\\(.)/g, "$1"),
  );
}
