/** dl key: keys are shown once, listed without their secret, and revoked. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { dl } from "./run.ts";

describe("dl key", () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-key-"));
  after(() => rmSync(folder, { recursive: true }));
  const database = join(folder, "lake.sqlite");
  const key = (...args: string[]) => dl(["key", ...args, "--database", database]);
  before(() => dl(["migrate", "--database", database]));

  test("a key is on stdout, all about it on stderr", async () => {
    const { code, stdout, stderr } = await key("create", "etl", "--expires", "90d");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^dlk_[0-9a-f]{16}_[0-9a-f]{64}\n$/);
    assert.match(stderr, /a key for user:etl, who may read and write; it ends 20/);
    assert.ok(!stderr.includes(stdout.trim()));
  });

  test("it is stored nowhere: neither in the database nor in a list", async () => {
    const { stdout } = await key(
      "create",
      "alice@example.com",
      "--access",
      "read",
      "--expires",
      "never",
      "--format",
      "json",
    );
    const made = JSON.parse(stdout);
    assert.deepEqual([made.name, made.access, made.expiresAt], ["alice@example.com", "read", undefined]);
    const secret = made.key.split("_")[2];
    const listed = (await key("list")).stdout + (await key("list", "--format", "json")).stdout;
    assert.match(listed, new RegExp(`${made.keyId}\\s+api\\s+alice@example.com\\s+read\\s+live`));
    assert.ok(!listed.includes(secret));
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    assert.ok(files.some((text) => text.includes(made.keyId)));
    assert.ok(!files.some((text) => text.includes(secret)));
  });

  test("it is revoked by its id, or by itself", async () => {
    const made = await Promise.all(["a", "b"].map((name) => key("create", name)));
    for (const [i, { stdout }] of made.entries()) {
      const text = stdout.trim();
      const { code, stdout: said, stderr } = await key("revoke", i === 0 ? text : (text.split("_")[1] ?? ""));
      assert.equal(code, 0, stderr);
      assert.match(said, /of user:[ab] is revoked/);
      assert.match(stderr, /within 10 seconds/);
    }
    const { keys } = JSON.parse((await key("list", "--format", "json")).stdout);
    for (const name of ["a", "b"]) assert.ok(keys.find((one: { name: string }) => one.name === name).revokedAt > 0);
  });

  test("an access key for the gateway is made of a master secret, which has to be given, and is revoked like others", async () => {
    const without = await key("create", "engine", "--s3");
    assert.equal(without.code, 1);
    assert.match(without.stderr, /DL_S3_MASTER_KEY_FILE/);
    const file = join(folder, "s3.key");
    writeFileSync(file, "ab".repeat(32));
    const env = { DL_S3_MASTER_KEY_FILE: file };
    const made = await dl(["key", "create", "engine", "--s3", "--database", database], { env });
    assert.equal(made.code, 0, made.stderr);
    const [id = "", secret = ""] = made.stdout.trim().split("\n");
    assert.match(id, /^DLAK[0-9A-F]{16}$/);
    assert.match(secret, /^[\w-]{43}$/);
    assert.ok(!made.stderr.includes(secret));
    const { stdout } = await key("list");
    assert.match(stdout, new RegExp(`${id}\\s+s3\\s+engine\\s+write\\s+live`));
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    assert.ok(!files.some((text) => text.includes(secret)));
    assert.match((await key("revoke", id)).stdout, /of user:engine is revoked/);
    const wrong = await dl(["key", "create", "x", "--s3", "--database", database], {
      env: { DL_S3_MASTER_KEY: "short" },
    });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /DL_S3_MASTER_KEY holds no key of 256 bits/);
  });

  for (const [args, code, words] of [
    [["create"], 64, /missing required argument 'name'/],
    [["create", "a b"], 64, /letters, digits/],
    [["create", "x", "--expires", "soon"], 64, /such as 12h, 90d or 8w/],
    [["create", "x", "--expires", "0d"], 64, /such as 12h/],
    [["create", "x", "--access", "all"], 64, /Allowed choices are read, write/],
    [["revoke", "etl"], 64, /16 hex digits/],
    [["revoke", "0123456789abcdef"], 1, /there is no key 0123456789abcdef/],
  ] as const) {
    test(`${args.join(" ")} exits ${code}`, async () => {
      const result = await key(...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, words);
    });
  }

  test("no database is made by a mistyped name", async () => {
    const { code, stderr } = await dl(["key", "create", "x", "--database", join(folder, "none.sqlite")]);
    assert.equal(code, 1);
    assert.match(stderr, /there is no database/);
  });
});
