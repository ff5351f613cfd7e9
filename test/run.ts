/**
 * Runs test files with Node's runner, on all cores and with compiled code kept between the processes: `node test/run.ts PATTERN…`.
 * Fails also when anything that they print holds a secret.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { secretFinder } from "./support/secrets.ts";

// A process per file. Node's default is one fewer than there are cores, and some of the files wait for timers.
const concurrency = Math.max(3, availableParallelism());
const compiled = fileURLToPath(new URL("../node_modules/.cache/node-compile", import.meta.url));
const child = spawn(
  process.execPath,
  ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...process.argv.slice(2)],
  {
    stdio: ["inherit", "pipe", "pipe"],
    env: { NODE_COMPILE_CACHE: compiled, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}), ...process.env },
  },
);
let found: string | undefined;
for (const name of ["stdout", "stderr"] as const) {
  const find = secretFinder();
  child[name].setEncoding("utf8").on("data", (text: string) => {
    process[name].write(text);
    found ??= find(text);
  });
}
const [code] = await once(child, "close");
process.exitCode = code ?? 1;
if (found !== undefined) {
  process.stderr.write(`The output of the tests holds a secret: ${found}\n`);
  process.exitCode = 1;
}
