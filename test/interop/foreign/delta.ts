/**
 * Delta's own Python tests of Spark, against the gateway: `npm run test:delta -- --suite PATH`, a copy of github.com/delta-io/delta.
 *
 * The tests run twice, first on a folder, then with every table that they make behind the gateway, and what only the second run fails is
 * printed. Figures and reasons are in docs/writers.md. Beside the suite it needs what `npm run test:gateway` installs.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Outcomes, readOutcomes, report, startGateway } from "./suites.ts";

const SCRIPT = fileURLToPath(new URL("delta_python.py", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../../docs/writers.md", import.meta.url));

const { values, positionals } = parseArgs({ options: { suite: { type: "string" } }, allowPositionals: true });
const cache = process.env.INTEROP_CACHE;
if (values.suite === undefined || cache === undefined) {
  console.error(
    "npm run test:delta -- --suite PATH [TEST …], such as delta.tests.test_deltatable.DeltaTableTests.test_merge",
  );
  process.exit(64);
}
const tests = join(realpathSync(values.suite), "python");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-delta-")));
try {
  const plain = runSuite(join(folder, "plain"), {});
  const behind = join(folder, "behind");
  mkdirSync(join(behind, "lake"), { recursive: true });
  const gateway = await startGateway(join(folder, "catalog.sqlite"), behind);
  const through = runSuite("s3a://lake", { DL_ENDPOINT: gateway.url, DL_DOCUMENT: DOCUMENT });
  await gateway.close();
  report(plain, through);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param base where the tests have their tables */
function runSuite(base: string, env: Readonly<Record<string, string>>): Outcomes {
  const told = join(folder, "DL_ENDPOINT" in env ? "through.outcomes" : "plain.outcomes");
  const ours = { DL_OUTCOMES: told, INTEROP_CACHE: cache, PYTHONDONTWRITEBYTECODE: "1" };
  const options = { cwd: folder, env: { ...process.env, ...ours, ...env }, stdio: "ignore" } as const;
  spawnSync(join(cache as string, "venv/bin/python"), [SCRIPT, tests, base, ...positionals], options);
  return readOutcomes(told);
}
