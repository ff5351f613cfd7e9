/** How large a JSON value is, about, without writing it: what batches and limits go by. Pure. */

import { isJsonObject, type Json } from "../delta/values/json.ts";

/** Characters of all texts and keys, and some for everything else. */
export function textSize(value: Json | undefined): number {
  if (typeof value === "string") return value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item: Json) => sum + textSize(item), 8);
  if (!isJsonObject(value)) return 8;
  let size = 8;
  for (const key in value) size += key.length + textSize(value[key]);
  return size;
}
