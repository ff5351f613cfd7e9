/**
 * One commit on MySQL or MariaDB (BENCH_MYSQL_URL: a database of its own) by the procedure and by the transaction that it spares, in turn, by
 * number of files: milliseconds, calls to the server, and the ratio, which alone means something. BENCH_DELAY_MS: what each call waits more.
 */

import { createRequire } from "node:module";
import { sql } from "../lib/catalog/database.ts";
import { openMysql } from "../lib/catalog/engines/mysql/driver.ts";
import { catalogOn } from "../lib/catalog/sql-catalog.ts";
import type { AddFile } from "../lib/delta/actions.ts";
import type { Catalog } from "../lib/ports.ts";
import { add, commitOf, newTable, testClock } from "../test/support/catalog-plans.ts";
import { readOptions } from "./options.ts";
import { addFile, machine, markdownTable, percentile } from "./support.ts";

readOptions({
  run: "node bench/mysql-commit.ts",
  about: "One commit on MySQL or MariaDB by the procedure and by the transaction that it spares, in turn.",
  environment: {
    BENCH_MYSQL_URL: "a database of its own",
    BENCH_DELAY_MS: "what each call waits more (default: 0)",
    BENCH_SIZES: "numbers of files (default: 1,10,100,1000)",
  },
  needs: ["BENCH_MYSQL_URL"],
});

const url = process.env.BENCH_MYSQL_URL ?? "";
const delayMs = Number(process.env.BENCH_DELAY_MS ?? 0);
const SIZES = (process.env.BENCH_SIZES ?? "1,10,100,1000").split(",").map(Number);
const ROUNDS = 15;

/** Calls that the driver has sent, counted where they leave. */
let calls = 0;
interface Sends {
  query(...args: unknown[]): Promise<unknown>;
}
const { PromiseConnection } = createRequire(import.meta.url)("mysql2/promise.js") as {
  readonly PromiseConnection: { readonly prototype: Sends };
};
const { query } = PromiseConnection.prototype;
PromiseConnection.prototype.query = async function counted(this: Sends, ...args: unknown[]) {
  calls += 1;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  return Reflect.apply(query, this, args);
};

const database = openMysql(url, { poolSize: 4 });
const byProcedure = catalogOn(database, testClock());
await byProcedure.migrate();
const bySteps = catalogOn({ ...database, dialect: { ...database.dialect, tryCommit: undefined } }, testClock());

interface Way {
  readonly catalog: Catalog;
  readonly tableId: string;
  version: number;
  calls: number;
  readonly ms: number[];
}

const rows: Record<string, string | number>[] = [];
function fileOf(n: number): AddFile {
  const { path, stats } = addFile(n);
  return add(String(path), { stats: String(stats), partitionValues: { day: "2026-01-01" } });
}

for (const size of SIZES) {
  const ways: Way[] = [];
  for (const catalog of [byProcedure, bySteps]) {
    ways.push({ catalog, tableId: await newTable(catalog), version: 0, calls: 0, ms: [] });
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of ways) {
      const adds = Array.from({ length: size }, (_, i) => fileOf(i));
      const before = calls;
      const from = performance.now();
      const outcome = await commitOf(way.catalog, way.tableId, { readVersion: way.version, actions: { adds } });
      way.ms.push(performance.now() - from);
      way.calls = calls - before;
      if (outcome.status !== "committed") throw new Error(JSON.stringify(outcome));
      way.version += 1;
    }
  }
  const [one, many] = ways as [Way, Way];
  const [oneMs, manyMs] = [percentile(one.ms, 0.5), percentile(many.ms, 0.5)];
  rows.push({
    files: size,
    "procedure, ms": oneMs.toFixed(1),
    calls: one.calls,
    "transaction, ms": manyMs.toFixed(1),
    "its calls": many.calls,
    ratio: (oneMs / manyMs).toFixed(2),
  });
}
const [server] = await database.read(sql`select version() as version`);
console.log(`${machine()}; ${server?.version}; ${delayMs} ms added to each call\n`);
console.log(markdownTable(rows));
await database.close();
