/** Which edge cases of docs/delta-rules.md §8 have a test that carries their number. A number without one fails. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readSource, repositoryFiles } from "../support/source-tree.ts";

const EDGE_CASES = 62;

/** Texts of the source: the names of tests, and the rows of tables that become names. Comments do not count. */
const TEXTS = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
const NUMBERS = /\bedges? (\d+(?:(?:, | and )\d+)*)/g;

function numbersIn(code: string): number[] {
  const withoutComments = code.replaceAll(/(^|\s)\/\/.*$/gm, "");
  const texts = withoutComments.match(TEXTS) ?? [];
  return texts.flatMap((text) =>
    [...text.matchAll(NUMBERS)].flatMap((match) => (match[1]?.match(/\d+/g) ?? []).map(Number)),
  );
}

test("the edge cases of docs/delta-rules.md §8 have tests", () => {
  const found = new Set<number>();
  for (const file of repositoryFiles().filter((path) =>
    /^test\/(.*\.(?:test|slow)|interop\/cases\/[\w-]+)\.ts$/.test(path),
  )) {
    if (file.endsWith("edge-index.test.ts")) continue;
    for (const number of numbersIn(readSource(file).code)) found.add(number);
  }
  const all = Array.from({ length: EDGE_CASES }, (_, i) => i + 1);
  const missing = all.filter((number) => !found.has(number));
  console.log(
    `edge cases of docs/delta-rules.md §8: ${EDGE_CASES - missing.length} of ${EDGE_CASES} have a test; missing: ${missing.join(", ") || "none"}`,
  );
  assert.deepEqual(missing, [], "edge cases without a test: write it, with its number in its name");
  const unknown = [...found].filter((number) => !all.includes(number));
  assert.deepEqual(unknown, [], "docs/delta-rules.md §8 has no such number");
});
