/** docs/properties.md is the list of properties in lib/delta/properties/properties.ts, written out. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { PROPERTIES, PROPERTY_PREFIXES } from "../../lib/delta/properties/properties.ts";

const FILE = new URL("../../docs/properties.md", import.meta.url);

function rows(): string[] {
  const known = Object.entries(PROPERTIES).map(([name, { kind, default: value, about, ...more }]) => {
    const write = kind.write as (value: unknown, text: string) => string;
    const shown = value === undefined || write(value, "") === "" ? "none" : `\`${write(value, "")}\``;
    const by = "setBy" in more && more.setBy ? " Set by the service." : "";
    const form = kind.form.replaceAll("|", "\\|");
    return `| \`${name}\` | ${form} | ${shown} | ${about}${by} |`;
  });
  const open = Object.entries(PROPERTY_PREFIXES).map(
    ([prefix, { kind, about }]) => `| \`${prefix}…\` | ${kind.form} | none | ${about} |`,
  );
  return [...known, ...open].sort();
}

/** `UPDATE=1 node --test test/docs/properties.test.ts` writes the table anew. */
test("docs/properties.md has every property, with its form, default and meaning", () => {
  const text = readFileSync(FILE, "utf8");
  const [head = "", ...rest] = text.split("| --- | --- | --- | --- |\n");
  const wanted = `${head}| --- | --- | --- | --- |\n${rows().join("\n")}\n`;
  if (process.env.UPDATE === "1") writeFileSync(FILE, wanted);
  else assert.equal(text, wanted);
  assert.equal(rest.length, 1);
});
