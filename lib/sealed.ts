/** Bytes that are sealed by AES-256-GCM: nobody without the key reads them, changes them, or puts them in the place of others. */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { invalid } from "./errors.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed text is longer than its plain one. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;

/**
 * With a nonce by chance: a key may seal 2^32 times.
 * @param key 32 bytes
 * @param place what it belongs to, authenticated with it
 */
export function seal(key: Uint8Array, place: string, bytes: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(place));
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Error for another key, another place, and whatever was changed */
export function unseal(key: Uint8Array, place: string, sealed: Uint8Array): Buffer {
  if (sealed.length < SEAL_BYTES) throw new Error("too short to be sealed");
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

/**
 * A key as files and environments hold it: 64 hex digits, or base64 of 32 bytes.
 * @param where for the message
 * @throws LakeError invalid, with this code
 */
export function parseKey(text: string, where: string, code: string): Uint8Array {
  const trimmed = text.trim();
  const isHex = /^[0-9a-fA-F]{64}$/.test(trimmed);
  const key = Buffer.from(trimmed, isHex ? "hex" : "base64");
  if (isHex || (/^[A-Za-z0-9+/]{43}=?$/.test(trimmed) && key.length === KEY_BYTES)) return key;
  throw invalid(`${where} holds no key of 256 bits`, {
    code,
    hint: "Write 64 hex digits, as `openssl rand -hex 32` makes them, or base64 of 32 bytes.",
  });
}
