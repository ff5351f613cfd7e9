/** The README's first calls as pasted, and delta-rs, installed as the README says, showing the rows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pasteBlocks } from "../docs/paste.ts";
import { needs } from "../support/skip.ts";

const LIMIT = { timeout: 300_000 };
const name = "README: delta-rs shows the rows of the first commit";

test(name, { ...needs(name, process.env.INTEROP_CACHE, "INTEROP_CACHE is not set"), ...LIMIT }, async () => {
  const { status, output } = await pasteBlocks((block) => /^(npx dl serve|python3 -m venv)/.test(block));
  assert.equal(status, 0, output);
  const rows = [...output.matchAll(/^\| (\d+) +\| (\w+) +\|$/gm)].map(([, id, item]) => [id, item]);
  const shown = [
    ["1", "tea"],
    ["2", "milk"],
    ["3", "bread"],
  ];
  assert.deepEqual(rows, shown, output);
});
