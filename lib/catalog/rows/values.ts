/** The border between rows and the model: JSON, booleans and 64-bit integers change their form here and nowhere else. */

import { type Int64, int64 } from "../../delta/values/int64.ts";
import { isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from "../../delta/values/json.ts";
import { corrupt, invalid } from "../../errors.ts";
import type { Row } from "../database.ts";

export function wrong(row: Row, column: string, wanted: string): Error {
  return corrupt(`the column ${column} of the catalog holds ${String(row[column])}, which is not ${wanted}`);
}

/** A column that is NULL, or that the row does not have. */
export function isNull(row: Row, column: string): boolean {
  return row[column] === null || row[column] === undefined;
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrong(row, column, "text");
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  return isNull(row, column) ? undefined : text(row, column);
}

/** A 64-bit integer. */
export function long(row: Row, column: string): Int64 {
  const value = row[column];
  if (typeof value !== "number" && typeof value !== "bigint") throw wrong(row, column, "an integer");
  return int64(value);
}

export function optionalLong(row: Row, column: string): Int64 | undefined {
  return isNull(row, column) ? undefined : long(row, column);
}

/** An integer that is a number in the model: versions, times, counts. */
export function integer(row: Row, column: string): number {
  const value = long(row, column);
  if (typeof value !== "number") throw wrong(row, column, "an integer below 2^53");
  return value;
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return isNull(row, column) ? undefined : integer(row, column);
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw wrong(row, column, "true or false");
}

export function json(row: Row, column: string): Json {
  try {
    return parseJson(text(row, column));
  } catch (cause) {
    throw corrupt(`the column ${column} of the catalog is not JSON`, { cause });
  }
}

export function jsonObject(row: Row, column: string): JsonObject {
  const value = json(row, column);
  if (!isJsonObject(value)) throw wrong(row, column, "a JSON object");
  return value;
}

export function optionalJsonObject(row: Row, column: string): JsonObject | undefined {
  return isNull(row, column) ? undefined : jsonObject(row, column);
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** The form in which ids are stored: lower case; undefined when it is no UUID, so that it can name nothing. */
export function storedUuid(id: string): string | undefined {
  const lower = id.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

/** @throws LakeError invalid */
export function requireUuid(id: string, what: string): string {
  const stored = storedUuid(id);
  if (stored === undefined) throw invalid(`the ${what} "${id}" is not a UUID`);
  return stored;
}

/** A text as a value of a statement; PostgreSQL has no character U+0000, so it is refused everywhere: a table can move. */
export function storable(value: string, what: string): string {
  if (value.includes("\0")) throw invalid(`the ${what} holds the character U+0000, which a catalog cannot store`);
  return value;
}

export function jsonText(value: object): string {
  return stringifyJson(value);
}
