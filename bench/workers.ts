/**
 * What more processes bring to one `dl serve` (`--workers`), on PostgreSQL (BENCH_POSTGRES_URL): commits of one file by 32 writers on 32 tables,
 * and reads of heads, by servers of each size in turn. `node bench/workers.ts [--sizes 1,2,4] [--rounds 5] [--seconds 4]`.
 */

import { randomUUID } from "node:crypto";
import pg from "pg";
import { readOptions } from "./options.ts";
import { type Server, startServer } from "./serve.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, percentile } from "./support.ts";

const WRITERS = 32;

const { values } = readOptions({
  run: "node bench/workers.ts",
  about: "What more processes bring to one dl serve, on PostgreSQL: commits of 32 writers and reads of heads, in turn.",
  options: {
    sizes: {
      text: "1,2,4",
      what: "processes of each server (default: 1,2,4)",
      check: (sizes: string) =>
        /^[1-9]\d*(,[1-9]\d*)*$/.test(sizes) ? undefined : "numbers, with commas between them",
    },
    rounds: { count: 5, what: "samples of each" },
    seconds: { count: 4, what: "how long each takes" },
  },
  environment: { BENCH_POSTGRES_URL: "a server of PostgreSQL" },
  needs: ["BENCH_POSTGRES_URL"],
});
const { rounds, seconds, sizes: given = "1,2,4" } = values;
const sizes = given.split(",").map(Number);
const ms = seconds * 1000;
const base = process.env.BENCH_POSTGRES_URL ?? "";

interface Sized {
  readonly workers: number;
  readonly server: Server;
  readonly tables: readonly string[];
  readonly commits: number[];
  readonly heads: number[];
}

/** @returns how many a second */
async function perSecond(call: (n: number) => Promise<number>): Promise<number> {
  const from = performance.now();
  let done = 0;
  const client = async (n: number) => {
    while (performance.now() - from < ms) {
      const status = await call(n);
      if (status >= 300) throw new Error(`answered with ${status}`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => client(n)));
  return (1000 * done) / (performance.now() - from);
}

async function round({ server, tables, commits, heads }: Sized): Promise<void> {
  const table = (n: number) => tables[n % tables.length] as string;
  commits.push(
    await perSecond(async (n) => {
      const actions = [{ add: addFile(n) }];
      const body = { transactionId: randomUUID(), tables: [{ tableId: table(n), readVersion: 0, actions }] };
      return (await server.call("POST", "/v1/commits", body)).status;
    }),
  );
  heads.push(await perSecond(async (n) => (await server.call("GET", `/v1/tables/${table(n)}`)).status));
}

async function open(workers: number, folder: string): Promise<Sized> {
  const name = `dl_workers_${workers}_${Date.now()}`;
  await admin.query(`create database ${name}`);
  names.push(name);
  const database = Object.assign(new URL(base ?? ""), { pathname: `/${name}` }).href;
  const args = ["--workers", String(workers)];
  const server = await startServer({ database, folder, connections: WRITERS, args });
  return { workers, server, tables: await server.createTables(WRITERS), commits: [], heads: [] };
}

const names: string[] = [];
const admin = new pg.Client({ connectionString: base });
await admin.connect();
const sized: Sized[] = [];
await inTemporaryFolder(async (folder) => {
  for (const workers of sizes) sized.push(await open(workers, folder));
  for (let i = 0; i < rounds; i += 1) for (const one of sized) await round(one);
  for (const { server } of sized) await server.close();
});
for (const name of names) await admin.query(`drop database if exists ${name} with (force)`);
await admin.end();
const [first] = sized;
const shown = (own: readonly number[], of: readonly number[]) => {
  const ratio = percentile([...own], 0.5) / percentile([...of], 0.5);
  return `${Math.round(percentile([...own], 0.5))} (${ratio.toFixed(2)})`;
};
const rows = sized.map(({ workers, commits, heads }) => ({
  workers,
  "commits/s (ratio)": shown(commits, first?.commits ?? []),
  "heads/s (ratio)": shown(heads, first?.heads ?? []),
}));
console.log(
  `${markdownTable(rows)}\n\nMedians of ${rounds} rounds; clients and PostgreSQL on the same cores. ${machine()}`,
);
