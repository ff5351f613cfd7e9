/** Where the files lie that actions name: paths and deletion vectors as keys below the root of their table. Pure. */

import type { DeletionVector } from "../actions.ts";
import { decodeZ85 } from "../values/z85.ts";
import { canonicalPath, isOutside } from "./paths.ts";

/** The object key of a path, relative to the root of its table: percent-decoded once. undefined for what lies elsewhere. */
export function keyInTable(location: string, path: string): string | undefined {
  return isOutside(path, location) ? undefined : canonicalPath(path, location);
}

/** So many letters of base85 are a UUID. */
export const UUID_LETTERS = 20;

/**
 * The path of the file that holds a deletion vector (PROTOCOL.md, "Deletion Vectors"): relative to the table for `u`, as it
 * stands for `p`, none for one that is stored inline. undefined, too, for a name that is no base85.
 */
export function deletionVectorPath({ storageType, pathOrInlineDv }: DeletionVector): string | undefined {
  if (storageType === "p") return pathOrInlineDv;
  if (storageType !== "u" || pathOrInlineDv.length < UUID_LETTERS) return undefined;
  const prefix = pathOrInlineDv.slice(0, -UUID_LETTERS);
  const uuid = uuidOf(pathOrInlineDv.slice(-UUID_LETTERS));
  if (uuid === undefined) return undefined;
  const name = `deletion_vector_${uuid}.bin`;
  return prefix === "" ? name : `${prefix}/${name}`;
}

function uuidOf(text: string): string | undefined {
  const bytes = decodeZ85(text);
  const hex = bytes && Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Around the bytes of a vector in its file: its length before it, its checksum behind it, four bytes each. */
const FRAME_BYTES = 8n;

/** How many bytes the file of a deletion vector has at least. */
export function deletionVectorEnd({ offset = 0, sizeInBytes }: DeletionVector): bigint {
  return BigInt(offset) + BigInt(sizeInBytes) + FRAME_BYTES;
}
