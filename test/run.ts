/** Runs test files with Node's runner, on all cores and with compiled code kept between the processes: `node test/run.ts PATTERN…`. */

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

// A process per file. Node's default is one fewer than there are cores, and some of the files wait for timers.
const concurrency = Math.max(3, availableParallelism());
const compiled = fileURLToPath(new URL("../node_modules/.cache/node-compile", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...process.argv.slice(2)],
  { stdio: "inherit", env: { NODE_COMPILE_CACHE: compiled, ...process.env } },
);
process.exitCode = status ?? 1;
