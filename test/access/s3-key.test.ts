/** Access keys for S3: secrets that are in no row, and rows that cannot be made to say something else. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { newApiKey } from "../../lib/access/api-key.ts";
import { openKeyRing, REMEMBERED_MS } from "../../lib/access/key-ring.ts";
import { accessKeyIdOf, keyIdOfAccess, newS3Key, secretOfRecord } from "../../lib/access/s3-key.ts";
import type { ApiKeyRecord } from "../../lib/ports.ts";

const NOW = 1_795_694_400_000;
const master = randomBytes(32);
const facts = { name: "etl", access: "write", createdAt: NOW, expiresAt: NOW + 1000 } as const;

test("an id as long as AWS's, a secret of 256 bits that no row holds, and the same secret from the row and the master", () => {
  const made = newS3Key(master, facts);
  assert.match(made.accessKeyId, /^DLAK[0-9A-F]{16}$/);
  assert.equal(keyIdOfAccess(made.accessKeyId), made.record.keyId);
  assert.match(made.secretAccessKey, /^[\w-]{43}$/);
  assert.ok(!JSON.stringify(made.record).includes(made.secretAccessKey));
  assert.equal(secretOfRecord([master], made.record), made.secretAccessKey);
  assert.notEqual(newS3Key(master, facts).secretAccessKey, made.secretAccessKey, "each has its own");
});

test("a row that was changed makes another secret: none that anybody has", () => {
  const { record } = newS3Key(master, facts);
  const { expiresAt: _, ...unending } = record;
  const changed: ApiKeyRecord[] = [
    { ...record, name: "admin" },
    { ...record, access: "read" },
    { ...record, createdAt: record.createdAt + 1 },
    { ...record, expiresAt: NOW + 1_000_000 },
    { ...record, keyId: "0".repeat(16) },
    unending,
  ];
  for (const one of changed) assert.equal(secretOfRecord([master], one), undefined, JSON.stringify(one));
});

test("a master takes the place of another without a key that ends; a wrong one opens nothing", () => {
  const { record, secretAccessKey } = newS3Key(master, facts);
  const newest = randomBytes(32);
  assert.equal(secretOfRecord([newest, master], record), secretAccessKey);
  assert.equal(secretOfRecord([newest], record), undefined);
  assert.equal(secretOfRecord([], record), undefined);
});

function ringOf(record: ApiKeyRecord, masters: readonly Uint8Array[] = [master]) {
  const time = { now: NOW, monotonic: 0 };
  const row = { record };
  const uses: number[] = [];
  const catalog = {
    findKey: async (id: string) => (id === row.record.keyId ? row.record : undefined),
    touchKey: async (_id: string, at: number) => void uses.push(at),
  };
  const ring = openKeyRing(catalog, { now: () => time.now, monotonic: () => time.monotonic, masters });
  return { ring, time, row, uses };
}

test("its holder is known by it until it is revoked or ends, on every server within the bound of other keys", async () => {
  const { record, accessKeyId, secretAccessKey } = newS3Key(master, facts);
  const { ring, time, row, uses } = ringOf(record);
  const found = await ring.s3Key(accessKeyId);
  assert.equal(found?.secretAccessKey, secretAccessKey);
  assert.deepEqual(uses, [], "nothing is proven yet");
  assert.deepEqual(found?.holder(), {
    id: "user:etl",
    name: "etl",
    proof: "key",
    access: "write",
    groups: [],
    session: record.keyId,
  });
  assert.deepEqual(uses, [NOW]);
  row.record = { ...record, revokedAt: NOW };
  time.monotonic += REMEMBERED_MS;
  const revoked = await ring.s3Key(accessKeyId);
  assert.throws(() => revoked?.holder(), { code: "INVALID_CREDENTIALS" });
  const ended = ringOf(record);
  ended.time.now = NOW + 1000;
  const late = await ended.ring.s3Key(accessKeyId);
  assert.throws(() => late?.holder(), { code: "CREDENTIALS_EXPIRED" });
});

test("neither kind of key passes for the other, nor anything without a master", async () => {
  const s3 = newS3Key(master, facts);
  const asApi = ringOf(s3.record).ring.holderOf(`dlk_${s3.record.keyId}_${"0".repeat(64)}`);
  await assert.rejects(asApi, { code: "INVALID_CREDENTIALS" });
  const api = newApiKey();
  const row = { ...facts, keyId: api.keyId, hash: api.hash };
  assert.equal(await ringOf(row).ring.s3Key(accessKeyIdOf(api.keyId)), undefined);
  assert.equal(await ringOf({ ...row, kind: "s3" }).ring.s3Key(accessKeyIdOf(api.keyId)), undefined);
  assert.equal(await ringOf(s3.record, []).ring.s3Key(s3.accessKeyId), undefined);
  assert.equal(await ringOf(s3.record).ring.s3Key("AKIAIOSFODNN7EXAMPLE"), undefined);
});
