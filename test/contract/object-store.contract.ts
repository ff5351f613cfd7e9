/** What every ObjectStore must do (lib/ports.ts): one suite, called with each implementation. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import type { ObjectStore } from "../../lib/ports.ts";

export interface OpenedStore {
  readonly store: ObjectStore;
  readonly close?: () => Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (found: { readonly bytes: Uint8Array } | undefined): string | undefined =>
  found && new TextDecoder().decode(found.bytes);

/** All that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function keysOf(store: ObjectStore, prefix: string, startAfter?: string): Promise<string[]> {
  const listed = store.list(prefix, startAfter === undefined ? {} : { startAfter });
  return (await collect(listed)).map((info) => info.key);
}

/** @param open gives an empty store each time */
export function objectStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  const it = (what: string, run: (store: ObjectStore) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const { store, close } = await open();
      try {
        await run(store);
      } finally {
        await close?.();
      }
    });
  };

  it("an object that was put comes back, with size and time", async (store) => {
    const before = Date.now();
    await store.put("a/b.json", bytes("hello"));
    const found = await store.get("a/b.json");
    assert.equal(textOf(found), "hello");
    assert.deepEqual(await store.head("a/b.json"), found?.info);
    assert.equal(found?.info.key, "a/b.json");
    assert.equal(found?.info.size, 5);
    assert.ok(Math.abs((found?.info.modifiedAt ?? 0) - before) < 60_000);
    assert.ok(Number.isSafeInteger(found?.info.modifiedAt));
  });

  it("folders are listed without what is in them", async (store) => {
    for (const key of ["a/b/c", "a/d", "a/e/f/g", "b", "ä b/%2F/x"]) await store.put(key, bytes("x"));
    assert.deepEqual((await collect(store.listFolders(""))).sort(), ["a", "ä b"]);
    assert.deepEqual((await collect(store.listFolders("a/"))).sort(), ["b", "e"]);
    assert.deepEqual(await collect(store.listFolders("ä b/")), ["%2F"]);
    assert.deepEqual(await collect(store.listFolders("none/")), []);
  });

  it("where keys are enough the list has the same ones, and all else its size", async (store) => {
    for (const key of ["l/1.json", "l/2.json", "l/2.parquet", "l/3.json", "l/n/4.json"])
      await store.put(key, bytes("xyz"));
    const keyIsEnough = (key: string) => key.endsWith(".json");
    const listed = await collect(store.list("l/", { startAfter: "l/1.json", keyIsEnough }));
    assert.deepEqual(
      listed.map(({ key }) => key),
      ["l/2.json", "l/2.parquet", "l/3.json", "l/n/4.json"],
    );
    assert.deepEqual(
      listed.flatMap(({ key, size }) => (keyIsEnough(key) ? [] : [[key, size]])),
      [["l/2.parquet", 3]],
    );
  });

  it("what is missing is undefined, and getRange of it is notFound", async (store) => {
    await store.put("a/b", bytes("x"));
    for (const key of ["nothing", "a", "a/b/c", "a/c"]) {
      assert.equal(await store.get(key), undefined);
      assert.equal(await store.head(key), undefined);
      await assert.rejects(store.getRange(key, 0, 1), (error) => isLakeError(error, "notFound"));
    }
  });

  it("getRange gives the bytes from start up to end, as many as there are", async (store) => {
    await store.put("range", bytes("0123456789"));
    const range = async (start: number, end: number) =>
      new TextDecoder().decode(await store.getRange("range", start, end));
    assert.equal(await range(0, 10), "0123456789");
    assert.equal(await range(3, 5), "34");
    assert.equal(await range(9, 10), "9");
    assert.equal(await range(8, 50), "89");
  });

  it("putIfAbsent creates once; later calls change nothing", async (store) => {
    assert.equal(await store.putIfAbsent("_delta_log/0.json", bytes("first")), "created");
    assert.equal(await store.putIfAbsent("_delta_log/0.json", bytes("second")), "exists");
    assert.equal(await store.putIfAbsent("_delta_log/0.json", bytes("first")), "exists");
    assert.equal(textOf(await store.get("_delta_log/0.json")), "first");
  });

  it("of many at once exactly one creates, and its object is whole", async (store) => {
    const bodies = Array.from({ length: 12 }, (_, i) => new Uint8Array(200_000).fill(i));
    const outcomes = await Promise.all(bodies.map((body) => store.putIfAbsent("race", body)));
    assert.equal(outcomes.filter((outcome) => outcome === "created").length, 1);
    const winner = bodies[outcomes.indexOf("created")];
    assert.deepEqual(Buffer.from((await store.get("race"))?.bytes ?? []), Buffer.from(winner ?? []));
    assert.deepEqual(await keysOf(store, ""), ["race"]);
  });

  it("put replaces the object whole", async (store) => {
    await store.put("hint", bytes("a long first text"));
    await store.put("hint", bytes("short"));
    assert.equal(textOf(await store.get("hint")), "short");
  });

  it("a body may come in chunks, also none", async (store) => {
    async function* chunks() {
      yield bytes("one ");
      yield bytes("");
      yield bytes("two");
    }
    async function* nothing(): AsyncGenerator<Uint8Array> {}
    assert.equal(await store.putIfAbsent("chunks", chunks()), "created");
    await store.put("put-chunks", chunks());
    await store.put("empty", nothing());
    assert.equal(textOf(await store.get("chunks")), "one two");
    assert.equal(textOf(await store.get("put-chunks")), "one two");
    assert.equal((await store.head("empty"))?.size, 0);
  });

  it("a body that fails leaves no object behind, nor changes one", async (store) => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytes("half");
      throw new Error("the source broke");
    }
    await store.put("kept", bytes("kept"));
    await assert.rejects(store.putIfAbsent("new", broken()), /the source broke/);
    await assert.rejects(store.put("kept", broken()), /the source broke/);
    assert.equal(textOf(await store.get("kept")), "kept");
    assert.deepEqual(await keysOf(store, ""), ["kept"]);
  });

  it("list gives all keys below a prefix in the order of their UTF-8 bytes", async (store) => {
    const keys = ["t/a.b", "t/a/x", "t/a/y/z", "t/a0", "t/b c", "t/é", "t/\uffee", "t/😀", "u"];
    for (const key of [...keys].reverse()) await store.put(key, bytes(key));
    assert.deepEqual(await keysOf(store, ""), keys);
    assert.deepEqual(await keysOf(store, "t/a/"), ["t/a/x", "t/a/y/z"]);
    assert.deepEqual(await keysOf(store, "t/b"), ["t/b c"]);
    assert.deepEqual(await keysOf(store, "t/a/y"), ["t/a/y/z"]);
    assert.deepEqual(await keysOf(store, "nothing/here"), []);
  });

  it("an object is removed by who knows its bytes, and by nobody else", async (store) => {
    await store.put("r/x", bytes("mine"));
    assert.equal(await store.removeIf("r/x", bytes("theirs")), false);
    assert.equal(textOf(await store.get("r/x")), "mine");
    assert.equal(await store.removeIf("r/x", bytes("mine")), true);
    assert.equal(await store.get("r/x"), undefined);
    assert.deepEqual(await keysOf(store, "r/"), []);
    assert.equal(await store.removeIf("r/x", bytes("mine")), false);
    assert.equal(await store.putIfAbsent("r/x", bytes("again")), "created");
  });

  it("an object is replaced by who knows its bytes, and by nobody else", async (store) => {
    const change = { from: bytes("old"), to: bytes("new") };
    assert.equal(await store.replaceIf("r/y", change), false);
    assert.equal(await store.get("r/y"), undefined);
    await store.put("r/y", bytes("old"));
    assert.equal(await store.replaceIf("r/y", change, { modifiedAt: 1_700_000_000_000 }), true);
    assert.equal(textOf(await store.get("r/y")), "new");
    assert.equal(await store.replaceIf("r/y", change), false);
    assert.deepEqual(await keysOf(store, "r/"), ["r/y"]);
  });

  it("many objects are removed whatever they hold; what is not there is no failure, and nothing else goes", async (store) => {
    const gone = ["r/a", "r/b/c", "r/ü%20 &<>\"'.parquet", "r/\u0001\t.parquet", "r/p=😀/x"];
    const kept = ["r/b/cc", "r/b2"];
    await Promise.all([...gone, ...kept].map((key) => store.put(key, bytes(key))));
    assert.deepEqual(await store.remove([...gone, "r/missing", "r/missing/too", "r/a/below"]), []);
    assert.deepEqual(await keysOf(store, ""), kept);
    assert.deepEqual(await store.remove(gone), []);
    assert.deepEqual(await store.remove([]), []);
    assert.equal(await store.putIfAbsent("r/a", bytes("again")), "created");
  });

  it("no key is removed when one of them is refused", async (store) => {
    await store.put("kept", bytes("x"));
    await assert.rejects(store.remove(["kept", "../kept"]), (error) => isLakeError(error, "invalid"));
    assert.equal(textOf(await store.get("kept")), "x");
  });

  it("list starts strictly after a key", async (store) => {
    const keys = ["l/1", "l/2/a", "l/2/b", "l/3"];
    for (const key of keys) await store.put(key, bytes(key));
    assert.deepEqual(await keysOf(store, "l/", "l/1"), keys.slice(1));
    assert.deepEqual(await keysOf(store, "l/", "l/2/a"), keys.slice(2));
    assert.deepEqual(await keysOf(store, "l/", "l/2"), keys.slice(1));
    assert.deepEqual(await keysOf(store, "l/", "l/2/zzz"), ["l/3"]);
    assert.deepEqual(await keysOf(store, "l/", "l/9"), []);
  });

  it("keys are names as they are: percent signs, spaces and other letters mean themselves", async (store) => {
    const keys = ["date=2024-01-01 00%3A00/f.parquet", "p=a%2520b/ü?#&+.parquet", "p=__HIVE_DEFAULT_PARTITION__/x"];
    for (const key of keys) await store.putIfAbsent(key, bytes(key));
    for (const key of keys) assert.equal(textOf(await store.get(key)), key);
    assert.deepEqual((await keysOf(store, "")).sort(), [...keys].sort());
  });

  it("keys that leave the root, or name nothing, are refused", async (store) => {
    for (const key of ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b"]) {
      await assert.rejects(
        async () => store.put(key, bytes("x")),
        (error) => isLakeError(error, "invalid"),
        key,
      );
    }
  });
}
