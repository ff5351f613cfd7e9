/** Partition values through the whole stack: one form in SQL, in the log and in checkpoints; imported files keep theirs. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isJsonObject, type Json, parseJson } from "../../lib/delta/values/json.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { importLog, putLog } from "../support/foreign-log.ts";
import { addOf, commitTo, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { codeOf, liveFiles, newestCheckpoint, publishedLines } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** For each column what a writer sends and what is stored. */
const COLUMNS: Readonly<Record<string, readonly [type: string, sent: string, stored: string | null]>> = {
  i: ["integer", "+01", "1"],
  m: ["decimal(10,2)", "1.5", "1.50"],
  f: ["float", "0.10000000149011612", "0.1"],
  d: ["double", "1e10", "1.0E10"],
  b: ["boolean", "TRUE", "true"],
  day: ["date", "10000-1-1", "+10000-01-01"],
  at: ["timestamp", "2026-01-31 12:00:00+01:00", "2026-01-31T11:00:00.000000Z"],
  local: ["timestamp_ntz", "2026-01-31", "2026-01-31 00:00:00"],
  s: ["string", "", null],
};
const names = Object.keys(COLUMNS);
const sent = Object.fromEntries(Object.entries(COLUMNS).map(([name, [, text]]) => [name, text]));
const stored = Object.fromEntries(Object.entries(COLUMNS).map(([name, [, , text]]) => [name, text]));
const schema = {
  type: "struct",
  fields: ["id", ...names].map((name) => ({
    name,
    type: COLUMNS[name]?.[0] ?? "long",
    nullable: true,
    metadata: {},
  })),
};

async function partitionValuesIn(tableId: string, version: number, action: "add" | "remove" | "cdc"): Promise<Json[]> {
  const lines = (await publishedLines(lake, tableId, version)).map((line) => parseJson(line));
  const found = lines.flatMap((line) => (isJsonObject(line) && isJsonObject(line[action]) ? [line[action]] : []));
  return found.map(({ partitionValues = null }) => partitionValues);
}

test("what a writer sends is stored and published as the one text that all readers take for it", async () => {
  const { tableId } = await createTable(lake, {
    name: "p.canonical",
    location: "file:///lake/p.canonical",
    schema,
    partitionColumns: names,
    configuration: { "delta.checkpointInterval": "1" },
  });
  await commitTo(lake, tableId, 0, [addOf("a", { partitionValues: sent })]);
  assert.deepEqual((await liveFiles(lake, tableId))[0]?.partitionValues, stored);
  const cdc = { cdc: { path: "_change_data/c", partitionValues: sent, size: 1, dataChange: false } };
  const remove = removeOf("a", { partitionValues: sent, extendedFileMetadata: true, size: 100 });
  await commitTo(lake, tableId, 1, [remove, addOf("b", { partitionValues: sent }), cdc], {});
  await mirrorTable(lake, tableId);
  for (const action of ["add", "remove", "cdc"] as const) {
    assert.deepEqual(await partitionValuesIn(tableId, 2, action), [stored], action);
  }
  const { adds } = await newestCheckpoint(lake, tableId);
  assert.deepEqual(adds[0]?.partitionValues, stored);
  await assertTheorem(lake, tableId);
});

test("an imported file keeps its text; who removes it or adds it again may say it in either way", async () => {
  const location = "file:///lake/p.imported";
  const columns = [
    { name: "id", type: "long", nullable: true, metadata: {} },
    { name: "m", type: "decimal(10,2)", nullable: true, metadata: {} },
  ];
  const metaData = {
    id: crypto.randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify({ type: "struct", fields: columns }),
    partitionColumns: ["m"],
    configuration: {},
    createdTime: 1,
  };
  const file = (path: string, m: string, more: Record<string, Json> = {}) =>
    addOf(path, { partitionValues: { m }, ...more });
  const removed = (path: string, m: string) =>
    removeOf(path, { partitionValues: { m }, extendedFileMetadata: true, size: 100 });
  const protocol = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
  const old = ["r1", "r2", "u1", "u2", "kept"].map((path) => file(path, "1.5"));
  await putLog(lake, location, [{ actions: [protocol, { metaData }, ...old] }]);
  const tableId = await importLog(lake, "p.imported");
  assert.deepEqual((await liveFiles(lake, tableId))[0]?.partitionValues, { m: "1.5" });

  await commitTo(lake, tableId, 0, [removed("r1", "1.5"), removed("r2", "1.50")], {});
  const again = (path: string, m: string) => file(path, m, { dataChange: false, stats: '{"numRecords":1}' });
  await commitTo(lake, tableId, 1, [again("u1", "1.5"), again("u2", "1.50")], {});
  const values = (await liveFiles(lake, tableId)).map(({ path, partitionValues }) => [path, partitionValues.m]);
  assert.deepEqual(values.sort(), [
    ["kept", "1.5"],
    ["u1", "1.50"],
    ["u2", "1.50"],
  ]);
  await mirrorTable(lake, tableId);
  await assertTheorem(lake, tableId);
  assert.equal(await codeOf(commitTo(lake, tableId, 2, [file("new", "1.234")])), "DELTA_INVALID_PARTITION_VALUE");
});
