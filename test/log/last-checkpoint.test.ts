/** The hint: its checksum by the protocol's samples and by real files, and what becomes of a hint that cannot be read. */

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isJsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { canonicalForm, jsonChecksum, moveLastCheckpoint, readLastCheckpoint } from "../../lib/log/last-checkpoint.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { DELTA_DATA, readHint } from "./write-checkpoint-support.ts";

const KEY = "_delta_log/_last_checkpoint";
const CHECKPOINT = { version: 10, size: 5, sizeInBytes: 1234, numOfAddFiles: 3 };
const bytes = (text: string) => new TextEncoder().encode(text);

function parsed(text: string) {
  const value = parseJson(text);
  assert.ok(isJsonObject(value));
  return value;
}

test("the protocol's sample has the protocol's checksum", () => {
  const sample = parsed(
    `{"k0":"'v 0'", "checksum": "adsaskfljadfkjadfkj", "k1":{"k2": 2, "k3": ["v3", [1, 2], {"k4": "v4", "k5": ["v5", "v6", "v7"]}]}}`,
  );
  assert.equal(jsonChecksum(sample), "6a92d155a59bf2eecbd4b4ec7fd1f875");
});

test("canonical form: sorted paths, strict percent-encoding, numbers as written", () => {
  assert.equal(
    canonicalForm(parsed('{"b":{"y":null,"x":"https://delta.io"},"a":10,"c":1.50,"d":true,"l":9007199254740993}')),
    '"a"=10,"b"+"x"="https%3A%2F%2Fdelta.io","b"+"y"=null,"c"=1.50,"d"=true,"l"=9007199254740993',
  );
  assert.equal(canonicalForm(parsed('{"k1":"a€+!*()\'~"}')), '"k1"="a%E2%82%AC%2B%21%2A%28%29%27~"');
});

test("real files have the checksum that we compute", (t) => {
  if (!existsSync(DELTA_DATA)) return t.skip("no ../shared/delta-data here: real hints cannot be checked");
  const checked: string[] = [];
  for (const file of globSync(`*/table/${KEY}`, { cwd: fileURLToPath(DELTA_DATA) })) {
    const text = readFileSync(new URL(file, DELTA_DATA), "utf8");
    if (!text.includes('"checksum":')) continue;
    const hint = parsed(text);
    assert.equal(jsonChecksum(hint), hint.checksum, file);
    checked.push(file);
  }
  t.diagnostic(`${checked.length} real hints`);
  assert.ok(checked.length > 5);
});

test("one line: version and size first, no parts, a valid checksum", async () => {
  const store = openMemoryStore();
  await moveLastCheckpoint(store, CHECKPOINT);
  const text = (await readHint(store)) ?? "";
  assert.match(text, /^\{"version":10,"size":5,"sizeInBytes":1234,"numOfAddFiles":3,"checksum":"[0-9a-f]{32}"\}$/);
  assert.equal(await readLastCheckpoint(store), 10);
});

test("a hint that is missing, torn, altered or foreign is no hint, and is replaced", async () => {
  const good = openMemoryStore();
  await moveLastCheckpoint(good, { ...CHECKPOINT, version: 99 });
  const text = (await readHint(good)) ?? "";
  for (const bad of [
    "",
    "{",
    text.slice(0, 40),
    text.replace("99", "98"),
    '{"version":"99"}',
    '{"version":-1}',
    "[99]",
    "null",
  ]) {
    const store = openMemoryStore();
    await store.put(KEY, bytes(bad));
    assert.equal(await readLastCheckpoint(store), undefined, bad);
    await moveLastCheckpoint(store, CHECKPOINT);
    assert.equal(await readLastCheckpoint(store), 10, bad);
  }
  assert.equal(await readLastCheckpoint(openMemoryStore()), undefined);
});

test("a later hint of another writer stays, with or without a checksum", async () => {
  for (const later of ['{"version":11,"size":1}', '{"version":10,"size":9,"parts":3}\n']) {
    const store = openMemoryStore();
    await store.put(KEY, bytes(later));
    await moveLastCheckpoint(store, CHECKPOINT);
    assert.equal(await readHint(store), later);
  }
});
