/** The one path of a folder: links are followed, and a disk that takes several spellings for one name has the last word. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isLakeError, unavailable } from "../../lib/errors.ts";
import { type Disk, realPath } from "../../lib/lake/real-path.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-real-path-")));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "a/b"), { recursive: true });
writeFileSync(join(folder, "file"), "x");
symlinkSync(join(folder, "a"), join(folder, "link"));
symlinkSync("link/b", join(folder, "chain"));
symlinkSync("nowhere", join(folder, "broken"));
symlinkSync("circle", join(folder, "circle"));

for (const [path, real] of [
  ["a/b", "a/b"],
  ["link/b", "a/b"],
  ["link/new/newer", "a/new/newer"],
  ["chain/new", "a/b/new"],
  ["new/link", "new/link"],
] as const) {
  test(`${path} is ${real}`, async () => assert.equal(await realPath(join(folder, path)), join(folder, real)));
}

for (const [path, words] of [
  ["broken", /a symbolic link to a place that does not exist/],
  ["broken/a/b", /a symbolic link to a place that does not exist/],
  ["circle/a", /run in a circle/],
  ["file/a", /no folder/],
  [`${"n".repeat(300)}/a`, /too long/],
] as const) {
  test(`${path.slice(0, 20)} is refused, as nobody can say where it will be`, async () => {
    await assert.rejects(realPath(join(folder, path)), (error) => {
      assert.ok(isLakeError(error, "invalid"));
      assert.deepEqual([error.code, typeof error.hint], ["INVALID_LOCATION", "string"]);
      assert.match(error.message, words);
      return true;
    });
  });
}

/** A disk that knows these folders, by any spelling that `same` makes one. */
function diskOf(paths: readonly string[], same: (name: string) => string): Disk {
  const known = new Map(paths.map((path, ino) => [same(path), { path, ino }]));
  const find = (path: string) => {
    const found = path === "/" ? { path, ino: -1 } : known.get(same(path));
    if (found === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return found;
  };
  return {
    // As on Linux: links are resolved, letters are not.
    realpath: async (path) => find(path) && path,
    lstat: async (path) => ({ dev: 1, ino: find(path).ino }),
    readdir: async (path) =>
      paths
        .filter((other) => other.startsWith(path === "/" ? "/" : `${find(path).path}/`))
        .map((other) => other.slice(path === "/" ? 1 : find(path).path.length + 1))
        .filter((name) => !name.includes("/")),
  };
}

const [NFC, NFD] = ["/Data/Caf\u00e9", "/Data/Cafe\u0301"];

for (const [what, same, path, real] of [
  ["case does not matter", (name: string) => name.toLowerCase(), "/dATA/orders/New", "/Data/Orders/New"],
  [
    "case does not matter, nor forms",
    (n: string) => n.normalize("NFD").toLowerCase(),
    `${NFD.toUpperCase()}/x`,
    `${NFC}/x`,
  ],
  ["forms do not matter", (name: string) => name.normalize("NFC"), NFD, NFC],
  ["every letter matters", (name: string) => name, "/data/Orders", "/data/Orders"],
  ["every letter matters", (name: string) => name, NFD, NFD],
] as const) {
  test(`where ${what}, ${path} is ${real}`, async () => {
    assert.equal(await realPath(path, diskOf(["/Data", "/Data/Orders", NFC], same)), real);
  });
}

test("where case matters, neighbours that differ by case stay two", async () => {
  const disk = diskOf(["/data", "/DATA"], (name) => name);
  assert.deepEqual([await realPath("/data", disk), await realPath("/DATA", disk)], ["/data", "/DATA"]);
});

test("a disk that does not answer is said to be away, and is no place", async () => {
  const away = () => Promise.reject(unavailable("the folder has not answered"));
  for (const silent of ["realpath", "lstat", "readdir"] as const) {
    const disk = { ...diskOf(["/Data"], (name) => name.toLowerCase()), [silent]: away };
    await assert.rejects(realPath("/data", disk), (error) => isLakeError(error, "unavailable"), silent);
  }
});
