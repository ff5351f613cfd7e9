/** When a checkpoint goes wrong: wrong counts, crashes, other workers. What is in the log is right, or nothing is there. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddFile } from "../../lib/delta/actions.ts";
import { isLakeError } from "../../lib/errors.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { ADD, checkpointKey, contentOf, REMOVE, readHint, readObject } from "./write-checkpoint-support.ts";

const ADDS: readonly AddFile[] = ["a", "b", "c"].map((path) => ({ ...ADD, path }));
const isMismatch = (error: unknown) => isLakeError(error, "corrupt") && error.code === "CHECKPOINT_MISMATCH";

async function keys(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list("")) found.push(key);
  return found;
}

test("the hint names what was written", async () => {
  const store = openMemoryStore();
  const checkpoint = await putCheckpoint(store, contentOf({ adds: ADDS, removes: [REMOVE] }));
  const bytes = await readObject(store, checkpointKey(10));
  assert.deepEqual(checkpoint, { version: 10, size: 6, sizeInBytes: bytes.length, numOfAddFiles: 3 });
  const { checksum, ...hint } = JSON.parse((await readHint(store)) ?? "");
  assert.deepEqual(hint, checkpoint);
  assert.match(checksum, /^[0-9a-f]{32}$/);
});

for (const numFiles of [2, 4]) {
  test(`3 adds where the head has ${numFiles} files: no checkpoint and no hint`, async () => {
    const store = openMemoryStore();
    await assert.rejects(putCheckpoint(store, contentOf({ adds: ADDS, header: { numFiles } })), isMismatch);
    assert.deepEqual(await keys(store), []);
  });
}

test("an error of the content comes through, whatever the store makes of it, and nothing is written", async () => {
  const memory = openMemoryStore();
  const store: ObjectStore = {
    ...memory,
    putIfAbsent: (key, body) =>
      memory.putIfAbsent(key, body).catch(() => {
        throw new Error("upload failed");
      }),
  };
  const content = contentOf({ adds: ADDS });
  async function* broken() {
    yield ADDS;
    throw new Error("the database is gone");
  }
  await assert.rejects(putCheckpoint(store, { ...content, adds: broken() }), /the database is gone/);
  assert.deepEqual(await keys(store), []);
});

test("a crash between checkpoint and hint: the next call finishes, without reading the content again", async () => {
  let alive = false;
  const store = openMemoryStore({
    beforeWrite: (operation) => {
      if (operation === "put" && !alive) throw new Error("killed");
    },
  });
  await assert.rejects(putCheckpoint(store, contentOf({ adds: ADDS })), /killed/);
  assert.deepEqual(await keys(store), [checkpointKey(10)]);
  alive = true;
  async function* unread(): AsyncGenerator<readonly AddFile[]> {
    yield assert.fail("the checkpoint is there already");
  }
  const again = await putCheckpoint(store, { ...contentOf({ adds: ADDS }), adds: unread() });
  assert.equal(again.size, 5);
  assert.match((await readHint(store)) ?? "", /^\{"version":10,"size":5,/);
});

test("an answer lost after the write: the next call finds its own checkpoint", async () => {
  let answers = false;
  const store = openMemoryStore({
    afterWrite: () => {
      if (!answers) throw new Error("timeout");
    },
  });
  await assert.rejects(putCheckpoint(store, contentOf({ adds: ADDS })), /timeout/);
  answers = true;
  assert.equal((await putCheckpoint(store, contentOf({ adds: ADDS }))).numOfAddFiles, 3);
  assert.ok(await readHint(store));
});

test("two workers at once: one file, one hint, the same answer", async () => {
  const store = openMemoryStore();
  const [one, two] = await Promise.all([
    putCheckpoint(store, contentOf({ adds: ADDS })),
    putCheckpoint(store, contentOf({ adds: ADDS })),
  ]);
  assert.deepEqual(one, two);
  assert.deepEqual(await keys(store), [checkpointKey(10), "_delta_log/_last_checkpoint"]);
});

test("a checkpoint of another worker with more tombstones is kept; one with other files is refused", async () => {
  const store = openMemoryStore();
  await putCheckpoint(store, contentOf({ adds: ADDS, removes: [REMOVE] }));
  const before = await readObject(store, checkpointKey(10));
  const kept = await putCheckpoint(store, contentOf({ adds: ADDS }));
  assert.equal(kept.size, 6);
  assert.deepEqual(await readObject(store, checkpointKey(10)), before);

  const other = openMemoryStore();
  await other.put(checkpointKey(10), before);
  await assert.rejects(putCheckpoint(other, contentOf({ adds: ADDS.slice(1) })), isMismatch);
  assert.equal(await readHint(other), undefined);
});

test("a torn file under the checkpoint's name is corrupt, and gets no hint", async () => {
  const store = openMemoryStore();
  await store.put(checkpointKey(10), new TextEncoder().encode("PAR1 torn"));
  await assert.rejects(putCheckpoint(store, contentOf({ adds: ADDS })), (error) => isLakeError(error, "corrupt"));
  assert.equal(await readHint(store), undefined);
});

test("a store that loses bytes is found out before the hint", async () => {
  const memory = openMemoryStore();
  const store: ObjectStore = {
    ...memory,
    putIfAbsent: async (key, body) => {
      const chunks: Uint8Array[] = [];
      if (!(body instanceof Uint8Array)) for await (const chunk of body) chunks.push(chunk);
      return memory.putIfAbsent(key, Buffer.concat(chunks).subarray(1));
    },
  };
  await assert.rejects(putCheckpoint(store, contentOf({ adds: ADDS })), isMismatch);
  assert.equal(await readHint(store), undefined);
});

test("an older checkpoint, written late, does not move the hint back", async () => {
  const store = openMemoryStore();
  await putCheckpoint(store, contentOf({ adds: ADDS, header: { version: 20 } }));
  const hint = await readHint(store);
  await putCheckpoint(store, contentOf({ adds: ADDS, header: { version: 10 } }));
  assert.equal(await readHint(store), hint);
  await putCheckpoint(store, contentOf({ adds: ADDS, header: { version: 30 } }));
  assert.match((await readHint(store)) ?? "", /^\{"version":30,/);
});
