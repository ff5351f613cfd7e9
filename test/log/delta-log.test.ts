/** The log of a table: listing, publishing under every outcome of the store, and the hint. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLakeError, unavailable } from "../../lib/errors.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const KEY = "_delta_log/00000000000000000000.json";
const AT = { timestamp: 1_767_225_600_000 };
const MINE = bytes('{"txn":{"appId":"mine","version":1}}\n');
const OTHER = bytes('{"txn":{"appId":"other","version":1}}\n');
const lost = () => unavailable("the answer was lost");
const open = (store: ObjectStore) => openDeltaLog(store, "s3://bucket/table");

test("list sees only what is directly in _delta_log, and whether commits are staged", async () => {
  const store = openMemoryStore();
  for (const name of [
    "00000000000000000000.json",
    "_sidecars/00000000000000000009.json",
    "sub/00000000000000000001.json",
  ]) {
    await store.put(`_delta_log/${name}`, MINE);
  }
  const plain = await open(store).list();
  assert.deepEqual(
    plain.commits.map((commit) => commit.version),
    [0],
  );
  assert.equal(plain.hasStagedCommits, false);
  await store.put("_delta_log/_staged_commits/00000000000000000001.x.json", MINE);
  assert.equal((await open(store).list()).hasStagedCommits, true);
});

test("a folder without _delta_log is NO_DELTA_LOG and named", async () => {
  const store = openMemoryStore();
  await store.put("data.parquet", MINE);
  await assert.rejects(open(store).list(), (error) => {
    assert.ok(isLakeError(error, "notFound") && error.code === "NO_DELTA_LOG");
    assert.match(error.message, /s3:\/\/bucket\/table/);
    return true;
  });
});

test("readCommit gives the actions and the time of the object; a missing version is notFound", async () => {
  const store = openMemoryStore({ now: () => 1234 });
  const log = open(store);
  assert.equal(await log.putCommit(0, MINE, AT), "published");
  const commit = await log.readCommit(0);
  assert.deepEqual([commit.version, commit.modifiedAt, commit.actions.txns.length], [0, 1234, 1]);
  assert.deepEqual(await log.readCommitBytes(0), MINE);
  assert.equal(await log.readCommitBytes(1), undefined);
  await assert.rejects(log.readCommit(1), (error) => isLakeError(error, "notFound"));
});

test("publishing again is published when the same bytes are there, exists when others do", async () => {
  const log = open(openMemoryStore());
  assert.equal(await log.putCommit(0, MINE, AT), "published");
  assert.equal(await log.putCommit(0, MINE, AT), "published");
  assert.equal(await log.putCommit(0, OTHER, AT), "exists");
  assert.deepEqual(await log.readCommitBytes(0), MINE);
});

test("a lost answer to a write that took effect is published", async () => {
  const store = openMemoryStore({
    afterWrite: () => {
      throw lost();
    },
  });
  assert.equal(await open(store).putCommit(0, MINE, AT), "published");
});

test("a write that failed before it took effect is unavailable, unless another has written meanwhile", async () => {
  let meanwhile: Uint8Array | undefined;
  const inner = openMemoryStore();
  const store: ObjectStore = {
    ...inner,
    putIfAbsent: async (key) => {
      if (meanwhile) await inner.put(key, meanwhile);
      throw lost();
    },
  };
  await assert.rejects(open(store).putCommit(0, MINE, AT), /the answer was lost/);
  meanwhile = OTHER;
  assert.equal(await open(store).putCommit(0, MINE, AT), "exists");
  meanwhile = MINE;
  assert.equal(await open(store).putCommit(0, MINE, AT), "published");
});

test("when reading back fails too, the first failure is reported; a defect is not retried", async () => {
  const failing = (write: unknown): ObjectStore => ({
    ...openMemoryStore(),
    putIfAbsent: () => Promise.reject(write),
    get: () => Promise.reject(unavailable("reading failed as well")),
  });
  await assert.rejects(open(failing(lost())).putCommit(0, MINE, AT), /the answer was lost/);
  await assert.rejects(open(failing(new TypeError("a defect"))).putCommit(0, MINE, AT), /a defect/);
});

test("an object that vanishes between put and read back is unavailable, never published", async () => {
  const store: ObjectStore = { ...openMemoryStore(), putIfAbsent: async () => "exists" };
  await assert.rejects(open(store).putCommit(0, MINE, AT), (error) => isLakeError(error, "unavailable"));
});

test("the hint is read when it can be; no trouble with it is an error", async () => {
  const hint = async (text: string | undefined): Promise<number | undefined> => {
    const store = openMemoryStore();
    if (text !== undefined) await store.put("_delta_log/_last_checkpoint", bytes(text));
    return open(store).readLastCheckpoint();
  };
  assert.equal(await hint('{"version":10,"size":3}'), 10);
  for (const text of [undefined, "", "{", '{"size":3}', '{"version":"10"}', '{"version":-1}', "null", "[]"]) {
    assert.equal(await hint(text), undefined, text);
  }
  const broken: ObjectStore = { ...openMemoryStore(), get: () => Promise.reject(unavailable("no answer")) };
  assert.equal(await open(broken).readLastCheckpoint(), undefined);
});

test("the key of a version is its twenty digits", async () => {
  const store = openMemoryStore();
  await open(store).putCommit(0, MINE, AT);
  assert.ok(await store.head(KEY));
});
