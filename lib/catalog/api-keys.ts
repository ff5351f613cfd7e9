/** dl_api_keys: who may use the API, and the gateway. */

import type { ApiKeyRecord, Page } from "../ports.ts";
import { type Database, type Queries, type Row, raw, sql } from "./database.ts";
import { integer, optionalInteger, optionalText, text, wrong } from "./rows/values.ts";
import { page } from "./tables.ts";

const COLUMNS = raw("key_id, name, hash, access, created_at, expires_at, revoked_at, last_used_at, kind");

export async function addKey(db: Database, key: ApiKeyRecord): Promise<void> {
  const { keyId, name, hash, access, createdAt, expiresAt = null, kind = null } = key;
  await db.write(sql`
    insert into dl_api_keys (key_id, name, hash, access, created_at, expires_at, kind)
    values (${keyId}, ${name}, ${hash}, ${access}, ${createdAt}, ${expiresAt}, ${kind})`);
}

export async function findKey(db: Queries, keyId: string): Promise<ApiKeyRecord | undefined> {
  const [row] = await db.read(sql`select ${COLUMNS} from dl_api_keys where key_id = ${keyId}`);
  return row && keyOf(row);
}

export async function listKeys(
  db: Queries,
  { cursor = "", limit }: { readonly cursor?: string; readonly limit: number },
): Promise<Page<ApiKeyRecord>> {
  const rows = await db.read(sql`
    select ${COLUMNS} from dl_api_keys where key_id > ${cursor} order by key_id limit ${limit + 1}`);
  return page(rows.map(keyOf), limit, ({ keyId }) => keyId);
}

export async function revokeKey(db: Database, keyId: string, at: number): Promise<ApiKeyRecord | undefined> {
  await db.write(sql`update dl_api_keys set revoked_at = coalesce(revoked_at, ${at}) where key_id = ${keyId}`);
  return findKey(db, keyId);
}

export async function touchKey(db: Database, keyId: string, at: number): Promise<void> {
  await db.write(sql`
    update dl_api_keys set last_used_at = ${at}
    where key_id = ${keyId} and (last_used_at is null or last_used_at < ${at})`);
}

function keyOf(row: Row): ApiKeyRecord {
  const access = text(row, "access");
  if (access !== "read" && access !== "write") throw wrong(row, "access", "read or write");
  const kind = optionalText(row, "kind");
  if (kind !== undefined && kind !== "s3") throw wrong(row, "kind", "s3 or NULL");
  const times = {
    expiresAt: optionalInteger(row, "expires_at"),
    revokedAt: optionalInteger(row, "revoked_at"),
    lastUsedAt: optionalInteger(row, "last_used_at"),
  };
  return {
    keyId: text(row, "key_id"),
    name: text(row, "name"),
    hash: text(row, "hash"),
    access,
    createdAt: integer(row, "created_at"),
    ...(kind === undefined ? {} : { kind }),
    ...(Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)) as Partial<ApiKeyRecord>),
  };
}
