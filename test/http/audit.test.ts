/** What the audit trail has of requests: every attempt to write and every refusal, with who, why and what came of it, and no secret. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { newApiKey } from "../../lib/access/api-key.ts";
import { tableChain } from "../../lib/access/audit-row.ts";
import { openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { openRules } from "../../lib/access/rules.ts";
import type { AuditFacts } from "../../lib/ports.ts";
import { addOf, openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

test("attempts, refusals and effects are noted, and reads that are allowed are not", async () => {
  const api = await openLocalApi();
  const { lake } = api;
  const table = await api.newTable();
  const secret = await api.newTable();
  const { key, keyId, hash } = newApiKey();
  await lake.catalog.addKey({ keyId, name: "etl", hash, access: "write", createdAt: 1 });
  const grant = [
    { privilege: "APPEND", resource: `table:${table.tableId}`, grantee: "user:etl" },
    { privilege: "SELECT", resource: `table:${table.tableId}`, grantee: "user:etl" },
  ] as const;
  await lake.catalog.changeAccess({ mode: "enforced", grant, by: "operator", at: 1 });
  const noted: AuditFacts[] = [];
  const door = openDoor({ keys: openKeyRing(lake.catalog, lake.clock) });
  const audit = { note: (facts: AuditFacts) => void noted.push(facts), flush: async () => undefined };
  const served = client(lake, { door, audit, rules: openRules(lake.catalog) });
  const authorization = { authorization: `Bearer ${key}` };
  const commit = (tableId: string) => {
    const transactionId = crypto.randomUUID();
    const tables = [{ tableId, readVersion: 0, actions: [addOf("secret-file.parquet")] }];
    return served.post("/v1/commits", { transactionId, tables }, authorization);
  };
  const last = () => noted.at(-1) ?? assert.fail("nothing is noted");

  const committed = await commit(table.tableId);
  assert.equal(committed.status, 201, committed.text);
  assert.equal(noted.length, 0, "its own transaction has written it");
  const [row, ...more] = await lake.catalog.auditOf(tableChain(table.tableId), { after: 0, limit: 9 });
  assert.ok(row && more.length === 0);
  assert.deepEqual(
    [row.who, row.session, row.operation, row.decision, row.outcome, row.tables],
    ["user:etl", keyId, "commit", "allowed", "201", JSON.stringify([table.tableId])],
  );
  assert.equal(row.requestId, committed.headers.get("x-request-id"));
  assert.match(row.because, /grant APPEND on table:.* to user:etl/);
  assert.deepEqual(JSON.parse(row.effect), {
    transactionId: committed.body.transactionId,
    tables: [{ tableId: table.tableId, version: 1 }],
  });

  // To the caller there is no such table; the trail knows better.
  assert.equal((await commit(secret.tableId)).status, 404);
  assert.deepEqual([last().decision, last().outcome, last().effect], ["denied", "404", ""]);
  assert.match(last().because, /^APPEND on table:/);
  assert.equal((await served.get(`/v1/tables/${secret.name}`, authorization)).status, 404);
  assert.deepEqual([last().decision, last().operation], ["denied", "describeTable"]);
  assert.equal(
    (await served.send(`/v1/tables/${table.tableId}`, { method: "DELETE", headers: authorization })).status,
    403,
  );
  assert.deepEqual([last().decision, last().operation, last().outcome], ["denied", "dropTable", "403"]);
  assert.equal((await served.get("/v1/tables", { authorization: "Bearer nonsense" })).status, 401);
  assert.deepEqual([last().decision, last().who, last().outcome], ["denied", "", "401"]);
  assert.equal((await served.post("/v1/commits", "{", authorization)).status, 400);
  assert.deepEqual([last().decision, last().outcome], ["failed", "400"]);

  // Who is refused before the route itself is reached has a name as well, and a reason.
  assert.equal((await served.post("/v1/tables/import", { name: "a.b", location: "x" }, authorization)).status, 403);
  assert.deepEqual([last().decision, last().who, last().operation], ["denied", "user:etl", "importTable"]);
  assert.equal(last().because, "CREATE on catalog");
  const reading = newApiKey();
  await lake.catalog.addKey({ keyId: reading.keyId, name: "viewer", hash: reading.hash, access: "read", createdAt: 1 });
  const viewer = { authorization: `Bearer ${reading.key}` };
  assert.equal((await served.post("/v1/commits", {}, viewer)).status, 403);
  assert.deepEqual([last().decision, last().who, last().operation], ["denied", "user:viewer", "commit"]);

  const count = noted.length;
  assert.equal((await served.get(`/v1/tables/${table.name}`, authorization)).status, 200);
  assert.equal((await served.get("/v1/health")).status, 200);
  assert.equal(noted.length, count);
  const rows = await lake.catalog.findAudit({ limit: 9 });
  assert.doesNotMatch(JSON.stringify([noted, rows]), new RegExp(`${key}|nonsense|secret-file`));
});
