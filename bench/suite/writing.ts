/** Benchmarks of commits: many writers on few tables, one writer alone, many tables in one commit, appends that share versions. */

import { randomUUID } from "node:crypto";
import type { Call } from "../calls.ts";
import { type Server, startServer } from "../serve.ts";
import { addFile } from "../support.ts";
import { startBareServer } from "./bare-server.ts";
import { openEmbedded } from "./embedded.ts";
import { type Engine, enginesOf } from "./engines.ts";
import { medianOf } from "./floor.ts";
import type { Bench, Context, Subject } from "./model.ts";

const WRITERS = 32;
const APPENDERS = 256;
/** Of delta-rs and DuckLake, in threads of one process: more of them fail more often. */
const PEER_WRITERS = 8;
const ALONE = 200;
const FILES_ALONE = 10;

const addsOf = (count: number) => Array.from({ length: count }, (_, n) => ({ add: addFile(n) }));

const commitText = (tableIds: readonly string[], adds: number): string => {
  const tables = tableIds.map((tableId) => ({ tableId, readVersion: 0, actions: addsOf(adds) }));
  return JSON.stringify({ transactionId: randomUUID(), tables });
};

async function post(call: Call, text: string): Promise<void> {
  const { status, text: answer } = await call("POST", "/v1/commits", text);
  if (status !== 201) throw new Error(`${status} ${answer}`);
}

const commitTo = ({ call }: Server, tableIds: readonly string[], adds: number) =>
  post(call, commitText(tableIds, adds));

/** Milliseconds, the median of so many commits: what a writer does to make one is not counted, as it is not with the floor. */
function latency<T>(make: () => T, commit: (made: T) => Promise<void>): Promise<number> {
  const made = Array.from({ length: ALONE }, make);
  return medianOf(ALONE, (n) => commit(made[n] as T));
}

async function appendTo(server: Server, tableId: string): Promise<void> {
  const body = { transactionId: randomUUID(), actions: addsOf(1) };
  const { status, text } = await server.call("POST", `/v1/tables/${tableId}/appends`, body);
  if (status !== 201) throw new Error(`${status} ${text}`);
}

/** Per second. */
async function load(writers: number, ms: number, write: (writer: number) => Promise<void>): Promise<number> {
  const end = performance.now() + ms;
  let done = 0;
  const writer = async (n: number) => {
    for (; performance.now() < end; done += 1) await write(n);
  };
  await Promise.all(Array.from({ length: writers }, (_, n) => writer(n)));
  return done / (ms / 1000);
}

async function opened(engine: Engine) {
  const server = await startServer({ ...(await engine.database()), connections: APPENDERS + 2 });
  const floor = await engine.floor();
  const close = async () => {
    await server.close();
    await floor.close();
  };
  return { server, floor, close };
}

/** Peers have no server of a database beside them: they are compared once, with the first engine. */
function peersIn(context: Context, engine: Engine, what: string, asked: Readonly<Record<string, unknown>>): Subject[] {
  const { peers, folder } = context;
  if (peers === undefined || engine.name !== "SQLite") return [];
  // A table of Spark's takes seconds to be made.
  const names = peers.names.filter((name) => name !== "spark" || asked.tables !== WRITERS);
  return names.map((name) => ({ name, role: "peer", sample: () => peers.ask(name, what, { folder, ...asked }) }));
}

export const COMMITS: Bench = {
  title: "Commits of many writers, the mirror at work",
  unit: "commits/s",
  better: "more",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      for (const count of [1, WRITERS]) {
        const { server, floor, close } = await opened(engine);
        const tables = await server.createTables(count);
        const at = (n: number) => tables[n % count] as string;
        const { loadMs } = context;
        yield {
          name: `${engine.name}, ${count} ${count === 1 ? "table" : "tables"}`,
          close,
          subjects: [
            {
              name: `deltalakedb, ${WRITERS} writers`,
              role: "ours",
              sample: () => load(WRITERS, loadMs, (n) => commitTo(server, [at(n)], 1)),
            },
            {
              name: `deltalakedb, ${APPENDERS} appenders`,
              role: "ours",
              sample: () => load(APPENDERS, loadMs, (n) => appendTo(server, at(n))),
            },
            { name: "floor", role: "floor", sample: () => floor.load(WRITERS, count, loadMs) },
            ...peersIn(context, engine, "commits", { writers: PEER_WRITERS, tables: count, seconds: loadMs / 1000 }),
          ],
        };
      }
    }
  },
};

export const LATENCY: Bench = {
  title: "One writer alone, ten files a commit",
  unit: "ms p50",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { server, floor, close } = await opened(engine);
      const [tableId = ""] = await server.createTables(1);
      const embedded = await openEmbedded((await engine.database()).database);
      const bare = await startBareServer();
      const overHttp = (call: Call) =>
        latency(
          () => commitText([tableId], FILES_ALONE),
          (text) => post(call, text),
        );
      yield {
        name: engine.name,
        async close() {
          await embedded.close();
          await bare.close();
          await close();
        },
        subjects: [
          { name: "deltalakedb over HTTP", role: "ours", sample: () => overHttp(server.call) },
          {
            name: "deltalakedb in process, no mirror",
            role: "ours",
            sample: () => latency(() => addsOf(FILES_ALONE), embedded.commit),
          },
          { name: "a bare server of Node, the same bytes", role: "peer", sample: () => overHttp(bare.call) },
          { name: "floor", role: "floor", sample: () => floor.latency(ALONE, FILES_ALONE) },
          ...peersIn(context, engine, "latency", { commits: 20 }),
        ],
      };
    }
  },
};

export const MULTI: Bench = {
  title: "A hundred tables: one commit of all, or one for each",
  unit: "ms",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      for (const adds of [1, 10]) {
        const { server, close } = await opened(engine);
        const tables = await server.createTables(100);
        yield {
          name: `${engine.name}, ${adds} ${adds === 1 ? "file" : "files"} each`,
          close,
          subjects: [
            { name: "one commit", role: "ours", sample: () => medianOf(3, () => commitTo(server, tables, adds)) },
            {
              name: "100 commits",
              role: "ours",
              sample: () =>
                medianOf(1, async () => {
                  for (const tableId of tables) await commitTo(server, [tableId], adds);
                }),
            },
          ],
        };
      }
    }
  },
};
