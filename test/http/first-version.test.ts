/** Tables that are made by their first commit, over HTTP: where they go, and what a client is told that may not have one. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { addOf, openLocalApi } from "./local-api.ts";

const api = await openLocalApi();

const FIRST = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  {
    metaData: {
      id: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
      format: { provider: "parquet", options: {} },
      schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
      partitionColumns: [],
      configuration: {},
    },
  },
];

function make(table: object, actions: readonly object[] = FIRST, more: object = {}) {
  const part = { expectedVersion: 0, actions, ...table };
  return api.post("/v1/commits", { transactionId: crypto.randomUUID(), tables: [part], ...more });
}

test("a table goes where it is said, or below the storage; its files are there at once", async () => {
  const answer = await make({ table: "first.here" }, [...FIRST, addOf("a.parquet")], { acknowledge: "mirrored" });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const [made] = answer.body.tables as unknown as { tableId: string; version: number; mirror: string }[];
  assert.deepEqual([made?.version, made?.mirror], [0, "COMPLETE"]);
  assert.ok(existsSync(join(api.folder, "first/here/_delta_log/00000000000000000000.json")));
  const { body } = await api.get(`/v1/tables/${made?.tableId}/files`);
  assert.equal((body.files as unknown as unknown[]).length, 1);
  assert.equal((await make({ table: "first.there", location: "some/where" })).status, 201);
  await api.lake.mirrored();
  assert.ok(existsSync(join(api.folder, "some/where/_delta_log/00000000000000000000.json")));
});

test("each refusal points at its part of the request", async () => {
  assert.equal((await make({ table: "first.taken" })).status, 201);
  const cases: readonly (readonly [object, number, string, string | undefined])[] = [
    [{ table: "first.taken", actions: [...FIRST, addOf("a")] }, 409, "VERSION_TAKEN", undefined],
    [{ table: "First.Taken", location: "x" }, 409, "TABLE_EXISTS", "/tables/0/table"],
    [{ table: "first.in", location: "first/taken/in" }, 409, "LOCATION_OVERLAPS", "/tables/0/location"],
    [{ table: "first.out", location: "file:///elsewhere" }, 400, "LOCATION_NOT_ALLOWED", "/tables/0/location"],
    [{ table: "nodot" }, 400, "INVALID_REQUEST", "/tables/0/table"],
    [{ tableId: crypto.randomUUID() }, 400, "INVALID_REQUEST", "/tables/0/tableId"],
    [{ table: "first.taken", expectedVersion: 1, location: "x" }, 400, "INVALID_REQUEST", "/tables/0/location"],
    [{ table: "first.none", actions: [addOf("a")] }, 400, "MISSING_PROTOCOL", "/tables/0/actions"],
  ];
  for (const [table, status, code, pointer] of cases) {
    const { status: got, body } = await make(table);
    const what = JSON.stringify([table, body]);
    const told = code === "VERSION_TAKEN" ? code : body.code;
    assert.deepEqual([got, told, pointer && body.pointer], [status, code, pointer], what);
  }
});
