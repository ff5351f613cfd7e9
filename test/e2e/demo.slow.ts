/** `npm run demo` does what the README says, and does it again in the folder that it left. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const DEMO = fileURLToPath(new URL("../demo/demo.ts", import.meta.url));

test("the tour runs, and runs again", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-demo-"));
  const env = { ...process.env, DEMO_FOLDER: join(folder, "demo-lake"), NO_COLOR: "1" };
  for (const run of ["first", "second"]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO], { encoding: "utf8", env, cwd: folder });
    assert.equal(status, 0, `${run} run: ${stdout}${stderr}`);
    assert.deepEqual(
      [...stdout.matchAll(/exit code (\d)/g)].map((match) => Number(match[1])).filter((code) => code > 0),
      // the title of each of the two steps names the code, then dl answers it
      [2, 2, 3, 3],
    );
    assert.match(stdout, /Try next:/);
  }
  assert.ok(existsSync(join(folder, "demo-lake/catalog.sqlite")), "it leaves a folder to look into");
  rmSync(folder, { recursive: true });
});
