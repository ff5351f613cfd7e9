/** Moves a file of a log to another folder of its table: first it is there twice, then once. Nothing is lost at any moment. */

import { LOG_FOLDER } from "../delta/files/log-files.ts";
import { LakeError } from "../errors.ts";
import type { ObjectStore } from "../ports.ts";

/** Larger files are checkpoints; they are copied in pieces. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** False when there is no such file. @throws LakeError conflict when another file of this name was set aside there before */
export async function setAside(store: ObjectStore, name: string, folder: string): Promise<boolean> {
  const [key, target] = [`${LOG_FOLDER}/${name}`, `${folder}/${LOG_FOLDER}/${name}`];
  const found = await store.head(key);
  if (found === undefined) return false;
  const isSmall = found.size <= PIECE_BYTES;
  const bytes = isSmall ? (await store.get(key))?.bytes : undefined;
  if (isSmall && bytes === undefined) return false;
  const put = await store.putIfAbsent(target, bytes ?? pieces(store, key, found.size));
  if (put === "exists" && (await store.head(target))?.size !== found.size) {
    throw new LakeError("conflict", `${target} is there already, and is another file than ${key}`, {
      code: "ASIDE_TAKEN",
      hint: "Try again: each attempt has a folder of its own.",
    });
  }
  // What another writer has put there in the meantime stays.
  if (bytes !== undefined) return store.removeIf(key, bytes);
  const [failure] = await store.remove([key]);
  if (failure !== undefined) throw failure.error;
  return true;
}

async function* pieces(store: ObjectStore, key: string, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += PIECE_BYTES) yield store.getRange(key, at, Math.min(size, at + PIECE_BYTES));
}
