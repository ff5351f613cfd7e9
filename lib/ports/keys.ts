/** API keys: what the catalog remembers of them. A key itself is stored nowhere. */

import type { Access } from "../access/principal.ts";
import type { Page } from "./page.ts";

export interface ApiKeys {
  /** @throws LakeError unavailable */
  addKey(key: ApiKeyRecord): Promise<void>;
  /** Also one that is expired or revoked. */
  findKey(keyId: string): Promise<ApiKeyRecord | undefined>;
  /** Ascending by id; expired and revoked ones, too. */
  listKeys(options: { readonly cursor?: string; readonly limit: number }): Promise<Page<ApiKeyRecord>>;
  /** The key, revoked: at the time given, or when it was first; undefined when there is none. */
  revokeKey(keyId: string, at: number): Promise<ApiKeyRecord | undefined>;
  /** Records a use, unless a later one has been recorded. */
  touchKey(keyId: string, at: number): Promise<void>;
}

/** Times are milliseconds since the epoch. */
export interface ApiKeyRecord {
  /** 16 hex digits; a part of the key, and no secret. */
  readonly keyId: string;
  /** Of `user:NAME`, as whom its holder acts. */
  readonly name: string;
  /** SHA-256 (hex) of the whole key; of an access key for S3, of its secret. */
  readonly hash: string;
  /** `s3`: engines sign with it at the gateway; absent: a key of the API. */
  readonly kind?: "s3";
  readonly access: Access;
  readonly createdAt: number;
  /** Absent: never. */
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  /** Up to some minutes late; absent: never used. */
  readonly lastUsedAt?: number;
}
