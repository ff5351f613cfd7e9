/** A checkpoint that is due within a batch is written while the versions after it are put, and its own version is marked only when it is there. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const isCheckpoint = (key: string) => key.includes(".checkpoint.");

/** A table with versions up to 4, of which the owner wants a checkpoint at 3. */
async function tableWithBacklog(name: string): Promise<string> {
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "3" } });
  for (let v = 0; v < 4; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  return id;
}

/** The lake, whose stores put this version only when a checkpoint has begun. */
function withVersionAfterCheckpoint(
  version: number,
  change: (store: ObjectStore) => Partial<ObjectStore> = () => ({}),
) {
  const begun = Promise.withResolvers<void>();
  return lake.with({
    store: (inner) => {
      const store = { ...inner, ...change(inner) };
      return {
        ...store,
        async putIfAbsent(key, body, options) {
          if (isCheckpoint(key)) begun.resolve();
          else if (key.endsWith(`${version}.json`)) await begun.promise;
          return store.putIfAbsent(key, body, options);
        },
      };
    },
  });
}

test("the versions after a checkpoint do not wait for it, and its own is marked after it", async () => {
  const id = await tableWithBacklog("early.order");
  const marked: unknown[] = [];
  const log = lake.openLog("file:///lake/early.order");
  const gated = withVersionAfterCheckpoint(4);
  const watched: Lake = {
    ...gated,
    catalog: {
      ...gated.catalog,
      async markPublished(...args) {
        marked.push(args[1]);
        if (args[1].includes(3)) assert.equal(await log.readLastCheckpoint(), 3);
        return gated.catalog.markPublished(...args);
      },
    },
  };
  const { published, checkpoints, error } = await mirrorTable(watched, id);
  assert.deepEqual([published, checkpoints, error], [[0, 1, 2, 3, 4], [3], undefined]);
  assert.deepEqual(marked, [[0, 1, 2, 4], [3]]);
  assert.equal(await assertTheorem(lake, id), 4);
});

test("a version that fails beside a checkpoint stops the batch once the checkpoint has ended, and what is before it is marked", async () => {
  const id = await tableWithBacklog("early.stopped");
  const failing = withVersionAfterCheckpoint(4, (store) => ({
    async putIfAbsent(key, body, options) {
      if (key.endsWith("4.json")) throw new Error("no room");
      return store.putIfAbsent(key, body, options);
    },
  }));
  const { published, checkpoints, error } = await mirrorTable(failing, id);
  assert.deepEqual([published, checkpoints, error?.message], [[0, 1, 2, 3], [3], "no room"]);
  assert.equal(await lake.catalog.mirroredVersion(id), 3);
  assert.equal(await lake.openLog("file:///lake/early.stopped").readLastCheckpoint(), 3);
  assert.deepEqual((await mirrorTable(lake, id)).published, [4]);
  assert.equal(await assertTheorem(lake, id), 4);
});
