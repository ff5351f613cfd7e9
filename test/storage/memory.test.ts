/** The memory store keeps the contract, and its faults and clock do what crash tests need. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { objectStoreContract } from "../contract/object-store.contract.ts";

objectStoreContract("memory store", async () => ({ store: openMemoryStore() }));

const BODY = new TextEncoder().encode("x");

test("beforeWrite that throws leaves nothing behind; afterWrite that throws leaves the object", async () => {
  const faults = new Map([
    ["before", "a"],
    ["after", "b"],
  ]);
  const store = openMemoryStore({
    beforeWrite: (operation, key) => {
      if (key === faults.get("before")) throw new Error(`stop ${operation}`);
    },
    afterWrite: async (operation, key) => {
      if (key === faults.get("after")) throw new Error(`lost ${operation}`);
    },
  });
  await assert.rejects(store.putIfAbsent("a", BODY), /stop putIfAbsent/);
  assert.equal(await store.head("a"), undefined);
  await assert.rejects(store.put("b", BODY), /lost put/);
  assert.equal((await store.head("b"))?.size, 1);
});

test("the clock stamps objects, and what was handed over or out is a copy", async () => {
  let now = 1000;
  const store = openMemoryStore({ now: () => now });
  const body = Uint8Array.of(1, 2, 3);
  await store.put("k", body);
  now = 2000;
  body[0] = 9;
  const found = await store.get("k");
  assert.deepEqual([...(found?.bytes ?? [])], [1, 2, 3]);
  assert.equal(found?.info.modifiedAt, 1000);
  found?.bytes.fill(0);
  assert.deepEqual([...((await store.get("k"))?.bytes ?? [])], [1, 2, 3]);
});
