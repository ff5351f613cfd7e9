/** One file has one live path: absolute paths below the table's root become relative, others are taken where the table allows it. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { importLog, putLog, tableActions } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { codeOf, livePaths, publishedLines } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const send = (tableId: string, readVersion: number, ...actions: Json[]) =>
  commit(lake, request({ tableId, readVersion, actions }));
const ALLOWED = { "deltalakedb.allowPathsOutsideTable": "true" };

describe("a table of ours", () => {
  const root = "file:///lake/p.ours";
  let tableId: string;
  before(async () => {
    tableId = await newTable(lake, "p.ours");
  });

  test("adds, removes and cdc files are published by relative paths, whatever names them", async () => {
    const cdc = { path: "/lake/p.ours/_change_data/c", partitionValues: {}, size: 1, dataChange: false };
    const adds = [addOf(`${root}/a%20b`), addOf("file:/lake/p.ours/c"), addOf("/lake/p.ours/d"), addOf("e")];
    assert.equal(await commitTo(lake, tableId, 0, [...adds, { cdc }]), 1);
    assert.deepEqual((await livePaths(lake, tableId)).sort(), ["a%20b", "c", "d", "e"]);
    await mirrorTable(lake, tableId);
    assert.ok(
      (await publishedLines(lake, tableId, 1)).some((line) => line.includes('{"cdc":{"path":"_change_data/c"')),
    );
    assert.equal(await commitTo(lake, tableId, 1, [removeOf(`${root}/c`), removeOf("/lake/p.ours/d")]), 2);
    assert.deepEqual((await livePaths(lake, tableId)).sort(), ["a%20b", "e"]);
    await mirrorTable(lake, tableId);
    assert.equal(await assertTheorem(lake, tableId), 2);
  });

  test("two paths of one file are refused, in one commit and in two", async () => {
    assert.equal(await codeOf(send(tableId, 2, addOf("x"), addOf(`${root}/x`))), "DELTA_DUPLICATE_ACTIONS_FOUND");
    assert.equal(await codeOf(send(tableId, 2, addOf(`${root}/a%20%62`))), "PATH_SPELLED_DIFFERENTLY");
    assert.deepEqual((await livePaths(lake, tableId)).sort(), ["a%20b", "e"]);
  });

  test("a file that was read by its absolute path is missed when it goes", async () => {
    const reads = { files: ["/lake/p.ours/e"] };
    assert.equal(await commitTo(lake, tableId, 2, [removeOf("e")]), 3);
    const late = await commit(lake, request({ tableId, readVersion: 2, actions: [addOf("y")], reads }));
    assert.deepEqual(late.status === "conflict" && late.conflicts[0]?.code, "DELTA_CONCURRENT_DELETE_READ");
  });

  const elsewhere = ["/lake/p.ours2/f", "s3://bucket/f", "file://host/lake/p.ours/f", "/f"];
  for (const path of elsewhere) {
    test(`${path} is refused, unless the table allows it`, async () => {
      assert.equal(await codeOf(send(tableId, 3, addOf(path))), "PATH_OUTSIDE_TABLE");
      const cdc = { path, partitionValues: {}, size: 1, dataChange: false };
      assert.equal(await codeOf(send(tableId, 3, { cdc })), "PATH_OUTSIDE_TABLE");
      const name = `p.open${elsewhere.indexOf(path)}`;
      const open = await newTable(lake, name, { configuration: ALLOWED });
      assert.equal(await commitTo(lake, open, 0, [addOf(path)]), 1);
      assert.deepEqual(await livePaths(lake, open), [path]);
    });
  }
});

describe("an imported table", () => {
  const VECTOR = { storageType: "u", pathOrInlineDv: "a".repeat(20), offset: 1, sizeInBytes: 36, cardinality: 1 };
  const STATS = '{"numRecords":5,"tightBounds":false}';
  async function imported(name: string, ...paths: string[]): Promise<string> {
    const features = ["appendOnly", "invariants", "deletionVectors"];
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["deletionVectors"],
      writerFeatures: features,
    };
    const [, metaData = null] = tableActions();
    await putLog(lake, `file:///lake/${name}`, [
      { actions: [{ protocol }, metaData, ...paths.map((path) => addOf(path))] },
    ]);
    return importLog(lake, name);
  }

  test("keeps its absolute paths; a remove finds them, and so does a new deletion vector", async () => {
    const [one, two] = ["file:///lake/p.kept/one", "file:///lake/p.kept/two"];
    const tableId = await imported("p.kept", one, two);
    assert.deepEqual((await livePaths(lake, tableId)).sort(), [one, two]);
    assert.equal(await codeOf(send(tableId, 0, addOf("one"))), "PATH_SPELLED_DIFFERENTLY");
    assert.equal(
      await codeOf(send(tableId, 0, addOf(one, { dataChange: false, deletionVector: VECTOR, stats: STATS }))),
      "PATH_SPELLED_DIFFERENTLY",
    );
    const marked = addOf(two, { deletionVector: VECTOR, stats: STATS });
    assert.equal(await commitTo(lake, tableId, 0, [removeOf(one), removeOf(two), marked, addOf("new")]), 1);
    assert.deepEqual((await livePaths(lake, tableId)).sort(), [two, "new"]);
    await mirrorTable(lake, tableId);
    const lines = (await publishedLines(lake, tableId, 1)).join("\n");
    for (const path of [one, two]) assert.ok(lines.includes(`{"remove":{"path":"${path}"`), lines);
  });

  test("a shallow clone keeps its files elsewhere, and marks their rows", async () => {
    const source = "s3://other/table/f";
    const tableId = await imported("p.clone", source, "s3://other/table/g");
    const marked = addOf(source, { deletionVector: VECTOR, stats: STATS });
    assert.equal(await commitTo(lake, tableId, 0, [removeOf(source), marked, removeOf("s3://other/table/g")]), 1);
    assert.deepEqual(await livePaths(lake, tableId), [source]);
    assert.equal(await codeOf(send(tableId, 1, addOf("s3://other/table/h"))), "PATH_OUTSIDE_TABLE");
  });

  test("a deletion vector by an absolute path lies below the root, too", async () => {
    const tableId = await imported("p.vectors", "f");
    const marked = (pathOrInlineDv: string) =>
      addOf("x", { deletionVector: { ...VECTOR, storageType: "p", pathOrInlineDv }, stats: STATS });
    assert.equal(await codeOf(send(tableId, 0, marked("s3://other/dv.bin"))), "PATH_OUTSIDE_TABLE");
    assert.equal(await codeOf(send(tableId, 0, marked("file:///lake/a b"))), "INVALID_REQUEST");
    assert.equal(await commitTo(lake, tableId, 0, [marked("file:///lake/p.vectors/dv.bin")]), 1);
  });
});
