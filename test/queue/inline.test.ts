/** The inline queue: serial per table, coalescing, drained on close. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openInlineQueue } from "../../lib/queue/inline.ts";

const message = (tableId: string) => [{ tableId, version: 0 }];

/** Runs that end when the test says so. */
function controlled() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const errors: string[] = [];
  const queue = openInlineQueue({
    mirror: (tableId) => {
      assert.ok(!ends.has(tableId), `${tableId} runs twice at once`);
      started.push(tableId);
      return new Promise<void>((resolve) => ends.set(tableId, resolve));
    },
    onError: (tableId) => errors.push(tableId),
  });
  const end = async (tableId: string) => {
    const resolve = ends.get(tableId);
    ends.delete(tableId);
    resolve?.();
    await new Promise(setImmediate);
  };
  return { queue, started, end, errors };
}

test("messages during a run become one more run", async () => {
  const { queue, started, end } = controlled();
  await queue.enqueue(message("a"));
  await queue.enqueue(message("a"));
  await queue.enqueue([...message("a"), ...message("a")]);
  assert.deepEqual(started, ["a"]);
  await end("a");
  assert.deepEqual(started, ["a", "a"]);
  await end("a");
  await queue.idle();
  assert.deepEqual(started, ["a", "a"]);
});

test("tables run side by side, but not without bound", async () => {
  const { queue, started, end } = controlled();
  await queue.enqueue(["a", "b", "c", "d", "e", "f"].flatMap(message));
  assert.deepEqual(started, ["a", "b", "c", "d"]);
  await end("b");
  assert.deepEqual(started, ["a", "b", "c", "d", "e"]);
});

test("close finishes what was enqueued, and takes no more", async () => {
  const { queue, started, end } = controlled();
  await queue.enqueue(message("a"));
  await queue.enqueue(message("a"));
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await queue.enqueue(message("b"));
  await end("a");
  assert.equal(closed, false);
  await end("a");
  await closing;
  assert.deepEqual(started, ["a", "a"]);
});

test("a run that throws is reported, and the table runs again", async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const queue = openInlineQueue({
    mirror: async () => {
      runs += 1;
      if (runs === 1) throw new Error("disk full");
    },
    onError: (tableId, error) => errors.push(tableId, (error as Error).message),
  });
  await queue.enqueue(message("a"));
  await queue.idle();
  await queue.enqueue(message("a"));
  await queue.idle();
  assert.deepEqual(errors, ["a", "disk full"]);
  assert.equal(runs, 2);
});
