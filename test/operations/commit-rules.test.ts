/** Rounds of a commit, and the time for them: who meets others too often is told so, and nothing is written. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request } from "../support/lake.ts";

const lake = await openTestLake();
after(() => lake.close());

/** A commit that is planned on what this lake remembers, after another has moved a marker that it watches. */
async function meetingAnother(name: string) {
  const tableId = await newTable(lake, name);
  await commitTo(lake, tableId, 0, [addOf("a"), addOf("b")]);
  // By another process: of this lake alone the states are remembered.
  const other = lake.with({});
  await commitTo(other, tableId, 1, [removeOf("b")]);
  const reads = { files: ["a"] };
  return { tableId, mine: request({ tableId, readVersion: 1, actions: [removeOf("a")], reads }) };
}

test("the time is over: nothing is written, and the same request may be sent again", async () => {
  const { tableId, mine } = await meetingAnother("rules.late");
  const hasty = { ...lake, commitRules: { withinMs: -1 } };
  await assert.rejects(
    commit(hasty, mine),
    (error) => isLakeError(error, "unavailable") && error.code === "COMMIT_TIMEOUT",
  );
  assert.equal((await lake.catalog.findTable({ tableId }))?.version, 2);
  const made = await commit(lake, mine);
  assert.equal(made.status === "committed" && made.tables[0]?.version, 3);
});

test("no round is left: the last one holds the locks, and is made", async () => {
  const { mine } = await meetingAnother("rules.locked");
  const made = await commit({ ...lake, commitRules: { rounds: 1, withinMs: 60_000 } }, mine);
  assert.equal(made.status === "committed" && made.tables[0]?.version, 3);
});
