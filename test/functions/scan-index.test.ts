/** Indexes of scans on AWS: the function that reads wishes, the sweep makes them and goes on where its time was over, scans find files by them. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { INDEXING } from "../../bench/costs/measured.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { systemClock } from "../../lib/lake/clock.ts";
import type { Catalog } from "../../lib/ports.ts";
import { pointsOf } from "../support/alarms.ts";
import { createDataApi, type DataApiDatabase } from "../support/catalog-engines.ts";
import { postgresUrl } from "../support/skip.ts";
import { contextOf, event, openStage, printed, type Stage } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const FILES = 21_000;
const A_COMMIT = 700;
/** What Lambda gives the sweep, and what of it indexing leaves. */
const MINUTE = 60_000;
let stage: Stage;
let catalog: Catalog;
/** Where there is PostgreSQL; else the functions are on SQLite, and nothing is counted. */
let database: DataApiDatabase | undefined;
const handlers: Record<string, Handler> = {};
let tableId: string;
let version = 0;

before(async () => {
  stage = await openStage();
  database = postgresUrl === undefined ? undefined : await createDataApi(postgresUrl);
  const url = database?.url ?? process.env.DATABASE_URL ?? "";
  Object.assign(process.env, { DATABASE_URL: url, AUDIT_DATABASE_URL: url });
  for (const name of ["commit", "read", "sweep", "migrate"]) {
    handlers[name] = (await import(`../../functions/${name}.ts`)).handler as Handler;
  }
  await invoke("migrate", event("custom-resource.create"));
  catalog = await openCatalog(url, systemClock);
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  ({ tableId } = (await http("commit", "/v1/tables", { name: "large.table", schema }, 201)) as { tableId: string });
  for (let from = 0; from < FILES; from += A_COMMIT) await append(from, A_COMMIT);
});
after(async () => {
  await catalog?.close();
  await stage?.close();
  await database?.drop();
});

async function invoke(name: string, payload: unknown, remainingMs?: () => number) {
  database?.emulator.resetCalls();
  const { result, lines } = await printed(async () => handlers[name]?.(payload, contextOf(name, remainingMs)));
  return { result, lines, calls: Object.values(database?.emulator.calls ?? {}).reduce((a, b) => a + b, 0) };
}

let calls = 0;

async function http(name: string, path: string, body: object, expected: number): Promise<object> {
  const sample = event<{ readonly requestContext: { readonly http: object } }>("http.commit");
  const requestContext = { ...sample.requestContext, http: { ...sample.requestContext.http, method: "POST", path } };
  const answer = await invoke(name, { ...sample, rawPath: path, requestContext, body: JSON.stringify(body) });
  calls = answer.calls;
  const { statusCode, body: text } = answer.result as { readonly statusCode: number; readonly body: string };
  assert.equal(statusCode, expected, text);
  return JSON.parse(text) as object;
}

async function append(from: number, count: number): Promise<void> {
  const actions = Array.from({ length: count }, (_, i) => {
    const id = (from + i) * 10;
    const stats = { numRecords: 10, minValues: { id }, maxValues: { id: id + 9 }, nullCount: { id: 0 } };
    const add = { path: `f${from + i}`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
    return { add: { ...add, stats: JSON.stringify(stats) } };
  });
  const tables = [{ tableId, readVersion: version, actions }];
  await http("commit", "/v1/commits", { transactionId: crypto.randomUUID(), tables }, 201);
  version += 1;
}

async function planned(id: number): Promise<readonly string[]> {
  const predicate = { column: "id", op: "=", value: id };
  const { files } = (await http("read", `/v1/tables/${tableId}/plan`, { predicate, limit: 10 }, 200)) as {
    readonly files: readonly { readonly path: string }[];
  };
  return files.map(({ path }) => path);
}

/** The sweep, with what it says of indexes: how far one is behind, how many failed. */
async function sweep(remainingMs?: () => number) {
  const { lines, calls: counted } = await invoke("sweep", event("schedule"), remainingMs);
  const lastOf = (name: string) =>
    pointsOf(lines)
      .filter(({ metric }) => metric === name)
      .at(-1)?.value;
  return { behind: lastOf("ScanIndexBehind"), failures: lastOf("ScanIndexFailures"), calls: counted };
}

test("nobody has asked: a sweep makes no index, at the cost that is written down", async () => {
  await sweep();
  const idle = await sweep();
  assert.deepEqual([idle.behind, await catalog.scanIndexes()], [0, []]);
  if (database) assert.equal(idle.calls, INDEXING.sweepCalls);
});

test("a scan wishes once; sweeps make the index, also where each has time for a few batches only; scans then find files by it", async () => {
  assert.deepEqual(await planned(123_455), ["f12345"]);
  const wish = { tableId, columnId: '["data","id"]' };
  // An answer waits for a second at most until it is written.
  while ((await catalog.scanWishes(9)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await catalog.scanWishes(9), [wish]);
  await catalog.endScanWish(wish);
  assert.deepEqual(await planned(123_465), ["f12346"]);
  const looking = calls;
  assert.deepEqual(await catalog.scanWishes(9), [], "what was wished for is not told again at once");
  await catalog.addScanWish(wish);
  let asked = 0;
  // Time is over after some looks at the clock; no call is waited for, so nothing depends on the machine.
  const short = () => {
    asked += 1;
    return asked < 40 ? MINUTE : 14_000;
  };
  const first = await sweep(short);
  assert.ok((first.behind ?? 0) > 0, "the rest is for the next one");
  assert.equal(first.failures, undefined, "which is no failure");
  let runs = 1;
  for (let behind = first.behind; behind !== 0; runs += 1) {
    assert.ok(runs < 60, "each sweep comes further");
    asked = 0;
    ({ behind } = await sweep(short));
  }
  assert.ok(runs > 1);
  const [index] = await catalog.scanIndexes(tableId);
  assert.deepEqual([index?.numRows, index?.at.version], [FILES, version]);
  assert.deepEqual(await planned(123_455), ["f12345"]);
  if (database) assert.ok(calls < looking / 2, `${calls} calls by the index, ${looking} without`);
});

test("commits go on, and a sweep follows them at the cost that is written down", async () => {
  await append(FILES, 1);
  assert.deepEqual(await planned(FILES * 10 + 5), [`f${FILES}`], "what is beyond the index is looked at");
  const { behind, calls: following } = await sweep();
  assert.equal(behind, 0);
  if (database) assert.equal(following, INDEXING.sweepCalls + INDEXING.callsAnIndex);
  assert.equal((await catalog.scanIndexes(tableId))[0]?.at.version, version);
  assert.deepEqual(await planned(FILES * 10 + 5), [`f${FILES}`]);
});
