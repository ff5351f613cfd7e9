/** Keeps README.md and docs/features.md true: the features are those that the code enforces, commands exist, calls work as pasted. `UPDATE_DOCS=1` rewrites the table. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS } from "../../lib/cli/program.ts";
import { FEATURES, type Feature } from "../../lib/delta/features.ts";
import { pasteBlocks } from "./paste.ts";

const README = new URL("../../README.md", import.meta.url);
const FEATURES_PAGE = new URL("../../docs/features.md", import.meta.url);
const LIMIT = { timeout: 120_000 };
const DUTIES: Record<Feature["duty"], string> = {
  service: "we check",
  writer: "writer declares",
  readOnly: "read only",
};

function featureTable(): string {
  const rows = Object.entries(FEATURES).map(
    ([name, feature]) =>
      `| \`${name}\` | ${feature.kind === "writer" ? "writer" : "reader and writer"} | ${DUTIES[feature.duty]} |`,
  );
  return ["| feature | kind | commits |", "|---|---|---|", ...rows].join("\n");
}

test("docs/features.md lists exactly the features that the code knows", () => {
  const text = readFileSync(FEATURES_PAGE, "utf8");
  const marked = /<!-- features -->\n([\s\S]*?)\n<!-- \/features -->/;
  if (process.env.UPDATE_DOCS) {
    writeFileSync(FEATURES_PAGE, text.replace(marked, `<!-- features -->\n${featureTable()}\n<!-- /features -->`));
    return;
  }
  assert.equal(marked.exec(text)?.[1], featureTable(), "run UPDATE_DOCS=1 node --test test/docs/readme.test.ts");
});

test("the README's npm commands are scripts of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const named = [...readFileSync(README, "utf8").matchAll(/npm (?:run )?(demo|test)\b/g)].map((match) => match[1]);
  assert.deepEqual([...new Set(named)].sort(), ["demo", "test"]);
  for (const name of named) assert.ok(scripts[name ?? ""], `package.json has no script "${name}"`);
});

test("the README lists every command of dl, and none that is not there", () => {
  const listed = readFileSync(README, "utf8").match(/^\| `dl .*$/gm) ?? [];
  const named = listed.flatMap((row) =>
    [...(row.split(" | ")[0] ?? "").matchAll(/`dl ([a-z-]+)/g)].map(([, name]) => name),
  );
  assert.deepEqual([...new Set(named)].sort(), Object.keys(COMMANDS).sort());
});

test("the README's first calls work as pasted into a clone, and end in rows", LIMIT, async () => {
  const { status, output } = await pasteBlocks((block) => block.startsWith("npx dl serve"));
  assert.equal(status, 0, output);
  for (const wanted of ['"status":"healthy"', '"version":1', "part-0.parquet", "ok: SQL and _delta_log agree"]) {
    assert.ok(output.includes(wanted), `${wanted} is not in\n${output}`);
  }
  assert.match(output, /│ 0 +│ 1n │ 'tea' +│\n│ 1 +│ 2n │ 'milk' +│\n│ 2 +│ 3n │ 'bread' +│/);
});
