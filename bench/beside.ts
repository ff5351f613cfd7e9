/**
 * What a busy `dl serve` publishes while it acknowledges: 32 writers over HTTP append to one table, then to 32, by commits, and by
 * appends that share versions, on SQLite and (BENCH_POSTGRES_URL) PostgreSQL. The backlog must not grow without bound.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { readOptions } from "./options.ts";
import { type Server, startServer } from "./serve.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, percentile } from "./support.ts";

readOptions({
  run: "node bench/beside.ts",
  about:
    "What a busy dl serve publishes while it acknowledges: 32 writers on one table, then on 32, by commits and appends.",
  environment: {
    BENCH_POSTGRES_URL: "a server of PostgreSQL, beside SQLite",
    BENCH_MS: "milliseconds of each load (default: 10000)",
  },
});

const WRITERS = 32;
const CELL_MS = Number(process.env.BENCH_MS ?? 10_000);

interface Load {
  readonly acknowledged: number;
  readonly refused: number;
  readonly latenciesMs: readonly number[];
}

/** Appends share versions, and cost the writers a wait: so there are more of them. */
const WAYS = {
  commits: { writers: WRITERS, path: () => "/v1/commits" },
  appends: { writers: 8 * WRITERS, path: (tableId: string) => `/v1/tables/${tableId}/appends` },
} as const;

type Way = keyof typeof WAYS;

async function load(server: Server, tables: readonly string[], way: Way): Promise<Load> {
  const end = performance.now() + CELL_MS;
  const latenciesMs: number[] = [];
  let refused = 0;
  const writer = async (n: number) => {
    const tableId = tables[n % tables.length] as string;
    while (performance.now() < end) {
      const from = performance.now();
      const actions = [{ add: addFile(n) }];
      const what = way === "appends" ? { actions } : { tables: [{ tableId, readVersion: 0, actions }] };
      const { status } = await server.call("POST", WAYS[way].path(tableId), { transactionId: randomUUID(), ...what });
      if (status !== 201) refused += 1;
      else latenciesMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: WAYS[way].writers }, (_, n) => writer(n)));
  return { acknowledged: latenciesMs.length, refused, latenciesMs };
}

async function published(server: Server, tables: readonly string[]) {
  let [versions, committed] = [0, 0];
  for (const tableId of tables) {
    const { text } = await server.call("GET", `/v1/tables/${tableId}`);
    const { version, health } = JSON.parse(text) as { version: number; health: { unpublishedVersions: number } };
    versions += version - health.unpublishedVersions;
    committed += version;
  }
  return { versions, committed };
}

async function measure(engine: string, database: string, folder: string) {
  const rows = [];
  const server = await startServer({ database, folder, connections: 8 * WRITERS + 2 });
  try {
    for (const [count, way] of [
      [1, "commits"],
      [WRITERS, "commits"],
      [1, "appends"],
      [WRITERS, "appends"],
    ] as const) {
      const tables = await server.createTables(count);
      const { acknowledged, refused, latenciesMs } = await load(server, tables, way);
      const seconds = CELL_MS / 1000;
      const { versions, committed } = await published(server, tables);
      rows.push({
        engine,
        way,
        tables: count,
        "acknowledged/s": Math.round(acknowledged / seconds),
        "p50 ms": percentile(latenciesMs, 0.5).toFixed(1),
        "p95 ms": percentile(latenciesMs, 0.95).toFixed(1),
        refused,
        "versions/s": Math.round(committed / seconds),
        "published/s": Math.round(versions / seconds),
        published: `${Math.round((100 * versions) / committed)} %`,
      });
    }
  } finally {
    await server.close();
  }
  return rows;
}

const rows = await inTemporaryFolder((folder) => measure("SQLite", join(folder, "lake.sqlite"), folder));
const { BENCH_POSTGRES_URL } = process.env;
if (BENCH_POSTGRES_URL) {
  const name = `dl_bench_${Date.now()}`;
  const admin = new pg.Client({ connectionString: BENCH_POSTGRES_URL });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const database = new URL(BENCH_POSTGRES_URL);
  database.pathname = `/${name}`;
  rows.push(...(await inTemporaryFolder((folder) => measure("PostgreSQL", database.href, folder))));
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.end();
}
console.log(markdownTable(rows));
console.log(
  `\n${WRITERS} writers over HTTP (${8 * WRITERS} of appends) for ${CELL_MS / 1000} s, one add a commit, the writers on the same machine. ${machine()}`,
);
