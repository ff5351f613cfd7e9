/** Who holds an API key: right and wrong ones, what is remembered and for how long, and what guessing costs. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { hashOfKey, isKeyOf, keyIdOf, newApiKey } from "../../lib/access/api-key.ts";
import { openKeyRing, REMEMBERED_MS } from "../../lib/access/key-ring.ts";
import { isLakeError, unavailable } from "../../lib/errors.ts";
import type { ApiKeyRecord } from "../../lib/ports.ts";

const NOW = 1_795_694_400_000;

/** A ring over one key, a clock that the test turns, and what was asked of the catalog. */
function ringWith(more: Partial<ApiKeyRecord> = {}) {
  const { key, keyId, hash } = newApiKey();
  const catalog = { record: { keyId, name: "ci", hash, access: "write", createdAt: 1, ...more } as ApiKeyRecord };
  const seen = { lookups: [] as string[], uses: [] as number[], answers: async () => undefined as unknown };
  const time = { now: NOW, monotonic: 0 };
  const ring = openKeyRing(
    {
      async findKey(id) {
        seen.lookups.push(id);
        await seen.answers();
        return id === keyId ? catalog.record : undefined;
      },
      async touchKey(_id, at) {
        seen.uses.push(at);
      },
    },
    { now: () => time.now, monotonic: () => time.monotonic },
  );
  return { key, keyId, catalog, seen, time, ring };
}

const refused = (code: string) => (error: unknown) => isLakeError(error, "unauthenticated") && error.code === code;

test("a key has an id and 256 random bits, in a form that scanners find", () => {
  const keys = Array.from({ length: 100 }, newApiKey);
  assert.equal(new Set(keys.map(({ keyId }) => keyId)).size, 100);
  for (const { key, keyId, hash } of keys) {
    assert.match(key, /^dlk_[0-9a-f]{16}_[0-9a-f]{64}$/);
    assert.equal(keyIdOf(key), keyId);
    assert.ok(isKeyOf(key, hash));
    assert.ok(!key.includes(hash) && !hash.includes(key.slice(21)));
  }
  assert.ok(!isKeyOf("dlk_x", hashOfKey("dlk_y")));
  assert.ok(!isKeyOf("dlk_x", "not hex"));
});

describe("a key ring", () => {
  test("knows the holder of a key", async () => {
    const { key, keyId, ring } = ringWith();
    const holder = { id: "user:ci", name: "ci", proof: "key", access: "write", groups: [], session: keyId };
    assert.deepEqual(await ring.holderOf(key), holder);
  });

  test("refuses what is no key of its own, and repeats none of it", async () => {
    const { key, keyId, ring } = ringWith();
    const [last] = key.slice(-1);
    const wrong = [
      `${key.slice(0, -1)}${last === "0" ? "1" : "0"}`,
      `dlk_${keyId}_${"0".repeat(64)}`,
      newApiKey().key,
      key.toUpperCase(),
      `${key} `,
      `${key}0`,
      key.slice(0, -1),
      "dlk_",
      `dlk_${keyId}`,
      "",
    ];
    for (const text of wrong) {
      await assert.rejects(ring.holderOf(text), (error) => {
        assert.ok(refused("INVALID_CREDENTIALS")(error), String(error));
        return text.length < 20 || !JSON.stringify(error).includes(text);
      });
    }
  });

  test("refuses a revoked key, and one that has expired meanwhile", async () => {
    const revoked = ringWith({ revokedAt: NOW });
    await assert.rejects(revoked.ring.holderOf(revoked.key), refused("INVALID_CREDENTIALS"));
    const { key, time, ring } = ringWith({ expiresAt: NOW + 1 });
    await ring.holderOf(key);
    time.now += 1;
    // Remembered, and refused all the same.
    await assert.rejects(ring.holderOf(key), refused("CREDENTIALS_EXPIRED"));
  });

  test("asks once for many requests, and beside them before an answer is too old", async () => {
    const { key, seen, time, ring } = ringWith();
    await Promise.all(Array.from({ length: 50 }, () => ring.holderOf(key)));
    for (time.monotonic = 0; time.monotonic < 60_000; time.monotonic += 100) {
      seen.answers = () => new Promise(() => undefined);
      // A request never waits for a look-up, though this one never ends; the next look-up does.
      await ring.holderOf(key);
      if (time.monotonic >= 5_000) break;
    }
    assert.equal(seen.lookups.length, 2);
  });

  test("a busy client never waits for SQL: one look-up in five seconds, none of them before an answer", async () => {
    const { key, seen, time, ring } = ringWith();
    for (time.monotonic = 0; time.monotonic <= 60_000; time.monotonic += 100) {
      await ring.holderOf(key);
      await turn();
    }
    assert.equal(seen.lookups.length, 13);
  });

  test(`refuses a revoked key within ${REMEMBERED_MS} ms, also when nobody asked meanwhile`, async () => {
    for (const pause of [100, 3_000, REMEMBERED_MS]) {
      const { key, catalog, time, ring } = ringWith();
      await ring.holderOf(key);
      catalog.record = { ...catalog.record, revokedAt: NOW };
      let refusedAt: number | undefined;
      for (time.monotonic = pause; time.monotonic <= REMEMBERED_MS; time.monotonic += pause) {
        await turn();
        refusedAt = await ring.holderOf(key).then(
          () => undefined,
          () => time.monotonic,
        );
        if (refusedAt !== undefined) break;
      }
      assert.ok(refusedAt !== undefined && refusedAt <= REMEMBERED_MS, `asked every ${pause} ms`);
    }
  });

  test("does not go on with an old answer while the database is away, whatever the clock on the wall does", async () => {
    const { key, seen, time, ring } = ringWith();
    await ring.holderOf(key);
    seen.answers = async () => {
      throw unavailable("the database is away");
    };
    time.monotonic = REMEMBERED_MS - 1;
    time.now = 0;
    await ring.holderOf(key);
    time.monotonic = REMEMBERED_MS;
    await assert.rejects(ring.holderOf(key), (error) => isLakeError(error, "unavailable"));
    seen.answers = async () => undefined;
    await ring.holderOf(key);
  });

  test("who guesses ids neither takes all connections nor locks out who is known", async () => {
    const { key, seen, ring } = ringWith();
    await ring.holderOf(key);
    const { promise: silence, resolve: answer } = Promise.withResolvers<void>();
    seen.answers = () => silence;
    const guesses = Array.from({ length: 200 }, () => ring.holderOf(newApiKey().key).catch((error: unknown) => error));
    await turn();
    assert.equal(seen.lookups.length, 1 + 16);
    await ring.holderOf(key);
    answer();
    const outcomes = await Promise.all(guesses);
    assert.equal(outcomes.filter((error) => isLakeError(error, "unavailable")).length, 200 - 16);
    assert.equal(outcomes.filter(refused("INVALID_CREDENTIALS")).length, 16);
  });

  test("records a use now and then, and lets nobody wait for it", async () => {
    const { key, seen, time, ring } = ringWith();
    for (let i = 0; i < 100; i += 1) await ring.holderOf(key);
    assert.deepEqual(seen.uses, [NOW]);
    time.now += 10 * 60_000;
    await ring.holderOf(key);
    assert.deepEqual(seen.uses, [NOW, time.now]);
  });
});
