/** A store is tried before a table is made in it: with the put of the mirror, and nothing is left of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { invalid, isLakeError, notFound, unavailable } from "../../lib/errors.ts";
import { tryStore } from "../../lib/lake/stores.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { collect } from "../contract/object-store.contract.ts";

test("a store that keeps its promises is as it was", async () => {
  const store = openMemoryStore();
  await store.put("data.parquet", new Uint8Array(1));
  await tryStore(store, "s3://b/t");
  assert.deepEqual(
    (await collect(store.list(""))).map(({ key }) => key),
    ["data.parquet"],
  );
});

test("killed at any of its calls, it leaves a place where a table can still be made", async () => {
  let calls = 0;
  for (let survived = 0; survived <= 4; survived += 1) {
    const store = openMemoryStore();
    calls = 0;
    const mortal = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        if (calls >= survived) throw new Error("killed");
        calls += 1;
        const answer = await call(...args);
        // Half of the deaths come after the call has done its work.
        if (calls >= survived && survived % 2 === 0) throw new Error("killed");
        return answer;
      };
    };
    const killed = { ...store, putIfAbsent: mortal(store.putIfAbsent), removeIf: mortal(store.removeIf) };
    await tryStore(killed, "s3://b/t").catch(() => undefined);
    await tryStore(store, "s3://b/t");
    const log = openDeltaLog(store, "s3://b/t");
    const listing = await log.list().catch((error: unknown) => {
      assert.ok(isLakeError(error, "notFound"));
      return undefined;
    });
    assert.deepEqual([...(listing?.commits ?? []), ...(listing?.checkpoints ?? [])], []);
    assert.equal(await log.putCommit(0, new Uint8Array(1), { timestamp: 1 }), "published");
  }
  assert.equal(calls, 3, "two puts and a removal: all of them have been died at");
});

test("who may write and not remove is let in", async () => {
  const removeIf = async () => {
    throw invalid("access is denied");
  };
  await tryStore({ ...openMemoryStore(), removeIf }, "s3://b/t");
});

const failing = (error: Error): Partial<ObjectStore> => ({
  putIfAbsent: async () => {
    throw error;
  },
});

for (const [what, broken, kind, code, words] of [
  [
    "may not be written",
    failing(invalid("access is denied", { hint: "Grant it." })),
    "invalid",
    "LOCATION_NOT_WRITABLE",
    /s3:\/\/b\/t: access is denied/,
  ],
  [
    "is not there",
    failing(notFound("no bucket", { hint: "Make it." })),
    "invalid",
    "LOCATION_NOT_WRITABLE",
    /no bucket/,
  ],
  ["does not answer", failing(unavailable("busy", { hint: "Try again." })), "unavailable", "UNAVAILABLE", /busy/],
  [
    "writes whether there is something or not",
    { putIfAbsent: async () => "created" as const },
    "invalid",
    "LOCATION_NOT_WRITABLE",
    /created, then created/,
  ],
  [
    "says that all is there already",
    { putIfAbsent: async () => "exists" as const },
    "invalid",
    "LOCATION_NOT_WRITABLE",
    /exists, then exists/,
  ],
] as const) {
  test(`a store that ${what} is refused as a place for tables`, async () => {
    await assert.rejects(tryStore({ ...openMemoryStore(), ...broken }, "s3://b/t"), (error) => {
      assert.ok(isLakeError(error, kind), String(error));
      assert.deepEqual([error.code, error.at], [code, "/location"]);
      assert.match(error.message, words);
      assert.ok(error.hint);
      return true;
    });
  });
}
