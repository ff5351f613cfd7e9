/** The rows that a deletion vector deletes (PROTOCOL.md, "Deletion Vector Format"), read from wherever it is stored. */

import { crc32 } from "node:zlib";
import type { AddFile, DeletionVector } from "../delta/actions.ts";
import { deletionVectorPath, keyInTable } from "../delta/files/file-places.ts";
import { rowsOfBitmap } from "../delta/values/row-bitmap.ts";
import { decodeZ85 } from "../delta/values/z85.ts";
import { corrupt } from "../errors.ts";
import type { ObjectStore } from "../ports.ts";

/** Before the bytes their length, behind them their checksum. */
const WORD = 4;

/** @throws LakeError corrupt for bytes that are no such vector, or another one than the action says */
export async function deletedRows(
  store: ObjectStore,
  location: string,
  { path, deletionVector: vector }: Pick<AddFile, "path" | "deletionVector">,
): Promise<Iterable<number>> {
  if (vector === undefined) return [];
  const wrong = (why: string) => corrupt(`the deletion vector of "${path}" ${why}`, { facts: { path } });
  const bytes = vector.storageType === "i" ? inlineBytes(vector) : await storedBytes(store, location, vector, wrong);
  const rows = bytes && rowsOfBitmap(bytes);
  if (rows === undefined) throw wrong("is no bitmap that can be read");
  return rows;
}

function inlineBytes({ pathOrInlineDv, sizeInBytes }: DeletionVector): Uint8Array | undefined {
  return decodeZ85(pathOrInlineDv)?.subarray(0, Number(sizeInBytes));
}

async function storedBytes(
  store: ObjectStore,
  location: string,
  vector: DeletionVector,
  wrong: (why: string) => Error,
): Promise<Uint8Array> {
  const path = deletionVectorPath(vector);
  const key = path === undefined ? undefined : keyInTable(location, path);
  if (key === undefined) throw wrong("lies outside the table");
  const start = Number(vector.offset ?? 0);
  const size = Number(vector.sizeInBytes);
  const framed = await store.getRange(key, start, start + size + 2 * WORD);
  if (framed.length !== size + 2 * WORD) throw wrong("is cut");
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength);
  const bytes = framed.subarray(WORD, WORD + size);
  if (view.getUint32(0) !== size)
    throw wrong(`has a length of ${view.getUint32(0)} bytes, and its action says ${size}`);
  if (view.getUint32(WORD + size) !== crc32(bytes)) throw wrong("has another checksum than its bytes");
  return bytes;
}
