/**
 * Every hot query goes by an index: the servers' own counters say how many rows it has touched, also within procedures and functions,
 * where no plan can be asked for. In a catalog of thousands of tables, and in a table of ten thousand files, it touches but a few.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Database, sql } from "../../lib/catalog/database.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { SCHEMA } from "../../lib/catalog/migrations/index.ts";
import { catalogOn } from "../../lib/catalog/sql-catalog.ts";
import type { Catalog, PlannedCommit } from "../../lib/ports.ts";
import { findMysql, findPostgres, type TestEngine } from "../support/catalog-engines.ts";
import { add, newTable, planned, plannedTable, remove, testClock } from "../support/catalog-plans.ts";
import { needs } from "../support/skip.ts";

const TABLES = 2000;
/** Of the table that is looked at. */
const FILES = 10_000;
const HEAD = 5000;
/** A page has twenty rows, each with a few look-ups. Whatever reads all tables, all files or all versions of one touches 2,000. */
const MOST_ROWS = 900;

const DATED = { inCommitTimestamps: true };

interface Server {
  readonly name: string;
  readonly engine: TestEngine | undefined;
  open(url: string): Database;
  /** Rows that this session has touched so far. */
  touched(db: Database): Promise<number>;
  /** A table of so many numbers from 1, as `g (i)`. */
  numbers(count: number): string;
  /** The id of a table, or a key of a file, by the number in `g.i`. */
  readonly tableId: string;
  readonly pathKey: string;
  analyze(table: string): string;
  /** From then on statistics of dl_files are renewed by nobody; absent where they follow each change. */
  readonly keepStatistics?: string;
}

const POSTGRES: Server = {
  name: "PostgreSQL",
  engine: findPostgres(),
  open: (url) => openPostgres(url, { poolSize: 1 }),
  async touched(db) {
    await db.read(sql`select pg_stat_force_next_flush()`);
    const [row] = await db.read(sql`
      select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = current_schema())
        + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = current_schema()) as n`);
    return Number(row?.n);
  },
  numbers: (count) => `generate_series(1, ${count}) as g (i)`,
  tableId: "(lpad(to_hex(g.i), 8, '0') || '-0000-4000-8000-000000000000')::uuid",
  pathKey: "md5(g.i::text)::uuid",
  analyze: (table) => `analyze ${table}`,
  keepStatistics: "alter table dl_files set (autovacuum_enabled = off)",
};

const MYSQL: Server = {
  name: "MySQL",
  engine: findMysql(),
  open: (url) => openMysql(url, { poolSize: 1 }),
  async touched(db) {
    const rows = await db.read(sql`show session status like 'Handler_read%'`);
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
  },
  numbers: (count) =>
    `(with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) select i from n) as g`,
  tableId: "concat(lpad(lower(hex(g.i)), 8, '0'), '-0000-4000-8000-000000000000')",
  pathKey: "unhex(left(sha2(g.i, 256), 32))",
  analyze: (table) => `analyze table ${table}`,
};

/** The rows of a table once for each number, with other values in some columns. */
async function copy(
  db: Database,
  server: Server,
  tableId: string,
  rows: { readonly table: string; readonly count: number; readonly changed: Readonly<Record<string, string>> },
): Promise<void> {
  const { table, count, changed } = rows;
  const columns = SCHEMA.find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? [];
  const taken = columns.map((column) => changed[column] ?? `t."${column}"`);
  const names = columns.map((column) => `"${column}"`).join(", ");
  await db.define(`insert into ${table} (${names}) select ${taken.join(", ")}
    from ${server.numbers(count)} cross join ${table} t where t.table_id = '${tableId}'`);
}

function copyFiles(db: Database, server: Server, tableId: string): Promise<void> {
  const changed = { path: "concat(t.path, '-', g.i)", path_key: server.pathKey, ord: "t.ord + g.i" };
  return copy(db, server, tableId, { table: "dl_files", count: FILES, changed });
}

/** As many tables as above beside this one, and as many files and versions of it, as years of commits would have left them. */
async function fill(db: Database, server: Server, tableId: string): Promise<void> {
  const copied = async (table: string, count: number, changed: Readonly<Record<string, string>>) => {
    await copy(db, server, tableId, { table, count, changed });
    await db.define(server.analyze(table));
  };
  const older = { version: "g.i" };
  await copyFiles(db, server, tableId);
  await db.define(server.analyze("dl_files"));
  await copied("dl_versions", HEAD, { ...older, timestamp: "t.timestamp + g.i" });
  await copied("dl_mirror_status", HEAD, older);
  await db.define(
    `update dl_tables set version = ${HEAD}, timestamp = timestamp + ${HEAD} where table_id = '${tableId}'`,
  );
  const other = { table_id: server.tableId };
  await copied("dl_tables", TABLES, { ...other, name: "concat('n.t', g.i)", location: "concat('s3://b/n/t', g.i)" });
  for (const table of ["dl_metadata", "dl_protocols", "dl_maintenance"]) await copied(table, TABLES, other);
}

type Hot = Readonly<Record<string, (catalog: Catalog) => Promise<unknown>>>;

function hotOf(tableId: string): Hot {
  const first: PlannedCommit = planned([
    plannedTable(tableId, { ...DATED, readVersion: HEAD, actions: { adds: [add("more-1"), add("more-2")] } }),
  ]);
  const committed = (work: Promise<{ readonly status: string }>) =>
    work.then((outcome) => assert.equal(outcome.status, "committed", JSON.stringify(outcome)));
  return {
    "a commit": (catalog) => committed(catalog.commit(first)),
    "a commit that is sent again": (catalog) => committed(catalog.commit(first)),
    "a commit that removes": (catalog) =>
      committed(
        catalog.commit(
          planned([
            plannedTable(tableId, {
              ...DATED,
              readVersion: HEAD + 1,
              actions: { adds: [add("new")], removes: [remove("f")] },
            }),
          ]),
        ),
      ),
    "a commit that is refused": async (catalog) => {
      const plan = plannedTable(tableId, { ...DATED, readVersion: HEAD + 2, actions: { removes: [remove("none")] } });
      assert.equal((await catalog.commit(planned([plan]))).status, "rejected");
    },
    "the head, by id": (catalog) => catalog.findTable({ tableId }),
    "the head, by name": (catalog) => catalog.findTable({ name: "n.t77" }),
    "states of tables": (catalog) => catalog.readStates([{ tableId }, { name: "n.t78" }]),
    "the header of a snapshot": (catalog) => catalog.readHeader(tableId, HEAD + 1),
    "a page of files": (catalog) => catalog.readFiles(tableId, HEAD + 2, { limit: 20 }),
    "a later page of files": async (catalog) => {
      const { items, cursorAfter } = await catalog.readFiles(tableId, HEAD + 2, { limit: 20 });
      return catalog.readFiles(tableId, HEAD + 2, { limit: 20, cursor: cursorAfter(items.length) });
    },
    "a page of files far into a version": (catalog) =>
      catalog.readFiles(tableId, HEAD + 2, { limit: 20, cursor: "0.8000" }),
    "a stretch of files": (catalog) =>
      catalog.readFiles(tableId, HEAD + 2, { limit: FILES, cursor: "0.8000", upTo: "0.8020" }),
    "files to look at, far into a version": (catalog) =>
      catalog.neededFiles(tableId, { after: 0, floor: HEAD, cursor: "0.0.8000", limit: 20 }),
    "files to index, far into a version": (catalog) =>
      catalog.filesToIndex(tableId, { after: { version: 0, ord: 8000 }, upTo: HEAD, fromVersion: HEAD, limit: 20 }),
    "what others have committed since": (catalog) => catalog.readCommits(tableId, HEAD, HEAD + 2),
    "versions as they are published": (catalog) => catalog.mirrorStatuses(tableId, { after: HEAD - 20, limit: 20 }),
    "a page of tables": (catalog) => catalog.listTables({ limit: 20 }),
    "a page of the history": (catalog) => catalog.history(tableId, { limit: 20 }),
    "a version by its time": (catalog) => catalog.versionAt(tableId, Date.now() + 1_000_000),
    "a transaction": (catalog) => catalog.findTransaction(first.transactionId),
    "what is to be published": (catalog) => catalog.readBacklog(tableId, 50),
    "the mirror of a table": (catalog) => catalog.mirrorFacts([tableId]),
    "what is published": (catalog) => catalog.markPublished(tableId, [HEAD + 1, HEAD + 2], Date.now()),
    "what is overdue": (catalog) => catalog.listMirrorFacts({ which: "unsettled", limit: 20 }),
  };
}

const server = process.env.TEST_ENGINE === "mysql" ? MYSQL : POSTGRES;
const SUITE = `hot queries on ${server.name}`;

describe(SUITE, needs(SUITE, server.engine, "no URL of such a server is set"), () => {
  test("touch a few rows, however many there are", async (t) => {
    const database = await server.engine?.create();
    assert.ok(database);
    t.after(() => database.drop());
    const db = server.open(database.url);
    t.after(() => db.close());
    const catalog = catalogOn(db, testClock());
    await catalog.migrate();
    const tableId = await newTable(catalog, [add("f")], DATED);
    await catalog.markPublished(tableId, [0], 1);
    await fill(db, server, tableId);
    const touched: Record<string, number> = {};
    for (const [what, work] of Object.entries(hotOf(tableId))) {
      const before = await server.touched(db);
      await work(catalog);
      touched[what] = (await server.touched(db)) - before;
    }
    const before = await server.touched(db);
    await db.read(sql`select count(*) as n, max(stats) as most from dl_files where size > 0 and table_id = table_id`);
    assert.ok((await server.touched(db)) - before >= FILES, "the counters count");
    assert.deepEqual(
      Object.entries(touched).filter(([, rows]) => rows > MOST_ROWS),
      [],
    );
  });

  test("touch no more in a table that was filled after statistics were taken", async (t) => {
    const database = await server.engine?.create();
    assert.ok(database);
    t.after(() => database.drop());
    const db = server.open(database.url);
    t.after(() => db.close());
    const catalog = catalogOn(db, testClock());
    await catalog.migrate();
    const tableId = await newTable(catalog, [add("f")]);
    if (server.keepStatistics !== undefined) await db.define(server.keepStatistics);
    await copyFiles(db, server, tableId);
    const page = { limit: 200 };
    const { next } = await catalog.readFiles(tableId, 0, page);
    const before = await server.touched(db);
    assert.equal((await catalog.readFiles(tableId, 0, { ...page, ...(next && { cursor: next }) })).items.length, 200);
    const touched = (await server.touched(db)) - before;
    assert.ok(touched >= 200 && touched < MOST_ROWS, `${touched} rows for a page of 200`);
  });
});
