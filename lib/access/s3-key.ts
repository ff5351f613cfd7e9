/**
 * Access keys for S3's way of signing (AWS Signature Version 4), which needs the secret on both sides. So a secret is made of the key's row by a
 * master secret that is never in SQL: whoever reads the database, or a backup of it, can sign nothing, and whoever writes to it cannot make
 * a row say another name, right or end, since the secret would be another.
 */

import { createHmac, randomBytes } from "node:crypto";
import type { ApiKeyRecord } from "../ports.ts";
import { hashOfKey, isKeyOf } from "./api-key.ts";

/** As long as those of AWS, and none of theirs. */
const ACCESS_KEY_ID = /^DLAK([0-9A-F]{16})$/;
const PURPOSE = "deltalakedb s3 access key 1";

export type NewS3Key = Omit<ApiKeyRecord, "keyId" | "hash" | "kind">;

export interface MadeS3Key {
  readonly record: ApiKeyRecord;
  readonly accessKeyId: string;
  /** Shown once, and stored nowhere. */
  readonly secretAccessKey: string;
}

/** @param master 32 bytes */
export function newS3Key(master: Uint8Array, facts: NewS3Key): MadeS3Key {
  const keyId = randomBytes(8).toString("hex");
  const record = { ...facts, keyId, kind: "s3" } as const;
  const secretAccessKey = secretOf(master, record);
  return {
    record: { ...record, hash: hashOfKey(secretAccessKey) },
    accessKeyId: accessKeyIdOf(keyId),
    secretAccessKey,
  };
}

export function accessKeyIdOf(keyId: string): string {
  return `DLAK${keyId.toUpperCase()}`;
}

/** The id in SQL of an access key id; undefined for one that is none of ours. */
export function keyIdOfAccess(accessKeyId: string): string | undefined {
  return ACCESS_KEY_ID.exec(accessKeyId)?.[1]?.toLowerCase();
}

/**
 * The secret with which its holder signs; undefined for a key of another kind, a row that was changed, and where it was made by none of these.
 * @param masters the newest first: the others are of keys that were made before
 */
export function secretOfRecord(masters: readonly Uint8Array[], record: ApiKeyRecord): string | undefined {
  if (record.kind !== "s3") return undefined;
  return masters.map((master) => secretOf(master, record)).find((secret) => isKeyOf(secret, record.hash));
}

/** 256 bits, in letters that no client has to escape. */
function secretOf(master: Uint8Array, record: Omit<ApiKeyRecord, "hash">): string {
  const { keyId, name, access, createdAt, expiresAt = null } = record;
  const facts = JSON.stringify([PURPOSE, keyId, name, access, createdAt, expiresAt]);
  return createHmac("sha256", master).update(facts).digest("base64url");
}
