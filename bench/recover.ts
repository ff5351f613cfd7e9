/**
 * Time and peak memory of recoveries: a table whose log is 10,000 versions ahead of SQL, each with one file, on SQLite and, with
 * BENCH_POSTGRES_URL, on PostgreSQL; each in a process of its own. `node bench/recover.ts [versions]`.
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { encodeCommit } from "../lib/delta/encode.ts";
import { commitFileName } from "../lib/delta/files/log-files.ts";
import { withOrigins } from "../lib/delta/origin.ts";
import { openLocalLake, toLocation } from "../lib/lake/local.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { recoverTable } from "../lib/operations/recover.ts";
import { actions } from "../test/support/lake.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

interface Measured {
  readonly ms: number;
  readonly to: number;
  /** Bytes: before the recovery, and the peak. */
  readonly idleBytes: number;
  readonly peakBytes: number;
}

/** A table at version 0 in SQL, and that many versions more in its log, as commits of ours would have left them. */
async function prepare(folder: string, database: string, versions: number): Promise<string> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const location = await toLocation(join(folder, "table"));
  const name = `bench.recover_${randomUUID().replaceAll("-", "")}`;
  const table = { name, location, schema: SCHEMA, partitionColumns: PARTITION_COLUMNS };
  const { tableId, inCommitTimestamp: start } = await createTable(lake, table);
  await mirrorTable(lake, tableId);
  await lake.close();
  for (let version = 1; version <= versions; version += 1) {
    const transactionId = randomUUID();
    const commitInfo = { operation: "WRITE", operationParameters: {}, isBlindAppend: true, txnId: transactionId };
    const planned = withOrigins({
      transactionId,
      epoch: "",
      requestHash: "0".repeat(64),
      tables: [{ tableId, actions: actions({ commitInfo }, { add: addFile(version) }) } as never],
    });
    const timestamp = start + version;
    const [part] = planned.tables;
    if (part === undefined) continue;
    const bytes = encodeCommit({ version, actions: part.actions, timestamp, inCommitTimestamp: timestamp });
    await writeFile(join(folder, "table", "_delta_log", commitFileName(version)), bytes);
  }
  return tableId;
}

/** One recovery, in this process: its peak memory is the whole process's. */
async function measure(database: string, tableId: string): Promise<Measured> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  const idleBytes = process.resourceUsage().maxRSS * 1024;
  const from = performance.now();
  const { tables } = await recoverTable(lake, { tableId });
  const ms = performance.now() - from;
  await lake.close();
  return { ms, to: tables[0]?.to ?? -1, idleBytes, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function measureInChild(database: string, tableId: string): Promise<Measured> {
  const self = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [self, "--child", database, tableId]);
  return JSON.parse(stdout) as Measured;
}

async function compare(versions: number) {
  const postgres = process.env.BENCH_POSTGRES_URL;
  const rows = [];
  for (const engine of ["SQLite", ...(postgres ? ["PostgreSQL"] : [])]) {
    rows.push(
      await inTemporaryFolder(async (folder) => {
        const database = engine === "SQLite" ? join(folder, "lake.sqlite") : (postgres ?? "");
        console.error(`${engine}: writing a log of ${versions} versions`);
        const tableId = await prepare(folder, database, versions);
        console.error(`${engine}: recovering`);
        const { ms, to, idleBytes, peakBytes } = await measureInChild(database, tableId);
        if (to !== versions) throw new Error(`recovered up to version ${to}, not ${versions}`);
        const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
        return {
          engine,
          versions,
          time: `${(ms / 1000).toFixed(1)} s`,
          "versions/s": Math.round(versions / (ms / 1000)),
          "peak memory": mb(peakBytes),
          before: mb(idleBytes),
        };
      }),
    );
  }
  return rows;
}

const [first, database = "", tableId = ""] = process.argv.slice(2);
if (first === "--child") console.log(JSON.stringify(await measure(database, tableId)));
else {
  const { numbers } = readOptions({
    run: "node bench/recover.ts",
    about: "Time and peak memory of recoveries of a table whose log is ahead of SQL.",
    numbers: [{ name: "versions", count: 10_000, what: "by which it is ahead" }],
    environment: { BENCH_POSTGRES_URL: "a server of PostgreSQL, beside SQLite" },
  });
  console.log(`${markdownTable(await compare(numbers[0] ?? 0))}\n\n${machine()}`);
}
