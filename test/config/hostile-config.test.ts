/** Configuration files that would fill memory or the stack: a message says what, where, and how to mend it. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfigFile } from "../../lib/cli/config-file.ts";
import { isLakeError } from "../../lib/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-hostile-"));
after(() => rmSync(folder, { recursive: true }));

const bomb = (levels: number) =>
  ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    .concat(Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`))
    .join("\n");
const blocks = (levels: number) => Array.from({ length: levels }, (_, i) => `${" ".repeat(i)}a:`).join("\n");

const CASES: readonly [name: string, extension: string, text: string, words: RegExp][] = [
  ["a YAML alias bomb", "yaml", bomb(9), /aliases from line 2, column \d+ on unfold/],
  ["an alias of itself", "yaml", "server: &a [*a]", /nested more than 50 levels/],
  [
    "deep YAML in brackets",
    "yaml",
    `x: ${"[".repeat(100_000)}`,
    /nested more than 50 levels deep at line 1, column \d+/,
  ],
  ["deep YAML in brackets that close", "yaml", `x: ${"[".repeat(200)}${"]".repeat(200)}`, /nested more than 50 levels/],
  ["deep YAML in braces", "yaml", `x: ${"{a: ".repeat(50_000)}`, /nested more than 50 levels deep at line 1/],
  ["deep YAML in blocks", "yaml", blocks(800), /nested more than 50 levels deep at line \d+/],
  ["deep YAML in lists", "yaml", `x:\n  ${"- ".repeat(100_000)}y`, /nested more than 50 levels deep at line 2/],
  ["deep TOML in brackets", "toml", `x = ${"[".repeat(100_000)}`, /nested|TOML/],
  ["deep TOML in dots", "toml", `${"a.".repeat(100_000)}a = 1`, /nested more than 50 levels/],
  ["deep TOML in tables", "toml", `[${"a.".repeat(5_000)}a]\nx = 1`, /nested more than 50 levels/],
  ["deep JSON", "json", `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, /levels|deep/],
  ["a huge TOML file", "toml", "# x\n".repeat(300_000), /has 1200000 bytes; at most 1048576/],
  ["a huge YAML file", "yaml", "# x\n".repeat(300_000), /has 1200000 bytes; at most 1048576/],
];

for (const [name, extension, text, words] of CASES) {
  test(name, async () => {
    const path = join(folder, `${name.replaceAll(" ", "-")}.${extension}`);
    writeFileSync(path, text);
    await assert.rejects(readConfigFile(path, {}), (error) => {
      assert.ok(isLakeError(error, "invalid"), String(error));
      assert.match(error.message, words);
      assert.ok(error.message.includes(path) && error.message.length < 1000, error.message.slice(0, 300));
      return true;
    });
  });
}

test("aliases as people use them are read", async () => {
  const path = join(folder, "aliases.yaml");
  writeFileSync(path, "server: &s\n  port: 9000\n");
  assert.equal((await readConfigFile(path, {})).config.server.port, 9000);
});
