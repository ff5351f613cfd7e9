/**
 * What comparing a whole table costs, field by field and by fingerprint: time, peak memory, pages of files read from SQL.
 * Each in a process of its own. `node bench/parity.ts [files]`.
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ActionCollector } from "../lib/delta/decode.ts";
import { openLocalLake, toLocation } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { diffTable } from "../lib/operations/diff.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const COMMITS = 100;
/** So that commits come after the only checkpoint, as they do between two. */
const CHECKPOINT_INTERVAL = "90";
const NAME = "bench.parity";
const WAYS = { "field by field": Number.POSITIVE_INFINITY, "by fingerprint": 0 } as const;

interface Measured {
  readonly ms: number;
  readonly pages: number;
  /** Bytes: the peak of the process. */
  readonly peakBytes: number;
}

async function writeTable(folder: string, files: number): Promise<void> {
  const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), mirror: false, verifyFiles: "off" });
  const { tableId } = await createTable(lake, {
    name: NAME,
    location: await toLocation(join(folder, "table")),
    schema: SCHEMA,
    partitionColumns: PARTITION_COLUMNS,
    configuration: { "delta.checkpointInterval": CHECKPOINT_INTERVAL },
  });
  for (let version = 0; version < COMMITS; version += 1) {
    const collector = new ActionCollector({ strict: true });
    for (let i = 0; i < files / COMMITS; i += 1)
      collector.collect({ add: addFile(version * (files / COMMITS) + i) }, "");
    const table = { table: { tableId }, readVersion: version, actions: collector.actions(), at: "" };
    const { status } = await commit(lake, { transactionId: randomUUID(), tables: [table], acknowledge: "sql" });
    if (status !== "committed") throw new Error(status);
    await mirrorTable(lake, tableId);
  }
  await lake.close();
}

/** One comparison, in this process. */
async function measure(folder: string, fieldsUpTo: number): Promise<Measured> {
  const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), mirror: false, verifyFiles: "off" });
  let pages = 0;
  const catalog = {
    ...lake.catalog,
    readFiles: (...args: Parameters<typeof lake.catalog.readFiles>) => {
      pages += 1;
      return lake.catalog.readFiles(...args);
    },
  };
  const from = performance.now();
  const request = { ref: { name: NAME }, lagThresholdSeconds: 5, maxDriftFiles: 0, fieldsUpTo, commitsAfter: COMMITS };
  const { outcome } = await diffTable({ ...lake, catalog }, request);
  const ms = performance.now() - from;
  if (outcome !== "ok") throw new Error(outcome);
  await lake.close();
  return { ms, pages, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function compare(files: number) {
  return inTemporaryFolder(async (folder) => {
    console.error(`writing ${files} files in ${COMMITS} commits`);
    await writeTable(folder, files);
    const rows = [];
    for (const [way, fieldsUpTo] of Object.entries(WAYS)) {
      const args = [fileURLToPath(import.meta.url), "--child", folder, String(fieldsUpTo)];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const { ms, pages, peakBytes } = JSON.parse(stdout) as Measured;
      const [time, peak] = [`${(ms / 1000).toFixed(1)} s`, `${Math.round(peakBytes / 1e6)} MB`];
      rows.push({ files, way, time, "peak memory": peak, "pages of 5,000 files from SQL": pages });
    }
    return rows;
  });
}

const [first, folder = "", fieldsUpTo = ""] = process.argv.slice(2);
if (first === "--child") console.log(JSON.stringify(await measure(folder, Number(fieldsUpTo))));
else {
  const { numbers } = readOptions({
    run: "node bench/parity.ts",
    about: "What comparing a whole table costs, field by field and by fingerprint: time, peak memory, reads of SQL.",
    numbers: [{ name: "files", count: 200_000, what: "of the table" }],
  });
  console.log(`${markdownTable(await compare(numbers[0] ?? 0))}\n\nSQLite catalog. ${machine()}`);
}
