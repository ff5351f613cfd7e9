/** Rows as the Data API sends them, and the sizes at which it refuses to. */

import type pg from "pg";
import { stringifyJson } from "../../../lib/delta/values/json.ts";
import { DataApiError } from "./errors.ts";

const MAX_ROW_BYTES = 64 * 1024;
const MAX_RESPONSE_BYTES = 1024 * 1024;

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

interface ResultOptions {
  readonly longReturnType?: string;
}

/** @throws DataApiError; then the transaction is lost, too */
export function recordsOf(result: pg.QueryArrayResult, options: ResultOptions): readonly unknown[] {
  const unsupported = result.fields.find((field) => KINDS[field.dataTypeID] === undefined);
  if (unsupported !== undefined) {
    throw new DataApiError("UnsupportedResultException", `The type of the column ${unsupported.name} is not supported`);
  }
  return (result.rows as readonly (string | null)[][]).map((row) => {
    const record = row.map((value, i) => field(value, result.fields[i]?.dataTypeID ?? 25, options));
    if (Buffer.byteLength(stringifyJson(record)) > MAX_ROW_BYTES) {
      throw new DataApiError("DatabaseErrorException", "Database returned a row that is larger than the allowed 64 KB");
    }
    return record;
  });
}

/** @throws DataApiError */
export function bodyOf(answer: unknown): string {
  const body = stringifyJson(answer);
  if (Buffer.byteLength(body) > MAX_RESPONSE_BYTES) {
    throw new DataApiError("DatabaseErrorException", "Database returned more than the allowed response size limit");
  }
  return body;
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
