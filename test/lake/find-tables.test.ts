/** Tables are found by their logs, at any depth, in folders and in buckets, and no table is looked into. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findTables } from "../../lib/lake/find-tables.ts";
import { collect } from "../contract/object-store.contract.ts";

test("in folders: at any depth, but not within a table", async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-find-")));
  for (const place of ["a", "b/c d", "b/e/f/g/ä%", "_h/i", "a/inner", "none/x"]) {
    mkdirSync(join(folder, place, place === "none/x" ? "data" : "_delta_log"), { recursive: true });
    if (place !== "none/x") writeFileSync(join(folder, place, "_delta_log/00000000000000000000.json"), "{}");
  }
  mkdirSync(join(folder, "empty/_delta_log"), { recursive: true });
  const found = (await collect(findTables(`file://${folder}`))).map((location) => location.slice(7 + folder.length));
  assert.deepEqual(found.sort(), ["/_h/i", "/a", "/b/c%20d", "/b/e/f/g/%C3%A4%25"]);
  assert.deepEqual(await collect(findTables(`file://${folder}/a`)), [`file://${folder}/a`], "the root itself");
  assert.deepEqual(await collect(findTables(`file://${folder}/nothing`)), []);
  rmSync(folder, { recursive: true });
});
