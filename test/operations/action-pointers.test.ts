/** A refused action is named by its place in the request, whichever check refuses it: those of the model and those of the rows. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { LakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { decodeCommitRequest } from "../../lib/wire/commit-request.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";

let lake: TestLake;
let tableId: string;
let partitioned: string;
before(async () => {
  lake = await openTestLake();
  const configuration = { "delta.enableDeletionVectors": "true" };
  tableId = await newTable(lake, "a.pointers", { configuration });
  partitioned = await newTable(lake, "a.partitioned", { partitionColumns: ["day"] });
  assert.equal(await commitTo(lake, tableId, 0, [addOf("live%20file")]), 1);
});
after(() => lake.close());

const VECTOR = { storageType: "u", pathOrInlineDv: "a".repeat(20), offset: 1, sizeInBytes: 36, cardinality: 9 };
const STATS = '{"numRecords":5,"tightBounds":false}';
const txn = (version: number): Json => ({ txn: { appId: "a", version } });

const refused: readonly (readonly [string, Json, string])[] = [
  ["a path that nobody can read", addOf("a b"), "add/path"],
  ["a second add of one path", addOf("ok-1"), "add/path"],
  ["a second add in another spelling", addOf("ok%2D1"), "add/path"],
  ["a remove of what is not there", removeOf("nothing"), "remove/path"],
  ["a remove in another spelling", removeOf("live%20%66ile"), "remove/path"],
  ["a remove with another deletion vector", removeOf("live%20file", { deletionVector: VECTOR }), "remove/path"],
  [
    "an add over a live file",
    addOf("live%20file", { deletionVector: { ...VECTOR, cardinality: 1 }, stats: STATS }),
    "add/path",
  ],
  [
    "too large a deletion vector",
    addOf("x", { deletionVector: VECTOR, stats: STATS }),
    "add/deletionVector/cardinality",
  ],
  ["an unknown storage", addOf("x", { deletionVector: { ...VECTOR, storageType: "z" } }), "add/deletionVector"],
  ["statistics that are no JSON", addOf("x", { stats: "{" }), "add/stats"],
  ["a partition column too many", addOf("x", { partitionValues: { day: "1" } }), "add/partitionValues"],
  ["another version of an application", txn(2), "txn"],
  [
    "a domain without its feature",
    { domainMetadata: { domain: "d", configuration: "", removed: false } },
    "domainMetadata",
  ],
  [
    "a cdc file that changes data",
    { cdc: { path: "c", partitionValues: {}, size: 1, dataChange: true } },
    "cdc/dataChange",
  ],
  ["an action of checkpoints", { sidecar: {} }, "sidecar"],
  [
    "a changed id",
    {
      metaData: {
        id: "x",
        partitionColumns: [],
        configuration: {},
        schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
      },
    },
    "metaData/id",
  ],
  ["a downgrade", { protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, "protocol"],
];

async function pointerOf(request: Json): Promise<string | undefined> {
  return Promise.resolve()
    .then(() => commit(lake, decodeCommitRequest(request)))
    .then(
      () => "201",
      (error: unknown) => (error instanceof LakeError && error.kind === "invalid" ? error.at : String(error)),
    );
}

for (const [what, action, pointer] of refused) {
  test(`${what}: …/actions/3/${pointer}`, async () => {
    const actions = [addOf("ok-1"), txn(1), addOf("ok-3"), action, addOf("ok-5")];
    const tables = [
      { tableId: partitioned, readVersion: 0, actions: [addOf("day=1/f", { partitionValues: { day: "1" } })] },
      { tableId, readVersion: 1, actions },
    ];
    const transactionId = lake.clock.newId();
    assert.equal(await pointerOf({ transactionId, tables } as Json), `/tables/1/actions/3/${pointer}`);
  });
}
