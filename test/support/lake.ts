/** A lake for tests: a SQL catalog of its own, logs in memory, a clock that stops, a queue that only writes down. */

import { openCatalog } from "../../lib/catalog/open.ts";
import type { CommitActions } from "../../lib/delta/actions.ts";
import { ActionCollector } from "../../lib/delta/decode.ts";
import type { CommitRequest, CommitResult, ReadSet, SupportedFeatures } from "../../lib/delta/request.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { openDataFiles } from "../../lib/files/data-files.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import type { Catalog, Clock, Lake, ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import {
  findDataApi,
  findDataApiMysql,
  findMysql,
  findPostgres,
  SQLITE_ENGINE,
  type TestEngine,
} from "./catalog-engines.ts";

export interface TestClock extends Clock {
  time: number;
}

export interface TestLake extends Lake {
  readonly clock: TestClock;
  readonly enqueued: { tableId: string; version: number }[];
  readonly metricsSeen: { name: string; value: number }[];
  /** Of its database. */
  readonly url: string;
  store(location: string): ObjectStore;
  /** The same lake with some of its parts exchanged. */
  with(parts: { catalog?: Catalog; store?: (store: ObjectStore) => ObjectStore }): TestLake;
  close(): Promise<void>;
}

/** Stopped from now on: PostgreSQL has a clock of its own, which must not be far from it. */
export function testClock(time = Date.now()): TestClock {
  return {
    time,
    now() {
      return this.time;
    },
    newId: () => crypto.randomUUID(),
    async sleep(ms) {
      this.time += ms;
    },
  };
}

const ENGINES = {
  sqlite: () => SQLITE_ENGINE,
  postgres: findPostgres,
  "data-api": findDataApi,
  mysql: findMysql,
  "data-api-mysql": findDataApiMysql,
} as const;

/** The emulated Data API takes its time for each call: loops over calls take every fifth there. */
export const STRIDE = process.env.TEST_ENGINE?.startsWith("data-api") ? 5 : 1;

/** On a new SQLite file; with TEST_ENGINE=postgres or data-api on a new schema of TEST_POSTGRES_URL. @param engine another one */
export async function openTestLake(engine = engineOfTests()): Promise<TestLake> {
  const database = await engine.create();
  const clock = testClock();
  const catalog = await openCatalog(database.url, clock);
  await catalog.migrate();
  const stores = new Map<string, ObjectStore>();
  const base = {
    url: database.url,
    clock,
    enqueued: [] as { tableId: string; version: number }[],
    metricsSeen: [] as { name: string; value: number }[],
    store(location: string): ObjectStore {
      const known = stores.get(location) ?? openMemoryStore({ now: () => clock.now() });
      stores.set(location, known);
      return known;
    },
  };
  const assemble = (parts: { catalog?: Catalog; store?: (store: ObjectStore) => ObjectStore }): TestLake => ({
    ...base,
    catalog: parts.catalog ?? catalog,
    openLog: (location) => {
      const store = base.store(location);
      return openDeltaLog(parts.store ? parts.store(store) : store, location);
    },
    openDataFiles: (location) => {
      const store = base.store(location);
      return openDataFiles(parts.store ? parts.store(store) : store, location);
    },
    queue: {
      async enqueue(tables) {
        base.enqueued.push(...tables.map(({ tableId, version }) => ({ tableId, version })));
      },
    },
    metrics: { record: (name, value) => void base.metricsSeen.push({ name, value }) },
    with: (more) => assemble({ ...parts, ...more }),
    async close() {
      await catalog.close();
      await database.drop();
    },
  });
  return assemble({});
}

function engineOfTests(): TestEngine {
  const name = (process.env.TEST_ENGINE || "sqlite") as keyof typeof ENGINES;
  const engine = ENGINES[name]?.();
  if (!engine) throw new Error(`TEST_ENGINE=${name} is none of ${Object.keys(ENGINES)}, or lacks TEST_POSTGRES_URL`);
  return engine;
}

/** Lets so many milliseconds go by, for the clock of the test and for that of a database. */
export async function pass(lake: TestLake, ms: number): Promise<void> {
  lake.clock.time += ms;
  await new Promise((resolve) => setTimeout(resolve, ms));
}

export const SCHEMA = {
  type: "struct",
  fields: [
    { name: "id", type: "long", nullable: true, metadata: {} },
    { name: "day", type: "string", nullable: true, metadata: {} },
  ],
};

/** A table of {@link SCHEMA}; answers its id. */
export async function newTable(
  lake: Lake,
  name: string,
  options: { partitionColumns?: string[]; configuration?: Record<string, string>; fenced?: boolean } = {},
): Promise<string> {
  const { tableId } = await createTable(lake, { name, location: `file:///lake/${name}`, schema: SCHEMA, ...options });
  return tableId;
}

export function actions(...objects: Json[]): CommitActions {
  const collector = new ActionCollector({ strict: true });
  for (const [i, object] of objects.entries()) collector.collect(object, `/tables/0/actions/${i}`);
  return collector.actions();
}

export function addOf(path: string, more: Record<string, Json> = {}): Json {
  return { add: { path, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true, ...more } };
}

export function removeOf(path: string, more: Record<string, Json> = {}): Json {
  return { remove: { path, deletionTimestamp: 1, dataChange: true, ...more } };
}

export function request(
  ...tables: {
    tableId: string;
    readVersion: number;
    expectedVersion?: number;
    actions: Json[];
    reads?: ReadSet;
    isolationLevel?: "WriteSerializable";
    supportedFeatures?: SupportedFeatures;
  }[]
): CommitRequest {
  return {
    transactionId: crypto.randomUUID(),
    tables: tables.map(({ tableId, actions: objects, ...rest }, i) => ({
      table: { tableId },
      actions: actions(...objects),
      at: `/tables/${i}`,
      ...rest,
    })),
  };
}

/** Commits to one table and answers the version, or the codes of the conflicts. */
export async function commitTo(
  lake: Lake,
  tableId: string,
  readVersion: number,
  objects: Json[],
  reads?: ReadSet,
): Promise<number | string> {
  const result = await commit(lake, request({ tableId, readVersion, actions: objects, ...(reads ? { reads } : {}) }));
  return outcomeOf(result);
}

export function outcomeOf(result: CommitResult): number | string {
  if (result.status === "conflict") return result.conflicts.map((c) => c.code).join();
  return result.tables[0]?.version ?? -1;
}
