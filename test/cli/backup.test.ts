/** dl backup and dl restore, as an operator uses them. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { addOf, commitTo, newTable } from "../support/lake.ts";
import { dl } from "./run.ts";

describe("dl backup and dl restore", () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-backup-"));
  const [database, backups] = [join(folder, "lake.sqlite"), join(folder, "backups")];
  after(() => rmSync(folder, { recursive: true }));
  before(async () => {
    const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
    const id = await newTable(lake, "shop.sales");
    await commitTo(lake, id, 0, [addOf("a"), addOf("b")]);
    await lake.close();
  });

  test("make, list, verify, restore", async () => {
    const made = await dl(["backup", "--to", backups, "--database", database, "--format", "json"]);
    assert.equal(made.code, 0, made.stderr);
    const { backupId, kind, rows, tables } = JSON.parse(made.stdout);
    assert.deepEqual([kind, tables], ["full", 1]);
    assert.ok(rows > 8);
    const listed = await dl(["backup", "list", "--from", backups]);
    assert.match(listed.stdout, new RegExp(`${backupId}\\s+full\\s+20`));
    const verified = await dl(["backup", "verify", "--from", backups]);
    assert.equal(verified.stdout, `${backupId} is whole: 1 table, ${rows} rows, 2 live files compared\n`);
    const other = join(folder, "restored.sqlite");
    const restored = await dl(["restore", "--from", backups, "--database", other]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, new RegExp(`${backupId} is restored: 1 table, ${rows} rows`));
    const files = await dl(["files", "--table", "shop.sales", "--database", other]);
    assert.match(files.stdout, /\ba\b[\s\S]*\bb\b/);
    const again = await dl(["restore", "--from", backups, "--database", other]);
    assert.deepEqual([again.code, again.stdout], [1, ""]);
    assert.match(again.stderr, /the database is not empty/);
  });

  test("the next one is an increment; pruning shows, and with --yes takes away", async () => {
    const place = join(folder, "many");
    const make = async (...more: string[]) => {
      const { stdout } = await dl(["backup", "--to", place, "--database", database, "--format", "json", ...more]);
      return JSON.parse(stdout);
    };
    const [first, second, third] = [await make(), await make(), await make("--full")];
    assert.deepEqual(
      [first.kind, second.kind, second.baseId, third.kind],
      ["full", "incremental", first.backupId, "full"],
    );
    const prune = (...more: string[]) => dl(["backup", "prune", "--from", place, ...more]);
    assert.match((await prune("--keep-last", "1")).stdout, /2 backups would be taken away; say --yes/);
    assert.match((await prune("--keep-last", "1", "--yes")).stdout, /2 backups taken away: .*; 1 kept/);
    assert.equal((await prune("--keep-last", "1")).stdout, "nothing to take away; 1 backup kept\n");
    assert.deepEqual([(await prune()).code, (await prune("--keep-days", "x")).code], [64, 64]);
    const { stdout } = await dl(["backup", "list", "--from", place, "--format", "json"]);
    assert.deepEqual(
      JSON.parse(stdout).backups.map((one: { backupId: string }) => one.backupId),
      [third.backupId],
    );
  });

  test("a damaged backup is said to be, and the exit code is 1", async () => {
    const broken = join(folder, "broken");
    const made = await dl(["backup", "--to", broken, "--database", database, "--format", "json"]);
    const { backupId } = JSON.parse(made.stdout);
    const part = readdirSync(join(broken, backupId)).find((name) => name.startsWith("dl_files")) ?? "";
    writeFileSync(join(broken, backupId, part), "nonsense");
    const verified = await dl(["backup", "verify", "--from", broken]);
    assert.deepEqual([verified.code, verified.stdout], [1, ""]);
    assert.match(verified.stderr, /dl_files-\d+\.ndjson\.zst is not as it was written/);
    assert.match(verified.stderr, /hint: Restore an earlier backup/);
  });

  test("a place must be given, and there must be backups", async () => {
    assert.equal((await dl(["backup", "--database", database])).code, 64);
    const none = await dl(["backup", "verify", "--from", join(folder, "nothing")]);
    assert.match(none.stderr, /there is no backup at file:/);
    assert.equal(none.code, 1);
  });
});
