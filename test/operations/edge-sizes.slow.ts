/** Edge cases of size (docs/delta-rules.md §8): what is large works whole, in bounded time. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AddFile } from "../../lib/delta/actions.ts";
import { NO_ACTIONS } from "../../lib/delta/actions.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, openTestLake, outcomeOf, type TestLake } from "../support/lake.ts";
import { liveFiles, newestCheckpoint, publishedLines, stateOf } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** Generous: a slow machine passes, work that grows with the square of the input does not. */
const LIMIT = { timeout: 120_000 };

function files(count: number, stats: (i: number) => string): AddFile[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `part-${String(i).padStart(6, "0")}.parquet`,
    partitionValues: {},
    size: 1000 + i,
    modificationTime: 1,
    dataChange: true,
    stats: stats(i),
  }));
}

async function addAll(tableId: string, adds: readonly AddFile[]): Promise<number | string> {
  const actions = { ...NO_ACTIONS, adds };
  const tables = [{ table: { tableId }, readVersion: 0, at: "/tables/0", actions }];
  return outcomeOf(await commit(lake, { transactionId: crypto.randomUUID(), tables }));
}

test("edge 51: 100,000 adds in one commit are in SQL and in the log, every one", LIMIT, async (t) => {
  const id = await newTable(lake, "s.adds");
  const startedAt = performance.now();
  const adds = files(100_000, () => '{"numRecords":1}');
  assert.equal(await addAll(id, adds), 1);
  const committedAt = performance.now();
  const state = await stateOf(lake, id);
  assert.deepEqual([state.numFiles, state.sizeInBytes], [100_000, adds.reduce((sum, a) => sum + Number(a.size), 0)]);
  assert.deepEqual((await mirrorTable(lake, id)).published, [0, 1]);
  assert.equal((await publishedLines(lake, id, 1)).length, 100_001);
  const [commitMs, mirrorMs] = [committedAt - startedAt, performance.now() - committedAt].map(Math.round);
  t.diagnostic(`100,000 adds: commit ${commitMs} ms, publish ${mirrorMs} ms`);
});

test("edge 51: a statistics text of 1 MB comes back to the letter, from SQL, log and checkpoint", LIMIT, async () => {
  const id = await newTable(lake, "s.stats", { configuration: { "delta.checkpointInterval": "1" } });
  const stats = JSON.stringify({ numRecords: 3, minValues: { id: 1, day: "é😀".repeat(175_000) } });
  assert.ok(new TextEncoder().encode(stats).length > 1_000_000);
  assert.equal(await commitTo(lake, id, 0, [addOf("f", { stats })]), 1);
  await mirrorTable(lake, id);
  assert.equal((await liveFiles(lake, id))[0]?.stats, stats);
  assert.equal((await newestCheckpoint(lake, id)).adds[0]?.stats, stats);
  const line = (await publishedLines(lake, id, 1)).find((text) => text.startsWith('{"add"'));
  assert.equal(JSON.parse(line ?? "{}").add?.stats, stats);
});

test(
  "edge 51: a schema of 5,000 columns is created, committed to, published and put into a checkpoint",
  LIMIT,
  async () => {
    const fields = Array.from({ length: 5000 }, (_, i) => ({
      name: `column_${i}`,
      type: i % 2 ? "string" : { type: "struct", fields: [{ name: "a", type: "long", nullable: true, metadata: {} }] },
      nullable: true,
      metadata: {},
    }));
    const { tableId } = await createTable(lake, {
      name: "s.wide",
      location: "file:///lake/s.wide",
      schema: { type: "struct", fields },
      configuration: { "delta.checkpointInterval": "1", "delta.checkpoint.writeStatsAsStruct": "true" },
    });
    const stats = JSON.stringify({ numRecords: 1, minValues: { column_1: "a" }, maxValues: { column_1: "b" } });
    assert.equal(await commitTo(lake, tableId, 0, [addOf("f", { stats })]), 1);
    const { metadata } = await stateOf(lake, tableId);
    const grown = { ...JSON.parse(metadata.schemaString ?? "{}") };
    grown.fields.push({ name: "one_more", type: "long", nullable: true, metadata: {} });
    assert.equal(
      await commitTo(lake, tableId, 1, [{ metaData: { ...metadata, schemaString: JSON.stringify(grown) } }]),
      2,
    );
    const { published, checkpoints } = await mirrorTable(lake, tableId);
    assert.deepEqual([published, checkpoints], [[0, 1, 2], [2]]);
    const { header, adds } = await newestCheckpoint(lake, tableId);
    assert.equal(JSON.parse(header.metadata?.schemaString ?? "{}").fields.length, 5001);
    assert.equal(adds[0]?.stats, stats);
  },
);

test("edge 52: the checkpoint of a table of 20,000 files equals SQL (1,000,000 files: bench/)", LIMIT, async () => {
  const id = await newTable(lake, "s.many", { configuration: { "delta.checkpointInterval": "2" } });
  assert.equal(
    await addAll(
      id,
      files(20_000, (i) => `{"numRecords":${i},"minValues":{"id":${i}}}`),
    ),
    1,
  );
  const removes = Array.from({ length: 500 }, (_, i) => ({
    remove: {
      path: `part-${String(i * 7).padStart(6, "0")}.parquet`,
      dataChange: true,
      deletionTimestamp: lake.clock.now(),
    },
  }));
  assert.equal(await commitTo(lake, id, 1, removes, {}), 2);
  assert.deepEqual((await mirrorTable(lake, id)).checkpoints, [2]);
  const checkpoint = await newestCheckpoint(lake, id);
  const adds = new Map(checkpoint.adds.map((file) => [file.path, file]));
  const sql = await liveFiles(lake, id);
  assert.deepEqual([sql.length, checkpoint.adds.length, adds.size], [19_500, 19_500, 19_500]);
  for (const file of sql) assert.deepEqual(adds.get(file.path), file); // one by one: of all at once it takes ten seconds
  assert.deepEqual(
    checkpoint.removes.map((r) => r.path).sort(),
    removes.map((r) => r.remove.path),
  );
});
