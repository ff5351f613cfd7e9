/**
 * How fast a backlog gets into logs on S3, beside the limit: the same objects, put one after the other, as many logs at once.
 * `node bench/drain.ts [--versions 100] [--answer-ms 25]`.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ActionCollector } from "../lib/delta/decode.ts";
import { type LocalLake, openLocalLake } from "../lib/lake/local.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { inTurn } from "../lib/operations/in-turn.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { newS3Client, openS3Store } from "../lib/storage/s3.ts";
import { readOptions } from "./options.ts";
import { startSlowS3 } from "./slow-s3.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, SCHEMA } from "./support.ts";

/** As `dl mirror` and `dl serve` have it. */
const TABLES_AT_ONCE = 16;
const BODY = Buffer.alloc(1_000, "x");

const { values } = readOptions({
  run: "node bench/drain.ts",
  about: "How fast a backlog gets into logs on S3, beside the limit: the same objects, put one after the other.",
  options: {
    versions: { count: 100, what: "of each table" },
    "answer-ms": { count: 25, what: "milliseconds that S3 takes for an answer" },
  },
});
const { versions, "answer-ms": answerMs } = values;

/** Versions a second. */
async function timed(tables: number, work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return (tables * versions * 1000) / (performance.now() - from);
}

async function limit(tables: number): Promise<number> {
  const client = newS3Client();
  const run = randomUUID();
  const logs = Array.from({ length: tables }, (_, n) => openS3Store({ bucket: "lake", prefix: `${run}/${n}`, client }));
  return timed(tables, () =>
    inTurn(logs, TABLES_AT_ONCE, async (log) => {
      for (let version = 0; version < versions; version += 1) await log.putIfAbsent(`_delta_log/${version}.json`, BODY);
    }),
  );
}

async function drain(lake: LocalLake, tables: number, configuration: Record<string, string>): Promise<number> {
  const ids: string[] = [];
  for (let n = 0; n < tables; n += 1) {
    const name = `bench.t${randomUUID().replaceAll("-", "")}`;
    const { tableId } = await createTable(lake, { name, location: `s3://lake/${name}`, schema: SCHEMA, configuration });
    ids.push(tableId);
    // Version 0 is the first of them.
    for (let version = 1; version < versions; version += 1) {
      const collector = new ActionCollector({ strict: true });
      collector.collect({ add: { ...addFile(version), partitionValues: {} } }, "");
      const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "" };
      await commit(lake, { transactionId: randomUUID(), tables: [part] });
    }
  }
  return timed(tables, () => inTurn(ids, TABLES_AT_ONCE, async (id) => void (await mirrorTable(lake, id))));
}

const s3 = await startSlowS3(answerMs);
const rows = await inTemporaryFolder(async (folder) => {
  const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const measured = [];
  for (const tables of [1, 20]) {
    for (const [interval, configuration] of [
      ["none", {}],
      ["10 versions", { "delta.checkpointInterval": "10" }],
    ] as const) {
      const before = await limit(tables);
      const ours = await drain(lake, tables, configuration);
      const most = (before + (await limit(tables))) / 2;
      measured.push({
        tables,
        "interval of checkpoints": interval,
        "versions/s": ours.toFixed(0),
        "limit, puts/s": most.toFixed(0),
        "share of the limit": (ours / most).toFixed(2),
      });
    }
  }
  await lake.close();
  return measured;
});
await s3.close();
console.log(
  `${markdownTable(rows)}\n\n${versions} versions a table, ${answerMs} ms an answer, ${TABLES_AT_ONCE} tables at once. ${machine()}`,
);
