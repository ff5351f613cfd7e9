/** The data files of a table: all below its root, and never its log. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { openDataFiles } from "../../lib/files/data-files.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";

const BODY = Uint8Array.of(1);

async function keysOf(pages: AsyncIterable<readonly { readonly key: string }[]>): Promise<string[][]> {
  const all: string[][] = [];
  for await (const page of pages) all.push(page.map(({ key }) => key));
  return all;
}

test("the log is passed over, wherever a listing begins", async () => {
  const store = openMemoryStore();
  const files = openDataFiles(store, "s3://b/t");
  assert.deepEqual(await keysOf(files.list()), []);
  const before = ["_change_data/c.parquet", "_delta_lof", "_delta_log-old", "_delta_log.txt"];
  const after = ["_delta_log0", "a/_delta_log/x", "p=😀/f.parquet"];
  const log = ["_delta_log/0.json", "_delta_log/_sidecars/s", "_delta_log/z"];
  for (const key of [...before, ...log, ...after]) await store.put(key, BODY);
  assert.deepEqual(await keysOf(files.list()), [[...before, ...after]]);
  assert.deepEqual(await keysOf(files.list({ startAfter: "_delta_log/0.json" })), [after]);
  assert.deepEqual(await keysOf(files.list({ startAfter: "_delta_log0" })), [after.slice(1)]);
});

test("a listing comes in pages of a thousand", async () => {
  const store = openMemoryStore();
  for (let i = 0; i < 2001; i += 1) await store.put(`f${String(i).padStart(5, "0")}`, BODY);
  const pages = await keysOf(openDataFiles(store, "s3://b/t").list());
  assert.deepEqual(
    pages.map((page) => page.length),
    [1000, 1000, 1],
  );
});

test("nothing of the log is removed, nor anything that was asked for with it", async () => {
  const store = openMemoryStore();
  const files = openDataFiles(store, "s3://b/t");
  await store.put("_delta_log/0.json", BODY);
  await store.put("f", BODY);
  for (const key of ["_delta_log/0.json", "_delta_log"]) {
    await assert.rejects(files.remove(["f", key]), (error) => isLakeError(error, "invalid"));
  }
  assert.equal((await store.head("f"))?.size, 1);
  assert.deepEqual(await files.remove(["f"]), []);
  assert.equal(await store.head("f"), undefined);
});
