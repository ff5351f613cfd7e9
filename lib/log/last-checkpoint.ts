/** `_last_checkpoint`, the hint that saves readers a listing (PROTOCOL.md, "Last Checkpoint File"). Only a hint: nothing is true because it says so. */

import { createHash } from "node:crypto";
import { LAST_CHECKPOINT, LOG_FOLDER } from "../delta/files/log-files.ts";
import {
  isJsonObject,
  isRawNumber,
  type Json,
  type JsonObject,
  parseJson,
  stringifyJson,
} from "../delta/values/json.ts";
import type { ObjectStore, WrittenCheckpoint } from "../ports.ts";

const KEY = `${LOG_FOLDER}/${LAST_CHECKPOINT}`;

/** The version that the hint names; undefined when there is none, or it is torn, altered, or not of this form. */
export async function readLastCheckpoint(store: ObjectStore): Promise<number | undefined> {
  const found = await store.get(KEY);
  return found && hintedVersion(found.bytes);
}

/**
 * Lets the hint name this checkpoint, unless it names the same or a later one already. Two workers at once may still move
 * it back by one checkpoint, as a store has no conditional replace: harmless, since the older checkpoint stays valid.
 */
export async function moveLastCheckpoint(store: ObjectStore, checkpoint: WrittenCheckpoint): Promise<void> {
  const present = await readLastCheckpoint(store);
  if (present !== undefined && present >= checkpoint.version) return;
  await store.put(KEY, new TextEncoder().encode(encodeHint(checkpoint)));
}

/**
 * One line, as Spark reads no more; version and size first, for readers that meet a torn file. Without `parts`, as 1 breaks
 * Trino (trinodb/trino#26148), and without `checkpointSchema`, which is large and optional.
 */
function encodeHint({ version, size, sizeInBytes, numOfAddFiles, top }: WrittenCheckpoint): string {
  const v2Checkpoint = top && { path: top.name, sizeInBytes: top.size, modificationTime: Math.trunc(top.modifiedAt) };
  const hint = { version, size, sizeInBytes, numOfAddFiles, ...(v2Checkpoint && { v2Checkpoint }) };
  return stringifyJson({ ...hint, checksum: jsonChecksum(hint) });
}

function hintedVersion(bytes: Uint8Array): number | undefined {
  const hint = parseOrNull(new TextDecoder().decode(bytes));
  if (!isJsonObject(hint)) return undefined;
  const { version, checksum } = hint;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 0) return undefined;
  return typeof checksum === "string" && checksum !== jsonChecksum(hint) ? undefined : version;
}

function parseOrNull(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** MD5 (hex) of the canonical form of the object without its `checksum` (PROTOCOL.md, "JSON checksum"). */
export function jsonChecksum(object: JsonObject): string {
  const { checksum: _itself, ...summed } = object;
  return createHash("md5").update(canonicalForm(summed)).digest("hex");
}

/** `path=value` of every scalar, sorted by path. All of it is ASCII, so the order of code units is that of bytes. */
export function canonicalForm(object: JsonObject): string {
  const pairs = [...leaves(object, [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([path, value]) => `${path}=${value}`).join(",");
}

function* leaves(value: Json, path: readonly string[]): Generator<readonly [path: string, value: string]> {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* leaves(item, [...path, String(i)]);
  } else if (isJsonObject(value)) {
    for (const [name, item] of Object.entries(value)) yield* leaves(item ?? null, [...path, quoted(name)]);
  } else {
    const scalar = typeof value === "string" ? quoted(value) : isRawNumber(value) ? value.rawJSON : String(value);
    yield [path.join("+"), scalar];
  }
}

/** Percent-encodes all but the unreserved characters of RFC 3986; encodeURIComponent leaves five more as they are. */
function quoted(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed());
  return `"${encoded.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}"`;
}
