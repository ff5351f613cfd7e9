/** How often a checkpoint is written: the rule itself. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDueInWholeLog, isWorthIt, likelyCheckpoint } from "../../lib/delta/checkpoint-cadence.ts";
import { metadata } from "../support/builders.ts";

const THREE = metadata({ configuration: { "delta.checkpointInterval": "3" } });

for (const [since, isDue] of [
  [{ versions: 9, changedFiles: 1_000, numFiles: 10 }, false],
  [{ versions: 10, changedFiles: 1, numFiles: 10 }, true],
  [{ versions: 10, changedFiles: 99, numFiles: 1_000 }, false],
  [{ versions: 10, changedFiles: 100, numFiles: 1_000 }, true],
  [{ versions: 99, changedFiles: 0, numFiles: 1_000_000 }, false],
  [{ versions: 100, changedFiles: 0, numFiles: 1_000_000 }, true],
  [{ versions: 10, changedFiles: 0, numFiles: 0 }, true],
  [{ versions: 499, changedFiles: 499, numFiles: 499, isBacklog: true }, false],
  [{ versions: 500, changedFiles: 0, numFiles: 1_000_000, isBacklog: true }, true],
] as const) {
  test(`${JSON.stringify(since)}: ${isDue ? "due" : "not yet"}`, () => assert.equal(isWorthIt(since), isDue));
}

test("a log that is written whole has them where its owner wants them, else every hundred, and at its end", () => {
  const due = (head: number, of = metadata()) =>
    Array.from({ length: head + 1 }, (_, v) => v).filter((version) => isDueInWholeLog(version, head, of));
  assert.deepEqual(due(7, THREE), [3, 6]);
  assert.deepEqual(due(9), []);
  assert.deepEqual(due(10), [10]);
  assert.deepEqual(due(209), [100, 200]);
  assert.deepEqual(due(215), [100, 200, 215]);
});

test("where the newest one lies, as a rule", () => {
  assert.deepEqual([likelyCheckpoint(8, THREE), likelyCheckpoint(2, THREE)], [6, 0]);
  assert.deepEqual([likelyCheckpoint(8, metadata()), likelyCheckpoint(250, metadata())], [0, 150]);
});
