/** V2 checkpoints that cost what changed: the same content as classic ones, and nothing written that the one before has. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SIDECAR_FILES } from "../../lib/delta/sidecars.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";
import { contentsOf, countingStore, isSidecar, newV2Table, sidecarsIn } from "../support/sidecars.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const HOUR = 3_600_000;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => `f${from + i}`);

async function commitAll(tableId: string, version: number, objects: Json[]): Promise<void> {
  assert.equal(await commitTo(lake, tableId, version, objects), version + 1);
}

for (const seed of [1, 2, 3, 4]) {
  test(`the life of a table by chance, ${seed}: each checkpoint holds what the classic one holds`, async () => {
    const chance = seeded(seed);
    const pick = (n: number) => Math.floor(chance() * n);
    const configuration = {
      "delta.checkpointInterval": "3",
      "delta.deletedFileRetentionDuration": "interval 5 hours",
      "delta.enableDeletionVectors": "true",
    };
    const names = [`lives.v2_${seed}`, `lives.classic_${seed}`];
    const ids = [
      await newV2Table(lake, names[0] ?? "", configuration),
      // The same protocol, but for the policy.
      await newTable(lake, names[1] ?? "", {
        configuration: { ...configuration, "delta.feature.v2Checkpoint": "supported" },
      }),
    ];
    const live = new Map<string, Json | undefined>();
    const gone: string[] = [];
    let next = 0;
    for (let version = 0; version < 40; version += 1) {
      lake.clock.time += pick(2 * HOUR);
      const objects: Json[] = [];
      const deletionTimestamp = lake.clock.time;
      const drop = (path: string) => {
        const deletionVector = live.get(path);
        objects.push(removeOf(path, { deletionTimestamp, ...(deletionVector ? { deletionVector } : {}) }));
        live.delete(path);
        gone.push(path);
      };
      const paths = [...live.keys()];
      const kind = pick(10);
      if (kind === 0) for (const path of paths) drop(path);
      else if (kind < 4) for (const path of paths) if (chance() < 0.2) drop(path);
      if (kind === 4 || kind === 5) {
        for (const path of paths.filter(() => chance() < 0.3)) {
          drop(path);
          const vector = {
            storageType: "u",
            pathOrInlineDv: String(next++).padStart(20, "0"),
            offset: 1,
            sizeInBytes: 40,
            cardinality: 1,
          };
          const deletionVector = vector as unknown as Json;
          live.set(path, deletionVector);
          objects.push(addOf(path, { deletionVector, stats: '{"numRecords":10,"tightBounds":false}' }));
        }
      }
      if (kind > 3 || kind === 0) {
        for (const path of range(next, 1 + pick(30))) {
          live.set(path, undefined);
          objects.push(addOf(path, { stats: `{"numRecords":${pick(9)}}` }));
        }
        next += 30;
        // As a RESTORE does: its tombstone ends.
        const back = gone[pick(gone.length)];
        if (kind > 7 && back !== undefined && !live.has(back)) {
          live.set(back, undefined);
          objects.push(addOf(back));
        }
      }
      if (objects.length === 0) objects.push({ txn: { appId: "a", version } });
      for (const id of ids) await commitAll(id, version, objects);
      for (const id of ids) assert.equal((await mirrorTable(lake, id)).error, undefined);
    }
    for (let version = 3; version <= 40; version += 3) {
      const [v2, classic] = await Promise.all(names.map((name) => contentsOf(lake, `file:///lake/${name}`, version)));
      assert.deepEqual(v2, classic, `version ${version}`);
    }
    assert.equal(await assertTheorem(lake, ids[0] ?? ""), 40);
    assert.ok((await sidecarsIn(lake.store(`file:///lake/${names[0]}`))).length > 3);
    assert.deepEqual(await sidecarsIn(lake.store(`file:///lake/${names[1]}`)), []);
    const report = await diffTable(lake, { ref: { tableId: ids[0] ?? "" }, lagThresholdSeconds: 60, maxDriftFiles: 9 });
    const { fileCount, metadata, protocol, other } = report.drift;
    assert.deepEqual([fileCount, metadata, protocol, other], [0, [], [], []]);
  });
}

test("what has not changed is not put again: appends and one removal cost the sidecars that they touch", async () => {
  const name = "cost.v2";
  const id = await newV2Table(lake, name, { "delta.checkpointInterval": "1000" });
  const puts: { key: string; bytes: number }[] = [];
  const counted = lake.with({ store: (store) => countingStore(store, puts) });
  const log = counted.openLog(`file:///lake/${name}`);
  const stats = '{"numRecords":10,"minValues":{"id":1},"maxValues":{"id":10},"nullCount":{"id":0}}';
  await commitAll(
    id,
    0,
    range(0, 2 * SIDECAR_FILES + 10).map((path) => addOf(path, { stats })),
  );
  let version = 1;
  const checkpoint = async () => {
    await mirrorTable(counted, id);
    puts.length = 0;
    const written = await writeCheckpoint(counted, log, id, version);
    const sidecars = puts.filter(({ key }) => isSidecar(key));
    return { written, sidecars: sidecars.length, bytes: puts.reduce((sum, { bytes }) => sum + bytes, 0) };
  };
  const first = await checkpoint();
  assert.equal(first.sidecars, 3);
  assert.equal(first.written.numOfAddFiles, 2 * SIDECAR_FILES + 10);
  await commitAll(id, version++, [addOf("new")]);
  const append = await checkpoint();
  assert.equal(append.sidecars, 1);
  assert.ok(append.bytes < 40_000 && append.bytes < first.bytes / 5, `${append.bytes} bytes after ${first.bytes}`);
  await commitAll(id, version++, [removeOf("f7", { deletionTimestamp: lake.clock.time })]);
  // The first of three, and one for the tombstone.
  assert.equal((await checkpoint()).sidecars, 2);
  await commitAll(id, version++, [{ txn: { appId: "a", version: 1 } }]);
  assert.equal((await checkpoint()).sidecars, 0);
  assert.equal((await checkpoint()).sidecars, 0, "a second worker writes nothing");
  assert.equal(await assertTheorem(lake, id), version);
});

test("two workers of one version write the same bytes", async () => {
  const id = await newV2Table(lake, "twins.v2", { "delta.checkpointInterval": "2" });
  for (let v = 0; v < 2; v += 1)
    await commitAll(
      id,
      v,
      range(v * 5, 5).map((path) => addOf(path)),
    );
  await mirrorTable(lake, id);
  await commitAll(id, 2, [removeOf("f1", { deletionTimestamp: lake.clock.time }), addOf("g")]);
  await mirrorTable(lake, id);
  const store = lake.store("file:///lake/twins.v2");
  const log = lake.openLog("file:///lake/twins.v2");
  const [hint, top] = ["_delta_log/_last_checkpoint", "_delta_log/00000000000000000003.checkpoint.parquet"];
  const before = (await store.get(hint))?.bytes;
  assert.ok(before);
  const write = async () => {
    await writeCheckpoint(lake, log, id, 3);
    return [(await store.get(top))?.bytes, await sidecarsIn(store)];
  };
  const first = await write();
  await store.put(hint, before);
  await store.remove([top]);
  lake.clock.time += 1_000;
  assert.deepEqual(await write(), first);
});

test("the columns of statistics change: nothing of the checkpoint before is named again", async () => {
  const id = await newV2Table(lake, "columns.v2", { "delta.checkpointInterval": "1" });
  await commitAll(
    id,
    0,
    range(0, 5).map((path) => addOf(path, { stats: '{"numRecords":1}' })),
  );
  await mirrorTable(lake, id);
  const log = lake.openLog("file:///lake/columns.v2");
  const head = async () => (await lake.catalog.readStates([{ tableId: id }]))[0];
  const metadata = (await head())?.metadata;
  assert.ok(metadata);
  const before = (await log.readSidecars(1, metadata))?.map(({ path }) => path);
  assert.equal(before?.length, 1);
  const configuration = { ...metadata.configuration, "delta.checkpoint.writeStatsAsStruct": "true" };
  await commitAll(id, 1, [{ metaData: { ...metadata, configuration } as unknown as Json }]);
  await mirrorTable(lake, id);
  const changed = (await head())?.metadata;
  assert.ok(changed);
  assert.equal(await log.readSidecars(1, changed), undefined);
  const after = (await log.readSidecars(2, changed))?.map(({ path }) => path);
  assert.notDeepEqual(after, before);
  assert.equal(await assertTheorem(lake, id), 2);
});
