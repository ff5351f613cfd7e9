/**
 * Backups and restores of a catalog of a million files: rows and bytes a second, peak memory, and what an increment costs beside the
 * change. On SQLite and, with BENCH_POSTGRES_URL, on PostgreSQL; each step in a process of its own. `node bench/backup.ts [files]`.
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ActionCollector } from "../lib/delta/decode.ts";
import { openBackups } from "../lib/lake/backups.ts";
import { openLocalLake } from "../lib/lake/local.ts";
import { backupCatalog } from "../lib/operations/backup.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { restoreCatalog } from "../lib/operations/restore.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const FILES_A_COMMIT = 10_000;
/** Files of an increment: added, and as many removed. */
const CHANGES = [1, 100, 10_000];

type Step = "backup" | "restore" | "add" | "change";

interface Measured {
  readonly seconds: number;
  readonly rows: number;
  readonly bytes: number;
  /** Bytes: the peak of the process. */
  readonly peakBytes: number;
}

/** One step, in this process. */
async function run(step: Step, database: string, folder: string, amount: number): Promise<Measured> {
  const options = { database, mirror: false, verifyFiles: "off" } as const;
  const lake = await openLocalLake(step === "restore" ? { ...options, schema: "leave" } : options);
  const place = await openBackups(folder);
  const began = performance.now();
  const { rows, bytes } =
    step === "backup"
      ? await backupCatalog(lake, place)
      : step === "restore"
        ? await restoreCatalog(lake.catalog, place)
        : { rows: await change(lake, step, amount), bytes: 0 };
  const seconds = (performance.now() - began) / 1000;
  await lake.close();
  return { seconds, rows, bytes, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function change(lake: Awaited<ReturnType<typeof openLocalLake>>, step: Step, amount: number): Promise<number> {
  const name = "bench.backup";
  const table = { name, location: "file:///bench/backup", schema: SCHEMA, partitionColumns: PARTITION_COLUMNS };
  if (step === "add") await createTable({ ...lake, tryLocation: async (location: string) => location }, table);
  for (let done = 0; done < amount; ) {
    const head = await lake.catalog.findTable({ name });
    if (head === undefined) throw new Error("there is no table");
    const count = Math.min(FILES_A_COMMIT, amount - done);
    const collector = new ActionCollector({ strict: true });
    for (let i = 0; i < count; i += 1) collector.collect({ add: addFile(done + i) }, "");
    const { items } = await lake.catalog.readFiles(head.tableId, head.version, {
      limit: step === "change" ? count : 1,
    });
    for (const { path, partitionValues, size } of step === "change" ? items : []) {
      const remove = {
        path,
        partitionValues,
        size,
        dataChange: true,
        deletionTimestamp: 1,
        extendedFileMetadata: true,
      };
      collector.collect({ remove }, "");
    }
    const part = { table: { name }, readVersion: head.version, actions: collector.actions(), at: "" };
    await commit(lake, { transactionId: randomUUID(), tables: [part], acknowledge: "sql" });
    done += count;
  }
  return amount;
}

async function inProcess(step: Step, database: string, folder: string, amount = 0): Promise<Measured> {
  const args = [fileURLToPath(import.meta.url), "--child", step, database, folder, String(amount)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Measured;
}

function line(what: string, { seconds, rows, bytes, peakBytes }: Measured) {
  return {
    step: what,
    seconds: seconds.toFixed(1),
    rows,
    "rows/s": Math.round(rows / seconds),
    MB: (bytes / 1e6).toFixed(1),
    "MB/s": (bytes / 1e6 / seconds).toFixed(1),
    "peak MB": Math.round(peakBytes / 1e6),
  };
}

async function main(files: number): Promise<void> {
  const { BENCH_POSTGRES_URL: postgres } = process.env;
  await inTemporaryFolder(async (folder) => {
    const [database, place] = [join(folder, "lake.sqlite"), join(folder, "backups")];
    await inProcess("add", database, place, files);
    const lines = [line("full backup, SQLite", await inProcess("backup", database, place))];
    lines.push(line("restore, SQLite", await inProcess("restore", join(folder, "restored.sqlite"), place)));
    if (postgres !== undefined) {
      lines.push(line("restore, PostgreSQL", await inProcess("restore", postgres, place)));
      lines.push(line("full backup, PostgreSQL", await inProcess("backup", postgres, join(folder, "others"))));
    }
    for (const amount of CHANGES) {
      await inProcess("change", database, place, amount);
      lines.push(line(`increment of ${amount} files added and removed`, await inProcess("backup", database, place)));
    }
    process.stdout.write(`${markdownTable(lines)}\n\n${files} files; MB as compressed. ${machine()}\n`);
  });
}

const [isChild, step, database = "", folder = "", amount = "0"] = process.argv.slice(2);
if (isChild === "--child") {
  process.stdout.write(JSON.stringify(await run(step as Step, database, folder, Number(amount))));
} else {
  const { numbers } = readOptions({
    run: "node bench/backup.ts",
    about:
      "Backups and restores of a large catalog: rows and bytes a second, peak memory, and what an increment costs.",
    numbers: [{ name: "files", count: 1_000_000, what: "files of the catalog" }],
    environment: { BENCH_POSTGRES_URL: "a database of PostgreSQL, which is restored into and backed up as well" },
  });
  await main(numbers[0] ?? 0);
}
