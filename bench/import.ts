/**
 * Time and peak memory of imports: a table of 100,000 files as 1,000 JSON commits, and the same behind a checkpoint, in both
 * modes, each in a process of its own. `node bench/import.ts [commits]`; BENCH_ADDS files a
 * commit, 100 if absent.
 */

import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openLocalLake, toLocation } from "../lib/lake/local.ts";
import { writeCheckpoint } from "../lib/operations/checkpoint.ts";
import { type ImportMode, importTable } from "../lib/operations/import.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const ADDS = Number(process.env.BENCH_ADDS ?? 100);
const MODES: readonly ImportMode[] = ["snapshot", "full-history"];
/** Commits that come after the checkpoint, as a cleaned log has them. */
const TAIL = 10;

interface Measured {
  readonly ms: number;
  readonly files: number;
  /** Bytes: before the import, and the peak. */
  readonly idleBytes: number;
  readonly peakBytes: number;
}

const logFile = (table: string, version: number) =>
  join(table, "_delta_log", `${String(version).padStart(20, "0")}.json`);

/** A table by an outside writer: version 0 makes it, each later one adds files. */
async function writeTable(table: string, commits: number): Promise<void> {
  await mkdir(join(table, "_delta_log"), { recursive: true });
  const timestamp = Date.UTC(2026, 0, 1);
  const metaData = {
    id: "6b4d7f0e-5f3a-4a39-9a57-0d6b8f1c2e11",
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(SCHEMA),
    partitionColumns: PARTITION_COLUMNS,
    configuration: {},
    createdTime: timestamp,
  };
  for (let version = 0; version <= commits; version += 1) {
    const operation = version === 0 ? "CREATE TABLE" : "WRITE";
    const actions: object[] = [{ commitInfo: { timestamp: timestamp + version, operation, isBlindAppend: true } }];
    if (version === 0) actions.push({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData });
    else for (let i = 0; i < ADDS; i += 1) actions.push({ add: addFile((version - 1) * ADDS + i) });
    await writeFile(logFile(table, version), actions.map((action) => `${JSON.stringify(action)}\n`).join(""));
  }
}

/** The same table after clean-up: a checkpoint and the last commits. */
async function writeCheckpointed(table: string, from: string, commits: number, folder: string): Promise<void> {
  await mkdir(join(table, "_delta_log"), { recursive: true });
  const lake = await openLocalLake({ database: join(folder, "source.sqlite"), mirror: false, verifyFiles: "off" });
  try {
    const source = { name: "bench.source", location: await toLocation(from), mode: "full-history" } as const;
    const { tableId } = await importTable(lake, source);
    await writeCheckpoint(lake, lake.openLog(await toLocation(table)), tableId, commits - TAIL);
  } finally {
    await lake.close();
  }
  for (let version = commits - TAIL; version <= commits; version += 1) {
    await copyFile(logFile(from, version), logFile(table, version));
  }
}

/** One import, in this process: its peak memory is the whole process's. */
async function measure(table: string, mode: ImportMode, database: string): Promise<Measured> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  const idleBytes = process.resourceUsage().maxRSS * 1024;
  const from = performance.now();
  const { files } = await importTable(lake, { name: "bench.imported", location: await toLocation(table), mode });
  const ms = performance.now() - from;
  await lake.close();
  return { ms, files, idleBytes, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function measureInChild(table: string, mode: ImportMode, database: string): Promise<Measured> {
  const self = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [self, "--child", table, mode, database]);
  return JSON.parse(stdout) as Measured;
}

async function compare(commits: number) {
  return inTemporaryFolder(async (folder) => {
    const [plain, checkpointed] = [join(folder, "plain"), join(folder, "checkpointed")];
    console.error(`writing ${commits} commits of ${ADDS} files`);
    await writeTable(plain, commits);
    console.error("writing the checkpoint");
    await writeCheckpointed(checkpointed, plain, commits, folder);
    const tables = [
      { log: `${commits} commits`, table: plain },
      { log: `checkpoint and ${TAIL} commits`, table: checkpointed },
    ];
    const rows = [];
    const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    for (const { log, table } of tables) {
      for (const mode of MODES) {
        console.error(`importing ${log}, ${mode}`);
        const { ms, files, idleBytes, peakBytes } = await measureInChild(
          table,
          mode,
          join(folder, `${rows.length}.sqlite`),
        );
        const perSecond = Math.round(files / (ms / 1000));
        const time = `${(ms / 1000).toFixed(1)} s`;
        rows.push({
          log,
          mode,
          files,
          time,
          "files/s": perSecond,
          "peak memory": mb(peakBytes),
          before: mb(idleBytes),
        });
      }
    }
    return rows;
  });
}

const [first, table = "", mode = "", database = ""] = process.argv.slice(2);
if (first === "--child") console.log(JSON.stringify(await measure(table, mode as ImportMode, database)));
else {
  const { numbers } = readOptions({
    run: "node bench/import.ts",
    about: "Time and peak memory of imports: JSON commits, and the same behind a checkpoint, in both modes.",
    numbers: [{ name: "commits", count: 1000, what: "of the table" }],
    environment: { BENCH_ADDS: "files a commit (default: 100)" },
  });
  console.log(`${markdownTable(await compare(numbers[0] ?? 0))}\n\nSQLite catalog. ${machine()}`);
}
