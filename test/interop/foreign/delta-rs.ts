/**
 * delta-rs' own Python tests, against the gateway: `npm run test:delta-rs -- --suite PATH`, a copy of github.com/delta-io/delta-rs.
 *
 * The suite runs twice, first on a folder, then with every table that it makes behind the gateway, and what only the second run fails is
 * printed. Figures and reasons are in docs/writers.md. Beside the suite it needs python3 with venv, and packages from PyPI.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Outcomes, readOutcomes, report, startGateway } from "./suites.ts";

const PLUGIN_FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** deltalake is the one of requirements.txt; the rest is what the suite imports. */
const PACKAGES = [
  "pyarrow==25.0.1",
  "pandas==2.3.3",
  "polars==2.1.0",
  "arro3-io==0.9.1",
  "azure-storage-blob==12.31.1",
];
const PYTEST = ["pytest==9.2.0", "pytest-mock==3.17.0", "pytest-timeout==2.4.0", "pytest-benchmark==5.3.1"];
/** Those that want servers, or engines, of their own. */
const ELSEWHERE =
  "integration benchmark no_pyarrow s3 azure lakefs unitycatalog_databricks unitycatalog_oss pyspark datafusion";

const { values } = parseArgs({
  options: { suite: { type: "string" }, deltalake: { type: "string", default: "1.6.6" }, only: { type: "string" } },
});
if (values.suite === undefined) {
  console.error("npm run test:delta-rs -- --suite PATH [--only EXPRESSION] [--deltalake 1.6.6]");
  process.exit(64);
}
const tests = join(realpathSync(values.suite), "python");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-delta-rs-")));
try {
  const python = install(folder, values.deltalake);
  const plain = runSuite(python, join(folder, "plain"), {});
  const behind = join(folder, "behind");
  const gateway = await startGateway(join(folder, "catalog.sqlite"), behind);
  const through = runSuite(python, join(behind, "suite"), {
    DL_BEHIND: behind,
    AWS_ENDPOINT_URL: gateway.url,
    AWS_ALLOW_HTTP: "true",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "any",
    AWS_SECRET_ACCESS_KEY: "any",
  });
  await gateway.close();
  report(plain, through);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function install(folder: string, deltalake: string): string {
  const python = join(folder, "venv/bin/python");
  execFileSync("python3", ["-m", "venv", join(folder, "venv")]);
  const packages = [`deltalake==${deltalake}`, ...PACKAGES, ...PYTEST];
  execFileSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
    stdio: "inherit",
  });
  return python;
}

/** @param base where the tests' temporary folders are made */
function runSuite(python: string, base: string, env: Readonly<Record<string, string>>): Outcomes {
  const told = `${base}.outcomes`;
  mkdirSync(dirname(base), { recursive: true });
  const marks = ELSEWHERE.split(" ").map((mark) => `not ${mark}`);
  const options = ["-o", "addopts=", "-m", marks.join(" and "), "-p", "no:cacheprovider", "-p", "through_gateway"];
  const args = ["-m", "pytest", "tests", ...options, "--quiet", "--timeout", "120", "--basetemp", base];
  if (values.only !== undefined) args.push("-k", values.only);
  const ours = { DL_OUTCOMES: told, PYTHONPATH: PLUGIN_FOLDER, PYTHONDONTWRITEBYTECODE: "1" };
  spawnSync(python, args, { cwd: tests, env: { ...process.env, ...ours, ...env }, stdio: "ignore" });
  return readOutcomes(told);
}
