/**
 * Time and peak memory of a rebuild: a catalog is made again from the logs of its tables, which are written here as the mirror
 * writes them. `node bench/rebuild.ts [tables] [files a table]`; 100 and 1,000 if absent.
 */

import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ActionCollector } from "../lib/delta/decode.ts";
import { encodeCommit } from "../lib/delta/encode.ts";
import { commitFileName, LOG_FOLDER, MANIFEST } from "../lib/delta/files/log-files.ts";
import { encodeManifest } from "../lib/delta/manifest.ts";
import { openLocalLake, toLocation } from "../lib/lake/local.ts";
import { rebuildCatalog } from "../lib/operations/rebuild.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const ADDS = 100;
const CATALOG = randomUUID();
const {
  numbers: [tables = 0, files = 0],
} = readOptions({
  run: "node bench/rebuild.ts",
  about: "Time and peak memory of a rebuild: a catalog is made again from the logs of its tables.",
  numbers: [
    { name: "tables", count: 100, what: "of the catalog" },
    { name: "files", count: 1000, what: "of each table" },
  ],
  environment: { DATABASE_URL: "an empty database; a file of SQLite if absent" },
});

/** A table of ours: version 0 makes it, each later one adds files. */
async function writeTable(root: string, n: number): Promise<void> {
  const tableId = randomUUID();
  const [space, name] = [`space${n % 10}`, `table${n}`];
  const log = join(root, space, name, LOG_FOLDER);
  await mkdir(log, { recursive: true });
  const metaData = {
    id: tableId,
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(SCHEMA),
    partitionColumns: PARTITION_COLUMNS,
    configuration: { "delta.enableInCommitTimestamps": "true" },
  };
  for (let version = 0; version <= files / ADDS; version += 1) {
    const collector = new ActionCollector({ strict: false });
    const origin = { tableId, requestHash: "0".repeat(64) };
    collector.collect({ commitInfo: { operation: "WRITE", txnId: randomUUID(), deltalakedb: origin } }, "");
    if (version === 0) {
      collector.collect(
        { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["inCommitTimestamp"] } },
        "",
      );
      collector.collect({ metaData }, "");
    } else for (let i = 0; i < ADDS; i += 1) collector.collect({ add: addFile((version - 1) * ADDS + i) }, "");
    const timestamp = Date.UTC(2026, 0, 1) + version;
    const bytes = encodeCommit({ version, timestamp, inCommitTimestamp: timestamp, actions: collector.actions() });
    await writeFile(join(log, commitFileName(version)), bytes);
  }
  const location = await toLocation(join(root, space, name));
  const manifest = { tableId, name: `${space}.${name}`, formerNames: [], location, catalogId: CATALOG } as const;
  await writeFile(join(log, MANIFEST), encodeManifest({ ...manifest, status: "active", changes: 0 }));
}

await inTemporaryFolder(async (folder) => {
  const root = join(folder, "lake");
  for (let n = 0; n < tables; n += 1) await writeTable(root, n);
  const database = process.env.DATABASE_URL ?? join(folder, "catalog.sqlite");
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  const idle = process.memoryUsage.rss();
  let peak = idle;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const from = performance.now();
  const result = await rebuildCatalog(lake, { roots: [await toLocation(root)] });
  const seconds = (performance.now() - from) / 1000;
  clearInterval(watch);
  await lake.close();
  const made = result.tables.reduce((sum, table) => sum + (table.files ?? 0), 0);
  if (result.tables.length !== tables || made !== tables * files) throw new Error("not all of it was made again");
  const mb = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    markdownTable([
      {
        tables,
        files: made,
        seconds: Number(seconds.toFixed(1)),
        "files/s": Math.round(made / seconds),
        "memory before, MB": mb(idle),
        "peak, MB": mb(peak),
      },
    ]),
  );
  console.log(`\n${machine()}`);
});
