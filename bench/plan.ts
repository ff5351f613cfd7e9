/**
 * What planning a scan costs in a large table: without an index and with one, for predicates that keep ten files.
 * `node bench/plan.ts [files] [--postgres URL [--no-sqlite]]`; one Markdown table.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { openPostgres } from "../lib/catalog/engines/postgres/driver.ts";
import { ActionCollector } from "../lib/delta/decode.ts";
import type { Json, JsonObject } from "../lib/delta/values/json.ts";
import { openLocalLake } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { addScanIndex, indexScans } from "../lib/operations/index-scans.ts";
import { planScan } from "../lib/operations/plan-scan.ts";
import { readOptions } from "./options.ts";
import { wrongPostgres } from "./postgres-url.ts";
import { inTemporaryFolder, machine, markdownTable, percentile, SCHEMA } from "./support.ts";

const {
  values,
  numbers: [FILES = 0],
} = readOptions({
  run: "node bench/plan.ts",
  about:
    "What planning a scan costs in a large table: without an index and with one, for predicates that keep ten files.",
  numbers: [{ name: "files", count: 1_000_000, what: "of the table" }],
  options: {
    postgres: { text: "URL", what: "this server, too; a database is made there and dropped", check: wrongPostgres },
    "no-sqlite": { flag: false, what: "not in a file of SQLite" },
  },
});
const BATCH = 20_000;
const ROUNDS = 100;
/** Files of one partition: ten. */
const PARTITIONS = FILES / 10;

/** Ids are in the order of the files, with some overlap; prices are not, so that their ranges are found by an index alone. */
function addFile(n: number): JsonObject {
  const part = `p${String((n * 7919) % PARTITIONS).padStart(7, "0")}`;
  const price = ((n * 104_729) % FILES) * 10;
  const stats = {
    numRecords: 100_000,
    minValues: { id: n * 100_000, price, name: "Aachen", at: "2026-01-31T00:00:00.000Z" },
    maxValues: { id: n * 100_000 + 99_999, price: price + 9, name: "Zwickau", at: "2026-01-31T23:59:59.999Z" },
    nullCount: { id: 0, price: n % 7, name: n % 13, at: 0 },
  };
  const path = `day=${part}/part-${n}-${randomUUID()}.c000.snappy.parquet`;
  const rest = { size: 4_000_000 + n, modificationTime: 1_770_000_000_000 + n, dataChange: true };
  return { path, partitionValues: { day: part }, ...rest, stats: JSON.stringify(stats) };
}

const between = (column: string, low: number, high: number): Json[] => [
  { column, op: ">=", value: low },
  { column, op: "<=", value: high },
];
const PREDICATES: Readonly<Record<string, (n: number) => Json>> = {
  "range of ids (in order)": (n) => ({ and: between("id", n * 100_000, n * 100_000 + 950_000) }),
  "range of prices (in no order)": (n) => ({ and: between("price", n * 10, n * 10 + 95) }),
  "one partition": (n) => ({ column: "day", op: "=", value: `p${String(n % PARTITIONS).padStart(7, "0")}` }),
  "both: a partition and a tenth of the ids": (n) => ({
    and: [
      { column: "day", op: "=", value: `p${String(n % PARTITIONS).padStart(7, "0")}` },
      ...between("id", 0, FILES * 10_000),
    ],
  }),
};

async function bench(engine: string, database: string): Promise<Record<string, Json>[]> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const table = { name: "bench.plan", location: "file:///bench/plan", schema: SCHEMA, partitionColumns: ["day"] };
  const { tableId } = await createTable(lake, table);
  const began = performance.now();
  const appends: number[] = [];
  for (let at = 0; at < FILES; at += BATCH) {
    const collector = new ActionCollector({ strict: true });
    for (let i = at; i < Math.min(FILES, at + BATCH); i += 1) collector.collect({ add: addFile(i) }, "");
    const part = { table: { tableId }, readVersion: at / BATCH, actions: collector.actions(), at: "" };
    const t = performance.now();
    const { status } = await commit(lake, { transactionId: randomUUID(), tables: [part], acknowledge: "sql" });
    appends.push(performance.now() - t);
    if (status !== "committed") throw new Error(status);
  }
  console.error(`${engine}: ${FILES} files in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const measure = async (predicate: (n: number) => Json, rounds: number) => {
    const times: number[] = [];
    let kept = 0;
    for (let i = 0; i < rounds; i += 1) {
      const at = performance.now();
      for (let cursor: string | undefined; ; ) {
        const more = cursor === undefined ? {} : { cursor };
        const n = Math.floor((FILES / rounds) * i);
        const scan = await planScan(lake, { tableId }, { predicate: predicate(n), limit: 1000, ...more });
        cursor = scan.page.next;
        kept = scan.keptAfter(scan.page.items.length);
        if (cursor === undefined) break;
      }
      times.push(performance.now() - at);
    }
    return { kept, p50: percentile(times, 0.5).toFixed(1), p95: percentile(times, 0.95).toFixed(1) };
  };
  const without = await measure(PREDICATES["range of ids (in order)"] as (n: number) => Json, 2);
  const rows: Record<string, Json>[] = [{ engine, index: "none", predicate: "range of ids (in order)", ...without }];
  const indexing = performance.now();
  for (const column of ["id", "price", "day"]) await addScanIndex(lake, { tableId }, column);
  await indexScans(lake);
  console.error(`${engine}: three indexes in ${((performance.now() - indexing) / 1000).toFixed(0)} s`);
  for (const [name, predicate] of Object.entries(PREDICATES)) {
    rows.push({ engine, index: "id, price, day", predicate: name, ...(await measure(predicate, ROUNDS)) });
  }
  await lake.close();
  return rows;
}

const rows = !values["no-sqlite"]
  ? await inTemporaryFolder((folder) => bench("SQLite", join(folder, "lake.sqlite")))
  : [];
if (values.postgres !== undefined) {
  const schema = `dl_bench_${randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres(values.postgres, { poolSize: 1 });
  await admin.define(`create schema ${schema}`);
  const url = new URL(values.postgres);
  url.searchParams.set("options", `-csearch_path=${schema}`);
  try {
    rows.push(...(await bench("PostgreSQL", url.href)));
  } finally {
    await admin.define(`drop schema ${schema} cascade`);
    await admin.close();
  }
}
console.log(`${FILES} files, milliseconds of planScan over ${ROUNDS} rounds; ${machine()}\n`);
console.log(markdownTable(rows));
