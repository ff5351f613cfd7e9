/** Benchmark of neighbours: how long commits to small tables take beside a large one that is written, mirrored and checkpointed. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Server, startServer } from "../serve.ts";
import { addFile, percentile } from "../support.ts";
import { enginesOf } from "./engines.ts";
import type { Bench } from "./model.ts";
import { largeTable } from "./reading.ts";

const NEIGHBOURS = 8;
/** Milliseconds between two commits of a neighbour, and of the large table. */
const PAUSE_MS = 20;
const LARGE_PAUSE_MS = 1000;
/** Files that each commit to the large table adds: a tenth of them all within a load, so that a checkpoint is due. */
const SHARE = 0.05;

async function commitTo(server: Server, tableId: string, adds: number): Promise<void> {
  const actions = Array.from({ length: adds }, (_, n) => ({ add: addFile(n) }));
  const tables = [{ tableId, readVersion: 0, actions }];
  const { status, text } = await server.call("POST", "/v1/commits", { transactionId: randomUUID(), tables });
  if (status !== 201) throw new Error(`${status} ${text}`);
}

async function during(
  server: Server,
  tables: readonly string[],
  ms: number,
  beside: () => Promise<void>,
): Promise<number> {
  const end = performance.now() + ms;
  const took: number[] = [];
  const neighbour = async (tableId: string) => {
    while (performance.now() < end) {
      const from = performance.now();
      await commitTo(server, tableId, 1);
      took.push(performance.now() - from);
      await sleep(PAUSE_MS);
    }
  };
  const large = async () => {
    while (performance.now() < end) {
      await beside();
      await sleep(LARGE_PAUSE_MS);
    }
  };
  await Promise.all([large(), ...tables.map(neighbour)]);
  return percentile(took, 0.95);
}

export const NEIGHBOURS_OF_LARGE: Bench = {
  title: "Commits to small tables beside a large one",
  unit: "ms p95",
  better: "less",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const large = await largeTable(engine, context.files);
      const server = await startServer({ ...large, connections: NEIGHBOURS + 2 });
      const tables = await server.createTables(NEIGHBOURS);
      const adds = Math.min(2000, Math.ceil(context.files * SHARE));
      // Long enough for a checkpoint of the large table.
      const ms = Math.max(context.loadMs, context.files / 50);
      yield {
        name: `${engine.name}, ${NEIGHBOURS} tables beside one of ${context.files} files`,
        close: () => server.close(),
        subjects: [
          {
            name: "beside a commit a second to it",
            role: "ours",
            sample: () => during(server, tables, ms, () => commitTo(server, large.tableId, adds)),
          },
          { name: "while it rests", role: "floor", sample: () => during(server, tables, ms, async () => undefined) },
        ],
      };
    }
  },
};
