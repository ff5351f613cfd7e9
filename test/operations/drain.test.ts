/** A backlog of several batches: what comes next is read while the last is put, the log is listed once, and a kill anywhere leaves a prefix. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Catalog, ObjectStore } from "../../lib/ports.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, STRIDE, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

/** As many versions as the mirror reads at once. */
const BATCH = 50;
/** Calls before the end of a batch: the read of the next one is among them. */
const READ_BEFORE = 8;
let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** A table with versions up to `head`. */
async function tableWith(name: string, head: number, configuration: Record<string, string> = {}): Promise<string> {
  const id = await newTable(lake, name, { configuration });
  for (let v = 0; v < head; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  return id;
}

const versionOf = (key: string) => (/^_delta_log\/\d+\.json$/.test(key) ? Number(key.slice(11, 31)) : undefined);

/** The lake, where calls may be waited for. */
function watched(on: {
  readonly put?: (version: number | undefined, key: string) => unknown;
  readonly list?: () => unknown;
  readonly read?: () => unknown;
  readonly mark?: (versions: readonly number[]) => unknown;
}) {
  const catalog: Catalog = {
    ...lake.catalog,
    async readBacklog(...args) {
      await on.read?.();
      return lake.catalog.readBacklog(...args);
    },
    async markPublished(tableId, versions, at) {
      await on.mark?.(versions);
      return lake.catalog.markPublished(tableId, versions, at);
    },
  };
  const store = (inner: ObjectStore): ObjectStore => ({
    ...inner,
    list(...args) {
      on.list?.();
      return inner.list(...args);
    },
    async putIfAbsent(key, ...args) {
      await on.put?.(versionOf(key), key);
      return inner.putIfAbsent(key, ...args);
    },
  });
  return lake.with({ catalog, store });
}

test("the next batch is read before the last one is put, the puts do not wait for marks, and one list does for all", async () => {
  const id = await tableWith("drain.ahead", 2 * BATCH + 9);
  const [readAgain, putAfter] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let [reads, lists] = [0, 0];
  const drained = watched({
    list: () => (lists += 1),
    read: () => {
      reads += 1;
      if (reads === 2) readAgain.resolve();
    },
    put: async (version) => {
      if (version === BATCH - 1) await readAgain.promise;
      if (version === BATCH + 3) putAfter.resolve();
    },
    mark: async (versions) => {
      if (versions.includes(0)) await putAfter.promise;
    },
  });
  const { published, error } = await mirrorTable(drained, id);
  assert.deepEqual([published.length, error, lists, reads], [2 * BATCH + 10, undefined, 1, 3]);
  assert.equal(await lake.catalog.mirroredVersion(id), 2 * BATCH + 9);
  assert.equal(await assertTheorem(lake, id), 2 * BATCH + 9);
});

test("nothing is marked that is not in the log, and a mark that fails ends the run", async () => {
  const id = await tableWith("drain.marks", BATCH + 20);
  const there = new Set<number>();
  const failing = watched({
    put: (version) => version !== undefined && there.add(version),
    mark: (versions) => {
      for (const version of versions) assert.ok(there.has(version), `version ${version}`);
      throw new Error("SQL is away");
    },
  });
  await assert.rejects(mirrorTable(failing, id), /SQL is away/);
  assert.equal(await lake.catalog.mirroredVersion(id), -1);
  assert.deepEqual((await mirrorTable(lake, id)).published.length, BATCH + 21);
  assert.equal(await assertTheorem(lake, id), BATCH + 20);
});

test("a table that is dropped while a batch is put gets nothing of the next one", async () => {
  const id = await tableWith("drain.dropped", BATCH + 20);
  const there: number[] = [];
  const dropping = watched({
    put: (version) => version !== undefined && there.push(version),
  });
  const gone: TestLake = {
    ...dropping,
    catalog: {
      ...dropping.catalog,
      readBacklog: (tableId, most, options) =>
        options?.after === undefined ? dropping.catalog.readBacklog(tableId, most) : Promise.resolve(undefined),
    },
  };
  assert.equal((await mirrorTable(gone, id)).published.length, BATCH);
  assert.equal(Math.max(...there), BATCH - 1);
});

test("what is committed while a checkpoint is written is published and marked before it is there; its own version only after", async () => {
  const id = await tableWith("drain.beside", 2, { "delta.checkpointInterval": "2" });
  const beside = Promise.withResolvers<void>();
  const marked: (readonly number[])[] = [];
  let isToCommit = true;
  const busy = watched({
    put: async (_, key) => {
      if (key.includes(".checkpoint.")) await beside.promise;
    },
    mark: (versions) => {
      marked.push(versions);
      if (versions.includes(3)) beside.resolve();
    },
  });
  const more = {
    taken: () => false,
    woken: async () => {
      if (!isToCommit) return new Promise<void>(() => undefined);
      isToCommit = false;
      await commitTo(lake, id, 2, [addOf("later")]);
      more.taken = () => {
        more.taken = () => false;
        return true;
      };
    },
  };
  const { published, checkpoints } = await mirrorTable(busy, id, { more });
  assert.deepEqual([published, checkpoints, marked], [[0, 1, 2, 3], [2], [[0, 1], [3], [2]]]);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("a worker killed at any call around the end of a batch leaves a prefix, and the next one finishes", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = BATCH - READ_BEFORE; at < BATCH + 16; at += 3 * STRIDE) {
      const id = await tableWith(`drain.killed_${when}${at}`, BATCH + 5);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      await mirrorTable(doomed, id).catch((error: unknown) =>
        assert.ok(error instanceof Crash || point.dead, String(error)),
      );
      assert.ok(point.dead, `the call ${at} was made`);
      await assertTheorem(lake, id);
      assert.equal((await mirrorTable(lake, id)).error, undefined);
      assert.equal(await assertTheorem(lake, id), BATCH + 5);
    }
  }
});
