/**
 * Encryption of parts: the name of the part and its backup is authenticated with it, so no part can take the place of another. A key seals
 * far fewer parts than it may.
 */

import { createHmac } from "node:crypto";
import { LakeError } from "../errors.ts";
import type { BackupPlace } from "../ports.ts";
import { SEAL_BYTES, seal, unseal } from "../sealed.ts";
import type { PartCodec } from "./codec.ts";

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
      return Buffer.concat([MAGIC, seal(key, place(name), await codec.seal(name, bytes))]);
    },
    async unseal(name, bytes) {
      const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (body.length < MAGIC.length + SEAL_BYTES || !body.subarray(0, MAGIC.length).equals(MAGIC)) {
        throw new LakeError("corrupt", `${name} is not encrypted as it should be`, { code: "BACKUP_DAMAGED" });
      }
      try {
        return await codec.unseal(name, unseal(key, place(name), body.subarray(MAGIC.length)));
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

const place = (name: string): string => `deltalakedb backup\0${name}`;
