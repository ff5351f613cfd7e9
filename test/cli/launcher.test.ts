/** The launcher runs under whatever Node is there: it finds Node 24, and passes input, output, signals and exit codes. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { finish, LAUNCHER, startDl } from "./run.ts";

/** An older Node of the system; the tests themselves run under 24. */
function olderNode(): string | undefined {
  const candidates = ["/usr/bin/node", "/usr/local/bin/node"].filter((path) => existsSync(path));
  return candidates.find((path) => Number(/^v(\d+)/.exec(execFileSync(path, ["-v"], { encoding: "utf8" }))?.[1]) < 24);
}
const older = olderNode();
const nodes: readonly [name: string, node: string, skip: string | false][] = [
  ["Node 24", process.execPath, false],
  ["an older Node", older ?? "", older === undefined && "no Node below 24 on this machine"],
];

for (const [name, node, skip] of nodes) {
  test(`under ${name}: output and exit code`, { skip }, async () => {
    const version = await finish(startDl(["-V"], { node, script: LAUNCHER }));
    assert.deepEqual({ code: version.code, stderr: version.stderr }, { code: 0, stderr: "" });
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal((await finish(startDl(["nonsense"], { node, script: LAUNCHER }))).code, 64);
  });
}
