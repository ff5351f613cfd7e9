/** What an upgrade begins with: the newest release once there is one, what landed before the newest migration until then. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needs } from "../support/skip.ts";
import { baseRelease } from "./support/base-release.ts";
import { RELEASE_SOURCES } from "./support/next-release.ts";

let folder: string;
let root: string;
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-base-")));
  root = join(folder, "repository");
  for (const name of ["node_modules", "lib/catalog/migrations", "functions", "infra", "config"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of RELEASE_SOURCES) writeFileSync(join(root, name.includes(".") ? name : `${name}/kept`), "");
});
after(() => rmSync(folder, { recursive: true, force: true }));

function git(...args: readonly string[]): void {
  const who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
  execFileSync("git", ["-C", root, ...who, ...args], { stdio: ["ignore", "ignore", "pipe"] });
}

function commitMigration(name: string): void {
  writeFileSync(join(root, "lib/catalog/migrations", name), "");
  git("add", "--all");
  git("commit", "--quiet", "--message", name);
}

let copies = 0;
/** Its migrations that are there, of these. */
function baseWith(...names: readonly string[]) {
  copies += 1;
  const base = baseRelease(root, join(folder, `base-${copies}`));
  const has = (name: string) => base && existsSync(join(base.folder, "lib/catalog/migrations", name));
  return {
    what: base?.what,
    there: names.filter(has),
    hasModules: base && existsSync(join(base.folder, "node_modules")),
  };
}

const hasGit = spawnSync("git", ["--version"]).status === 0;
test(
  "no history, no release: then the code from before the newest migration, then the newest tag, but not this very commit",
  needs("the release before", hasGit, "needs git"),
  () => {
    const [first, second, third] = ["0001-first.ts", "0002-second.ts", "0003-third.ts"];
    assert.equal(baseWith().what, undefined);
    git("init", "--quiet");
    commitMigration(first);
    commitMigration(second);
    writeFileSync(join(root, "README"), "");
    git("add", "--all");
    git("commit", "--quiet", "--message", "later");
    const landed = baseWith(first, second);
    assert.match(landed.what ?? "", /^what had landed before 0002-second\.ts, [0-9a-f]{7}$/);
    assert.deepEqual([landed.there, landed.hasModules], [[first], true]);
    writeFileSync(join(root, "lib/catalog/migrations", third), "");
    assert.deepEqual(baseWith(first, second, third).there, [first, second], "one that is not committed yet");
    git("tag", "v0.9.0", "HEAD~2");
    git("tag", "v0.10.0", "HEAD~1");
    commitMigration(third);
    assert.deepEqual([baseWith().what, baseWith(first, second, third).there], ["release v0.10.0", [first, second]]);
    git("tag", "v0.11.0");
    assert.equal(baseWith().what, "release v0.10.0");
  },
);
