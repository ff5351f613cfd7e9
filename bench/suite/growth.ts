/** Benchmarks of growth: a commit beside more and more tables and to larger ones, and what commits and files take in SQL beside the log. */

import { randomUUID } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { type LocalLake, openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { type Server, startServer } from "../serve.ts";
import { addFile, PARTITION_COLUMNS, progress, SCHEMA } from "../support.ts";
import { type Engine, enginesOf } from "./engines.ts";
import { medianOf } from "./floor.ts";
import type { Bench, Case, Subject } from "./model.ts";
import { largeTable } from "./reading.ts";

const TABLES = [1, 100, 1000];
const FILES = [1_000, 10_000, 100_000, 1_000_000];
const COMMITS = 5_000;
const AT_ONCE = 32;
const FILES_A_COMMIT = 1_000;

const commitsTo = (server: Server, tableId: string, times: number) =>
  medianOf(times, async (n) => {
    const part = { tableId, readVersion: 0, actions: [{ add: addFile(n) }] };
    const { status, text } = await server.call("POST", "/v1/commits", { transactionId: randomUUID(), tables: [part] });
    if (status !== 201) throw new Error(`${status} ${text}`);
  });

async function* besideTables(engine: Engine): AsyncGenerator<Case> {
  const server = await startServer({ ...(await engine.database()), connections: 8 });
  let tables = 0;
  try {
    for (const wanted of TABLES) {
      progress(`${engine.name}: ${wanted} tables`);
      const lacking = Math.max(0, wanted - tables);
      const made = await Promise.all(Array.from({ length: 8 }, (_, n) => server.createTables(share(lacking, n))));
      tables += lacking;
      const [tableId = ""] = made.flat();
      yield {
        name: `${engine.name}, ${wanted} ${wanted === 1 ? "table" : "tables"}`,
        subjects: [{ name: "deltalakedb", role: "ours", sample: () => commitsTo(server, tableId, 100) }],
      };
    }
  } finally {
    await server.close();
  }
}

/** Of a number of things what the nth of eight takes. */
const share = (count: number, n: number) => Math.floor((count + 7 - n) / 8);

async function toTable(engine: Engine, files: number): Promise<Case> {
  const large = await largeTable(engine, files);
  const server = await startServer({ ...large, connections: 2 });
  return {
    name: `${engine.name}, a table of ${files} files`,
    close: () => server.close(),
    subjects: [
      { name: "a commit", role: "ours", sample: () => commitsTo(server, large.tableId, 100) },
      {
        name: "its head",
        role: "ours",
        sample: () => medianOf(100, () => server.call("GET", `/v1/tables/${large.tableId}`)),
      },
    ],
  };
}

/** Of the catalog's tables and indexes, as they lie on the disk. */
async function bytesOf(database: string): Promise<number> {
  if (!database.startsWith("postgres")) {
    const db = new DatabaseSync(database);
    db.exec("pragma wal_checkpoint(truncate)");
    const [row] = db
      .prepare(
        "select (page_count - freelist_count) * page_size as bytes from pragma_page_count, pragma_freelist_count, pragma_page_size",
      )
      .all();
    db.close();
    return Number(row?.bytes);
  }
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query("vacuum");
  const { rows } = await client.query(
    "select sum(pg_total_relation_size(oid)) as bytes from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  await client.end();
  return Number(rows[0]?.bytes);
}

/** Without checkpoints, which a table has as many of as its readers want. */
function bytesOfLog(table: string): number {
  const log = join(table, "_delta_log");
  const commits = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  return commits.reduce((sum, name) => sum + statSync(join(log, name)).size, 0);
}

interface Bytes {
  readonly sql: number;
  readonly log: number;
}

async function commitAll(lake: LocalLake, tableId: string, commits: number, files: number): Promise<void> {
  for (let from = 0; from < commits; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, commits - from) }, async (_, i) => {
      const collector = new ActionCollector({ strict: true });
      for (let n = 0; n < files; n += 1) collector.collect({ add: addFile((from + i) * files + n) }, "");
      const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
      const { status } = await commit(lake, { transactionId: randomUUID(), tables: [part] });
      if (status !== "committed") throw new Error(status);
    });
    await Promise.all(some);
    await mirrorTable(lake, tableId);
  }
}

/** Bytes of so many commits, all published, without those of an empty catalog. */
async function grown(engine: Engine, commits: number, files: number): Promise<Bytes> {
  progress(`${engine.name}: ${commits} commits of ${files} ${files === 1 ? "file" : "files"}`);
  const { database, folder } = await engine.database();
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const table = join(folder, "grown");
  const made = { name: "bench.grown", location: await toLocation(table), schema: SCHEMA };
  const { tableId } = await createTable(lake, { ...made, partitionColumns: PARTITION_COLUMNS });
  await mirrorTable(lake, tableId);
  const [before, logBefore] = [await bytesOf(database), bytesOfLog(table)];
  await commitAll(lake, tableId, commits, files);
  const [after, logAfter] = [await bytesOf(database), bytesOfLog(table)];
  await lake.close();
  return { sql: after - before, log: logAfter - logBefore };
}

/** They are the same each time: measured once. */
function inBytes(name: string, unit: string, count: number, measured: () => Promise<Bytes>): Case {
  let once: Promise<Bytes> | undefined;
  const of = (part: keyof Bytes) => async () => {
    once ??= measured();
    return (await once)[part] / count;
  };
  const subjects: Subject[] = [
    { name: "in SQL, with indexes", role: "ours", sample: of("sql") },
    { name: "in the log", role: "floor", sample: of("log") },
  ];
  return { name, unit, better: "less", subjects };
}

export const GROWTH: Bench = {
  title: "Growth: commits beside more tables and to larger ones, and the bytes they take",
  unit: "ms p50",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      yield* besideTables(engine);
      for (const files of FILES.filter((one) => one <= context.files)) {
        yield await toTable(engine, files);
        const commits = Math.max(1, files / FILES_A_COMMIT);
        const measured = () => grown(engine, commits, Math.min(files, FILES_A_COMMIT));
        yield inBytes(`${engine.name}, ${files} file rows`, "bytes a file", files, measured);
      }
      const measured = () => grown(engine, COMMITS, 1);
      yield inBytes(`${engine.name}, ${COMMITS} commits of one file`, "bytes a commit", COMMITS, measured);
    }
  },
};
