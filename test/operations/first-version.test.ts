/** Version 0 by a writer's own commit: protocol, metaData and files make a table, or it is there already. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CommitRequest, CommitResult } from "../../lib/delta/request.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { actions, addOf, newTable, openTestLake, removeOf, SCHEMA, type TestLake } from "../support/lake.ts";
import { codeOf, headVersion, livePaths } from "../support/table-facts.ts";
import { assertHistory } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const protocol = (...writerFeatures: string[]): Json => ({
  protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures },
});
const metaData = (configuration: Record<string, string> = {}, more: Record<string, Json> = {}): Json => ({
  metaData: {
    id: crypto.randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(SCHEMA),
    partitionColumns: [],
    configuration,
    createdTime: 1,
    ...more,
  },
});
const PLAIN = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, metaData()];

function first(
  name: string,
  objects: readonly Json[],
  location = `file:///lake/${name}`,
): CommitRequest["tables"][number] {
  return {
    table: { name },
    readVersion: -1,
    expectedVersion: 0,
    create: { location },
    actions: actions(...objects),
    at: "/tables/0",
  };
}

const one = (...tables: CommitRequest["tables"]): CommitRequest => ({ transactionId: crypto.randomUUID(), tables });

function told(result: CommitResult): unknown {
  if (result.status === "committed") return result.tables.map(({ version }) => version);
  return result.conflicts.map(({ code, version }) => [code, version]);
}

async function idOf(name: string): Promise<string> {
  const head = await lake.catalog.findTable({ name });
  assert.ok(head, name);
  return head.tableId;
}

test("it makes a table with its files, which the mirror publishes as any", async () => {
  assert.deepEqual(told(await commit(lake, one(first("first.plain", [...PLAIN, addOf("a"), addOf("b")])))), [0]);
  const tableId = await idOf("first.plain");
  assert.deepEqual(await livePaths(lake, tableId), ["a", "b"]);
  assert.deepEqual((await mirrorTable(lake, tableId)).published, [0]);
  await assertHistory(lake, tableId);
  const next = { ...one(first("first.plain", [addOf("c")])), transactionId: crypto.randomUUID() };
  assert.deepEqual(told(await commit(lake, next)), [["VERSION_TAKEN", 0]]);
});

test("files of a table with row tracking get their ids from 0 on", async () => {
  const features = protocol("rowTracking", "domainMetadata", "appendOnly", "invariants");
  const names = {
    "delta.rowTracking.materializedRowIdColumnName": "_row-id-col-x",
    "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-commit-version-col-x",
  };
  const files = ["a", "b"].map((path) => addOf(path, { stats: '{"numRecords":3}' }));
  const objects = [features, metaData({ "delta.enableRowTracking": "true", ...names }), ...files];
  assert.deepEqual(told(await commit(lake, one(first("first.rows", objects)))), [0]);
  const { items } = await lake.catalog.readFiles(await idOf("first.rows"), 0, { limit: 10 });
  assert.deepEqual(items.map(({ baseRowId }) => Number(baseRowId)).sort(), [0, 3]);
  await mirrorTable(lake, await idOf("first.rows"));
  await assertHistory(lake, await idOf("first.rows"));
});

test("the same again is answered as before, by its id and by its bytes", async () => {
  const wanted = one(first("first.again", [...PLAIN, addOf("a")]));
  assert.deepEqual(told(await commit(lake, wanted)), [0]);
  for (const again of [wanted, { ...wanted, transactionId: crypto.randomUUID() }]) {
    const answer = await commit(lake, again);
    assert.deepEqual([told(answer), answer.status === "committed" && answer.replayed], [[0], true]);
  }
  const other = one(first("first.again", [...PLAIN, addOf("b")]));
  assert.deepEqual(told(await commit(lake, other)), [["VERSION_TAKEN", 0]]);
});

test("sixteen at once: one makes the table, all others are told that it is there", async () => {
  const all = await Promise.all(
    Array.from({ length: 16 }, (_, n) => commit(lake, one(first("first.race", [...PLAIN, addOf(`f${n}`)])))),
  );
  assert.equal(all.filter(({ status }) => status === "committed").length, 1);
  for (const result of all) if (result.status === "conflict") assert.deepEqual(told(result), [["VERSION_TAKEN", 0]]);
  assert.equal((await livePaths(lake, await idOf("first.race"))).length, 1);
});

test("a place or a name that is not free", async () => {
  await newTable(lake, "first.there");
  const at = (name: string, location: string) => codeOf(commit(lake, one(first(name, PLAIN, location))));
  assert.equal(await at("first.inside", "file:///lake/first.there/inside"), "LOCATION_OVERLAPS");
  assert.equal(await at("first.same", "file:///lake/first.there"), "LOCATION_TAKEN");
  assert.equal(await at("First.There", "file:///lake/elsewhere"), "TABLE_EXISTS");
  await lake.openLog("file:///lake/first.log").putCommit(0, new TextEncoder().encode("{}\n"), { timestamp: 1 });
  assert.equal(await at("first.log", "file:///lake/first.log"), "DELTA_LOG_EXISTS");
  for (const name of ["first.inside", "first.same", "First.There", "first.log"]) {
    assert.equal(await lake.catalog.findTable({ name }), undefined, name);
  }
});

test("new tables and old ones move together, or none does", async () => {
  const tableId = await newTable(lake, "first.old");
  const append = (readVersion: number) => ({
    table: { tableId },
    readVersion,
    actions: actions(addOf("x")),
    at: "/tables/2",
  });
  const both = (suffix: string) => [
    first(`first.a${suffix}`, [...PLAIN, addOf("a")]),
    first(`first.b${suffix}`, [...PLAIN, addOf("b")]),
  ];
  assert.deepEqual(told(await commit(lake, one(...both("1"), append(0)))), [0, 0, 1]);
  const strict = { ...append(0), expectedVersion: 1 };
  assert.deepEqual(told(await commit(lake, one(...both("2"), strict))), [["VERSION_TAKEN", 1]]);
  assert.equal(await lake.catalog.findTable({ name: "first.a2" }), undefined);
  assert.deepEqual(told(await commit(lake, one(...both("1"), append(1)))), [
    ["VERSION_TAKEN", 0],
    ["VERSION_TAKEN", 0],
  ]);
  assert.equal(await headVersion(lake, tableId), 1);
});

test("what makes no table that readers could read is refused, and nothing is made", async () => {
  const [plain, meta] = PLAIN as [Json, Json];
  const cases: Readonly<Record<string, readonly Json[]>> = {
    MISSING_PROTOCOL: [meta, addOf("a")],
    MISSING_METADATA: [plain, addOf("a")],
    REMOVE_OF_UNKNOWN_FILE: [plain, meta, removeOf("a")],
    DELTA_UNKNOWN_CONFIGURATION: [plain, metaData({ "delta.apendOnly": "true" })],
    DELTA_INVALID_TABLE_PROPERTY: [plain, metaData({ "delta.appendOnly": "yes" })],
    DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT: [protocol(), metaData({ "delta.enableDeletionVectors": "true" })],
    DELTA_INVALID_PROTOCOL_VERSION: [{ protocol: { minReaderVersion: 3, minWriterVersion: 2 } }, meta],
  };
  for (const [code, objects] of Object.entries(cases)) {
    assert.equal(await codeOf(commit(lake, one(first("first.refused", objects)))), code);
  }
  assert.notEqual(
    await codeOf(commit(lake, one(first("first.refused", [plain, metaData({}, { schemaString: "{" })])))),
    undefined,
  );
  assert.notEqual(
    await codeOf(commit(lake, one(first("first.refused", [plain, metaData({}, { partitionColumns: ["no"] })])))),
    undefined,
  );
  assert.equal(await lake.catalog.findTable({ name: "first.refused" }), undefined);
});

test("its in-commit timestamp is kept where it is not far ahead", async () => {
  const timed = [protocol("inCommitTimestamp"), metaData({ "delta.enableInCommitTimestamps": "true" })];
  const at = async (name: string, inCommitTimestamp: number) => {
    const info = { commitInfo: { operation: "CREATE TABLE", inCommitTimestamp } };
    const answer = await commit(lake, one(first(name, [info, ...timed])));
    assert.ok(answer.status === "committed");
    return answer.tables[0]?.inCommitTimestamp ?? -1;
  };
  const now = lake.clock.now();
  assert.equal(await at("first.time", now - 5000), now - 5000);
  assert.ok((await at("first.ahead", now + 86_400_000)) < now + 3_600_000);
  await mirrorTable(lake, await idOf("first.time"));
  await assertHistory(lake, await idOf("first.time"));
});
