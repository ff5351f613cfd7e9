/** The page on the deployment says what of production is not rehearsed, and why: the list is that of the deployment suite. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { REFUSED } from "../deploy/support/refused.ts";
import { readText } from "../support/source-tree.ts";

test("what the emulator cannot make of production is on the page, and nothing else", () => {
  const rows = [...readText("docs/deployment.md").matchAll(/^\| `(AWS::\w+::\w+)` \| (.+) \|$/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, type = "", reason = ""]) => [type, reason])), REFUSED);
});
