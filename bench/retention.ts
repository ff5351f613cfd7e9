/** Whether SQL stays bounded under commits without end: a fast clock, upkeep once a day, the size of the database as time goes by. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCatalog } from "../lib/catalog/open.ts";
import { openDataFiles } from "../lib/files/data-files.ts";
import { openDeltaLog } from "../lib/log/delta-log.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import {
  MAINTENANCE_RULES,
  maintainTable,
  maintainTransactions,
  maintenanceDue,
} from "../lib/operations/maintenance.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import type { Lake } from "../lib/ports.ts";
import { openMemoryStore } from "../lib/storage/memory.ts";
import { addOf, removeOf, request, SCHEMA, testClock } from "../test/support/lake.ts";
import { readOptions } from "./options.ts";

const {
  numbers: [COMMITS = 0],
  words,
} = readOptions({
  run: "node bench/retention.ts",
  about:
    "Whether SQL stays bounded under commits without end: a fast clock, upkeep once a day, the size of the database.",
  numbers: [{ name: "commits", count: 100_000, what: "in all; with the word keep transactions are never forgotten" }],
  words: { name: "word", among: ["keep"], atMost: 1 },
});
const A_DAY = 1000;
const DAY = 86_400_000;
/** With the word `keep` transactions are never forgotten. */
const RULES = {
  ...MAINTENANCE_RULES,
  ...{ vacuum: true, historyRetentionMs: 5 * DAY },
  ...{ trimTransactions: words.length === 0, transactionRetentionMs: 7 * DAY },
};

const folder = mkdtempSync(join(tmpdir(), "dl-bench-retention-"));
const path = join(folder, "c.sqlite");
const clock = testClock();
const catalog = await openCatalog(path, clock);
await catalog.migrate();
const store = openMemoryStore({ now: () => clock.now() });
const lake: Lake = {
  ...{ catalog, clock, queue: { enqueue: async () => undefined }, metrics: { record: () => undefined } },
  openLog: (location) => openDeltaLog(store, location),
  openDataFiles: (location) => openDataFiles(store, location),
};
const days = (n: number) => `interval ${n} days`;
const { tableId } = await createTable(lake, {
  ...{ name: "b.retention", location: "file:///b/retention", schema: SCHEMA },
  configuration: {
    "delta.logRetentionDuration": days(3),
    "delta.deletedFileRetentionDuration": days(3),
    "delta.setTransactionRetentionDuration": days(3),
    "delta.checkpointInterval": "500",
  },
});

const sizes = () =>
  ["", "-wal"].reduce((sum, end) => sum + (statSync(path + end, { throwIfNoEntry: false })?.size ?? 0), 0);
console.log(
  "| commits | SQLite, MB | versions in SQL | transactions forgotten | files in the log | upkeep, s a day |\n|---|---|---|---|---|---|",
);
let version = 0;
let n = 0;
let forgotten = 0;
while (n < COMMITS) {
  for (let i = 0; i < A_DAY; i += 1) {
    clock.time += DAY / A_DAY;
    // Each file lives for fifty commits, each application for one.
    const old = n >= 50 ? [removeOf(`f${n - 50}`, { deletionTimestamp: clock.time })] : [];
    const txn = { txn: { appId: `stream-${n}`, version: 1, lastUpdated: clock.time } };
    const actions = [addOf(`f${n}`), ...old, txn];
    n += 1;
    const done = await commit(lake, request({ tableId, readVersion: version, actions }));
    version = done.status === "committed" ? (done.tables[0]?.version ?? 0) : version;
  }
  await mirrorTable(lake, tableId);
  const began = performance.now();
  for await (const due of maintenanceDue(lake, RULES)) await maintainTable(lake, due, RULES);
  forgotten += (await maintainTransactions(lake, RULES)).transactions ?? 0;
  const seconds = (performance.now() - began) / 1000;
  version = (await catalog.findTable({ tableId }))?.version ?? version;
  const day = n / A_DAY;
  if (![1, 5, 10].includes(day) && day % 20 !== 0) continue;
  const base = (await catalog.findTable({ tableId }))?.baseVersion ?? 0;
  const { commits, checkpoints } = await lake.openLog("file:///b/retention").list();
  const mb = (sizes() / 2 ** 20).toFixed(1);
  console.log(
    `| ${n} | ${mb} | ${version - base + 1} | ${forgotten} | ${commits.length + checkpoints.length} | ${seconds.toFixed(1)} |`,
  );
}
await catalog.close();
rmSync(folder, { recursive: true });
