/** Bundles each function as the deployment does and loads it in a new Node: size, and time of the import, per function. */

import { execFile } from "node:child_process";
import { copyFile, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { BANNER } from "../infra/constructs/service-function.ts";
import { readOptions } from "./options.ts";
import { inTemporaryFolder, machine, markdownTable, percentile } from "./support.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WASM = "node_modules/parquet-wasm/node/parquet_wasm_bg.wasm";
const ENTRIES = ["commit", "read", "mirror", "sweep", "parity", "checkpoint", "migrate"];
/** Those that read or write checkpoints. */
const PARQUET = ["commit", "mirror", "parity", "checkpoint"];
const {
  numbers: [LOADS = 0],
} = readOptions({
  run: "node bench/cold-start.ts",
  about: "Bundles each function as the deployment does and loads it in a new Node: size, and time of the import.",
  numbers: [{ name: "loads", count: 10, what: "how often each is loaded" }],
});

async function bundle(entry: string, folder: string): Promise<string> {
  const outfile = path.join(folder, entry, "index.mjs");
  await build({
    entryPoints: [path.join(ROOT, "functions", `${entry}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    keepNames: true,
    banner: { js: BANNER },
    logLevel: "error",
  });
  if (PARQUET.includes(entry)) await copyFile(path.join(ROOT, WASM), path.join(folder, entry, path.basename(WASM)));
  return outfile;
}

/** Milliseconds of the import alone, without the start of Node, in a process of its own. */
async function importTime(file: string): Promise<number> {
  const code = [
    "const startedAt = performance.now();",
    `await import(${JSON.stringify(pathToFileURL(file).href)});`,
    "process.stdout.write(String(performance.now() - startedAt));",
  ].join("");
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { env: { STAGE: "bench" } });
  return Number(stdout);
}

await inTemporaryFolder(async (folder) => {
  const rows = [];
  for (const entry of ENTRIES) {
    const started = performance.now();
    const file = await bundle(entry, folder);
    const bundled = performance.now() - started;
    const times: number[] = [];
    for (let i = 0; i < LOADS; i += 1) times.push(await importTime(file));
    const bytes = await readFile(file);
    rows.push({
      function: entry,
      "bundle KB": Math.round(bytes.length / 1024),
      "zipped KB": Math.round(gzipSync(bytes).length / 1024),
      "import p50 ms": Math.round(percentile(times, 0.5)),
      "import p95 ms": Math.round(percentile(times, 0.95)),
      "bundled in ms": Math.round(bundled),
    });
  }
  const wasm = await stat(path.join(ROOT, WASM));
  console.log(markdownTable(rows));
  console.log(
    `\nBeside those of ${PARQUET.join(", ")} lies parquet-wasm, ${Math.round(wasm.size / 1024)} KB. ${LOADS} loads each. ${machine()}`,
  );
});
