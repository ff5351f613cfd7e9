/** What vacuum costs: looking, removing and looking again, on a table of which 100,000 files have expired. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCatalog } from "../lib/catalog/open.ts";
import { openDataFiles } from "../lib/files/data-files.ts";
import { openDeltaLog } from "../lib/log/delta-log.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { type VacuumOptions, vacuumTable } from "../lib/operations/vacuum.ts";
import type { Catalog, Lake } from "../lib/ports.ts";
import { openMemoryStore } from "../lib/storage/memory.ts";
import { addOf, removeOf, request, SCHEMA, testClock } from "../test/support/lake.ts";
import { readOptions } from "./options.ts";

const {
  numbers: [FILES = 0],
} = readOptions({
  run: "node bench/vacuum.ts",
  about: "What vacuum costs: looking, removing and looking again, on a table whose files have expired.",
  numbers: [{ name: "files", count: 100_000, what: "that have expired" }],
  environment: { BENCH_DATABASE: "an empty database; a file of SQLite if absent" },
});
const A_COMMIT = 10_000;
const DAY = 86_400_000;

const folder = mkdtempSync(join(tmpdir(), "dl-bench-vacuum-"));
const clock = testClock();
let calls = 0;
const catalog = await openCatalog(process.env.BENCH_DATABASE ?? join(folder, "c.sqlite"), clock);
await catalog.migrate();
const counting = new Proxy(catalog, {
  get(target, key, receiver) {
    const value: unknown = Reflect.get(target, key, receiver);
    if (typeof value !== "function") return value;
    return (...args: unknown[]) => {
      calls += 1;
      return value.apply(target, args);
    };
  },
}) as Catalog;
const store = openMemoryStore({ now: () => clock.now() });
const lake: Lake = {
  ...{ catalog: counting, clock, queue: { enqueue: async () => undefined }, metrics: { record: () => undefined } },
  openLog: (location) => openDeltaLog(store, location),
  openDataFiles: (location) => openDataFiles(store, location),
};
const { tableId } = await createTable(lake, { name: "b.vacuum", location: "file:///b/vacuum", schema: SCHEMA });
let version = 0;
for (const make of [addOf, removeOf]) {
  for (let first = 0; first < FILES; first += A_COMMIT) {
    const paths = Array.from({ length: A_COMMIT }, (_, i) => `part-${String(first + i).padStart(8, "0")}.parquet`);
    if (make === addOf) for (const path of paths) await store.put(path, new Uint8Array());
    await commit(lake, request({ tableId, readVersion: version, actions: paths.map((path) => make(path)) }));
    version += 1;
  }
}
await mirrorTable(lake, tableId);
clock.time += 8 * DAY;

async function measured(what: string, options: VacuumOptions): Promise<string> {
  calls = 0;
  globalThis.gc?.();
  const [before, began] = [process.memoryUsage().heapUsed, performance.now()];
  const { files } = await vacuumTable(lake, { tableId }, options);
  const ms = performance.now() - began;
  const heap = Math.max(0, process.memoryUsage().heapUsed - before) / 2 ** 20;
  return `| ${what} | ${files} | ${(ms / 1000).toFixed(1)} s | ${calls} | ${heap.toFixed(0)} MB |`;
}

console.log("| step | files | time | calls of the catalog | heap |\n|---|---|---|---|---|");
console.log(await measured("look", { remove: false }));
console.log(await measured("remove (looks first)", { remove: true }));
console.log(await measured("look again", { remove: false }));
await catalog.close();
rmSync(folder, { recursive: true });
