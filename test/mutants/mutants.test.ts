/** Planted bugs are changes of code that is there: one that is out of date would prove nothing. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MUTANTS } from "./mutants.ts";
import { OLDER_MUTANTS } from "./older-mutants.ts";
import { RULE_MUTANTS } from "./rule-mutants.ts";

test("what each planted bug changes occurs once in its file, and the change is one", () => {
  const wrong = [...MUTANTS, ...RULE_MUTANTS, ...OLDER_MUTANTS].flatMap(({ name, edits }) =>
    edits.flatMap(({ file, search, replace }) => {
      const times = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8").split(search).length - 1;
      return times === 1 && search !== replace
        ? []
        : [`${name}: ${JSON.stringify(search)} occurs ${times} times in ${file}`];
    }),
  );
  assert.deepEqual(wrong, []);
});
