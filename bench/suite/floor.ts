/** What no catalog on the database can beat: one row of the bytes of a commit and the update of a head, one transaction each. */

import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { OPEN_VERSION } from "../../lib/catalog/limits.ts";
import { ADD_COLUMNS } from "../../lib/catalog/rows/add.ts";
import { addFile, percentile } from "../support.ts";

export interface Floor {
  /** Commits per second of so many writers on so many heads. */
  load(writers: number, heads: number, ms: number): Promise<number>;
  /** Milliseconds: the median of so many commits, one after the other, of the bytes of so many files each. */
  latency(commits: number, files?: number): Promise<number>;
  close(): Promise<void>;
}

const bodyOf = (files: number) => Array.from({ length: files }, (_, n) => JSON.stringify(addFile(n))).join("\n");
const ROW = bodyOf(1);

/** As the catalog opens its files: in WAL mode, each commit on the disk. One process has one writer. */
export function sqliteFloor(path: string): Floor {
  const db = new DatabaseSync(path);
  db.exec(
    "pragma journal_mode = wal; pragma synchronous = full; create table heads (id integer primary key, v integer)",
  );
  db.exec("create table commits (head integer, v integer, body text, primary key (head, v))");
  const insert = db.prepare("insert into commits select id, v + 1, ? from heads where id = ?");
  const update = db.prepare("update heads set v = v + 1 where id = ?");
  const make = db.prepare("insert or ignore into heads values (?, 0)");
  const commit = (head: number, body = ROW) => {
    db.exec("begin immediate");
    insert.run(body, head);
    update.run(head);
    db.exec("commit");
  };
  return {
    async load(_writers, heads, ms) {
      for (let head = 0; head < heads; head += 1) make.run(head);
      const end = performance.now() + ms;
      let done = 0;
      for (; performance.now() < end; done += 1) commit(done % heads);
      return done / (ms / 1000);
    },
    async latency(commits, files = 1) {
      make.run(0);
      const body = bodyOf(files);
      return medianOf(commits, async () => commit(0, body));
    },
    async close() {
      db.close();
    },
  };
}

/** @param url of a database that is its own */
export async function postgresFloor(url: string, connections: number): Promise<Floor> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  await pool.query("create table heads (id int primary key, v bigint) with (fillfactor = 25)");
  await pool.query("create table commits (head int, v bigint, body text, primary key (head, v))");
  const commit = (client: pg.PoolClient, head: number, body = ROW) =>
    client.query({
      name: "floor",
      text: "with h as (update heads set v = v + 1 where id = $1 returning id, v) insert into commits select id, v, $2 from h",
      values: [head, body],
    });
  const make = (heads: number) =>
    pool.query("insert into heads select n, 0 from generate_series(0, $1) n on conflict do nothing", [heads - 1]);
  return {
    async load(writers, heads, ms) {
      await make(heads);
      const end = performance.now() + ms;
      let done = 0;
      const write = async (writer: number) => {
        const client = await pool.connect();
        for (; performance.now() < end; done += 1) await commit(client, writer % heads);
        client.release();
      };
      await Promise.all(Array.from({ length: Math.min(writers, connections) }, (_, n) => write(n)));
      return done / (ms / 1000);
    },
    async latency(commits, files = 1) {
      await make(1);
      const body = bodyOf(files);
      const client = await pool.connect();
      const ms = await medianOf(commits, () => commit(client, 0, body));
      client.release();
      return ms;
    },
    close: () => pool.end(),
  };
}

/**
 * What no list of files over a driver can beat: all live files of a table, in the order of a list, as rows that are thrown away.
 * @returns how many there were
 */
export async function selectFiles(database: string, tableId: string): Promise<number> {
  const text = `select ${ADD_COLUMNS.join(", ")} from dl_files where table_id = '${tableId}'
    and removed_version = ${OPEN_VERSION} order by added_version, ord`;
  if (!database.startsWith("postgres")) {
    const db = new DatabaseSync(database, { readOnly: true, readBigInts: true });
    const statement = db.prepare(text);
    statement.setReturnArrays(true);
    let rows = 0;
    for (const _row of statement.iterate()) rows += 1;
    db.close();
    return rows;
  }
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  let rows = 0;
  const query = client.query(new pg.Query({ text, rowMode: "array" } as pg.QueryConfig));
  query.on("row", () => {
    rows += 1;
  });
  await once(query, "end");
  await client.end();
  return rows;
}

export async function medianOf(times: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const from = performance.now();
    await work(n);
    samples.push(performance.now() - from);
  }
  return percentile(samples, 0.5);
}
