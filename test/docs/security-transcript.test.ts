/** What docs/security.md shows of `dl access explain` is what it prints, and each of its threats names a test that is there. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dl } from "../cli/run.ts";

const DOCUMENT = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "dl-transcript-"));
after(() => rmSync(folder, { recursive: true }));
const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

test("the transcript of explain is what dl prints", async () => {
  const database = join(folder, "catalog.sqlite");
  const lake = await openLocalLake({ database, mirror: false });
  await lake.catalog.migrate();
  for (const [name, configuration] of [
    ["sales.orders", {}],
    ["sales2.orders", {}],
    ["sales.people", { pii: "yes" }],
  ] as const)
    await createTable(lake, { name, location: `file://${folder}/${name}`, schema, configuration });
  await lake.close();
  const policy = join(folder, "pii.cedar");
  writeFileSync(policy, /```\n(forbid\([^`]*)```/.exec(DOCUMENT)?.[1] ?? assert.fail("there is no policy"));
  for (const command of [
    ["access", "policy", "set", "pii", policy],
    ["grant", "SELECT", "on", "namespace:sales", "to", "role:readers"],
    ["grant", "role:readers", "to", "user:alice"],
    ["access", "on"],
  ]) {
    const { code, stderr } = await dl([...command, "--database", database]);
    assert.equal(code, 0, stderr);
  }
  const transcript = /```\n(\$ dl access explain[^`]*)```/.exec(DOCUMENT)?.[1] ?? assert.fail("there is no transcript");
  const steps = transcript.split(/^\$ dl /m).slice(1);
  assert.ok(steps.length >= 4);
  for (const step of steps) {
    const [command = "", ...told] = step.trimEnd().split("\n");
    const { stdout } = await dl([...command.split(" "), "--database", database]);
    assert.equal(stdout.trimEnd(), told.join("\n"), command);
  }
});

test("each threat has its answer, and a test that is there", () => {
  const rows = DOCUMENT.slice(DOCUMENT.indexOf("## Threats")).match(/^\| [STRIDE] \|.*$/gm) ?? [];
  assert.ok(rows.length >= 20);
  assert.deepEqual([...new Set(rows.map((row) => row[2]))].sort().join(""), "DEIRST");
  for (const row of rows) {
    const [, , threat = "", answer = "", tests = ""] = row.split("|").map((cell) => cell.trim());
    assert.ok(threat && answer, row);
    const files = [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, file = ""]) => file);
    assert.ok(files.length > 0, `no test: ${threat}`);
    for (const file of files) assert.ok(existsSync(new URL(`../../${file}`, import.meta.url)), file);
  }
});
