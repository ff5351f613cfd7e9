/** What the cache of answers brings: one page of files of an old version, asked again and again, with and without it. */

import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openAnswerCache } from "../lib/cache/answers.ts";
import { openMemoryCache } from "../lib/cache/memory.ts";
import { createApp } from "../lib/http/app.ts";
import { openLocalLake } from "../lib/lake/local.ts";
import type { AnswerCache } from "../lib/ports.ts";
import { readOptions } from "./options.ts";
import { inTemporaryFolder, machine, markdownTable, percentile, SCHEMA } from "./support.ts";

readOptions({
  run: "node bench/cache.ts",
  about: "What the cache of answers brings: one page of files of an old version, asked again and again.",
  environment: {
    BENCH_POSTGRES_URL: "an empty database; a file of SQLite if absent",
  },
});

const FILES = 10_000;
const REQUESTS = 300;

await inTemporaryFolder(async (folder) => {
  const database = process.env.BENCH_POSTGRES_URL ?? join(folder, "catalog.sqlite");
  const lake = await openLocalLake({ database, verifyFiles: "off", mirror: false });
  await lake.catalog.migrate();
  const appOf = (cache?: AnswerCache) =>
    createApp(lake, {
      version: "bench",
      resolveLocation: async () => `file://${folder}/${crypto.randomUUID()}`,
      cache,
    });
  const post = (path: string, body: object) =>
    appOf().request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const name = `bench.t${Date.now()}`;
  const { tableId } = (await (await post("/v1/tables", { name, schema: SCHEMA })).json()) as { tableId: string };
  const actions = Array.from({ length: FILES }, (_, i) => ({
    add: {
      path: `part-${i}.parquet`,
      partitionValues: {},
      size: 1,
      modificationTime: 1,
      dataChange: true,
      stats: JSON.stringify({ numRecords: i, minValues: { id: i }, maxValues: { id: i }, nullCount: { id: 0 } }),
    },
  }));
  await post("/v1/commits", { transactionId: crypto.randomUUID(), tables: [{ tableId, readVersion: 0, actions }] });
  const cache = openAnswerCache([openMemoryCache({ maxEntries: 100, maxBytes: 1e8, ttlMs: 1e6 })], true);
  const path = `/v1/tables/${tableId}/files?version=1&limit=1000`;
  const rows: Record<string, string>[] = [];
  for (const [what, app, headers] of [
    ["made anew", appOf(), {}],
    ["from the cache", appOf(cache), {}],
    ["304", appOf(), { "if-none-match": (await appOf().request(path)).headers.get("etag") ?? "" }],
  ] as const) {
    const times: number[] = [];
    for (let i = 0; i < REQUESTS; i += 1) {
      const startedAt = performance.now();
      await (await app.request(path, { headers })).arrayBuffer();
      if (i > 20) times.push(performance.now() - startedAt);
      // Requests come from outside: between two of them other work has its turn.
      await setImmediate();
    }
    rows.push({
      "a page of 1,000 files": what,
      "p50 ms": percentile(times, 0.5).toFixed(2),
      "p95 ms": percentile(times, 0.95).toFixed(2),
    });
  }
  console.log(`${machine()}\n\n${markdownTable(rows)}`);
  await lake.close();
});
