#!/usr/bin/env node
/** Launcher of `dl`: plain JavaScript that any Node can run, and that finds Node 24 for the rest. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED_MAJOR = 24;
/** A clone runs as it is written; a package has been compiled, as Node takes no types away below node_modules. */
const [main] = ["./main.ts", "../../dist/lib/cli/main.js"]
  .map((path) => new URL(path, import.meta.url))
  .filter((url) => existsSync(url));

if (Number(process.versions.node.split(".")[0]) >= NEEDED_MAJOR) await import(main.href);
else relay(spawn(findNode(), [fileURLToPath(main), ...process.argv.slice(2)], { stdio: "inherit" }));

/** The binary that the npm package `node` has installed. */
function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    return join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
  } catch {
    fail(`dl: this is Node ${process.versions.node}, and dl needs ${NEEDED_MAJOR}`);
  }
}

/** Passes signals on and ends as the child ends. */
function relay(child) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`dl: Node ${NEEDED_MAJOR} cannot be started (${error.code})`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function fail(message) {
  process.stderr.write(`${message}\nhint: run npm ci in the folder of deltalakedb, or use Node ${NEEDED_MAJOR}.\n`);
  process.exit(1);
}
