/** The commands of docs/operations.md about backups, run as they stand, with a folder for the bucket. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dl } from "../cli/run.ts";

const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const section = /^## Backup and recovery\n([\s\S]*?)^## /m.exec(page)?.[1] ?? "";

test("every command of the section on backups runs, in order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-operations-"));
  const database = join(folder, "lake.sqlite");
  mkdirSync(join(folder, "tables"));
  assert.equal((await dl(["migrate", "--database", database])).code, 0);
  const lines = [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));
  assert.ok(lines.length >= 6, `found only ${lines.length} commands`);
  for (const [n, line] of lines.entries()) {
    const words = line
      .replaceAll("s3://acme-backups/lake", join(folder, "backups"))
      .replaceAll("s3://acme-lake", join(folder, "tables"))
      .replaceAll('"$DATABASE_URL"', database)
      .replaceAll('"$NEW_DATABASE_URL"', join(folder, `new-${n}.sqlite`))
      .split(" ");
    assert.deepEqual(words.slice(0, 2), ["npx", "dl"], line);
    const { code, stderr } = await dl(words.slice(2));
    assert.deepEqual([code, stderr], [0, ""], line);
  }
  rmSync(folder, { recursive: true });
});
