/** Keeps README.md true: its table of features is the one that the code enforces, its commands exist. `UPDATE_DOCS=1` rewrites the table. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { FEATURES, type Feature } from "../../lib/delta/features.ts";

const README = new URL("../../README.md", import.meta.url);
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

test("the README lists exactly the features that the code knows", () => {
  const text = readFileSync(README, "utf8");
  const marked = /<!-- features -->\n([\s\S]*?)\n<!-- \/features -->/;
  if (process.env.UPDATE_DOCS) {
    writeFileSync(README, text.replace(marked, `<!-- features -->\n${featureTable()}\n<!-- /features -->`));
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
