/** Edge cases of files (docs/delta-rules.md §8), through the whole stack: deletion vectors, re-adds, removes, tombstones. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { importAhead } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { codeOf, headVersion, liveFiles, livePaths, newestCheckpoint, stateOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const EVERY_VERSION = { "delta.checkpointInterval": "1" };
const WITH_VECTORS = { ...EVERY_VERSION, "delta.enableDeletionVectors": "true" };
const DAY_MS = 86_400_000;

function vector(id: string, cardinality: number): Json {
  return { storageType: "u", pathOrInlineDv: id.padEnd(20, "0"), offset: 1, sizeInBytes: 36, cardinality };
}

function stats(numRecords: number): string {
  return JSON.stringify({ numRecords, tightBounds: false });
}

test("edge 10: a partition value with / = % quote newline and 5 KB stays as sent; the path is opaque", async () => {
  const id = await newTable(lake, "e.values", { partitionColumns: ["day"], configuration: EVERY_VERSION });
  const day = `a/b=c%20"\n'${"x".repeat(5000)}`;
  assert.equal(await commitTo(lake, id, 0, [addOf("anywhere/f", { partitionValues: { day } })]), 1);
  await mirrorTable(lake, id);
  for (const [file] of [await liveFiles(lake, id), (await newestCheckpoint(lake, id)).adds]) {
    assert.deepEqual([file?.path, file?.partitionValues], ["anywhere/f", { day }]);
  }
  assert.equal(await assertTheorem(lake, id), 1);
});

test("edge 21: a second deletion vector takes the place of the first; a remove that does not name the first is refused", async () => {
  const id = await newTable(lake, "e.vectors", { configuration: WITH_VECTORS });
  const [dv1, dv2] = [vector("one", 1), vector("two", 2)];
  const file = (deletionVector?: Json) =>
    addOf("f", { stats: stats(10), ...(deletionVector === undefined ? {} : { deletionVector }) });
  assert.equal(await commitTo(lake, id, 0, [file()]), 1);
  assert.equal(await commitTo(lake, id, 1, [removeOf("f"), file(dv1)], {}), 2);
  assert.equal(await codeOf(commitTo(lake, id, 2, [removeOf("f"), file(dv2)], {})), "REMOVE_OF_UNKNOWN_FILE");
  assert.equal(await codeOf(commitTo(lake, id, 2, [file(dv2)], {})), "DELTA_DUPLICATE_ACTIONS_FOUND");
  assert.equal(await commitTo(lake, id, 2, [removeOf("f", { deletionVector: dv1 }), file(dv2)], {}), 3);
  const files = await liveFiles(lake, id);
  assert.deepEqual(
    files.map((f) => [f.path, f.deletionVector?.cardinality]),
    [["f", 2]],
  );
  assert.equal((await stateOf(lake, id)).numFiles, 1);
  await mirrorTable(lake, id);
  const { adds } = await newestCheckpoint(lake, id);
  assert.deepEqual(
    adds.map((f) => f.deletionVector?.cardinality),
    [2],
  );
  assert.equal(await assertTheorem(lake, id), 3);
});

test("edge 24: adding a live file again without data change gives it new statistics: one file, one version more", async () => {
  const id = await newTable(lake, "e.again", { configuration: EVERY_VERSION });
  await commitTo(lake, id, 0, [addOf("f"), addOf("g")]);
  const { sizeInBytes } = await stateOf(lake, id);
  assert.equal(await commitTo(lake, id, 1, [addOf("f", { dataChange: false, stats: '{"numRecords":7}' })]), 2);
  const state = await stateOf(lake, id);
  assert.deepEqual([state.version, state.numFiles, state.sizeInBytes], [2, 2, sizeInBytes]);
  await mirrorTable(lake, id);
  const { adds, removes } = await newestCheckpoint(lake, id);
  assert.deepEqual(adds.map((f) => [f.path, f.stats ?? null]).sort(), [
    ["f", '{"numRecords":7}'],
    ["g", null],
  ]);
  assert.deepEqual(removes, []);
  const before = await liveFiles(lake, id, 1);
  assert.equal(before.find((f) => f.path === "f")?.stats, undefined, "version 1 is as it was");
  assert.equal(await assertTheorem(lake, id), 2);
});

test("edge 25: such a re-add does not bring back a file that a winner has removed", async () => {
  const id = await newTable(lake, "e.lost");
  await commitTo(lake, id, 0, [addOf("f"), addOf("g")]);
  await commitTo(lake, id, 1, [removeOf("f")], { files: ["f"] });
  const again = [addOf("f", { dataChange: false, stats: '{"numRecords":7}' })];
  for (const reads of [undefined, {}, { files: ["g"] }]) {
    assert.equal(await commitTo(lake, id, 1, again, reads), "DELTA_CONCURRENT_DELETE_READ");
  }
  assert.deepEqual([await livePaths(lake, id), await headVersion(lake, id)], [["g"], 2]);
});

test("edge 26: the remove of an unknown path is a mistake; of one removed after readVersion, a conflict", async () => {
  const id = await newTable(lake, "e.unknown");
  await commitTo(lake, id, 0, [addOf("f"), addOf("g")]);
  assert.equal(await codeOf(commitTo(lake, id, 1, [removeOf("never")], {})), "REMOVE_OF_UNKNOWN_FILE");
  await commitTo(lake, id, 1, [removeOf("f")], {});
  assert.equal(await commitTo(lake, id, 1, [removeOf("f")], {}), "DELTA_CONCURRENT_DELETE_DELETE");
  assert.equal(await codeOf(commitTo(lake, id, 2, [removeOf("f")], {})), "REMOVE_OF_UNKNOWN_FILE");
  const mixed = [removeOf("f"), removeOf("never")];
  assert.equal(await commitTo(lake, id, 1, mixed, {}), "DELTA_CONCURRENT_DELETE_DELETE", "the conflict comes first");
  assert.deepEqual([await livePaths(lake, id), await headVersion(lake, id)], [["g"], 2]);
});

test("edge 27: a file that is removed and later added again is live, and its tombstone is gone", async () => {
  const id = await newTable(lake, "e.back", { configuration: EVERY_VERSION });
  const deletionTimestamp = lake.clock.now();
  await commitTo(lake, id, 0, [addOf("f"), addOf("g")]);
  await commitTo(lake, id, 1, [removeOf("f", { deletionTimestamp })], {});
  await mirrorTable(lake, id);
  const between = await newestCheckpoint(lake, id);
  assert.deepEqual([between.adds.map((f) => f.path), between.removes.map((f) => f.path)], [["g"], ["f"]]);
  assert.equal(await commitTo(lake, id, 2, [addOf("f")]), 3);
  await mirrorTable(lake, id);
  const { adds, removes } = await newestCheckpoint(lake, id);
  assert.deepEqual([adds.map((f) => f.path).sort(), removes], [["f", "g"], []]);
  assert.deepEqual([await livePaths(lake, id, 2), await livePaths(lake, id, 3)], [["g"], ["f", "g"]]);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("edge 58: a tombstone exactly at the retention edge is dropped, one a millisecond younger is kept", async () => {
  const { tableId, timestamp } = await importAhead(lake, "e.edge", DAY_MS, {
    ...EVERY_VERSION,
    "delta.deletedFileRetentionDuration": "interval 2 hours",
  });
  const edge = timestamp + 2 - 2 * 3_600_000; // of version 2, whose timestamp is known
  await commitTo(lake, tableId, 0, [addOf("at"), addOf("after"), addOf("before"), addOf("none")]);
  const removes = [
    removeOf("at", { deletionTimestamp: edge }),
    removeOf("after", { deletionTimestamp: edge + 1 }),
    removeOf("before", { deletionTimestamp: edge - 1 }),
    { remove: { path: "none", dataChange: true } },
  ];
  assert.equal(await commitTo(lake, tableId, 1, removes, {}), 2);
  assert.equal((await stateOf(lake, tableId)).timestamp, timestamp + 2);
  await mirrorTable(lake, tableId);
  const kept = await newestCheckpoint(lake, tableId);
  assert.deepEqual([kept.adds, kept.removes.map((r) => r.path)], [[], ["after"]]);
  await commitTo(lake, tableId, 2, []);
  await mirrorTable(lake, tableId);
  assert.deepEqual((await newestCheckpoint(lake, tableId)).removes, [], "a millisecond later it has expired");
});

test("edge 58: a remove without deletionTimestamp is in no checkpoint, however long the retention", async () => {
  for (const [name, duration] of [
    ["e.never", "interval 1 week"],
    ["e.for_ever", "interval 40000 days"],
  ] as const) {
    const configuration = {
      ...EVERY_VERSION,
      "delta.logRetentionDuration": "interval 40000 days",
      "delta.deletedFileRetentionDuration": duration,
    };
    const id = await newTable(lake, name, { configuration });
    await commitTo(lake, id, 0, [addOf("f"), addOf("g")]);
    const removes = [
      { remove: { path: "f", dataChange: true } },
      removeOf("g", { deletionTimestamp: lake.clock.now() }),
    ];
    await commitTo(lake, id, 1, removes, {});
    await mirrorTable(lake, id);
    const { removes: kept } = await newestCheckpoint(lake, id);
    assert.deepEqual(
      kept.map((r) => r.path),
      ["g"],
      duration,
    );
  }
});
