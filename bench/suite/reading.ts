/** Benchmarks of one large table: its head, all of its files, few of them, a checkpoint of it, and taking it in. */

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { type ImportMode, importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { type Server, startServer } from "../serve.ts";
import { addFile, PARTITION_COLUMNS, progress, SCHEMA } from "../support.ts";
import { type Engine, enginesOf } from "./engines.ts";
import { medianOf, selectFiles } from "./floor.ts";
import type { Bench, Context, Subject } from "./model.ts";

const NAME = "bench.large";
const FILES_A_COMMIT = 5_000;
const SMALL_COMMITS = 10_000;
const FILES_A_SMALL_COMMIT = 10;

interface Large {
  readonly tableId: string;
  readonly database: string;
  readonly folder: string;
  /** The folder of the table. */
  readonly table: string;
}

/** A table of so many files, published, in a database of its own. */
export async function largeTable(engine: Engine, files: number): Promise<Large> {
  progress(`${engine.name}: making a table of ${files} files`);
  const where = await engine.database();
  const table = join(where.folder, "large");
  const lake = await openLocalLake({ database: where.database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const made = { name: NAME, location: await toLocation(table), schema: SCHEMA, partitionColumns: PARTITION_COLUMNS };
  const { tableId } = await createTable(lake, made);
  for (let from = 0; from < files; from += FILES_A_COMMIT) {
    const collector = new ActionCollector({ strict: true });
    for (let n = from; n < Math.min(files, from + FILES_A_COMMIT); n += 1) collector.collect({ add: addFile(n) }, "");
    const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
    const { status } = await commit(lake, { transactionId: randomUUID(), tables: [part] });
    if (status !== "committed") throw new Error(status);
  }
  await mirrorTable(lake, tableId);
  await lake.close();
  return { ...where, tableId, table };
}

/** Those that read Delta's logs, once. */
function peersOn({ peers }: Context, engine: Engine, what: string, table: string): Subject[] {
  if (peers === undefined || engine.name !== "SQLite") return [];
  return peers.names
    .filter((name) => name !== "ducklake")
    .map((name) => ({ name, role: "peer", sample: () => peers.ask(name, what, { table }) }));
}

/** A case an engine, over a server with one large table. @param what peers do; absent: nothing that is the same */
function overServer(
  what: string | undefined,
  subjects: (
    call: (path: string, body?: unknown) => Promise<void>,
    large: Large,
    server: Server,
    files: number,
  ) => Subject[],
): Bench["cases"] {
  return async function* cases(context) {
    for await (const engine of enginesOf(context)) {
      const large = await largeTable(engine, context.files);
      const server = await startServer({ ...large, connections: 4 });
      const call = async (path: string, body?: unknown): Promise<void> => {
        const { status, text } = await server.call(body === undefined ? "GET" : "POST", path, body);
        if (status !== 200) throw new Error(`${status} ${text.slice(0, 500)}`);
      };
      yield {
        name: `${engine.name}, ${context.files} files`,
        close: () => server.close(),
        subjects: [
          ...subjects(call, large, server, context.files),
          ...(what === undefined ? [] : peersOn(context, engine, what, large.table)),
        ],
      };
    }
  };
}

export const OPEN: Bench = {
  title: "The head of a large table",
  unit: "ms p50",
  better: "less",
  cases: overServer("open", (call, { tableId }) => [
    { name: "deltalakedb", role: "ours", sample: () => medianOf(50, () => call(`/v1/tables/${tableId}`)) },
  ]),
};

/** The bytes of an answer, which the client decodes as far as a reader has to; the number of files in them has to be right. */
async function listed(url: string, accept: string, countOf: (body: Buffer) => number, files: number): Promise<void> {
  const response = await fetch(url, { headers: { accept } });
  const found = countOf(Buffer.from(await response.arrayBuffer()));
  if (response.status !== 200 || found !== files) throw new Error(`${response.status}: ${found} of ${files} files`);
}

function linesIn(body: Buffer): number {
  let lines = 0;
  for (let at = body.indexOf(10); at !== -1; at = body.indexOf(10, at + 1)) lines += 1;
  return lines;
}

export const LIST: Bench = {
  title: "All files of a large table to a client",
  unit: "ms",
  better: "less",
  cases: overServer("list", (_call, { tableId, database }, { url }, files) => {
    const list = (accept: string, countOf: (body: Buffer) => number) => () =>
      medianOf(1, () => listed(`${url}/v1/tables/${tableId}/files`, accept, countOf, files));
    return [
      { name: "deltalakedb, lines", role: "ours", sample: list("application/x-ndjson", linesIn) },
      {
        name: "deltalakedb, columns",
        role: "ours",
        sample: list("application/vnd.apache.arrow.stream", (body) => tableFromIPC(body).numRows),
      },
      {
        name: "a bare select",
        role: "floor",
        sample: () =>
          medianOf(1, async () => {
            if ((await selectFiles(database, tableId)) !== files) throw new Error("files are missing");
          }),
      },
    ];
  }),
};

const column = (name: string, op: string, value: unknown) => ({ column: name, op, value });

export const PLAN: Bench = {
  title: "The few files of a large table that a scan needs",
  unit: "ms p50",
  better: "less",
  cases: overServer(undefined, (call, { tableId }) => {
    const plan = (predicate: unknown) => () => medianOf(20, () => call(`/v1/tables/${tableId}/plan`, { predicate }));
    // File n has the ids from n * 100,000 on.
    const byStatistics = { and: [column("id", ">=", 5_000_000), column("id", "<", 6_000_000)] };
    return [
      { name: "deltalakedb, a range of ids", role: "ours", sample: plan(byStatistics) },
      {
        name: "deltalakedb, a range within a day",
        role: "ours",
        sample: plan({ and: [column("day", "=", "2026-02-20"), ...byStatistics.and] }),
      },
    ];
  }),
};

export const CHECKPOINT: Bench = {
  title: "A checkpoint of a large table",
  unit: "ms",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { database, folder, tableId, table } = await largeTable(engine, context.files);
      const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
      const version = (await lake.catalog.findTable({ tableId }))?.version ?? 0;
      let made = 0;
      yield {
        name: `${engine.name}, ${context.files} files`,
        close: () => lake.close(),
        subjects: [
          {
            name: "deltalakedb",
            role: "ours",
            sample: () =>
              medianOf(1, async () => {
                const log = lake.openLog(await toLocation(join(folder, `copy${made++}`)));
                await writeCheckpoint(lake, log, tableId, version);
              }),
          },
          ...peersOn(context, engine, "checkpoint", table),
        ],
      };
    }
  },
};

function importing(name: string, engine: Engine, table: string, mode: ImportMode): Subject {
  return {
    name,
    role: "ours",
    async sample() {
      const { database } = await engine.database();
      const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
      await lake.catalog.migrate();
      const wanted = { name: NAME, location: await toLocation(table), mode };
      const ms = await medianOf(1, () => importTable(lake, wanted));
      await lake.close();
      return ms;
    },
  };
}

/** A log as an outside writer leaves it: no checkpoint, many small commits. @returns the folder of the table */
async function logOfCommits({ folder }: { readonly folder: string }, commits: number, adds: number): Promise<string> {
  progress(`writing a log of ${commits} commits`);
  const table = join(folder, "small");
  const log = join(table, "_delta_log");
  await mkdir(log, { recursive: true });
  const metaData = {
    id: randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(SCHEMA),
    partitionColumns: PARTITION_COLUMNS,
    configuration: {},
  };
  for (let version = 0; version <= commits; version += 1) {
    const timestamp = Date.UTC(2026, 0, 1) + version;
    const info = { commitInfo: { timestamp, operation: "WRITE", isBlindAppend: true } };
    const made = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
    const first = (version - 1) * adds;
    const added = version === 0 ? made : Array.from({ length: adds }, (_, n) => ({ add: addFile(first + n) }));
    const text = [info, ...added].map((action) => `${JSON.stringify(action)}\n`).join("");
    writeFileSync(join(log, `${String(version).padStart(20, "0")}.json`), text);
  }
  return table;
}

export const IMPORT: Bench = {
  title: "Taking a large table in; peers open it",
  unit: "ms",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { table } = await largeTable(engine, context.files);
      const small = await logOfCommits(await engine.database(), SMALL_COMMITS, FILES_A_SMALL_COMMIT);
      yield {
        name: `${engine.name}, ${SMALL_COMMITS * FILES_A_SMALL_COMMIT} files in ${SMALL_COMMITS} commits`,
        subjects: [
          importing("deltalakedb, every version", engine, small, "full-history"),
          ...peersOn(context, engine, "open", small),
        ],
      };
      yield {
        name: `${engine.name}, ${context.files} files`,
        subjects: [
          importing("deltalakedb, from the newest checkpoint", engine, table, "snapshot"),
          importing("deltalakedb, every version", engine, table, "full-history"),
          ...peersOn(context, engine, "open", table),
        ],
      };
    }
  },
};
