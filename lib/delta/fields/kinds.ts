/** The types that fields of actions have (PROTOCOL.md, "Actions"): how each is read from JSON, and how OpenAPI says it. Pure. */

import { invalid } from "../../errors.ts";
import type { StringMap } from "../actions.ts";
import { type Int64, int64, isInt64 } from "../values/int64.ts";
import { isJsonObject, type Json, type JsonObject, pointerToken, stringifyJson } from "../values/json.ts";

/**
 * Who wrote what is read. A `request` must hold what every reader can read: Spark's 32-bit integers, moments that have a year.
 * A `log`, or a row of the catalog, holds what it holds.
 */
export type Origin = "request" | "log";

export interface Kind<T> {
  /** undefined where a value says the same as none. @throws LakeError invalid, pointing at `at` or below */
  readonly read: (value: Json, at: string, origin: Origin) => T | undefined;
  /** Back to JSON; a kind without it is JSON already. */
  readonly write?: (value: T) => Json;
  /** JSON Schema. */
  readonly schema: JsonObject;
}

export function wrongType(at: string, wanted: string, value: Json | undefined): Error {
  const shown = value === undefined ? "nothing" : stringifyJson(value);
  return invalid(`expected ${wanted}, got ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`, { at });
}

/** Refuses a lone surrogate in any text or key: UTF-8 cannot carry it. */
export function checkWellFormed(value: Json | undefined, at: string): void {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw invalid("the text holds a lone surrogate, which UTF-8 cannot carry", { at });
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkWellFormed(item, `${at}/${i}`);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      checkWellFormed(key, at);
      checkWellFormed(item, `${at}/${pointerToken(key)}`);
    }
  }
}

export function objectOf(value: Json | undefined, at: string): JsonObject {
  if (!isJsonObject(value)) throw wrongType(at, "an object", value);
  return value;
}

function textOf(value: Json, at: string): string {
  if (typeof value !== "string") throw wrongType(at, "a string", value);
  checkWellFormed(value, at);
  return value;
}

export const text: Kind<string> = { read: textOf, schema: { type: "string" } };

/** JSON text; an empty one says nothing. */
export const statistics: Kind<string> = {
  read: (value, at) => textOf(value, at) || undefined,
  schema: { type: "string", contentMediaType: "application/json" },
};

export const flag: Kind<boolean> = {
  read(value, at) {
    if (typeof value !== "boolean") throw wrongType(at, "true or false", value);
    return value;
  },
  schema: { type: "boolean" },
};

function longOf(value: Json, at: string): Int64 {
  if (isInt64(value)) return value;
  // Parquet hands out bigints for small numbers, too.
  if (typeof value === "bigint") return int64(value);
  throw wrongType(at, "a 64-bit integer", value);
}

export const long: Kind<Int64> = { read: longOf, schema: { type: "integer", format: "int64" } };

function countOf(value: Json, at: string): Int64 {
  const number = longOf(value, at);
  if (number < 0) throw wrongType(at, "an integer that is not negative", value);
  return number;
}

export const count: Kind<Int64> = { read: countOf, schema: { type: "integer", format: "int64", minimum: 0 } };

const MAX_INT = 2 ** 31 - 1;

/** Spark's schema of the log, and checkpoints, have 32 bits for it. */
export const shortCount: Kind<Int64> = {
  read(value, at, origin) {
    const number = countOf(value, at);
    if (origin === "request" && number > MAX_INT)
      throw wrongType(at, `an integer of 32 bits, at most ${MAX_INT}`, value);
    return number;
  },
  schema: { type: "integer", format: "int32", minimum: 0 },
};

export const int: Kind<number> = {
  read(value, at, origin) {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(at, "an integer", value);
    if (origin === "request" && Math.abs(value) > MAX_INT) throw wrongType(at, "an integer of 32 bits", value);
    return value;
  },
  schema: { type: "integer", format: "int32" },
};

/** 1 January of the year 1, and the last millisecond of the year 9999: readers make timestamps of it, and fail beyond. */
const FIRST_MOMENT = -62_135_596_800_000;
const LAST_MOMENT = 253_402_300_799_999;

export const moment: Kind<Int64> = {
  read(value, at, origin) {
    const number = longOf(value, at);
    if (origin === "request" && (number < FIRST_MOMENT || number > LAST_MOMENT)) {
      throw wrongType(at, "milliseconds since 1970, within the years 1 to 9999", value);
    }
    return number;
  },
  schema: {
    type: "integer",
    format: "int64",
    minimum: FIRST_MOMENT,
    maximum: LAST_MOMENT,
    description: "Milliseconds since the epoch",
  },
};

export const texts: Kind<readonly string[]> = {
  read(value, at) {
    if (!Array.isArray(value)) throw wrongType(at, "an array of strings", value);
    return value.map((item: Json, i) => textOf(item, `${at}/${i}`));
  },
  schema: { type: "array", items: { type: "string" } },
};

/** An object of strings; `null` values stay. */
export const nullableTextMap: Kind<StringMap> = {
  read(value, at) {
    for (const [key, item] of Object.entries(objectOf(value, at))) {
      checkWellFormed(key, at);
      if (item !== null) textOf(item as Json, `${at}/${pointerToken(key)}`);
    }
    return value as StringMap;
  },
  schema: { type: "object", additionalProperties: { type: ["string", "null"] } },
};

export const textMap: Kind<Readonly<Record<string, string>>> = {
  read(value, at) {
    for (const [key, item] of Object.entries(objectOf(value, at))) {
      checkWellFormed(key, at);
      textOf(item as Json, `${at}/${pointerToken(key)}`);
    }
    return value as Readonly<Record<string, string>>;
  },
  schema: { type: "object", additionalProperties: { type: "string" } },
};

/** Readers take it for a map of strings and fail on anything else (delta-io/delta#3888): other values become their JSON text. */
export const looseTextMap: Kind<Readonly<Record<string, string>>> = {
  read(value, at) {
    const given = Object.entries(objectOf(value, at)).filter(([, item]) => item !== undefined && item !== null);
    checkWellFormed(value, at);
    return Object.fromEntries(given.map(([key, item]) => [key, typeof item === "string" ? item : stringifyJson(item)]));
  },
  schema: { type: "object", description: "Values that are no strings become their JSON text" },
};
