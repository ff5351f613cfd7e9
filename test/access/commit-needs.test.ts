/** Which privileges a commit needs, by each kind of action and by all pairs of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { commitNeeds } from "../../lib/access/commit-needs.ts";
import type { CommitActions } from "../../lib/delta/actions.ts";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { parseJson } from "../../lib/delta/values/json.ts";

const file = { path: "a", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const vector = { storageType: "u", pathOrInlineDv: "x", offset: 1, sizeInBytes: 1, cardinality: 1 };
const KINDS: Readonly<Record<string, readonly [object, readonly string[]]>> = {
  nothing: [{ commitInfo: {} }, ["APPEND"]],
  "a new file": [{ add: file }, ["APPEND"]],
  "progress of an application": [{ txn: { appId: "a", version: 1 } }, ["APPEND"]],
  "a file with a deletion vector": [{ add: { ...file, path: "b", deletionVector: vector } }, ["MODIFY"]],
  "a file without a change of data": [{ add: { ...file, path: "c", dataChange: false } }, ["MODIFY"]],
  "a remove": [{ remove: { path: "d", deletionTimestamp: 1, dataChange: true } }, ["MODIFY"]],
  "a change data file": [{ cdc: { path: "e", partitionValues: {}, size: 1, dataChange: false } }, ["MODIFY"]],
  "another schema": [
    { metaData: { id: "i", format: { provider: "parquet" }, partitionColumns: [], configuration: {} } },
    ["ALTER"],
  ],
  "another protocol": [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, ["ALTER"]],
  "a domain": [{ domainMetadata: { domain: "d", configuration: "", removed: false } }, ["ALTER"]],
  "an action that nobody knows": [{ future: {} }, ["ALTER"]],
};

function actionsOf(...objects: readonly object[]): CommitActions {
  const collector = new ActionCollector({ strict: false });
  for (const one of objects) collector.collect(parseJson(JSON.stringify(one)), "");
  return collector.actions();
}

for (const [name, [action, needs]] of Object.entries(KINDS)) {
  test(`${name} needs ${needs}`, () => assert.deepEqual(commitNeeds(actionsOf(action)), needs));
}

test("two kinds at once need what each needs; whoever may replace files may add them", () => {
  const kinds = Object.values(KINDS);
  for (const [i, [first, mine]] of kinds.entries()) {
    for (const [second, theirs] of kinds.slice(i + 1)) {
      const needs = new Set<string>(commitNeeds(actionsOf(first, second)));
      const adds = [first, second].some((one) => "add" in one);
      for (const one of new Set([...mine, ...theirs])) {
        const isCovered = one === "APPEND" && (needs.has("MODIFY") || (needs.has("ALTER") && !adds));
        assert.ok(
          needs.has(one) || isCovered,
          `${JSON.stringify([first, second])} needs ${one}, not only ${[...needs]}`,
        );
      }
    }
  }
});
