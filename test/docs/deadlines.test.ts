/** docs/deadlines.md is the table of lib/deadlines.ts, written out; every deadline is used, and no adapter has one of its own. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { DEADLINES } from "../../lib/deadlines.ts";
import { readText, repositoryFiles } from "../support/source-tree.ts";

const FILE = new URL("../../docs/deadlines.md", import.meta.url);
const RULE = "| --- | --- | --- | --- |\n";

const product = repositoryFiles()
  .filter((path) => /^(lib|functions)\/.*\.ts$/.test(path) && path !== "lib/deadlines.ts")
  .map((path) => ({ path, text: readText(path) }));

/** `UPDATE=1 node --test test/docs/deadlines.test.ts` writes the table anew. */
test("docs/deadlines.md has every deadline", () => {
  const text = readFileSync(FILE, "utf8");
  const [head = ""] = text.split(RULE);
  const rows = Object.entries(DEADLINES).map(
    ([name, { call, ms, afterwards }]) => `| ${name} | ${call} | ${ms} | ${afterwards} |`,
  );
  const wanted = `${head}${RULE}${rows.join("\n")}\n`;
  if (process.env.UPDATE === "1") writeFileSync(FILE, wanted);
  else assert.equal(text, wanted);
});

test("every deadline is used", () => {
  const unused = Object.keys(DEADLINES).filter(
    (name) => !product.some(({ text }) => new RegExp(`deadlineMs\\([^)]*"${name}"`).test(text)),
  );
  assert.deepEqual(unused, [], "delete it, or let its call use it");
});

/** How drivers and SDKs are told to give up. */
const LIMITS =
  /(?:[a-z]Timeout|_timeout|timeoutMs|TimeoutMillis|AbortSignal\.timeout\()["']?\s*[:=(]?\s*["']?(?:[1-9][\d_]*|[A-Z][A-Z_]+)\b/g;

test("no call to the outside has a deadline elsewhere", () => {
  const own = product
    .filter(({ path }) => !path.startsWith("lib/catalog/migrations/"))
    .flatMap(({ path, text }) => [...text.matchAll(LIMITS)].map(([found]) => `${path}: ${found}`));
  assert.deepEqual(own, [], "give it a line in lib/deadlines.ts, and say deadlineMs(…)");
});
