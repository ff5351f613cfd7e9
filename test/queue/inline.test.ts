/** The inline queue: serial per table, coalescing, drained on close. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type More, openInlineQueue } from "../../lib/queue/inline.ts";

const message = (tableId: string) => [{ tableId, version: 0 }];

/** Runs that end when the test says so. */
function controlled(options: { readonly patienceMs?: number } = {}) {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const errors: string[] = [];
  const queue = openInlineQueue({
    ...options,
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
  const tables = Array.from({ length: 18 }, (_, i) => `t${i}`);
  await queue.enqueue(tables.flatMap(message));
  assert.deepEqual(started, tables.slice(0, 16));
  await end("t1");
  assert.deepEqual(started, tables.slice(0, 17));
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

test("a table that takes long gives its slot to another, and is among the slow ones the next time", async () => {
  const { queue, started, end } = controlled({ patienceMs: 30 });
  const later = () => new Promise((resolve) => setTimeout(resolve, 60));
  const stuck = Array.from({ length: 22 }, (_, i) => `stuck${i}`);
  await queue.enqueue(stuck.flatMap(message));
  assert.equal(started.length, 16);
  await queue.enqueue(message("quick"));
  for (let i = 0; i < 4; i += 1) await later();
  assert.deepEqual([...started].sort(), [...stuck, "quick"].sort(), "every one has had its turn");
  assert.deepEqual(
    queue
      .slow()
      .map(({ tableId }) => tableId)
      .sort(),
    [...stuck, "quick"].sort(),
  );
  await end("quick");
  for (const tableId of stuck) await end(tableId);
  started.length = 0;
  // They hang again: now only the slots of the slow ones are theirs.
  await queue.enqueue(stuck.flatMap(message));
  await queue.enqueue(["a", "b", "c"].flatMap(message));
  assert.deepEqual(
    started.filter((id) => !id.startsWith("stuck")),
    ["a", "b", "c"],
  );
  assert.equal(started.filter((id) => id.startsWith("stuck")).length, 16);
  for (const id of ["a", "b", "c"]) await end(id);
  const left = await queue.close({ withinMs: 10 });
  assert.deepEqual([...left].sort(), [...stuck].sort());
});

test("one that is quick again is quick", async () => {
  const { queue, started, end } = controlled({ patienceMs: 30 });
  await queue.enqueue(message("a"));
  await new Promise((resolve) => setTimeout(resolve, 60));
  await end("a");
  await queue.enqueue(message("a"));
  await end("a");
  started.length = 0;
  // Four others hang in the slow lane's stead: it is not there any more.
  await queue.enqueue(["b", "c", "d", "a"].flatMap(message));
  assert.deepEqual(started, ["b", "c", "d", "a"]);
  for (const id of ["a", "b", "c", "d"]) await end(id);
  assert.deepEqual(queue.slow(), []);
  assert.deepEqual(await queue.close(), []);
});

test("a run takes messages that come while it lasts: those without a trace, while nobody waits for its slot", async () => {
  const runs = new Map<string, { readonly more: More; readonly end: () => void }>();
  const started: string[] = [];
  const queue = openInlineQueue({
    patienceMs: 60_000,
    mirror: (tableId, _, more) => {
      started.push(tableId);
      return new Promise<void>((resolve) => runs.set(tableId, { more, end: resolve }));
    },
    onError: () => undefined,
  });
  await queue.enqueue(message("a"));
  const { more, end } = runs.get("a") as { more: More; end: () => void };
  assert.equal(more.taken(), false, "nothing has come");
  const woken = more.woken();
  await queue.enqueue(message("a"));
  await woken;
  assert.deepEqual([more.taken(), more.taken()], [true, false], "once");
  await queue.enqueue([{ tableId: "a", version: 1, trace: "00-1-1-01" }]);
  assert.equal(more.taken(), false, "who is traced has a run of its own");
  end();
  await new Promise(setImmediate);
  assert.deepEqual(started, ["a", "a"]);
  await queue.enqueue(Array.from({ length: 16 }, (_, i) => `t${i}`).flatMap(message));
  await queue.enqueue(message("a"));
  assert.equal(runs.get("a")?.more.taken(), false, "another table waits for a slot");
  runs.get("t0")?.end();
  await new Promise(setImmediate);
  assert.equal(runs.get("a")?.more.taken(), true);
  for (const run of runs.values()) run.end();
  await queue.idle();
  assert.equal(started.filter((tableId) => tableId === "a").length, 2, "what was taken starts no other run");
});

test("a run that lasts takes nothing more", async () => {
  let taken: boolean | undefined;
  const queue = openInlineQueue({
    patienceMs: 0,
    mirror: async (tableId, _, more) => {
      if (taken !== undefined) return;
      await queue.enqueue(message(tableId));
      await new Promise((resolve) => setTimeout(resolve, 5));
      taken = more.taken();
    },
    onError: (_, error) => assert.fail(String(error)),
  });
  await queue.enqueue(message("a"));
  await queue.idle();
  assert.equal(taken, false);
});
