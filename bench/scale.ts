/**
 * What size costs: 1,000 tables and millions of file rows in one catalog on PostgreSQL (BENCH_POSTGRES_URL), or on MySQL or MariaDB
 * (BENCH_MYSQL_URL: any database of the server), against an empty one, in turn: a commit of ten files, and the read of a head. Also bytes per file row and per commit. `--tables N --rows N --rounds N`.
 */

import { randomUUID } from "node:crypto";
import { type Database, raw } from "../lib/catalog/database.ts";
import { openMysql } from "../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../lib/catalog/engines/postgres/driver.ts";
import { ActionCollector } from "../lib/delta/decode.ts";
import { type LocalLake, openLocalLake } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { readOptions } from "./options.ts";
import { addFile, machine, markdownTable, PARTITION_COLUMNS, percentile, SCHEMA } from "./support.ts";

const ADDS = 10;
const AT_ONCE = 8;

interface Sized {
  readonly lake: LocalLake;
  readonly admin: Database;
  /** With the version that each is at. */
  readonly tables: { readonly tableId: string; version: number }[];
}

const {
  tables: tableCount,
  rows: rowCount,
  rounds,
} = readOptions({
  run: "node bench/scale.ts",
  about:
    "What size costs: a commit of ten files and the read of a head in a large catalog, against an empty one, in turn.",
  options: {
    tables: { count: 1000, what: "of the large one" },
    rows: { count: 2_000_000, what: "of files in it" },
    rounds: { count: 300, what: "samples of each" },
  },
  environment: {
    BENCH_POSTGRES_URL: "a server of PostgreSQL",
    BENCH_MYSQL_URL: "or one of MySQL or MariaDB, with any database of it",
  },
  needs: ["BENCH_POSTGRES_URL", "BENCH_MYSQL_URL"],
}).values;
const { BENCH_POSTGRES_URL: postgres, BENCH_MYSQL_URL: mysql } = process.env;
const url = postgres ?? mysql ?? "";
const open = (at: string): Database => (postgres ? openPostgres : openMysql)(at, { poolSize: 1 });

/** What each says in its own way. */
const SQL = postgres
  ? {
      columns: `select attname as name from pg_attribute
        where attrelid = 'dl_files'::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      path: "f.path || '-' || g.i",
      pathKey: "md5(f.path || '-' || g.i)::uuid",
      numbers: (count: number) => `generate_series(1, ${count}) as g (i)`,
      settle: ["vacuum analyze"],
      bytes:
        "select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c where relname like 'dl\\_%' and relkind = 'r'",
      drop: (name: string) => `drop database if exists ${name} with (force)`,
    }
  : {
      columns: `select column_name as name from information_schema.columns
        where table_schema = database() and table_name = 'dl_files' and coalesce(generation_expression, '') = ''`,
      path: "concat(f.path, '-', g.i)",
      pathKey: "unhex(left(sha2(concat(f.path, '-', g.i), 256), 32))",
      numbers: (count: number) =>
        `(with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) select i from n) as g`,
      settle: ["analyze table dl_files", "analyze table dl_tables", "analyze table dl_versions"],
      bytes:
        "select sum(data_length + index_length) as bytes from information_schema.tables where table_schema = database()",
      drop: (name: string) => `drop database if exists ${name}`,
    };

async function openCatalogOf(server: string, name: string, tables: number): Promise<Sized> {
  const database = new URL(server);
  database.pathname = `/${name}`;
  const lake = await openLocalLake({ database: database.href, verifyFiles: "off", mirror: false });
  await lake.catalog.migrate();
  const admin = open(database.href);
  const made: Sized = { lake, admin, tables: [] };
  for (let i = 0; i < tables; i += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, tables - i) }, (_, n) => addTable(lake, i + n));
    made.tables.push(...(await Promise.all(some)));
  }
  for (const table of made.tables) await commitOne(made, table);
  return made;
}

async function addTable(lake: LocalLake, i: number) {
  const name = `scale.t${i}`;
  const location = `file:///scale/${name}`;
  return createTable(lake, { name, location, schema: SCHEMA, partitionColumns: PARTITION_COLUMNS });
}

async function commitOne({ lake }: Sized, table: { readonly tableId: string; version: number }): Promise<void> {
  const collector = new ActionCollector({ strict: true });
  for (let n = 0; n < ADDS; n += 1) collector.collect({ add: addFile(n) }, `/tables/0/actions/${n}`);
  const part = { table: { tableId: table.tableId }, readVersion: table.version, actions: collector.actions(), at: "" };
  const result = await commit(lake, { transactionId: randomUUID(), tables: [part] });
  if (result.status !== "committed") throw new Error(JSON.stringify(result));
  table.version = result.tables[0]?.version ?? table.version;
}

/** The rows of files that a table has, again and again under other paths, as the commits of years would have left them. */
async function fill({ admin, tables }: Sized, rows: number): Promise<void> {
  const columns = (await admin.read(raw(SQL.columns))).map(({ name }) => `"${name}"`);
  const changed: Readonly<Record<string, string>> = {
    '"ord"': "f.ord + 10 * g.i",
    '"path"': SQL.path,
    '"path_key"': SQL.pathKey,
  };
  const taken = columns.map((name) => changed[name] ?? `f.${name}`);
  const copies = Math.round(rows / tables.length / ADDS);
  for (const { tableId, version } of tables) {
    await admin.define(`insert into dl_files (${columns}) select ${taken} from ${SQL.numbers(copies)} cross join dl_files f
      where f.table_id = '${tableId}' and f.added_version = ${version}`);
  }
  for (const statement of SQL.settle) await admin.define(statement);
}

async function bytesOf(admin: Database): Promise<number> {
  const [row] = await admin.read(raw(SQL.bytes));
  return Number(row?.bytes);
}

async function timed(work: () => Promise<unknown>, into: number[]): Promise<void> {
  const from = performance.now();
  await work();
  into.push(performance.now() - from);
}

async function withDatabases<T>(server: string, work: (names: readonly [string, string]) => Promise<T>): Promise<T> {
  const names = [`dl_scale_empty_${process.pid}`, `dl_scale_full_${process.pid}`] as const;
  const admin = open(server);
  try {
    for (const name of names) await admin.define(`create database ${name}`);
    return await work(names);
  } finally {
    for (const name of names) await admin.define(SQL.drop(name));
    await admin.close();
  }
}

await withDatabases(url, async ([emptyName, fullName]) => {
  const empty = await openCatalogOf(url, emptyName, 1);
  const full = await openCatalogOf(url, fullName, tableCount);
  const before = await bytesOf(full.admin);
  const from = performance.now();
  await fill(full, rowCount);
  const seconds = Math.round((performance.now() - from) / 1000);
  const [counted] = await full.admin.read(raw("select count(*) as n from dl_files"));
  const fileRows = Number(counted?.n);
  const perRow = Math.round(((await bytesOf(full.admin)) - before) / (fileRows - tableCount * ADDS));

  const samples = {
    commit: { empty: [] as number[], full: [] as number[] },
    head: { empty: [] as number[], full: [] as number[] },
  };
  const sizeBefore = await bytesOf(full.admin);
  for (let i = 0; i < rounds; i += 1) {
    for (const [name, sized] of [
      ["empty", empty],
      ["full", full],
    ] as const) {
      const table = sized.tables[(i * 37) % sized.tables.length];
      if (table === undefined) continue;
      await timed(() => sized.lake.catalog.findTable({ tableId: table.tableId }), samples.head[name]);
      // The first commit reads the state of the table: measured is the second, which a writer that goes on makes.
      await commitOne(sized, table);
      await timed(() => commitOne(sized, table), samples.commit[name]);
    }
  }
  const perCommit = Math.round(((await bytesOf(full.admin)) - sizeBefore) / (2 * rounds));
  const line = (what: string, { empty: a, full: b }: { empty: number[]; full: number[] }) => ({
    what,
    "empty, p50 ms": percentile(a, 0.5).toFixed(2),
    "full, p50 ms": percentile(b, 0.5).toFixed(2),
    ratio: (percentile(b, 0.5) / percentile(a, 0.5)).toFixed(2),
    "empty, p95 ms": percentile(a, 0.95).toFixed(2),
    "full, p95 ms": percentile(b, 0.95).toFixed(2),
  });
  console.log(markdownTable([line(`commit of ${ADDS} files`, samples.commit), line("head of a table", samples.head)]));
  console.log(
    `\n${tableCount} tables, ${fileRows} file rows (filled in ${seconds} s); ${perRow} bytes a file row with its indexes, ${perCommit} bytes a commit of ${ADDS} files. ${machine()}`,
  );
  for (const { lake, admin } of [empty, full]) {
    await admin.close();
    await lake.close();
  }
});
