/** Comments and documents refer to what is in this repository: decisions, rules, files; and to sections of PROTOCOL.md by name. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { ROOT, repositoryFiles } from "../support/source-tree.ts";

const SELF = "test/docs/references.test.ts";
const files = repositoryFiles();
const readable = files.filter(
  (file) => /\.(ts|js|md|py|sh|sql)$/.test(file) && !/^test\/(golden|schema)\//.test(file) && file !== SELF,
);
const names = new Set(files.map((file) => path.posix.basename(file)));
const textOf = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
/** Of code its comments, as one text a comment; of a document all of it. */
function prose(file: string): string {
  const text = textOf(file);
  if (file.endsWith(".md")) return text;
  const comments = /\.(ts|js)$/.test(file) ? /\/\*\*?[\s\S]*?\*\/|(?<!:)\/\/.*$/gm : /^\s*(#|--).*$/gm;
  return (text.match(comments) ?? []).join("\n").replaceAll(/\n\s*\*\s*/g, " ");
}

function findings(check: (text: string, file: string) => readonly string[]): readonly string[] {
  return readable.flatMap((file) => check(prose(file), file).map((what) => `${file}: ${what}`));
}

describe("references", () => {
  test("none to documents that are not here", () => {
    const foreign = /\b[Dd]esign (?:§|D\d)|P§|\b(?:style|design)\.md|\b\w+-facts\b|\bshared\/(?!delta-data)\w+/g;
    assert.deepEqual(
      findings((text) => text.match(foreign) ?? []),
      [],
    );
  });

  test("ARCHITECTURE.md D… is a decision of its list, which counts without gaps", () => {
    const decisions = [...textOf("ARCHITECTURE.md").matchAll(/^- \*\*D(\d+)\. /gm)].map((match) => Number(match[1]));
    assert.deepEqual(
      decisions,
      decisions.map((_, i) => i + 1),
    );
    assert.deepEqual(
      findings((text) =>
        [...text.matchAll(/ARCHITECTURE\.md`? ((?:D\d+[–, ]*)+)/g)]
          .flatMap((match) => match[1]?.match(/\d+/g) ?? [])
          .filter((number) => !decisions.includes(Number(number))),
      ),
      [],
    );
    const bare = /(?<!ARCHITECTURE\.md`? |D\d+[–,] ?)\bD\d+\b/g;
    assert.deepEqual(
      findings((text, file) => (file === "ARCHITECTURE.md" || file.endsWith(".md") ? [] : (text.match(bare) ?? []))),
      [],
      "say ARCHITECTURE.md before the number of a decision",
    );
  });

  test("§ is a section of docs/delta-rules.md, or a number of its lists", () => {
    const rules = textOf("docs/delta-rules.md");
    const known = new Set<string>();
    let section = "";
    for (const line of rules.split("\n")) {
      const heading = /^###? (\d+(?:\.\d+)?)\.? /.exec(line)?.[1];
      const item = /^(\d+)\. /.exec(line)?.[1];
      section = heading ?? section;
      if (heading || item) known.add(heading ?? `${section}.${item}`);
    }
    assert.ok(known.has("4") && known.has("8.62"));
    assert.deepEqual(
      findings((text) =>
        [...text.matchAll(/§ ?(\d+(?:\.\d+)?)/g)].map((match) => match[1] ?? "").filter((number) => !known.has(number)),
      ),
      [],
    );
  });

  test("sections of PROTOCOL.md have names that it knows", () => {
    const list = textOf("docs/delta-rules.md").split("## Sections of PROTOCOL.md")[1] ?? "";
    const known = new Set([...list.matchAll(/^- (.+)$/gm)].map((match) => match[1]));
    assert.ok(known.size > 20);
    assert.deepEqual(
      findings((text) =>
        [...text.matchAll(/PROTOCOL\.md, ((?:"[^"]+"(?:, | and )?)+)/g)]
          .flatMap((match) =>
            [...(match[1] ?? "").matchAll(/"([^"]+)"/g)].map((name) => name[1]?.replaceAll(/\s+/g, " ") ?? ""),
          )
          .filter((name) => !known.has(name)),
      ),
      [],
      "write the section's name as PROTOCOL.md has it, and add it to the list at the end of docs/delta-rules.md",
    );
  });

  test("a file that is named is there", () => {
    const named = /(?<![\w*<>{}…$./-])((?:[\w.@-]+\/)*[\w.-]+\.(?:ts|md|py|sh|sql))(?![\w/*-])/g;
    assert.deepEqual(
      findings((text, file) =>
        [...text.replaceAll(/https?:\/\/\S+/g, "").matchAll(named)]
          .map((match) => match[1] ?? "")
          .filter((name) => !NOT_OURS.has(name) && !resolves(name, file)),
      ),
      [],
    );
  });
});

/** Files of others, and a pattern. */
const NOT_OURS = new Set([
  "PROTOCOL.md",
  "INDEX.md",
  "doc/specs/thrift-compact-protocol.md",
  "lib/catalog/migrations/NNNN-name.ts",
]);

/** Named from the root, from `lib` or `test`, or from a folder above the one that names it. */
function resolves(name: string, from: string): boolean {
  if (!name.includes("/")) return names.has(name);
  const folders = ["", "lib", "test"];
  for (let at = path.posix.dirname(from); at !== "."; at = path.posix.dirname(at)) folders.push(at);
  return folders.some((folder) => existsSync(path.join(ROOT, folder, name)));
}
