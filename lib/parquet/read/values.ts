/** From values as Parquet holds them to JSON values, as the decoders of actions want them. */

import { type Int64, int64 } from "../../delta/values/int64.ts";
import type { Json } from "../../delta/values/json.ts";
import { MAP_ENTRIES } from "./columns.ts";

/** 64-bit integers in the normal form of {@link Int64}, missing values as null, texts without annotation decoded. */
export function plainJson(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return int64(value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value === "object") {
    const entries = (value as Record<string, unknown>)[MAP_ENTRIES];
    if (Array.isArray(entries)) {
      return Object.fromEntries(entries.map(({ key, value: item }) => [plainJson(key), plainJson(item)]));
    }
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainJson(item)]));
  }
  return value as string | number | boolean;
}
