/**
 * What checkpoints cost a table that many small commits go to: with an interval of ten versions, and without one, in turn in one run.
 * `node bench/cadence.ts [--files 100000] [--commits 1000]`.
 */

import { randomUUID } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ActionCollector } from "../lib/delta/decode.ts";
import { type LocalLake, openLocalLake, toLocation } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const FILES_A_COMMIT = 5_000;

const { files, commits } = readOptions({
  run: "node bench/cadence.ts",
  about:
    "What checkpoints cost a table that many small commits go to: with an interval of ten versions, and without one.",
  options: {
    files: { count: 100_000, what: "of the table" },
    commits: { count: 1000, what: "of one file each" },
  },
}).values;

async function add(lake: LocalLake, tableId: string, first: number, count: number): Promise<void> {
  const collector = new ActionCollector({ strict: true });
  for (let n = first; n < first + count; n += 1) collector.collect({ add: addFile(n) }, "");
  const table = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
  const { status } = await commit(lake, { transactionId: randomUUID(), tables: [table] });
  if (status !== "committed") throw new Error(status);
}

async function openSubject(lake: LocalLake, folder: string, name: string, configuration: Record<string, string>) {
  const table = join(folder, name);
  const location = await toLocation(table);
  const options = { schema: SCHEMA, partitionColumns: PARTITION_COLUMNS, configuration };
  const { tableId } = await createTable(lake, { name: `bench.${name}`, location, ...options });
  for (let first = 0; first < files; first += FILES_A_COMMIT) await add(lake, tableId, first, FILES_A_COMMIT);
  await mirrorTable(lake, tableId);
  return { table, tableId, from: files / FILES_A_COMMIT, ms: 0, checkpoints: 0, bytes: 0 };
}

const rows = await inTemporaryFolder(async (folder) => {
  const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const subjects = {
    "10 versions": await openSubject(lake, folder, "often", { "delta.checkpointInterval": "10" }),
    "none: by what has changed": await openSubject(lake, folder, "changed", {}),
  };
  for (let n = 0; n < commits; n += 1) {
    for (const subject of Object.values(subjects)) {
      await add(lake, subject.tableId, files + n, 1);
      const from = performance.now();
      const { checkpoints } = await mirrorTable(lake, subject.tableId);
      subject.ms += performance.now() - from;
      subject.checkpoints += checkpoints.length;
    }
  }
  await lake.close();
  return Object.entries(subjects).map(([interval, { table, from, ms, checkpoints }]) => {
    const log = join(table, "_delta_log");
    const written = readdirSync(log).filter((name) => /^\d{20}\./.test(name) && Number(name.slice(0, 20)) > from);
    const bytes = written.reduce((sum, name) => sum + statSync(join(log, name)).size, 0);
    return {
      interval,
      checkpoints,
      "KB a commit": (bytes / 1000 / commits).toFixed(1),
      "ms of the mirror a commit": (ms / commits).toFixed(2),
    };
  });
});
console.log(
  `${markdownTable(rows)}\n\n${commits} commits of one file each to a table of ${files}, each published at once. ${machine()}`,
);
