/** dl backup and dl restore, as an operator uses them. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { addOf, commitTo, newTable, SCHEMA } from "../support/lake.ts";
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

  test("an earlier moment: commits are refused until the logs are set aside", async () => {
    const [from, place] = [join(folder, "time.sqlite"), join(folder, "times")];
    const lake = await openLocalLake({ database: from, verifyFiles: "off" });
    const location = await toLocation(join(folder, "tables", "t"));
    const { tableId } = await createTable(lake, { name: "shop.t", location, schema: SCHEMA });
    for (const v of [0, 1, 2]) await commitTo(lake, tableId, v, [addOf(`f${v}`)]);
    const [third, second] = (await lake.catalog.history(tableId, { limit: 2 })).items;
    await lake.mirrored();
    await lake.close();
    await dl(["backup", "--to", place, "--database", from]);
    const at = new Date(second?.timestamp ?? 0).toISOString();
    const restore = (name: string, ...more: string[]) =>
      dl(["restore", "--from", place, "--database", join(folder, name), ...more]);
    const plain = await restore("plain.sqlite", "--at", at);
    assert.equal(plain.code, 1, plain.stderr);
    assert.match(plain.stdout, /as of .*\nshop\.t: its log is ahead, at version 3; SQL is at version 2\n/);
    assert.match(plain.stderr, /hint: Commits to them get 503 CATALOG_BEHIND_LOG/);
    const cut = await dl(["restore", "--truncate-log", "--database", join(folder, "plain.sqlite")]);
    assert.deepEqual([cut.code, cut.stderr], [0, ""]);
    assert.match(cut.stdout, /^shop\.t: versions 3 to 3 of its log are set aside, in _deltalakedb_aside\/\d+T\d+Z\n$/);
    const whole = await restore("whole.sqlite", "--transaction", second?.transactionId ?? "", "--truncate-log");
    assert.deepEqual([whole.code, whole.stderr], [0, ""]);
    const forked = await restore("forked.sqlite", "--at", at, "--fork-log", join(folder, "fork"));
    assert.deepEqual([forked.code, forked.stderr], [0, ""]);
    assert.match(
      forked.stdout,
      /shop\.t: goes on at file:.*\/fork\/shop\/t after version 2; file:.*\/tables\/t stays as it is\n$/,
    );
    const settled = await dl([
      "restore",
      "--fork-log",
      join(folder, "fork"),
      "--database",
      join(folder, "forked.sqlite"),
    ]);
    assert.equal(settled.code, 0, "again, it changes nothing");
    assert.equal((await restore("two.sqlite", "--at", at, "--truncate-log", "--fork-log", folder)).code, 64);
    assert.equal((await restore("both.sqlite", "--at", at, "--transaction", third?.transactionId ?? "")).code, 64);
    assert.equal((await restore("none.sqlite", "--truncate-log")).code, 64);
    assert.equal((await dl(["restore", "--database", join(folder, "none.sqlite")])).code, 64);
  });

  test("an encrypted backup is made and restored with the key in a file", async () => {
    const [place, keyFile] = [join(folder, "sealed"), join(folder, "key")];
    writeFileSync(keyFile, `${"0f".repeat(32)}\n`);
    const made = await dl(["backup", "--to", place, "--database", database, "--key-file", keyFile]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await dl(["backup", "list", "--from", place])).code, 0);
    const without = await dl(["backup", "verify", "--from", place]);
    assert.equal(without.code, 1);
    assert.match(
      without.stderr,
      /is encrypted with the key [0-9a-f]{16}, and none is given\nhint: Give that key by --key-file/,
    );
    const verified = await dl(["backup", "verify", "--from", place, "--key-file", keyFile]);
    assert.equal(verified.code, 0, verified.stderr);
    writeFileSync(keyFile, "short");
    assert.match(
      (await dl(["backup", "verify", "--from", place, "--key-file", keyFile])).stderr,
      /holds no key of 256 bits/,
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
