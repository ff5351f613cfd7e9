/** Answers that are bound to a version: ETags, what may be kept, and two servers that share a cache and never tell of an old head. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openAnswerCache } from "../../lib/cache/answers.ts";
import { openMemoryCache } from "../../lib/cache/memory.ts";
import { openRedisCache } from "../../lib/cache/redis.ts";
import type { AnswerCache } from "../../lib/ports.ts";
import { hasRedis, startOwnRedis } from "../support/own-redis.ts";
import { needs } from "../support/skip.ts";
import { addOf, openLocalApi, removeOf } from "./local-api.ts";
import { client } from "./stub-lake.ts";

const memory = () => openMemoryCache({ maxEntries: 1000, maxBytes: 1e7, ttlMs: 600_000 });
const PINNED = "private, max-age=86400, immutable";
const api = await openLocalApi();
type Server = ReturnType<typeof client>;

describe("without a cache", () => {
  test("what is pinned may be kept, all else is asked for again; the same is 304 without a body", async () => {
    const { tableId, name } = await api.newTable();
    await api.commit(tableId, 0, [addOf("a"), addOf("b")]);
    for (const [path, control] of [
      [`/v1/tables/${tableId}/files`, "private, no-cache"],
      [`/v1/tables/${tableId}/files?version=1`, PINNED],
      [`/v1/tables/${name}/files?version=1`, "private, no-cache"],
      [`/v1/tables/${tableId}/domains?version=0`, PINNED],
    ] as const) {
      const first = await api.get(path);
      const etag = first.headers.get("etag") ?? "";
      assert.match(etag, /^"[\w-]{32}"$/, path);
      assert.equal(first.headers.get("cache-control"), control, path);
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
        const again = await api.get(path, { "if-none-match": known });
        assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag], `${path} ${known}`);
      }
      const other = await api.get(path, { "if-none-match": '"x"' });
      assert.deepEqual([other.status, other.text], [200, first.text]);
    }
  });

  test("pages and forms have tags of their own; a version that is not there has none", async () => {
    const { tableId } = await api.newTable();
    await api.commit(tableId, 0, [addOf("a"), addOf("b")]);
    const path = `/v1/tables/${tableId}/files?version=1`;
    const first = await api.get(`${path}&limit=1`);
    const next = `/v1/tables/${tableId}/files?limit=1&cursor=${encodeURIComponent(String(first.body.next))}`;
    const second = await api.get(next);
    assert.equal(second.headers.get("cache-control"), PINNED, "a cursor carries its version");
    const lines = await api.get(`${path}&limit=1`, { accept: "application/x-ndjson" });
    const tags = [first, second, lines, await api.get(path)].map(({ headers }) => headers.get("etag"));
    assert.equal(new Set(tags).size, 4);
    const none = await api.get(`/v1/tables/${tableId}/files?version=9`, { "if-none-match": "*" });
    assert.deepEqual([none.status, none.headers.get("etag")], [404, null]);
    const txns = await api.get(`/v1/tables/${tableId}/txns?version=1`);
    assert.equal(txns.headers.get("etag"), null, "applications expire by the clock");
  });
});

async function sharing(open: () => AnswerCache): Promise<void> {
  const caches = [openAnswerCache([memory(), open()], true), openAnswerCache([memory(), open()], true)] as const;
  const one: Server = client(api.lake, { cache: caches[0] });
  const two: Server = client(api.lake, { cache: caches[1] });
  const { tableId, name } = await api.newTable();
  const files = async (server: Server, query = "", ref = tableId) => {
    const { status, body } = await server.get(`/v1/tables/${ref}/files${query}`);
    return status === 200 ? [body.version, (body.files as { path: string }[]).map(({ path }) => path).join()] : status;
  };
  for (let version = 1; version <= 5; version += 1) {
    const removes = version > 1 ? [removeOf(`f${version - 1}`)] : [];
    await api.commit(tableId, version - 1, [addOf(`f${version}`), ...removes]);
    for (const server of [one, two, one]) {
      assert.deepEqual(await files(server), [version, `f${version}`], "the newest, on every server");
      assert.deepEqual(await files(server, "", name), [version, `f${version}`]);
      assert.deepEqual(await files(server, "?version=1"), [1, "f1"], "and the old one");
    }
  }
  const scan = { version: 1, predicate: true };
  const plans = await Promise.all([one, two, one].map((server) => server.post(`/v1/tables/${tableId}/plan`, scan)));
  assert.equal(new Set(plans.map(({ status, text }) => `${status}${text}`)).size, 1);
  const { hits, misses } = caches[0].stats();
  assert.ok(hits >= 15 && misses <= hits, `${hits} hits, ${misses} misses`);
  assert.ok(caches[1].stats().hits >= 10, "what one has made, the other finds");

  await api.send(`/v1/tables/${tableId}`, { method: "DELETE" });
  for (const server of [one, two]) {
    assert.equal(await files(server, "?version=1"), 404, "a dropped table has no answers");
    assert.equal((await server.post(`/v1/tables/${tableId}/plan`, scan)).status, 404);
  }
  for (const cache of caches) await cache.close();
}

describe("two servers with a cache", () => {
  test("of memory, one layer shared", async () => {
    const shared = memory();
    await sharing(() => ({ ...shared, close: async () => undefined }));
  });

  test(
    "in Redis",
    needs("two servers with a cache in Redis", hasRedis, "there is no redis-server (apt-get install redis-server)"),
    async () => {
      const redis = await startOwnRedis();
      const warm = openRedisCache({ url: redis.url, ttlMs: 1_000 });
      for (
        let i = 0;
        i < 200 &&
        !(await warm.ping().then(
          () => true,
          () => false,
        ));
        i += 1
      ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await warm.close();
      await sharing(() => openRedisCache({ url: redis.url, ttlMs: 600_000 }));
      await redis.stop();
    },
  );
});
