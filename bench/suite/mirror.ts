/** Benchmarks of what is published: a backlog that is drained, and how long versions wait while commits come at a given pace. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { type Server, startServer } from "../serve.ts";
import { startSlowS3 } from "../slow-s3.ts";
import { addFile, percentile, SCHEMA } from "../support.ts";
import { type Engine, enginesOf } from "./engines.ts";
import { medianOf } from "./floor.ts";
import type { Bench, Case } from "./model.ts";

const VERSIONS = 200;
const TABLES = 20;
/** How long an answer of S3 takes, in milliseconds. */
const S3_ANSWER_MS = 25;
/** Commits a second. */
const PACES = { folder: 300, s3: 100 } as const;
/** Milliseconds after which the last version has been published, or the mirror cannot keep up. */
const REST_MS = 15_000;

async function backlog(engine: Engine): Promise<Case> {
  const { database, folder } = await engine.database();
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  let made = 0;
  return {
    name: `${engine.name}, a backlog of ${VERSIONS} versions`,
    close: () => lake.close(),
    subjects: [
      {
        name: "deltalakedb",
        role: "ours",
        async sample() {
          const name = `bench.backlog${made++}`;
          const location = await toLocation(join(folder, name));
          const { tableId } = await createTable(lake, { name, location, schema: SCHEMA });
          for (let n = 0; n < VERSIONS; n += 1) {
            const collector = new ActionCollector({ strict: true });
            collector.collect({ add: { ...addFile(n), partitionValues: {} } }, "");
            const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
            await commit(lake, { transactionId: randomUUID(), tables: [part] });
          }
          return VERSIONS / ((await medianOf(1, () => mirrorTable(lake, tableId))) / 1000);
        },
      },
    ],
  };
}

/** Commits at a pace, whatever the answers take: to each table in turn. @returns when the first was sent */
async function commitAtPace(server: Server, tables: readonly string[], pace: number, ms: number): Promise<number> {
  const since = Date.now();
  const sent: Promise<void>[] = [];
  // The first that fails ends the load: until all are waited for it would be nobody's error, and end the process.
  const failures: unknown[] = [];
  const start = performance.now();
  for (let n = 0; n < (pace * ms) / 1000 && failures.length === 0; n += 1) {
    const ahead = start + (n * 1000) / pace - performance.now();
    if (ahead > 1) await sleep(ahead);
    const part = { tableId: tables[n % tables.length], readVersion: 0, actions: [{ add: addFile(n) }] };
    const body = { transactionId: randomUUID(), tables: [part] };
    const answered = server.call("POST", "/v1/commits", body).then(({ status, text }) => {
      if (status !== 201) throw new Error(`${status} ${text}`);
    });
    sent.push(answered.catch((error: unknown) => void failures.push(error)));
  }
  await Promise.all(sent);
  if (failures.length > 0) throw failures[0];
  return since;
}

interface Waited {
  readonly open: number;
  readonly lagsMs: readonly number[];
}

const LAGS = `select published_at - committed_at as lag from dl_mirror_status where version > 0 and committed_at >= `;

async function waited(database: string, since: number): Promise<Waited> {
  const rows = database.startsWith("postgres") ? await fromPostgres(database, since) : fromSqlite(database, since);
  const lagsMs = rows.flatMap(({ lag }) => (lag === null ? [] : [Number(lag)]));
  return { open: rows.length - lagsMs.length, lagsMs };
}

type LagRow = { readonly lag: unknown };

function fromSqlite(path: string, since: number): readonly LagRow[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(`${LAGS} ?`).all(since) as unknown as readonly LagRow[];
  } finally {
    db.close();
  }
}

async function fromPostgres(connectionString: string, since: number): Promise<readonly LagRow[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<LagRow>(`${LAGS} $1`, [since])).rows;
  } finally {
    await client.end();
  }
}

async function lag(engine: Engine, place: keyof typeof PACES, loadMs: number): Promise<Case> {
  const where = await engine.database();
  const s3 = place === "s3" ? await startSlowS3(S3_ANSWER_MS) : undefined;
  const storage = s3 === undefined ? undefined : `s3://lake/${randomUUID()}`;
  const server = await startServer({ ...where, connections: 64, ...(storage && { storage }) });
  const tables = await server.createTables(TABLES);
  const pace = PACES[place];
  return {
    name: `${engine.name}, lag over ${TABLES} tables at ${pace} commits/s, ${s3 === undefined ? "a folder" : `S3 of ${S3_ANSWER_MS} ms`}`,
    unit: "ms p95",
    better: "less",
    async close() {
      await server.close();
      await s3?.close();
    },
    subjects: [
      {
        name: "deltalakedb",
        role: "ours",
        async sample() {
          const since = await commitAtPace(server, tables, pace, loadMs);
          const end = performance.now() + REST_MS;
          let found = await waited(where.database, since);
          for (; found.open > 0 && performance.now() < end; found = await waited(where.database, since))
            await sleep(100);
          // What is not there yet has waited longest.
          return percentile([...found.lagsMs, ...Array.from({ length: found.open }, () => REST_MS)], 0.95);
        },
      },
    ],
  };
}

export const MIRROR: Bench = {
  title: "Publishing into the log: a backlog, and how long a version waits",
  unit: "versions/s",
  better: "more",
  async *cases({ loadMs, ...context }) {
    for await (const engine of enginesOf({ loadMs, ...context })) {
      yield await backlog(engine);
      yield await lag(engine, "folder", loadMs);
      yield await lag(engine, "s3", loadMs);
    }
  },
};
