/** The local store keeps the contract, leaves no temporary files, and names what went wrong on the disk. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { fileError } from "../../lib/storage/file-errors.ts";
import { collect, objectStoreContract } from "../contract/object-store.contract.ts";
import { needs } from "../support/skip.ts";

const makeRoot = (): Promise<string> => mkdtemp(join(tmpdir(), "dl-file-store-"));

objectStoreContract("file store", async () => {
  const root = await makeRoot();
  return { store: openFileStore(join(root, "made/on demand")), close: () => rm(root, { recursive: true }) };
});

const BODY = new TextEncoder().encode("x");

async function inRoot(run: (root: string, store: ObjectStore) => Promise<void>): Promise<void> {
  const root = await makeRoot();
  try {
    await run(root, openFileStore(root));
  } finally {
    await rm(root, { recursive: true });
  }
}

test("no temporary file is left after a write, a refusal or a failure", () =>
  inRoot(async (root, store) => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield BODY;
      throw new Error("broke");
    }
    await store.putIfAbsent("d/a", BODY);
    await store.putIfAbsent("d/a", BODY);
    await store.put("d/a", BODY);
    await assert.rejects(store.putIfAbsent("d/b", broken()), /broke/);
    assert.deepEqual(await readdir(join(root, "d")), ["a"]);
  }));

test("temporary files of a process that died are not listed; other dotted names are", () =>
  inRoot(async (root, store) => {
    await writeFile(join(root, ".0c7f.tmp"), "half");
    await writeFile(join(root, ".a.crc"), "x");
    assert.deepEqual(
      (await collect(store.list(""))).map((info) => info.key),
      [".a.crc"],
    );
  }));

test("a link to a file is listed as a file; a broken link is not", () =>
  inRoot(async (root, store) => {
    await writeFile(join(root, "real"), "12345");
    await symlink("real", join(root, "linked"));
    await symlink("gone", join(root, "broken"));
    const found = await collect(store.list(""));
    assert.deepEqual(
      found.map((info) => [info.key, info.size]),
      [
        ["linked", 5],
        ["real", 5],
      ],
    );
  }));

test("where no folder can be made, a write fails at once and says what to do", { timeout: 10_000 }, () =>
  inRoot(async (root) => {
    await writeFile(join(root, "file"), "x");
    await symlink("gone", join(root, "broken"));
    const places = [join(root, "file/a/b"), join(root, "broken/a"), join(root, "n".repeat(300), "a")];
    // Only Linux has it; Node's own `mkdir -p` runs for ever there.
    if (existsSync("/proc/self")) places.push("/proc/deltalakedb/a", "/proc/self/fdinfo/a/b");
    for (const place of places) {
      await assert.rejects(
        openFileStore(place).putIfAbsent("_delta_log/0.json", BODY),
        (error) => isLakeError(error, "invalid") && error.hint !== undefined,
        place,
      );
    }
  }),
);

test("folders that many make at once are there for all of them", () =>
  inRoot(async (root) => {
    const puts = Array.from({ length: 20 }, (_, i) => openFileStore(join(root, "a/b/c")).putIfAbsent(`d/e/${i}`, BODY));
    assert.deepEqual(new Set(await Promise.all(puts)), new Set(["created"]));
  }));

test("a root that is missing, or a file, holds nothing", () =>
  inRoot(async (root) => {
    await writeFile(join(root, "file"), "x");
    for (const name of ["missing", "file"]) {
      const store = openFileStore(join(root, name));
      assert.deepEqual(await collect(store.list("")), []);
      assert.equal(await store.get("a"), undefined);
    }
    await assert.rejects(openFileStore(join(root, "file")).put("a", BODY), (error) => isLakeError(error, "invalid"));
  }));

test("a name that the disk refuses is named in the error, and nothing is left", () =>
  inRoot(async (root, store) => {
    const key = "n".repeat(300);
    for (const write of [() => store.put(key, BODY), () => store.putIfAbsent(key, BODY)]) {
      await assert.rejects(write, (error) => {
        assert.ok(isLakeError(error, "invalid"));
        assert.match(error.message, /cannot write .*nnn: the name is too long/);
        return true;
      });
    }
    assert.deepEqual(await readdir(root), []);
  }));

test("errors of the disk are sorted by what the caller can do", () => {
  const kindOf = (code: string): string | undefined => {
    const error = fileError(Object.assign(new Error("system text"), { code }), "write", "/t/x");
    assert.ok(isLakeError(error));
    assert.match(error.message, /cannot write \/t\/x: /);
    assert.ok(error.hint);
    assert.equal(error.facts.errno, code);
    return error.kind;
  };
  for (const code of ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO"]) assert.equal(kindOf(code), "unavailable", code);
  for (const code of ["EACCES", "EROFS", "ENOTDIR", "ENAMETOOLONG"]) assert.equal(kindOf(code), "invalid", code);
  const foreign = new TypeError("a defect");
  assert.equal(fileError(foreign, "write", "/t/x"), foreign);
});

test(
  "a full disk is unavailable",
  needs("a full disk", existsSync("/dev/full"), "this system has no /dev/full"),
  async () => {
    // No folder can be filled for a test; the device that always is full stands in for it.
    const file = await open("/dev/full", "w");
    const failure = await file.write(BODY).then(
      () => undefined,
      (error: unknown) => fileError(error, "write", "/dev/full"),
    );
    await file.close();
    assert.ok(isLakeError(failure, "unavailable"));
    assert.match(failure.message, /the disk is full/);
  },
);

test("a file has the time that its writer says, to the millisecond, from the moment that it can be seen", () =>
  inRoot(async (_root, store) => {
    for (const modifiedAt of [0, 1, 999, 1_767_225_600_001, 1_767_225_600_999, 4_102_444_800_123]) {
      const key = `d/${modifiedAt}`;
      assert.equal(await store.putIfAbsent(key, BODY, { modifiedAt }), "created");
      assert.equal((await store.head(key))?.modifiedAt, modifiedAt);
      assert.equal(await store.putIfAbsent(key, BODY, { modifiedAt: modifiedAt + 1 }), "exists");
      assert.equal((await store.head(key))?.modifiedAt, modifiedAt);
    }
  }));

/** The temporary files that another process leaves when it is killed in the midst of writing. */
async function killedWriter(folder: string): Promise<string[]> {
  const module = new URL("../../lib/storage/file.ts", import.meta.url).href;
  const script = `
    const { openFileStore } = await import(${JSON.stringify(module)});
    async function* body() { yield new Uint8Array(10); console.log("writing"); await new Promise(() => setInterval(() => {}, 1e6)); }
    await openFileStore(${JSON.stringify(folder)}).putIfAbsent("_delta_log/x", body());`;
  const writer = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(writer.stdout, "data");
  writer.kill("SIGKILL");
  await once(writer, "exit");
  return readdir(join(folder, "_delta_log"));
}

test("what a killed writer has left is removed by the next one, at once", () =>
  inRoot(async (root, store) => {
    const left = await killedWriter(root);
    assert.equal(left.length, 1, "it has left its file");
    assert.match(left[0] ?? "", /^\..*\.tmp$/);
    await store.putIfAbsent("_delta_log/a", BODY);
    assert.deepEqual(await readdir(join(root, "_delta_log")), ["a"]);
  }));

test("what a writer is at that lives, or may live on another machine, stays; so does what another program has named", (t) =>
  inRoot(async (root, store) => {
    const folder = join(root, "_delta_log");
    await mkdir(folder);
    const elsewhere = [`.${crypto.randomUUID()}.tmp`, `.01234567-1-${crypto.randomUUID()}.tmp`];
    for (const name of [...elsewhere, ".someone-else.tmp"]) await writeFile(join(folder, name), BODY);
    let seen: string[] = [];
    const body = async function* () {
      yield BODY;
      // As when the mirror is late: the file has the time of its commit.
      for (const name of await readdir(folder)) await utimes(join(folder, name), 1, 1);
      await openFileStore(root).putIfAbsent("_delta_log/b", BODY);
      seen = await readdir(folder);
    };
    await store.putIfAbsent("_delta_log/a", body());
    assert.deepEqual((await readdir(folder)).sort(), [...elsewhere, ".someone-else.tmp", "a", "b"].sort());
    assert.equal(seen.length, 5, "its own file was there");
    // An hour later, by the clock of the files, in a process that has not looked yet.
    const other = join(root, "other");
    await mkdir(other);
    for (const name of [...elsewhere, ".someone-else.tmp"]) await writeFile(join(other, name), BODY);
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 2 * 3_600_000 });
    await store.putIfAbsent("other/c", BODY);
    assert.deepEqual((await readdir(other)).sort(), [".someone-else.tmp", "c"]);
  }));
