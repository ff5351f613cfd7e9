/**
 * What a busy `dl serve` publishes while it acknowledges: 32 writers over HTTP append to one table, then to 32, by commits, and by
 * appends that share versions, on SQLite and (BENCH_POSTGRES_URL) PostgreSQL. The backlog must not grow without bound.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { addFile, inTemporaryFolder, machine, markdownTable, percentile, SCHEMA } from "./support.ts";

const MAIN = fileURLToPath(new URL("../lib/cli/main.ts", import.meta.url));
const WRITERS = 32;
const CELL_MS = Number(process.env.BENCH_MS ?? 10_000);
const agent = new Agent({ keepAlive: true, maxSockets: 8 * WRITERS + 2 });

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function call(url: string, method: "GET" | "POST", body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { "content-type": "application/json" } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: text === "" ? undefined : JSON.parse(text) });
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function startServer(database: string, folder: string): Promise<{ url: string; process: ChildProcess }> {
  const args = [MAIN, "serve", "--port", "0", "--database", database, "--storage", join(folder, "tables"), "--format"];
  const env = { ...process.env, LOG_LEVEL: "error", VERIFY_FILES: "false", LOGGING_ACCESS: "false" };
  const child = spawn(process.execPath, [...args, "json", "--parity-interval-seconds", "0"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { url: (JSON.parse(line) as { url: string }).url, process: child };
}

async function createTables(url: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const name = `bench.t${randomUUID().replaceAll("-", "")}`;
    const { status, body } = await call(`${url}/v1/tables`, "POST", {
      name,
      schema: SCHEMA,
      partitionColumns: ["day"],
    });
    if (status !== 201) throw new Error(`no table: ${status} ${JSON.stringify(body)}`);
    ids.push((body as { tableId: string }).tableId);
  }
  return ids;
}

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

async function load(url: string, tables: readonly string[], way: Way): Promise<Load> {
  const end = performance.now() + CELL_MS;
  const latenciesMs: number[] = [];
  let refused = 0;
  const writer = async (n: number) => {
    const tableId = tables[n % tables.length] as string;
    while (performance.now() < end) {
      const from = performance.now();
      const actions = [{ add: addFile(n) }];
      const what = way === "appends" ? { actions } : { tables: [{ tableId, readVersion: 0, actions }] };
      const { status } = await call(url + WAYS[way].path(tableId), "POST", { transactionId: randomUUID(), ...what });
      if (status !== 201) refused += 1;
      else latenciesMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: WAYS[way].writers }, (_, n) => writer(n)));
  return { acknowledged: latenciesMs.length, refused, latenciesMs };
}

async function published(url: string, tables: readonly string[]) {
  let [versions, committed] = [0, 0];
  for (const tableId of tables) {
    const { body } = await call(`${url}/v1/tables/${tableId}`, "GET");
    const { version, health } = body as { version: number; health: { unpublishedVersions: number } };
    versions += version - health.unpublishedVersions;
    committed += version;
  }
  return { versions, committed };
}

async function measure(engine: string, database: string, folder: string) {
  const rows = [];
  const server = await startServer(database, folder);
  try {
    for (const [count, way] of [
      [1, "commits"],
      [WRITERS, "commits"],
      [1, "appends"],
      [WRITERS, "appends"],
    ] as const) {
      const tables = await createTables(server.url, count);
      const { acknowledged, refused, latenciesMs } = await load(server.url, tables, way);
      const seconds = CELL_MS / 1000;
      const { versions, committed } = await published(server.url, tables);
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
    server.process.kill("SIGKILL");
    await once(server.process, "exit");
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
agent.destroy();
console.log(markdownTable(rows));
console.log(
  `\n${WRITERS} writers over HTTP (${8 * WRITERS} of appends) for ${CELL_MS / 1000} s, one add a commit, the writers on the same machine. ${machine()}`,
);
