/** Benchmarks of one large table: its head, all of its files, few of them, a checkpoint of it, and taking it in. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { type ImportMode, importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { startServer } from "../serve.ts";
import { addFile, PARTITION_COLUMNS, SCHEMA } from "../support.ts";
import { type Engine, enginesOf } from "./engines.ts";
import { medianOf } from "./floor.ts";
import type { Bench, Context, Subject } from "./model.ts";

const NAME = "bench.large";
const FILES_A_COMMIT = 5_000;

interface Large {
  readonly tableId: string;
  readonly database: string;
  readonly folder: string;
  /** The folder of the table. */
  readonly table: string;
}

/** A table of so many files, published, in a database of its own. */
async function largeTable(engine: Engine, files: number): Promise<Large> {
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

function peerOn({ peers }: Context, engine: Engine, what: string, table: string): Subject[] {
  if (!peers?.names.includes("delta-rs") || engine.name !== "SQLite") return [];
  return [{ name: "delta-rs", role: "peer", sample: () => peers.ask("delta-rs", what, { table }) }];
}

/** A case an engine, over a server with one large table. */
function overServer(
  what: string,
  subjects: (call: (path: string, body?: unknown, accept?: string) => Promise<void>, large: Large) => Subject[],
): Bench["cases"] {
  return async function* cases(context) {
    for await (const engine of enginesOf(context)) {
      const large = await largeTable(engine, context.files);
      const server = await startServer({ ...large, connections: 4 });
      const call = async (path: string, body?: unknown, accept?: string): Promise<void> => {
        const headers = accept === undefined ? {} : { accept };
        const { status, text } = await server.call(body === undefined ? "GET" : "POST", path, body, headers);
        if (status !== 200) throw new Error(`${status} ${text.slice(0, 500)}`);
      };
      yield {
        name: `${engine.name}, ${context.files} files`,
        close: () => server.close(),
        subjects: [...subjects(call, large), ...peerOn(context, engine, what, large.table)],
      };
      await engine.close();
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

export const LIST: Bench = {
  title: "All files of a large table to a client",
  unit: "ms",
  better: "less",
  cases: overServer("list", (call, { tableId }) => [
    {
      name: "deltalakedb, lines",
      role: "ours",
      sample: () => medianOf(1, () => call(`/v1/tables/${tableId}/files`, undefined, "application/x-ndjson")),
    },
    {
      name: "deltalakedb, columns",
      role: "ours",
      sample: () =>
        medianOf(1, () => call(`/v1/tables/${tableId}/files`, undefined, "application/vnd.apache.arrow.stream")),
    },
  ]),
};

const column = (name: string, op: string, value: unknown) => ({ column: name, op, value });

export const PLAN: Bench = {
  title: "The few files of a large table that a scan needs",
  unit: "ms p50",
  better: "less",
  cases: overServer("list", (call, { tableId }) => {
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
          ...peerOn(context, engine, "checkpoint", table),
        ],
      };
      await engine.close();
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

export const IMPORT: Bench = {
  title: "Taking a large table in; peers open it",
  unit: "ms",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { table } = await largeTable(engine, context.files);
      yield {
        name: `${engine.name}, ${context.files} files`,
        subjects: [
          importing("deltalakedb, from the newest checkpoint", engine, table, "snapshot"),
          importing("deltalakedb, every version", engine, table, "full-history"),
          ...peerOn(context, engine, "open", table),
        ],
      };
      await engine.close();
    }
  },
};

export const MIRROR: Bench = {
  title: "A backlog of one table, drained into a folder",
  unit: "versions/s",
  better: "more",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { database, folder } = await engine.database();
      const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
      await lake.catalog.migrate();
      const versions = 200;
      let made = 0;
      yield {
        name: `${engine.name}, ${versions} versions`,
        close: () => lake.close(),
        subjects: [
          {
            name: "deltalakedb",
            role: "ours",
            async sample() {
              const name = `bench.backlog${made++}`;
              const location = await toLocation(join(folder, name));
              const { tableId } = await createTable(lake, { name, location, schema: SCHEMA });
              for (let n = 0; n < versions; n += 1) {
                const collector = new ActionCollector({ strict: true });
                collector.collect({ add: { ...addFile(n), partitionValues: {} } }, "");
                const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
                await commit(lake, { transactionId: randomUUID(), tables: [part] });
              }
              return versions / ((await medianOf(1, () => mirrorTable(lake, tableId))) / 1000);
            },
          },
        ],
      };
      await engine.close();
    }
  },
};

export const GROWTH: Bench = {
  title: "A commit beside more and more tables",
  unit: "ms p50",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const server = await startServer({ ...(await engine.database()), connections: 4 });
      let tables = 0;
      const commitBeside = (wanted: number) => async () => {
        const [tableId] = await server.createTables(1);
        tables += 1 + (await server.createTables(Math.max(0, wanted - tables - 1))).length;
        return medianOf(100, async () => {
          const part = { tableId, readVersion: 0, actions: [{ add: addFile(1) }] };
          const { status } = await server.call("POST", "/v1/commits", { transactionId: randomUUID(), tables: [part] });
          if (status !== 201) throw new Error(String(status));
        });
      };
      for (const wanted of [1, 100, 1000]) {
        yield {
          name: `${engine.name}, ${wanted} ${wanted === 1 ? "table" : "tables"}`,
          ...(wanted === 1000 ? { close: () => server.close() } : {}),
          subjects: [{ name: "deltalakedb", role: "ours", sample: commitBeside(wanted) }],
        };
      }
      await engine.close();
    }
  },
};
