/** Going back to the content of an older version: exactly its files and columns, nothing lost, and never over a writer who came first. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { revertTable } from "../../lib/operations/revert.ts";
import type { Catalog } from "../../lib/ports.ts";
import { inlineVector } from "../interop/differential/vectors.ts";
import { livePaths } from "../support/catalog-plans.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, SCHEMA, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

test("property: any version of a random history comes back, from any later one", async () => {
  const random = seeded(7);
  const tableId = await newTable(lake, "r.random");
  let live: string[] = [];
  let version = 0;
  const files = [[] as string[]];
  for (let step = 0; step < 12; step += 1) {
    const gone = live.filter(() => random() < 0.3);
    const come = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => `f${step}-${i}`);
    version = Number(
      await commitTo(lake, tableId, version, [...gone.map((f) => removeOf(f)), ...come.map((f) => addOf(f))]),
    );
    live = [...live.filter((f) => !gone.includes(f)), ...come].sort();
    files.push(live);
    if (random() < 0.5) {
      const to = Math.floor(random() * version);
      const result = await revertTable(lake, { tableId }, { version: to });
      assert.deepEqual([result.to, result.version], [to, version + 1]);
      version += 1;
      live = files[to] ?? [];
      files.push(live);
    }
    for (const [at, wanted] of files.entries())
      assert.deepEqual(await livePaths(lake.catalog, tableId, at), wanted, `version ${at}`);
  }
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  assert.equal(await assertTheorem(lake, tableId), version);
  await assertHistory(lake, tableId);
});

test("deletion vectors and columns go back, properties stay; the commit says what it is", async () => {
  const tableId = await newTable(lake, "r.columns", { configuration: { "delta.enableDeletionVectors": "true" } });
  const stats = '{"numRecords":9,"tightBounds":false}';
  await commitTo(lake, tableId, 0, [addOf("f", { stats: '{"numRecords":9}' })]);
  await commitTo(lake, tableId, 1, [removeOf("f"), addOf("f", { deletionVector: inlineVector([1]), stats })]);
  const [state] = await lake.catalog.readStates([{ tableId }]);
  const wider = { ...SCHEMA, fields: [...SCHEMA.fields, { name: "more", type: "date", nullable: true, metadata: {} }] };
  const configuration = { ...state?.metadata.configuration, "delta.checkpointInterval": "7" };
  const { format } = { format: { provider: "parquet", options: {} } };
  const metaData = {
    id: state?.metadata.id ?? "",
    format,
    schemaString: JSON.stringify(wider),
    partitionColumns: [],
    configuration,
  };
  await commitTo(lake, tableId, 2, [{ metaData }]);
  const result = await revertTable(lake, { tableId }, { version: 1 });
  assert.deepEqual([result.schemaChanged, result.restoredFiles, result.removedFiles], [false, 1, 1]);
  const [now] = await lake.catalog.readStates([{ tableId }]);
  assert.deepEqual(JSON.parse(now?.metadata.schemaString ?? ""), wider, "a column that came later stays");
  assert.equal(now?.metadata.configuration["delta.checkpointInterval"], "7");
  const { items } = await lake.catalog.readFiles(tableId, result.version ?? 0, { limit: 9 });
  assert.deepEqual(
    items.map(({ deletionVector }) => deletionVector),
    [undefined],
  );
  const [commit] = await lake.catalog.readCommits(tableId, 4, 4);
  assert.deepEqual(
    [commit?.actions.commitInfo?.operation, commit?.actions.commitInfo?.operationParameters],
    ["RESTORE", { version: "1" }],
  );
});

test("after an overwrite with other columns those of then come back with their files", async () => {
  const tableId = await newTable(lake, "r.overwritten");
  await commitTo(lake, tableId, 0, [addOf("a")]);
  const [state] = await lake.catalog.readStates([{ tableId }]);
  const other = { type: "struct", fields: [{ name: "id", type: "string", nullable: true, metadata: {} }] };
  const metaData = {
    ...{ id: state?.metadata.id ?? "", format: { provider: "parquet", options: {} }, partitionColumns: [] },
    ...{ schemaString: JSON.stringify(other), configuration: {} },
  };
  await commitTo(lake, tableId, 1, [{ metaData }, removeOf("a"), addOf("wrong")]);
  const result = await revertTable(lake, { tableId }, { version: 1 });
  assert.deepEqual([result.schemaChanged, result.restoredFiles, result.removedFiles], [true, 1, 1]);
  const [now] = await lake.catalog.readStates([{ tableId }]);
  assert.deepEqual(JSON.parse(now?.metadata.schemaString ?? ""), SCHEMA);
  assert.deepEqual(await livePaths(lake.catalog, tableId, 3), ["a"]);
});

test("a time names a version; the newest is refused, and what is the same already is no commit", async () => {
  const tableId = await newTable(lake, "r.times");
  await commitTo(lake, tableId, 0, [addOf("a")]);
  const at = (await lake.catalog.findTable({ tableId }))?.timestamp ?? 0;
  await commitTo(lake, tableId, 1, [addOf("b")]);
  await commitTo(lake, tableId, 2, [removeOf("b")]);
  const same = await revertTable(lake, { tableId }, { timestamp: at });
  assert.deepEqual([same.to, same.version], [1, undefined]);
  await assert.rejects(revertTable(lake, { tableId }, { version: 3 }), { code: "NOTHING_TO_REVERT" });
  await assert.rejects(revertTable(lake, { tableId }, { version: 9 }), { kind: "notFound" });
});

test("a writer who comes first is not undone", async () => {
  const tableId = await newTable(lake, "r.raced");
  await commitTo(lake, tableId, 0, [addOf("a")]);
  await commitTo(lake, tableId, 1, [removeOf("a"), addOf("b")]);
  let raced = false;
  const catalog: Catalog = {
    ...lake.catalog,
    async readSummary(id, version) {
      if (!raced) assert.equal(await commitTo(lake, tableId, 2, [addOf("late")]), 3);
      raced = true;
      return lake.catalog.readSummary(id, version);
    },
  };
  await assert.rejects(revertTable(lake.with({ catalog }), { tableId }, { version: 1 }), {
    kind: "conflict",
    hint: /Nothing was written/,
  });
  assert.deepEqual(await livePaths(lake.catalog, tableId, 3), ["b", "late"]);
});
