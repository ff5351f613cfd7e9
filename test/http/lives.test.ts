/** Drop, undrop and rename through the API: every answer is held against its wire contract. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checked } from "../../lib/validation.ts";
import { problem } from "../../lib/wire/contracts/problem.ts";
import { renameAnswer, tableList, undropAnswer } from "../../lib/wire/contracts/tables.ts";
import { addOf, openLocalApi } from "./local-api.ts";

const api = await openLocalApi();
const { newTable, commit, get, post } = api;

const rename = (table: string, name: string) =>
  api.send(`/v1/tables/${table}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });

test("a table is dropped, tells that it can come back, and comes back with all its versions", async () => {
  const { tableId, name } = await newTable();
  assert.equal((await commit(tableId, 0, [addOf("a.parquet")])).status, 201);
  assert.equal((await api.send(`/v1/tables/${name}`, { method: "DELETE" })).status, 204);
  for (const path of [`/v1/tables/${tableId}`, `/v1/tables/${name}/files`, `/v1/tables/${name}/history`]) {
    const { status, body } = await get(path);
    const told = checked(problem, body);
    assert.deepEqual([status, told.code, told.tableId], [404, "TABLE_NOT_FOUND", tableId], path);
    assert.equal(Number(told.undropUntil) - Number(told.droppedAt), 7 * 86_400_000);
  }
  for (const named of [name, tableId]) {
    const back = await post(`/v1/tables/${named}/undrop`, {});
    assert.deepEqual([back.status, checked(undropAnswer, back.body).version], [200, 1], back.text);
  }
  assert.equal((await commit(tableId, 1, [addOf("b.parquet")])).status, 201);
  const other = await post(`/v1/tables/${tableId}/undrop`, { name: "another.name" });
  assert.deepEqual([other.status, other.body.code], [409, "TABLE_EXISTS"]);
  assert.equal((await post("/v1/tables/no.table/undrop", {})).status, 404);
});

test("a table is renamed; the former name says who has it", async () => {
  const { tableId, name } = await newTable();
  const renamed = await rename(name, "re.named");
  assert.equal(renamed.status, 200, renamed.text);
  assert.deepEqual([checked(renameAnswer, renamed.body).formerName, renamed.body.name], [name, "re.named"]);
  const former = await get(`/v1/tables/${name}`);
  assert.deepEqual([former.status, checked(problem, former.body).renamedTo], [404, "re.named"]);
  assert.equal((await get("/v1/tables/re.named")).body.tableId, tableId);
  const { name: third } = await newTable();
  const taken = await rename(third, "Re.Named");
  assert.deepEqual([taken.status, taken.body.code, taken.body.pointer], [409, "TABLE_EXISTS", "/name"]);
  const bad = await rename(third, "no");
  assert.deepEqual([bad.status, bad.body.pointer], [400, "/name"]);
});

test("dropped tables are listed page by page, and come back from the list", async () => {
  const tables = [await newTable(), await newTable(), await newTable()];
  for (const { name } of tables) assert.equal((await api.send(`/v1/tables/${name}`, { method: "DELETE" })).status, 204);
  const seen: string[] = [];
  for (let cursor = "", more = true; more; more = cursor !== "") {
    const page = await get(`/v1/tables?status=dropped&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    assert.equal(page.status, 200, page.text);
    const { tables: some, next } = checked(tableList, page.body);
    for (const table of some) {
      assert.ok("droppedAt" in table && (table.undropUntil ?? 0) > table.droppedAt);
      seen.push(table.tableId);
    }
    cursor = next ?? "";
  }
  assert.equal(new Set(seen).size, seen.length);
  for (const { tableId } of tables) {
    assert.ok(seen.includes(tableId));
    assert.equal((await post(`/v1/tables/${tableId}/undrop`, {})).status, 200);
  }
  const left = checked(tableList, (await get("/v1/tables?status=dropped")).body).tables;
  assert.ok(!left.some(({ tableId }) => tables.some((table) => table.tableId === tableId)));
  for (const wrong of ["status=dropped&namespace=a", "status=gone", "status=dropped&cursor=tables...a.b"]) {
    const { status, text } = await get(`/v1/tables?${wrong}`);
    assert.equal(status, 400, text);
  }
});
