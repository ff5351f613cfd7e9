/** What all object stores share: the form of keys, and bodies given as chunks. */

import { invalid } from "../errors.ts";
import type { ObjectBody } from "../ports.ts";

/** Uploads lie here, at the root of a bucket, whose lifecycle deletes them after a day (infra/constructs/lake-bucket.ts). */
export const UPLOADS_PREFIX = "_uploads";

/** True for the unfinished files of a local store, which no listing shows. */
export function isTemporary(name: string): boolean {
  return name.startsWith(".") && name.endsWith(".tmp");
}

/**
 * Refuses keys that some store could not hold, or that would leave the root of a local one.
 * @throws LakeError invalid
 */
export function checkKey(key: string): void {
  const segments = key.split("/");
  const bad = segments.some((segment) => segment === "" || segment === "." || segment === ".." || isTemporary(segment));
  if (bad || key.includes("\0") || !key.isWellFormed()) {
    throw invalid(`"${key}" cannot be the key of an object`, {
      hint: "Keys are relative to the root of the store, without empty or dot segments.",
    });
  }
}

/** The chunks of a body, one by one. */
export async function* bodyChunks(body: ObjectBody): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** A body as one array of its own. */
export async function wholeBody(body: ObjectBody): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyChunks(body)) chunks.push(chunk);
  return plainBytes(Buffer.concat(chunks));
}

/** The same memory as a plain array, whose `slice` copies; that of a Buffer does not. */
export function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
