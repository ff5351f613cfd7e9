/**
 * Encryption of parts by AES-256-GCM, with a nonce by chance for each. The name of the part and its backup is authenticated with it,
 * so no part can take the place of another. A key seals far fewer parts than the 2^32 that random nonces allow.
 */

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { invalid, LakeError } from "../errors.ts";
import type { BackupPlace } from "../ports.ts";
import type { PartCodec } from "./codec.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Tells an encrypted part, and how it is encrypted. */
const MAGIC = Buffer.from("DLE1");

/** @param key 32 bytes */
export function encrypted(codec: PartCodec, key: Uint8Array): PartCodec & Required<Pick<BackupPlace, "keyId" | "mac">> {
  const keyed = (purpose: string, bytes: Uint8Array) =>
    createHmac("sha256", key).update(`deltalakedb ${purpose}\0`).update(bytes).digest("hex");
  return {
    keyId: keyed("key id", new Uint8Array()).slice(0, 16),
    mac: (bytes) => keyed("manifest", bytes),
    async seal(name, bytes) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(aad(name));
      const body = [cipher.update(await codec.seal(name, bytes)), cipher.final()];
      return Buffer.concat([MAGIC, nonce, ...body, cipher.getAuthTag()]);
    },
    async unseal(name, bytes) {
      const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const start = MAGIC.length + NONCE_BYTES;
      if (body.length < start + TAG_BYTES || !body.subarray(0, MAGIC.length).equals(MAGIC)) {
        throw new LakeError("corrupt", `${name} is not encrypted as it should be`, { code: "BACKUP_DAMAGED" });
      }
      const decipher = createDecipheriv(CIPHER, key, body.subarray(MAGIC.length, start)).setAAD(aad(name));
      decipher.setAuthTag(body.subarray(-TAG_BYTES));
      try {
        return await codec.unseal(
          name,
          Buffer.concat([decipher.update(body.subarray(start, -TAG_BYTES)), decipher.final()]),
        );
      } catch (cause) {
        if (cause instanceof LakeError) throw cause;
        throw new LakeError("corrupt", `${name} cannot be decrypted: it was changed, or belongs elsewhere`, {
          code: "BACKUP_DAMAGED",
          cause,
        });
      }
    },
  };
}

const aad = (name: string): Buffer => Buffer.from(`deltalakedb backup\0${name}`);

/** A key as files and environments hold it: 64 hex digits, or base64 of 32 bytes. @param where for the message. @throws LakeError invalid */
export function parseKey(text: string, where: string): Uint8Array {
  const trimmed = text.trim();
  const isHex = /^[0-9a-fA-F]{64}$/.test(trimmed);
  const key = Buffer.from(trimmed, isHex ? "hex" : "base64");
  if (isHex || (/^[A-Za-z0-9+/]{43}=?$/.test(trimmed) && key.length === KEY_BYTES)) return key;
  throw invalid(`${where} holds no key of 256 bits`, {
    code: "INVALID_BACKUP_KEY",
    hint: "Write 64 hex digits, as `openssl rand -hex 32` makes them, or base64 of 32 bytes.",
  });
}
