/** Commits have their rows whatever becomes of a process and its trail; what code of before has left out is told, can be written, and is chained. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAuditTrail, verifyAudit } from "../../lib/access/audit.ts";
import { openRecorded, ROW_FOLLOWS_MS, recordEffects, unrecordedEffects } from "../../lib/access/audit-effects.ts";
import type { Principal } from "../../lib/access/principal.ts";
import type { HostOptions } from "../../lib/http/endpoint.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import type { Audit, AuditRow, Lake } from "../../lib/ports.ts";
import { addOf, openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

const api = await openLocalApi();
const { lake } = api;
const { tableId } = await api.newTable();
const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const caller: Principal = { id: "user:etl", name: "etl", proof: "key", access: "write", groups: [] };
const door = { unnamed: "refused", identify: async () => caller } as const;

/** A server whose trail writes by these, and a commit of it. @param over what it has instead */
function server(addAudit: Audit["addAudit"], over: Partial<HostOptions> = {}, of: Lake = lake) {
  const trail = openAuditTrail({ addAudit }, { shard: crypto.randomUUID(), now: Date.now, onError: () => undefined });
  const served = client(of, {
    door,
    audit: trail,
    ...over,
    resolveLocation: (location, name) => tableLocation({ storage: api.folder }, location, name),
  });
  const commit = async (transactionId: string = crypto.randomUUID()) => {
    const actions = [addOf(`${transactionId}.parquet`)];
    const answer = await served.post("/v1/commits", { transactionId, tables: [{ tableId, readVersion: 0, actions }] });
    return { ...answer, transactionId };
  };
  const append = () =>
    served.post(`/v1/tables/${tableId}/appends`, {
      transactionId: crypto.randomUUID(),
      actions: [addOf(`${crypto.randomUUID()}.parquet`)],
    });
  return { trail, served, commit, append };
}
const nowhere = async () => assert.fail("nothing was noted");
/** Of the release before, where a row followed its commit: its process was killed between the two. */
const killed = server(nowhere, { audit: undefined });

const look = async (catalog: Audit = lake.catalog, after = ROW_FOLLOWS_MS + 1) => {
  const recorded = openRecorded();
  const { faults } = await verifyAudit(catalog, [], recorded.note);
  return { faults, effects: await unrecordedEffects(lake.catalog, recorded, lake.clock.now() + after) };
};

test("a commit without a row is told, and gets it; nothing else is told", async () => {
  const working = server((rows) => lake.catalog.addAudit(rows));
  assert.equal((await working.commit()).status, 201);
  const made = await working.served.post("/v1/tables", { name: "a.made", schema: SCHEMA });
  assert.equal(made.status, 201, made.text);
  await working.trail.flush();
  assert.deepEqual(await look(), { faults: [], effects: [] });

  const silent = server(async () => {
    throw new Error("away");
  });
  for (const { commit, trail } of [silent, server(() => new Promise(() => undefined))]) {
    const { status, transactionId } = await commit();
    assert.equal(status, 201);
    if (trail === silent.trail) await trail.flush();
    assert.equal((await commit(transactionId)).status, 200, "the same again has changed nothing");
  }
  const appended = server(nowhere, {}, { ...lake, coalesces: true });
  const shared = await Promise.all(Array.from({ length: 3 }, () => appended.append()));
  assert.deepEqual(
    shared.map(({ status, body }) => [status, (body.tables as { version: number }[])[0]?.version]),
    shared.map(() => [201, 4]),
    "one version of three",
  );
  assert.deepEqual(await look(), { faults: [], effects: [] });

  const lost: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    const { status, transactionId } = await killed.commit();
    assert.equal(status, 201);
    lost.push(transactionId);
  }
  // Refused, so there is no effect; and where nobody is asked who they are, nobody is missing.
  const refused = await killed.commit("no id");
  assert.equal(refused.status, 400);
  const open = await client(lake).post("/v1/commits", {
    transactionId: crypto.randomUUID(),
    tables: [{ tableId, readVersion: 0, actions: [addOf("open.parquet")] }],
  });
  assert.equal(open.status, 201, open.text);

  const { faults, effects } = await look();
  assert.deepEqual(faults, []);
  assert.deepEqual(
    effects.map(({ transactionId, who }) => [transactionId, who]),
    lost.map((transactionId) => [transactionId, "user:etl"]),
  );
  assert.deepEqual(
    effects.map(({ tables }) => tables[0]?.tableId),
    lost.map(() => tableId),
  );
  assert.deepEqual((await look(lake.catalog, 0)).effects, [], "a row may follow within a minute");

  await recordEffects(lake.catalog, effects, "complete");
  assert.deepEqual(await look(), { faults: [], effects: [] });
  const written = await lake.catalog.auditOf("complete", { after: 0, limit: 10 });
  assert.deepEqual(
    written.map(({ who, effect }) => [who, (JSON.parse(effect) as { transactionId: string }).transactionId]),
    lost.map((transactionId) => ["user:etl", transactionId]),
  );
  const changed = (rows: readonly AuditRow[]) => rows.map((row) => (row.seq === 2 ? { ...row, who: "user:x" } : row));
  const forged = {
    ...lake.catalog,
    auditOf: async (...args: Parameters<Audit["auditOf"]>) => changed(await lake.catalog.auditOf(...args)),
  };
  assert.notDeepEqual((await look(forged)).faults, []);
});

test("what was committed before the trail began, or before what is left of it, is not missed", async () => {
  await killed.commit();
  const now = lake.clock.now() + ROW_FOLLOWS_MS * 2;
  const recorded = openRecorded();
  assert.deepEqual(await unrecordedEffects(lake.catalog, recorded, now), []);
  const row = { operation: "commit", effect: "" } as AuditRow;
  recorded.note({ ...row, at: 0 });
  assert.notDeepEqual(await unrecordedEffects(lake.catalog, recorded, now), []);
  recorded.note({ ...row, at: now, operation: "auditTrim", effect: JSON.stringify({ before: now, removed: [] }) });
  assert.deepEqual(await unrecordedEffects(lake.catalog, recorded, now), []);
});

test("many ids are found again, and no others", () => {
  const recorded = openRecorded();
  const ids = Array.from({ length: 5000 }, () => crypto.randomUUID());
  for (const transactionId of ids)
    recorded.note({ at: 1, operation: "commit", effect: JSON.stringify({ transactionId }) } as AuditRow);
  assert.ok(ids.every(recorded.has));
  assert.ok(!recorded.has(crypto.randomUUID()));
});
