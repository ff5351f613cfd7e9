/** The server on a real socket: what a client sees when a stream breaks, and when the server closes. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { createApp } from "../../lib/http/app.ts";
import { listen } from "../../lib/http/node-server.ts";
import type { Catalog, TableHead } from "../../lib/ports.ts";
import { stubLake } from "./stub-lake.ts";

const HEAD: TableHead = {
  tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
  name: "a.b",
  location: "file:///a/b",
  status: "ACTIVE",
  version: 3,
  baseVersion: 0,
  timestamp: 1,
  numFiles: 2000,
  sizeInBytes: 1,
  markers: { metadata: 0, protocol: 0, add: 3, nonBlindAdd: -1, remove: -1, txn: -1, domain: -1 },
  createdAt: 1,
};
const file = (n: number) => ({
  path: `${n}.parquet`,
  partitionValues: {},
  size: 1,
  modificationTime: 1,
  dataChange: true,
});

const incidents: unknown[] = [];

async function serve(catalog: Partial<Catalog>) {
  const app = createApp(stubLake({ findTable: async () => HEAD, ...catalog }), {
    version: "1",
    resolveLocation: async () => "file:///x",
    onIncident: (error) => incidents.push(error),
  });
  const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
  servers.push(server);
  return server;
}

/** A failed test must not leave a server that keeps the process alive. */
const servers: Awaited<ReturnType<typeof listen>>[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

const stream = (url: string) => fetch(`${url}/v1/tables/a.b/files`, { headers: { accept: "application/x-ndjson" } });

test("a stream that breaks is cut off, never ended as if it were whole", async () => {
  let pages = 0;
  const server = await serve({
    readFileTexts: async () => {
      pages += 1;
      if (pages > 2) throw unavailable("the database went away");
      return { items: [JSON.stringify(file(pages))], next: "1.1", cursorAfter: () => "1.1" };
    },
  });
  const response = await stream(server.url);
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
  assert.match(String(incidents.at(-1)), /the database went away/);
  await server.close();
});

test("pages are read as the client takes them, not ahead of it", async () => {
  let pages = 0;
  const items = Array.from({ length: 1000 }, (_, n) => JSON.stringify({ ...file(n), stats: "x".repeat(1000) }));
  const server = await serve({
    readFileTexts: async () => {
      pages += 1;
      return { items, cursorAfter: () => "1.1", ...(pages < 200 ? { next: "1.1" } : {}) };
    },
  });
  const response = await stream(server.url);
  const reader = response.body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(pages < 60, `${pages} MB were read for a client that waits`);
  await reader?.cancel();
  const closing = Date.now();
  await server.close();
  assert.ok(Date.now() - closing < 2000);
});

test("a database that fails before the first line gives a status", async () => {
  const server = await serve({ readFileTexts: () => Promise.reject(unavailable("busy")) });
  assert.equal((await stream(server.url)).status, 503);
  await server.close();
});

test("HEAD answers as GET, without a body", async () => {
  const server = await serve({ ping: async () => [] });
  const response = await fetch(`${server.url}/v1/health`, { method: "HEAD" });
  assert.deepEqual([response.status, await response.text()], [200, ""]);
  await server.close();
});

test("a port that is taken is refused in words", async () => {
  const server = await serve({});
  const port = Number(new URL(server.url).port);
  await assert.rejects(
    listen(() => new Response(), { host: "127.0.0.1", port }),
    /127.0.0.1:\d+ is in use/,
  );
  await server.close();
});
