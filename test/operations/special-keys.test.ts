/** Keys that JavaScript finds special survive everywhere: request, SQL, log and back. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Json, parseJson } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { decodeCommitRequest } from "../../lib/wire/commit-request.ts";
import { newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { liveFiles, newestCheckpoint, publishedLines, stateOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const MAP = '{"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":"h","10":"n"}';
const KEYS = ["10", "__proto__", "constructor", "hasOwnProperty", "toString"];
const keysOf = (map: object | undefined) => Object.keys(map ?? {}).sort();

test("tags, unknown fields, properties and commitInfo keep them, in SQL, in commits and in checkpoints", async () => {
  const tableId = await newTable(lake, "k.special", { configuration: { "delta.checkpointInterval": "1" } });
  const { metadata } = await stateOf(lake, tableId);
  const configuration = JSON.stringify(metadata.configuration).replace("{", `${MAP.slice(0, -1)},`);
  const metaData = JSON.stringify({ ...metadata, configuration: 0 }).replace(
    '"configuration":0',
    `"configuration":${configuration}`,
  );
  const add = `{"path":"f","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"tags":${MAP},${MAP.slice(1, -1)},"more":{"__proto__":{"a":9007199254740993}}}`;
  const info = `{"operation":"X","operationMetrics":${MAP},"__proto__":1,"tags":${MAP}}`;
  const actions = `[{"metaData":${metaData}},{"add":${add}},{"commitInfo":${info}},{"__proto__":{"constructor":1}}]`;
  const body = `{"allowUnknownActions":true,"transactionId":"${lake.clock.newId()}","tables":[{"tableId":"${tableId}","readVersion":0,"actions":${actions}}]}`;
  assert.equal((await commit(lake, decodeCommitRequest(parseJson(body)))).status, "committed");
  await mirrorTable(lake, tableId);

  const [file] = await liveFiles(lake, tableId);
  assert.deepEqual(keysOf(file?.tags), KEYS);
  assert.deepEqual(keysOf(file?.unknown), [...KEYS, "more"].sort());
  const kept = keysOf((await stateOf(lake, tableId)).metadata.configuration);
  assert.deepEqual(
    KEYS.filter((key) => !kept.includes(key)),
    [],
  );
  const lines = await publishedLines(lake, tableId, 1);
  assert.ok(
    lines.some((line) => line.includes('"more":{"__proto__":{"a":9007199254740993}}')),
    lines.join("\n"),
  );
  assert.ok(lines.includes('{"__proto__":{"constructor":1}}'));
  const published = parseJson(lines[0] ?? "") as { readonly commitInfo: { readonly [key: string]: Json } };
  assert.deepEqual(keysOf(published.commitInfo.operationMetrics as object), KEYS);
  assert.ok(Object.hasOwn(published.commitInfo, "__proto__"));
  const checkpoint = await newestCheckpoint(lake, tableId);
  assert.deepEqual(keysOf(checkpoint.adds[0]?.tags), KEYS);
  assert.equal(await assertTheorem(lake, tableId), 1);
});
