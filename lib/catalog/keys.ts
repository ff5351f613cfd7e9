/** Hashes: keys that find a file by its path and deletion vector, and its fingerprint. */

import { hash } from "node:crypto";
import { type AddFile, deletionVectorId, type FileIdentity } from "../delta/actions.ts";
import { canonicalPath } from "../delta/files/paths.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import { canonicalJson } from "../delta/values/json.ts";

/** First 16 bytes of the SHA-256 of the canonical path, as 32 hex digits: all spellings of a path have one key. */
export function pathKey(path: string, location?: string): string {
  return canonicalKey(canonicalPath(path, location));
}

/** The key of a canonical path. */
export function canonicalKey(path: string): string {
  return hash("sha256", path).slice(0, 32);
}

/** Empty without a deletion vector, else 16 hex digits of the SHA-256 of its id. Only compared within one path. */
export function dvKey(file: FileIdentity): string {
  const id = deletionVectorId(file);
  return id === "" ? "" : hash("sha256", id).slice(0, 16);
}

/** What a live file adds to the fingerprint of a version. Fields that the service assigns, and dataChange, are not in it. */
export function fileFingerprint(file: AddFile): Fingerprint {
  // Strings and nulls: without a second key there is nothing to sort, and plain JSON.stringify is three times as fast.
  const sorted = Object.keys(file.partitionValues).length < 2;
  const partitionValues = sorted ? JSON.stringify(file.partitionValues) : canonicalJson(file.partitionValues);
  const digest = hash(
    "sha256",
    `${file.path}\n${deletionVectorId(file)}\n${file.size}\n${file.modificationTime}\n${partitionValues}\n${file.stats ?? ""}`,
    // A character a byte: a Buffer takes twice as long to make as all of the hash.
    "binary",
  );
  return [lane(digest, 0), lane(digest, 4), lane(digest, 8), lane(digest, 12)];
}

/** Four bytes as an unsigned number. */
function lane(digest: string, at: number): number {
  const byte = (i: number) => digest.charCodeAt(at + i);
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}
