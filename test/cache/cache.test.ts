/** Caches of answers: bounds, layers, compression, and a Redis that goes away. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openAnswerCache } from "../../lib/cache/answers.ts";
import { openMemoryCache } from "../../lib/cache/memory.ts";
import { openRedisCache } from "../../lib/cache/redis.ts";
import { isLakeError } from "../../lib/errors.ts";
import { hasRedis, type OwnRedis, startOwnRedis } from "../support/own-redis.ts";
import { needs } from "../support/skip.ts";

const bytes = (text: string) => Buffer.from(text);
const textOf = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("in memory", () => {
  test("the least recently used goes first, by number", async () => {
    const cache = openMemoryCache({ maxEntries: 2, maxBytes: 1000, ttlMs: 60_000 });
    await cache.put("a", bytes("1"));
    await cache.put("b", bytes("2"));
    await cache.get("a");
    await cache.put("c", bytes("3"));
    assert.deepEqual(
      [textOf(await cache.get("a")), await cache.get("b"), textOf(await cache.get("c"))],
      ["1", undefined, "3"],
    );
    const { entries, hits, misses } = cache.stats();
    assert.deepEqual({ entries, hits, misses }, { entries: 2, hits: 3, misses: 1 });
  });

  test("and by bytes; one that is too large is not kept; all end with their time", async () => {
    const cache = openMemoryCache({ maxEntries: 100, maxBytes: 100, ttlMs: 50 });
    for (const key of ["a", "b", "c", "d", "e", "f"]) await cache.put(key, Buffer.alloc(20));
    assert.ok(cache.stats().bytes <= 100 && cache.stats().entries === 4);
    await cache.put("large", Buffer.alloc(50));
    assert.equal(await cache.get("large"), undefined);
    await pause(80);
    assert.equal(await cache.get("f"), undefined);
  });
});

test("layers: the nearest gets what another has; large answers are compressed; damage is no answer", async () => {
  const [near, far] = [1, 2].map(() => openMemoryCache({ maxEntries: 9, maxBytes: 1e6, ttlMs: 60_000 }));
  assert.ok(near && far);
  const text = "answer ".repeat(10_000);
  await openAnswerCache([far], true).put("k", bytes(text));
  assert.ok(far.stats().bytes < 1_000);
  const cache = openAnswerCache([near, far], true);
  assert.equal(textOf(await cache.get("k")), text);
  assert.equal(near.stats().entries, 1);
  assert.equal(textOf(await openAnswerCache([near], false).get("k")), text, "whoever compresses");
  await far.put("other", bytes("something else"));
  await far.put("cut", Buffer.from([1, 2, 3]));
  assert.deepEqual(
    [await cache.get("other"), await cache.get("cut"), await cache.get("none")],
    [undefined, undefined, undefined],
  );
  assert.deepEqual([cache.stats().hits, cache.stats().misses], [1, 3]);
});

describe(
  "in Redis",
  needs("cache in Redis", hasRedis, "there is no redis-server (apt-get install redis-server)"),
  () => {
    let redis: OwnRedis;
    before(async () => {
      redis = await startOwnRedis();
    });
    after(() => redis.stop());
    const ready = async (cache: ReturnType<typeof openRedisCache>) => {
      for (const end = performance.now() + 10_000; ; await pause(20)) {
        if (
          await cache.ping().then(
            () => true,
            () => false,
          )
        )
          return;
        assert.ok(performance.now() < end, "it is reached");
      }
    };

    test("what one server keeps, another finds, byte by byte, until its time is over", async () => {
      const [one, two] = [1, 2].map(() => openRedisCache({ url: redis.url, ttlMs: 300 }));
      assert.ok(one && two);
      await Promise.all([ready(one), ready(two)]);
      const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await one.put("k", value);
      assert.deepEqual(Buffer.from((await two.get("k")) ?? []), value);
      await pause(350);
      assert.equal(await two.get("k"), undefined);
      await Promise.all([one.close(), two.close()]);
    });

    test("while it is away there are misses, soon, and a reason; then it goes on", async () => {
      const cache = openRedisCache({ url: redis.url, ttlMs: 60_000 });
      await ready(cache);
      await redis.stop();
      const startedAt = performance.now();
      await cache.put("k", bytes("v"));
      assert.equal(await cache.get("k"), undefined);
      assert.ok(performance.now() - startedAt < 4_000);
      await assert.rejects(
        cache.ping(),
        (error) => isLakeError(error, "unavailable") && error.code === "CACHE_UNAVAILABLE",
      );
      await redis.start();
      await ready(cache);
      await cache.put("k", bytes("v"));
      assert.equal(textOf(await cache.get("k")), "v");
      await cache.close();
    });
  },
);
