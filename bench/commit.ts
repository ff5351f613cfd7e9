/**
 * Commits per second through operations/commit, on SQLite and (BENCH_POSTGRES_URL) PostgreSQL: 1 and 16 writers in one
 * process, on one table, on 16 tables, and on 16 tables in each commit. Compare figures of one run only.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { ActionCollector } from "../lib/delta/decode.ts";
import type { CommitRequest } from "../lib/delta/request.ts";
import { type LocalLake, openLocalLake } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { readOptions } from "./options.ts";
import {
  addFile,
  inTemporaryFolder,
  machine,
  markdownTable,
  PARTITION_COLUMNS,
  percentile,
  SCHEMA,
} from "./support.ts";

readOptions({
  run: "node bench/commit.ts",
  about: "Commits per second without a server, with 1 and 16 writers.",
  environment: {
    BENCH_POSTGRES_URL: "a server of PostgreSQL, beside SQLite",
  },
});

const CELL_MS = 4000;
const WARM_UP_MS = 500;
const ADDS = 10;
const TABLES = 16;

/** `each`: a commit takes the next of the tables; `all`: every commit moves all of them. */
const SHAPES = [
  { name: "1 table", tables: 1, perCommit: 1 },
  { name: `${TABLES} tables, one each`, tables: TABLES, perCommit: 1 },
  { name: `${TABLES} tables in each`, tables: TABLES, perCommit: TABLES },
] as const;
const WRITERS = [1, 16];

interface Cell {
  readonly commits: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly roundTrips: number | undefined;
}

/** Queries that the PostgreSQL driver has sent, counted where they leave. */
let queriesSent = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
  queriesSent += 1;
  return Reflect.apply(query, this, args);
} as typeof query;

async function measure(lake: LocalLake, shape: (typeof SHAPES)[number], writers: number): Promise<Cell> {
  const tables: { tableId: string; version: number }[] = [];
  for (let i = 0; i < shape.tables; i += 1) {
    const name = `bench.t${randomUUID().replaceAll("-", "")}`;
    const location = `file:///bench/${name}`;
    tables.push(await createTable(lake, { name, location, schema: SCHEMA, partitionColumns: PARTITION_COLUMNS }));
  }
  let next = 0;
  const latenciesMs: number[] = [];
  const writeUntil = async (end: number): Promise<void> => {
    while (performance.now() < end) {
      const chosen = Array.from({ length: shape.perCommit }, () => tables[next++ % tables.length]).filter(
        (t) => t !== undefined,
      );
      const request = commitRequest(chosen);
      const from = performance.now();
      const result = await commit(lake, request);
      latenciesMs.push(performance.now() - from);
      if (result.status !== "committed") throw new Error(`unexpected ${JSON.stringify(result)}`);
      for (const [i, table] of chosen.entries())
        table.version = Math.max(table.version, result.tables[i]?.version ?? 0);
    }
  };
  const write = (ms: number) => {
    const end = performance.now() + ms;
    return Promise.all(Array.from({ length: writers }, () => writeUntil(end)));
  };
  await write(WARM_UP_MS);
  latenciesMs.length = 0;
  const [from, queriesBefore] = [performance.now(), queriesSent];
  await write(CELL_MS);
  const queries = queriesSent - queriesBefore;
  const commits = latenciesMs.length;
  return {
    commits,
    seconds: (performance.now() - from) / 1000,
    latenciesMs,
    roundTrips: queries === 0 ? undefined : queries / commits,
  };
}

function commitRequest(tables: readonly { tableId: string; version: number }[]): CommitRequest {
  return {
    transactionId: randomUUID(),
    tables: tables.map(({ tableId, version }, i) => {
      const collector = new ActionCollector({ strict: true });
      for (let n = 0; n < ADDS; n += 1) collector.collect({ add: addFile(n) }, `/tables/${i}/actions/${n}`);
      return { table: { tableId }, readVersion: version, actions: collector.actions(), at: `/tables/${i}` };
    }),
  };
}

/** A database of its own on the server, dropped afterwards. */
async function onPostgres<T>(url: string, work: (database: string) => Promise<T>): Promise<T> {
  const name = `dl_bench_${Date.now()}`;
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query(`create database ${name}`);
    const database = new URL(url);
    database.pathname = `/${name}`;
    return await work(database.href);
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  }
}

async function run(engine: string, database: string) {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  try {
    await lake.catalog.migrate();
    const rows = [];
    let base: number | undefined;
    for (const shape of SHAPES) {
      for (const writers of WRITERS) {
        console.error(`${engine}: ${shape.name}, ${writers} writers`);
        const cell = await measure(lake, shape, writers);
        const perSecond = cell.commits / cell.seconds;
        base ??= perSecond;
        rows.push({
          engine,
          "a commit writes to": shape.name,
          writers,
          "commits/s": Math.round(perSecond),
          ratio: `${(perSecond / base).toFixed(2)} ×`,
          "p50 ms": percentile(cell.latenciesMs, 0.5).toFixed(1),
          "p95 ms": percentile(cell.latenciesMs, 0.95).toFixed(1),
          "SQL round trips": cell.roundTrips?.toFixed(2) ?? "in process",
        });
      }
    }
    return rows;
  } finally {
    await lake.close();
  }
}

const url = process.env.BENCH_POSTGRES_URL;
const rows = await inTemporaryFolder(async (folder) => [
  ...(await run("SQLite", join(folder, "bench.sqlite"))),
  ...(url ? await onPostgres(url, (database) => run("PostgreSQL", database)) : []),
]);
console.log(
  `${markdownTable(rows)}\n\n${ADDS} adds per table and commit; ratio to the first row of the engine. ${machine()}`,
);
