/** No action is larger than an answer: whichever of its members makes it so. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddFile, CommitActions } from "../../lib/delta/actions.ts";
import { checkActionSizes } from "../../lib/delta/fields/action-sizes.ts";
import { ACTION_BYTES } from "../../lib/delta/limits.ts";

const ADD: AddFile = { path: "a", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };

function check(add: AddFile): void {
  const actions: CommitActions = { txns: [], domains: [], removes: [], adds: [ADD, add], others: [] };
  checkActionSizes(actions, (kind, i) => `${kind}/${i}`);
}

/** An add whose one member has a text of so many characters. */
const WITH: Readonly<Record<string, (text: string) => AddFile>> = {
  path: (text) => ({ ...ADD, path: text }),
  stats: (text) => ({ ...ADD, stats: text }),
  "a partition value": (text) => ({ ...ADD, partitionValues: { p: text } }),
  "the name of a partition column": (text) => ({ ...ADD, partitionValues: { [text]: null } }),
  "a tag": (text) => ({ ...ADD, tags: { t: text } }),
  "a deletion vector": (text) => ({
    ...ADD,
    deletionVector: { storageType: "i", pathOrInlineDv: text, sizeInBytes: 1, cardinality: 1 },
  }),
  clusteringProvider: (text) => ({ ...ADD, clusteringProvider: text }),
  "an unknown field": (text) => ({ ...ADD, unknown: { some: { thing: text } } }),
};

for (const [member, make] of Object.entries(WITH)) {
  test(`an add is too large by ${member}, also where only escaping makes it so`, () => {
    const tooLarge = { code: "ACTION_TOO_LARGE", at: "adds/1" };
    assert.throws(() => check(make("x".repeat(ACTION_BYTES.other))), tooLarge);
    assert.throws(() => check(make("\u0001".repeat(Math.ceil(ACTION_BYTES.other / 6)))), tooLarge);
    check(make("x".repeat(ACTION_BYTES.other - 1_000)));
  });
}
