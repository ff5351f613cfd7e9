/**
 * API keys as texts: `dlk_ID_SECRET`, ID of 16 hex digits to look it up by, SECRET of 64, which are 256 random bits. Scanners for
 * secrets in code and logs find one by `dlk_[0-9a-f]{16}_[0-9a-f]{64}`.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const KEY = /^dlk_([0-9a-f]{16})_[0-9a-f]{64}$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;

export interface NewApiKey {
  readonly keyId: string;
  /** Shown once, and stored nowhere. */
  readonly key: string;
  readonly hash: string;
}

export function newApiKey(): NewApiKey {
  const keyId = randomBytes(ID_BYTES).toString("hex");
  const key = `dlk_${keyId}_${randomBytes(SECRET_BYTES).toString("hex")}`;
  return { keyId, key, hash: hashOfKey(key) };
}

/** True for what was meant as an API key, also a mistyped one. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith("dlk_");
}

/** The id in a key; undefined when it cannot be one. */
export function keyIdOf(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * SHA-256 (hex). Slow hashes protect passwords that people choose, which can be guessed; nobody guesses 256 random bits,
 * however fast the hash is, and each request needs one.
 */
export function hashOfKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Takes as long for a wrong key as for a right one. */
export function isKeyOf(key: string, hash: string): boolean {
  const given = Buffer.from(hashOfKey(key), "hex");
  const wanted = Buffer.from(hash, "hex");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
