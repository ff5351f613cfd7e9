/** Where `dl` has the key from with which it calls an API, and when it asks again. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { apiAccess } from "../../lib/cli/api-access.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-access-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "key");

test("a variable says it, or nothing does", async () => {
  assert.equal(await apiAccess({ DL_API_KEY: "k" })(), "k");
  assert.equal(await apiAccess({ DL_API_KEY: "" })(), undefined);
  assert.equal(await apiAccess({})(), undefined);
  assert.throws(() => apiAccess({ DL_API_KEY: "k", DL_API_KEY_FILE: "f" }), /DL_API_KEY and DL_API_KEY_FILE: give one/);
});

test("a file and a command are asked again after ten seconds, and at once where they failed", async () => {
  for (const env of [{ DL_API_KEY_FILE: path }, { DL_API_KEY_COMMAND: `cat '${path}'` }]) {
    let now = 0;
    const access = apiAccess(env, () => now);
    rmSync(path, { force: true });
    await assert.rejects(access(), /DL_API_KEY_(?:FILE|COMMAND)/);
    writeFileSync(path, "first\n");
    assert.equal(await access(), "first");
    writeFileSync(path, "second\n");
    now = 9_999;
    assert.equal(await access(), "first");
    now = 10_000;
    assert.equal(await access(), "second");
  }
});

test("what is no key is refused, and repeated nowhere", async () => {
  for (const text of ["", "\n", "two words", "two\nlines", "ü"]) {
    writeFileSync(path, text);
    for (const env of [{ DL_API_KEY_FILE: path }, { DL_API_KEY_COMMAND: `cat '${path}'` }]) {
      await assert.rejects(apiAccess(env)(), (error: Error) => {
        return /says no key or token/.test(error.message) && (text.trim() === "" || !error.message.includes(text));
      });
    }
  }
  await assert.rejects(apiAccess({ DL_API_KEY_COMMAND: "echo why >&2; exit 3" })(), /failed: why/);
});
