/** dl migrate tells what it would do, for pipelines and for people. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { dl, type Finished } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-migrate-")));
after(() => rmSync(folder, { recursive: true }));

function ok(finished: Finished): string {
  assert.equal(finished.code, 0, finished.stderr);
  return finished.stdout;
}

test("dl migrate --check and --dry-run say what would run, and write nothing", async () => {
  const on = (file: string, ...args: string[]) => dl(["migrate", ...args, "--database", file]);
  const missing = join(folder, "not-there.sqlite");
  for (const [option, code] of [
    ["--check", 5],
    ["--dry-run", 0],
  ] as const) {
    const asked = await on(missing, option);
    assert.deepEqual([asked.code, asked.stdout], [code, `${missing} is not there: dl migrate makes it\n`]);
    assert.equal(existsSync(missing), false);
  }
  const older = join(folder, "older.sqlite");
  ok(await on(older));
  assert.equal(ok(await on(older, "--check")), "the schema is up to date\n");
  assert.equal(ok(await on(older, "--dry-run")), "the schema is up to date\n");
  const db = new DatabaseSync(older);
  db.exec(
    "delete from dl_migrations where id in (9, 12); pragma wal_checkpoint(truncate); pragma journal_mode = delete",
  );
  db.close();
  const before = readFileSync(older);
  const check = await on(older, "--check");
  assert.deepEqual([check.code, check.stdout], [5, "dl migrate would run 0009-health, 0012-names\n"]);
  assert.match(ok(await on(older, "--dry-run")), /^-- 0009-health\n[\s\S]+;\n\n-- 0012-names\n[\s\S]+;\n$/);
  assert.deepEqual(JSON.parse((await on(older, "--check", "--format", "json")).stdout).pending, [
    "0009-health",
    "0012-names",
  ]);
  assert.ok(before.equals(readFileSync(older)), "the file is as it was");
  assert.equal((await on(older, "--check", "--dry-run")).code, 64);
});
