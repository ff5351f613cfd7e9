/** Changes of a table that depend on its files, through the whole commit: what SQL's rows say, and who came first. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { putLog, tableActions } from "../support/foreign-log.ts";
import {
  addOf,
  commitTo,
  newTable,
  openTestLake,
  outcomeOf,
  removeOf,
  request,
  type TestLake,
} from "../support/lake.ts";
import { codeOf, commitOf, liveFiles, stateOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const STATS = { stats: '{"numRecords":5,"tightBounds":false}' };
const NAMES = {
  "delta.rowTracking.materializedRowIdColumnName": "_r",
  "delta.rowTracking.materializedRowCommitVersionColumnName": "_v",
};

/** The table's metaData with some members changed, as a writer would send it. */
async function metaData(id: string, more: Record<string, Json>): Promise<Json> {
  const { metadata } = await stateOf(lake, id);
  return { metaData: { ...metadata, ...more } as Json };
}

test("row tracking is enabled when every file has row ids, and not before", async () => {
  const id = await newTable(lake, "mc.tracking");
  await commitTo(lake, id, 0, [addOf("a", STATS), addOf("b", STATS)]);
  const { protocol, metadata } = await stateOf(lake, id);
  const writerFeatures = [...(protocol.writerFeatures ?? []), "rowTracking", "domainMetadata"];
  await commitTo(lake, id, 1, [{ protocol: { ...protocol, writerFeatures } as Json }]);
  await commitTo(lake, id, 2, [addOf("c", STATS)]);
  const enable = await metaData(id, {
    configuration: { ...metadata.configuration, ...NAMES, "delta.enableRowTracking": "true" },
  });
  assert.equal(await codeOf(commitTo(lake, id, 3, [enable])), "DELTA_UNSUPPORTED_SCHEMA_CHANGE");
  const backfill = ["a", "b"].map((path) => addOf(path, { ...STATS, dataChange: false }));
  await commitTo(lake, id, 3, [backfill[0] as Json]);
  assert.equal(await codeOf(commitTo(lake, id, 4, [enable])), "DELTA_UNSUPPORTED_SCHEMA_CHANGE");
  assert.equal(await commitTo(lake, id, 4, [enable, backfill[1] as Json]), 5);
  assert.ok((await liveFiles(lake, id)).every((file) => file.baseRowId !== undefined));
  await assertTheorem(lake, id);
});

test("a table gets another schema and other partition columns when all of its files are replaced", async () => {
  const id = await newTable(lake, "mc.replaced");
  await commitTo(lake, id, 0, [addOf("a"), addOf("b")]);
  const fields = [
    { name: "id", type: "string", nullable: true, metadata: {} },
    { name: "p", type: "integer", nullable: true, metadata: {} },
  ];
  const changed = await metaData(id, {
    schemaString: JSON.stringify({ type: "struct", fields }),
    partitionColumns: ["p"],
  });
  const added = addOf("new", { partitionValues: { p: "1" } });
  assert.equal(await codeOf(commitTo(lake, id, 1, [changed, removeOf("a"), added])), "DELTA_PARTITION_COLUMNS_CHANGED");
  assert.equal(await commitTo(lake, id, 1, [changed, removeOf("a"), removeOf("b"), added]), 2);
  await assertTheorem(lake, id);
});

test("a file that came in between is seen, however the request was planned", async () => {
  const id = await newTable(lake, "mc.raced");
  await commitTo(lake, id, 0, [addOf("a")]);
  const fields = [{ name: "id", type: "string", nullable: true, metadata: {} }];
  const changed = await metaData(id, { schemaString: JSON.stringify({ type: "struct", fields }) });
  // Another process commits: this one still remembers a table of one file.
  const other = lake.with({ catalog: { ...lake.catalog } });
  await commitTo(other, id, 1, [addOf("b")]);
  const replace = [changed, removeOf("a"), addOf("new")];
  // Who has not seen the new file lost against it; who has seen it must replace it, too.
  assert.equal(await commitTo(lake, id, 1, replace), "DELTA_CONCURRENT_APPEND");
  await commitTo(lake, id, 2, [addOf("c")]);
  await commitTo(other, id, 3, [addOf("d")]);
  assert.equal(
    await codeOf(commitTo(lake, id, 4, [...replace, removeOf("b"), removeOf("c")])),
    "DELTA_UNSUPPORTED_SCHEMA_CHANGE",
  );
  assert.equal(await commitTo(lake, id, 4, [...replace, removeOf("b"), removeOf("c"), removeOf("d")]), 5);
});

test("an empty table takes any schema", async () => {
  const id = await newTable(lake, "mc.empty");
  await commitTo(lake, id, 0, [addOf("a")]);
  await commitTo(lake, id, 1, [removeOf("a")]);
  const fields = [{ name: "other", type: "date", nullable: false, metadata: {} }];
  const changed = await metaData(id, { schemaString: JSON.stringify({ type: "struct", fields }) });
  assert.equal(await commitTo(lake, id, 2, [changed]), 3);
});

test("what an imported table has and nobody can read is reported and kept, and a later change of metadata may keep it", async () => {
  const strange = { "delta.appendOnly": "yes", "delta.apendOnly": "true", "delta.checkpointInterval": "0", mine: "x" };
  const location = "file:///lake/mc.imported";
  await putLog(lake, location, [{ actions: tableActions({ ...strange, "delta.enableInCommitTimestamps": "TRUE" }) }]);
  const { tableId, notes } = await importTable(lake, { name: "mc.imported", location, mode: "full-history" });
  assert.equal(notes.length, 3);
  for (const name of ["delta.appendOnly", "delta.apendOnly", "delta.checkpointInterval"]) {
    assert.ok(
      notes.some((note) => note.includes(`"${name}"`)),
      name,
    );
  }
  const { metadata } = await stateOf(lake, tableId);
  const configuration = { ...metadata.configuration, mine: "y" };
  assert.equal(await commitTo(lake, tableId, 0, [await metaData(tableId, { configuration })]), 1);
  assert.deepEqual((await stateOf(lake, tableId)).metadata.configuration, configuration);
  const changed = { ...configuration, "delta.appendOnly": "no" };
  assert.equal(
    await codeOf(commitTo(lake, tableId, 1, [await metaData(tableId, { configuration: changed })])),
    "DELTA_INVALID_TABLE_PROPERTY",
  );
  // One reading of "TRUE": each commit has its timestamp, and removes are not forbidden by "yes".
  await commitTo(lake, tableId, 1, [addOf("a")]);
  assert.equal(await commitTo(lake, tableId, 2, [removeOf("a")]), 3);
  assert.ok((await commitOf(lake, tableId, 3)).inCommitTimestamp !== undefined);
});

test("a physical name that a dropped column had is not given again, however long ago that was", async () => {
  const mapped = (name: string, id: number, physical: string) => ({
    name,
    type: "long",
    nullable: true,
    metadata: { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical },
  });
  const name = "mc.mapped";
  const configuration = { "delta.columnMapping.mode": "name" };
  const schema = { type: "struct", fields: [mapped("a", 1, "col-1"), mapped("b", 2, "col-2")] };
  const id = (await createTable(lake, { name, location: `file:///lake/${name}`, schema, configuration })).tableId;
  const supportedFeatures = { writer: ["columnMapping"] };
  const send = async (readVersion: number, actions: Json[]) =>
    outcomeOf(await commit(lake, request({ tableId: id, readVersion, actions, supportedFeatures })));
  const change = async (readVersion: number, maxColumnId: number, ...fields: Json[]) => {
    const max = { "delta.columnMapping.maxColumnId": String(maxColumnId) };
    const configuration = { ...(await stateOf(lake, id)).metadata.configuration, ...max };
    const schemaString = JSON.stringify({ type: "struct", fields });
    return send(readVersion, [await metaData(id, { schemaString, configuration })]);
  };
  assert.equal(await send(0, [addOf("f")]), 1);
  assert.equal(await change(1, 2, mapped("a", 1, "col-1")), 2);
  assert.equal(await change(2, 2, mapped("z", 1, "col-1")), 3);
  const reused = change(3, 3, mapped("z", 1, "col-1"), mapped("c", 3, "COL-2"));
  assert.equal(await codeOf(reused), "DELTA_UNSUPPORTED_SCHEMA_CHANGE");
  assert.equal(await change(3, 3, mapped("z", 1, "col-1"), mapped("c", 3, "col-3")), 4);
});
