/** Edge cases of row tracking (docs/delta-rules.md §3.1, §8): ids under concurrency, over deletion vectors and overwrites. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isJsonObject, type Json, parseJson } from "../../lib/delta/values/json.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { commitOf, liveFiles, newestCheckpoint, publishedLines, stateOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const TRACKED = { "delta.enableRowTracking": "true", "delta.checkpointInterval": "1000" };

function rows(path: string, numRecords: number, more: Record<string, Json> = {}): Json {
  return addOf(path, { stats: JSON.stringify({ numRecords, tightBounds: false }), ...more });
}

async function highWaterMark(id: string): Promise<Json | undefined> {
  const { domains } = await lake.catalog.readHeader(id, (await stateOf(lake, id)).version);
  const found = domains.find((d) => d.domain === "delta.rowTracking");
  const configuration = found && parseJson(found.configuration);
  return isJsonObject(configuration) ? configuration.rowIdHighWaterMark : undefined;
}

async function idsOf(id: string): Promise<(readonly [path: string, first: unknown, version: unknown])[]> {
  const files = (await liveFiles(lake, id)).sort((a, b) => (a.path < b.path ? -1 : 1));
  return files.map((f) => [f.path, f.baseRowId, f.defaultRowCommitVersion] as const);
}

test("edge 45: two concurrent appends of 10 and 20 rows have disjoint ids; the loser's version is its final one", async () => {
  const id = await newTable(lake, "r.two", { configuration: TRACKED });
  // What a Delta writer sends that has planned for version 1 from high-water mark -1.
  const planned = { baseRowId: 0, defaultRowCommitVersion: 1 };
  assert.equal(await commitTo(lake, id, 0, [rows("a", 10, planned)]), 1);
  assert.equal(await commitTo(lake, id, 0, [rows("b", 20, planned)]), 2);
  assert.deepEqual(await idsOf(id), [
    ["a", 0, 1],
    ["b", 10, 2],
  ]);
  assert.equal(await highWaterMark(id), 29);
});

test("edge 45: sixteen appends at once: row id ranges are disjoint and without holes, the high-water mark is exact", async () => {
  const id = await newTable(lake, "r.sixteen", { configuration: TRACKED });
  const counts = Array.from({ length: 16 }, (_, i) => [i + 1, 3 * i + 2] as const);
  const versions = await Promise.all(
    counts.map(([a, b], i) => commitTo(lake, id, 0, [rows(`a${i}`, a), rows(`b${i}`, b)])),
  );
  assert.deepEqual(
    [...versions].sort((x, y) => Number(x) - Number(y)),
    Array.from({ length: 16 }, (_, i) => i + 1),
  );
  const files = await liveFiles(lake, id);
  const ranges = files.map((file) => {
    const [kind, i] = [file.path[0], Number(file.path.slice(1))];
    assert.equal(file.defaultRowCommitVersion, versions[i], file.path);
    return { first: Number(file.baseRowId), count: counts[i]?.[kind === "a" ? 0 : 1] ?? 0 };
  });
  let next = 0;
  for (const range of ranges.sort((x, y) => x.first - y.first)) {
    assert.equal(range.first, next);
    next += range.count;
  }
  assert.equal(await highWaterMark(id), next - 1);
  await mirrorTable(lake, id);
  assert.equal(await assertTheorem(lake, id), 16);
  for (const version of versions) {
    const published = (await publishedLines(lake, id, Number(version))).map((line) => JSON.parse(line));
    const adds = published.filter((line) => "add" in line).map((line) => line.add);
    assert.ok(adds.every((a) => a.defaultRowCommitVersion === version && Number.isSafeInteger(a.baseRowId)));
    assert.equal(published.filter((line) => line.domainMetadata?.domain === "delta.rowTracking").length, 1);
  }
});

test("edge 46: a deletion vector leaves the ids of its file and the high-water mark alone, whatever the writer sends", async () => {
  const id = await newTable(lake, "r.vectors", {
    configuration: { ...TRACKED, "delta.enableDeletionVectors": "true" },
  });
  await commitTo(lake, id, 0, [rows("e", 5), rows("f", 10)]);
  const deletionVector = (n: number) => ({
    storageType: "u",
    pathOrInlineDv: String(n).padEnd(20, "0"),
    offset: 1,
    sizeInBytes: 36,
    cardinality: n,
  });
  const steps = [
    [removeOf("f"), rows("f", 10, { deletionVector: deletionVector(1) })],
    [
      removeOf("f", { deletionVector: deletionVector(1) }),
      rows("f", 10, { deletionVector: deletionVector(2), baseRowId: 999, defaultRowCommitVersion: 3 }),
    ],
    [rows("e", 5, { dataChange: false, baseRowId: 7, defaultRowCommitVersion: 0 })],
  ];
  for (const [i, step] of steps.entries()) {
    assert.equal(await commitTo(lake, id, i + 1, step, {}), i + 2);
    assert.deepEqual(await idsOf(id), [
      ["e", 0, 1],
      ["f", 5, 1],
    ]);
    assert.deepEqual((await commitOf(lake, id, i + 2)).actions.domains, [], "no action tells of the high-water mark");
  }
  assert.equal(await highWaterMark(id), 14);
  await commitTo(lake, id, 4, [rows("g", 1)]);
  assert.deepEqual((await idsOf(id)).at(-1), ["g", 15, 5]);
});

test("edge 46: a file that had no ids gets fresh ones when it is added again, not those that its writer sends", async () => {
  const id = await newTable(lake, "r.backfill", { configuration: { "delta.feature.domainMetadata": "supported" } });
  await commitTo(lake, id, 0, [rows("old", 4)]);
  const { protocol } = await stateOf(lake, id);
  const writerFeatures = [...(protocol.writerFeatures ?? []), "rowTracking"].sort();
  assert.equal(await commitTo(lake, id, 1, [{ protocol: { ...protocol, writerFeatures } }], {}), 2);
  await commitTo(lake, id, 2, [rows("new", 6)]);
  assert.equal(await commitTo(lake, id, 3, [rows("old", 4, { dataChange: false, baseRowId: 2 })]), 4);
  assert.deepEqual(await idsOf(id), [
    ["new", 0, 3],
    ["old", 6, 4],
  ]);
  assert.equal(await highWaterMark(id), 9);
});

test("edge 46: while row tracking is suspended, a re-added file has no ids", async () => {
  const id = await newTable(lake, "r.suspended", { configuration: TRACKED });
  await commitTo(lake, id, 0, [rows("f", 4), rows("g", 3)]);
  const { metadata } = await stateOf(lake, id);
  const configuration = {
    ...metadata.configuration,
    "delta.enableRowTracking": "false",
    "delta.rowTrackingSuspended": "true",
  };
  assert.equal(await commitTo(lake, id, 1, [{ metaData: { ...metadata, configuration } }], {}), 2);
  assert.equal(await commitTo(lake, id, 2, [rows("f", 4, { dataChange: false, baseRowId: 0 })]), 3);
  assert.deepEqual(await idsOf(id), [
    ["f", undefined, undefined],
    ["g", 4, 1],
  ]);
  assert.equal(await highWaterMark(id), 6);
});

test("edge 47: an overwrite and the return to old files never lower the high-water mark, nor can a writer", async () => {
  const id = await newTable(lake, "r.restore", { configuration: { ...TRACKED, "delta.checkpointInterval": "1" } });
  await commitTo(lake, id, 0, [rows("a", 100)]);
  const overwrite = [removeOf("a"), rows("b", 5)];
  assert.equal(await commitTo(lake, id, 1, overwrite, { wholeTable: true }), 2);
  assert.equal(await highWaterMark(id), 104);
  assert.equal(await commitTo(lake, id, 2, [removeOf("b")], { wholeTable: true }), 3);
  assert.equal(await highWaterMark(id), 104, "an empty table keeps it");
  // RESTORE to version 1: the old file comes back with the ids that it had; ids that no row proves are given anew.
  const restore = [
    rows("a", 100, { baseRowId: 0, defaultRowCommitVersion: 7 }),
    rows("b", 5, { baseRowId: 99, defaultRowCommitVersion: 1 }),
    rows("n", 1, { baseRowId: 0, defaultRowCommitVersion: 1 }),
  ];
  assert.equal(await commitTo(lake, id, 3, restore, { wholeTable: true }), 4);
  assert.equal(await highWaterMark(id), 110);
  assert.deepEqual(await idsOf(id), [
    ["a", 0, 1],
    ["b", 105, 4],
    ["n", 110, 4],
  ]);
  const lower = {
    domainMetadata: { domain: "delta.rowTracking", configuration: '{"rowIdHighWaterMark":1}', removed: false },
  };
  assert.equal(await commitTo(lake, id, 4, [rows("c", 1), lower], {}), 5);
  assert.equal(await highWaterMark(id), 111, "the mark is the commit's own");
  await mirrorTable(lake, id);
  const { header } = await newestCheckpoint(lake, id);
  assert.deepEqual(
    header.domains.map((d) => d.configuration),
    ['{"rowIdHighWaterMark":111}'],
  );
  assert.equal(await assertTheorem(lake, id), 5);
});

test("removes carry the row ids of the live file, whatever the writer sends", async () => {
  const id = await newTable(lake, "r.removes", { configuration: TRACKED });
  await commitTo(lake, id, 0, [rows("a", 10), rows("b", 5)]);
  const wrong = { baseRowId: 77, defaultRowCommitVersion: 9, tags: { why: "old" } };
  assert.equal(await commitTo(lake, id, 1, [removeOf("a"), removeOf("b", wrong)], {}), 2);
  const { removes } = (await commitOf(lake, id, 2)).actions;
  assert.deepEqual(
    removes.map((r) => [r.path, r.baseRowId, r.defaultRowCommitVersion, r.tags]),
    [
      ["a", 0, 1, undefined],
      ["b", 10, 1, { why: "old" }],
    ],
  );
  await mirrorTable(lake, id);
  const published = (await publishedLines(lake, id, 2)).map((line) => JSON.parse(line).remove).filter(Boolean);
  assert.deepEqual(
    published.map((r) => [r.path, r.baseRowId, r.defaultRowCommitVersion]),
    [
      ["a", 0, 1],
      ["b", 10, 1],
    ],
  );
  assert.equal(await assertTheorem(lake, id), 2);
});
