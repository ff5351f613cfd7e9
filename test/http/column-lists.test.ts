/** Files, scans and histories as columns: what readers of Arrow and Parquet find in them is what JSON says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Table, tableFromIPC } from "apache-arrow";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { addOf, openLocalApi, removeOf } from "./local-api.ts";

const { newTable, commit, get, app } = await openLocalApi();
const ARROW = "application/vnd.apache.arrow.stream";
const PARQUET = "application/vnd.apache.parquet";

async function answered(accept: string, path: string, body?: object): Promise<{ bytes: Uint8Array; headers: Headers }> {
  const init = body && { method: "POST", body: JSON.stringify(body) };
  const headers = { accept, ...(body ? { "content-type": "application/json" } : {}) };
  const answer = await app.request(path, { ...init, headers });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  assert.equal(answer.status, 200, Buffer.from(bytes).toString());
  assert.equal(answer.headers.get("content-type"), accept);
  return { bytes, headers: answer.headers };
}

/** As Arrow; and as Parquet there are the same rows. */
async function columns(path: string, body?: object): Promise<{ table: Table; headers: Headers; groups: number }> {
  const { bytes, headers } = await answered(ARROW, path, body);
  const table = tableFromIPC(bytes);
  const parquet = await answered(PARQUET, path, body);
  assert.equal(parquet.headers.get("delta-next"), headers.get("delta-next"));
  const file = parquet.bytes.slice().buffer;
  assert.deepEqual((await parquetReadObjects({ file, compressors })).map(plain), rows(table));
  const { row_groups, schema } = parquetMetadata(file);
  const names = schema.map(({ name }) => name);
  for (const { name } of table.schema.fields) assert.ok(names.includes(name), name);
  return { table, headers, groups: row_groups.length };
}

/** A row as JSON would have it: without nulls, 64-bit integers as numbers where they are safe. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries("toJSON" in value ? (value as { toJSON(): object }).toJSON() : value);
  return Object.fromEntries(
    entries.flatMap(([name, item]) => (item === null || item === undefined ? [] : [[name, plain(item)]])),
  );
}
const rows = (table: Table): unknown[] => table.toArray().map(plain);

const stats = (n: number) =>
  JSON.stringify({ numRecords: 9, minValues: { id: n }, maxValues: { id: n }, nullCount: { id: 0 } });

test("files: all in one stream of batches, whatever they hold", async () => {
  const { tableId } = await newTable();
  const files = Array.from({ length: 9500 }, (_, n) => addOf(`${n}-é😀.parquet`, { stats: stats(n) }));
  assert.equal(
    (await commit(tableId, 0, [...files, addOf("big", { size: 2 ** 53 - 1, tags: { a: "b" } })])).status,
    201,
  );
  const { table, headers, groups } = await columns(`/v1/tables/${tableId}/files`);
  assert.equal(headers.get("delta-version"), "1");
  assert.ok(table.batches.length > 1 && groups === table.batches.length, `${groups} row groups`);
  const json: unknown[] = [];
  for (let next = ""; ; ) {
    const { body } = await get(`/v1/tables/${tableId}/files?limit=5000${next}`);
    json.push(...(body.files as unknown[]));
    if (body.next === undefined) break;
    next = `&cursor=${body.next}`;
  }
  assert.deepEqual(rows(table), json);
});

test("files: one page with the cursor of the next; some fields; an empty table", async () => {
  const { tableId } = await newTable();
  const path = `/v1/tables/${tableId}/files`;
  const none = await columns(path);
  assert.equal(none.table.numRows, 0);
  assert.ok(none.table.schema.fields.some(({ name }) => name === "partitionValues"));
  await commit(
    tableId,
    0,
    [1, 2, 3].map((n) => addOf(`${n}.parquet`)),
  );
  const first = await columns(`${path}?limit=2`);
  const rest = await columns(`${path}?limit=2&cursor=${first.headers.get("delta-next")}`);
  assert.deepEqual([first.table.numRows, rest.table.numRows, rest.headers.get("delta-next")], [2, 1, null]);
  const some = await columns(`${path}?fields=size,path`);
  assert.deepEqual(
    rows(some.table),
    [1, 2, 3].map((n) => ({ path: `${n}.parquet`, size: 100 })),
  );
  const json = await get(`${path}?fields=path&limit=1`);
  assert.deepEqual(json.body.files, [{ path: "1.parquet" }]);
  const lines = await get(`${path}?fields=size`, { accept: "application/x-ndjson" });
  assert.equal(lines.text, '{"size":100}\n'.repeat(3));
  const wrong = await get(`${path}?fields=path,sise`);
  assert.deepEqual([wrong.status, wrong.body.pointer], [400, "/fields"]);
  assert.match(String(wrong.body.hint), /Did you mean "size"/);
});

test("a scan as columns", async () => {
  const { tableId } = await newTable();
  await commit(
    tableId,
    0,
    [1, 2, 3].map((n) => addOf(`${n}.parquet`, { stats: stats(n) })),
  );
  const { table, headers } = await columns(`/v1/tables/${tableId}/plan`, {
    predicate: { column: "id", op: ">", value: 1 },
    columns: [],
  });
  assert.deepEqual(
    rows(table).map((row) => (row as { path: string }).path),
    ["2.parquet", "3.parquet"],
  );
  assert.equal(headers.get("delta-total-files"), "3");
});

test("a history as columns", async () => {
  const { tableId } = await newTable();
  for (let version = 0; version < 4; version += 1) await commit(tableId, version, [addOf(`${version}`)]);
  await commit(tableId, 4, [removeOf("0")]);
  const { body } = await get(`/v1/tables/${tableId}/history`);
  const wanted = (body.versions as Record<string, unknown>[]).map((version) => ({
    ...version,
    ...(version.commitInfo ? { commitInfo: JSON.stringify(version.commitInfo) } : {}),
  }));
  const settled = (all: unknown[]) => all.map((row) => ({ ...(row as object), mirror: "" }));
  const { table } = await columns(`/v1/tables/${tableId}/history`);
  assert.deepEqual(settled(rows(table)), settled(wanted));
  const page = await columns(`/v1/tables/${tableId}/history?limit=2`);
  assert.deepEqual([page.table.numRows, page.headers.get("delta-next")], [2, "4"]);
});
