/** Rows of the audit trail: written once, found by whom and what they concern, and any change of them is found. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorsOf, openAuditTrail, verifyAudit } from "../../lib/access/audit.ts";
import { keepRetention, trimAudit } from "../../lib/access/audit-retention.ts";
import { ACCESS_CHAIN, hashOfRow, rootOf } from "../../lib/access/audit-row.ts";
import type { Audit, AuditFacts, AuditRow } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";

const facts = (at: number, more: Partial<AuditFacts> = {}): AuditFacts => ({
  at,
  requestId: `r${at}`,
  who: "user:etl",
  session: "k",
  client: "127.0.0.1",
  operation: "commit",
  tables: '["sales.orders"]',
  decision: "allowed",
  outcome: "201",
  because: "grant APPEND on table:t to user:etl",
  effect: '{"transactionId":"x"}',
  ...more,
});

export function auditContract({ catalog }: CatalogUnderTest): void {
  const onError = (error: unknown) => assert.fail(String(error));
  const trailOf = (shard: string) => openAuditTrail(catalog(), { shard, now: () => 1, onError });

  test("what is noted is found by whom it concerns, and by whole names of tables", async () => {
    const trail = trailOf("found");
    for (let i = 1; i <= 120; i += 1)
      trail.note(facts(i, i % 2 ? {} : { who: "user:other", tables: '["sales.orders2"]' }));
    await trail.flush();
    const find = async (filter: object) => (await catalog().findAudit({ limit: 1000, ...filter })).map(({ at }) => at);
    assert.equal((await find({})).length, 120);
    assert.deepEqual(await find({ who: "user:etl", since: 117 }), [119, 117]);
    assert.equal((await find({ table: "sales.orders" })).length, 60);
    assert.deepEqual(await find({ table: "x", since: 120 }), [120], "effects count as well");
    assert.deepEqual(await find({ limit: 2 }), [120, 119]);
    const [first] = await catalog().auditOf("found", { after: 0, limit: 1 });
    assert.deepEqual([first?.previous, first?.hash], [rootOf("found"), first && hashOfRow(first)]);
    await catalog().addAudit(first ? [{ ...first, who: "user:nobody" }] : []);
    assert.deepEqual((await catalog().auditOf("found", { after: 0, limit: 1 }))[0], first, "no row is written twice");
  });

  /** The trail as somebody with the database in hand has made it. */
  const forged = (rows: readonly AuditRow[], change: (rows: readonly AuditRow[]) => readonly AuditRow[]): Audit => {
    const changed = async () => change(rows);
    return {
      ...catalog(),
      auditOf: async (_shard, { after, limit }) => (await changed()).filter(({ seq }) => seq > after).slice(0, limit),
      auditShards: async () => {
        const rows = await changed();
        return rows.length === 0
          ? []
          : [
              {
                ...{ shard: "forged", first: rows[0]?.seq ?? 0 },
                ...{ last: rows.at(-1)?.seq ?? 0, at: 0, hash: rows.at(-1)?.hash ?? "" },
              },
            ];
      },
    };
  };

  test("where everything is wrong, as much is said as anybody reads, and how much there is", async () => {
    const row = { ...facts(1), shard: "forged", previous: "", hash: "" };
    const rows = Array.from({ length: 1500 }, (_, i): AuditRow => ({ ...row, seq: i + 1 }));
    const { faults, moreFaults, rows: count } = await verifyAudit(forged(rows, (all) => all));
    assert.deepEqual([count, faults.length, moreFaults > 500], [1500, 1000, true]);
  });

  test("any field of any row that is changed, any row that is missing, moved or put in is found", async () => {
    const trail = trailOf("forged");
    for (let i = 1; i <= 8; i += 1) trail.note(facts(i));
    await trail.flush();
    const anchors = (await anchorsOf(catalog())).filter(({ shard }) => shard === "forged");
    const written = await catalog().auditOf("forged", { after: 0, limit: 1000 });
    const faultsOf = async (change: (rows: readonly AuditRow[]) => readonly AuditRow[]) =>
      (await verifyAudit(forged(written, change), anchors)).faults.length;
    assert.equal(await faultsOf((rows) => rows), 0);
    let tried = 0;
    for (let i = 0; i < 8; i += 1) {
      const fields = Object.keys(facts(1)).concat("previous", "hash", "seq", "shard") as (keyof AuditRow)[];
      for (const field of fields) {
        const change = (row: AuditRow) => ({
          ...row,
          [field]: typeof row[field] === "number" ? row[field] + 100 : `${row[field]}x`,
        });
        assert.notEqual(
          await faultsOf((rows) => rows.map((row, at) => (at === i ? change(row) : row))),
          0,
          `${field} of ${i}`,
        );
        // Whoever changes a row can compute its hash, but not those of the rows after it, nor the anchor.
        const rehashed = (row: AuditRow) => ({ ...change(row), hash: hashOfRow(change(row)) });
        if (field !== "hash")
          assert.notEqual(await faultsOf((rows) => rows.map((row, at) => (at === i ? rehashed(row) : row))), 0);
        tried += 1;
      }
      assert.notEqual(await faultsOf((rows) => rows.filter((_, at) => at !== i)), 0, `without ${i}`);
      assert.notEqual(await faultsOf((rows) => rows.slice(0, i)), 0, `cut at ${i}`);
    }
    assert.equal(tried, 8 * 15);
    const putIn = ([first, ...rest]: readonly AuditRow[]) => (first ? [first, { ...first, seq: 1.5 }, ...rest] : []);
    assert.notEqual(await faultsOf(putIn), 0);
  });

  test("rows whose time is over go, the chains can be followed all the same, and no more than that can go", async () => {
    const trail = trailOf("trimmed");
    for (let i = 1; i <= 9; i += 1) trail.note(facts(1_000_000 + i));
    await trail.flush();
    const anchors = await anchorsOf(catalog());
    const options = { now: () => 2_000_000, onError };
    assert.ok((await trimAudit(catalog(), { ...options, shard: "trim-1", before: 1_000_006 })) >= 5);
    assert.deepEqual((await verifyAudit(catalog(), anchors)).faults, []);
    assert.deepEqual(
      (await catalog().auditOf("trimmed", { after: 0, limit: 9 })).map(({ seq }) => seq),
      [6, 7, 8, 9],
    );
    assert.equal(await trimAudit(catalog(), { ...options, shard: "trim-2", before: 1_000_006 }), 0);
    await catalog().trimAudit("trimmed", 7);
    assert.match((await verifyAudit(catalog())).faults.join(), /trimmed 8: rows before it are missing/);
  });

  test("a trim that was killed leaves a trail that can be followed, and the next one ends its work", async () => {
    const trail = trailOf("killed");
    for (let i = 1; i <= 9; i += 1) trail.note(facts(3_000_000 + i));
    await trail.flush();
    const dying = {
      ...catalog(),
      // It falls over within the chain, after the row that says what goes.
      trimAudit: async (shard: string, upTo: number) => {
        await catalog().trimAudit(shard, shard === "killed" ? upTo - 2 : upTo);
        if (shard === "killed") throw new Error("killed");
      },
    };
    const options = { now: () => 4_000_000, onError, before: 3_000_006 };
    await assert.rejects(trimAudit(dying, { ...options, shard: "trim-3" }), /killed/);
    const left = async () => (await catalog().auditOf("killed", { after: 0, limit: 9 })).map(({ seq }) => seq);
    const ours = async () => (await verifyAudit(catalog())).faults.filter((fault) => fault.startsWith("killed"));
    assert.deepEqual([await left(), await ours()], [[4, 5, 6, 7, 8, 9], []]);
    await trimAudit(catalog(), { ...options, shard: "trim-4" });
    assert.deepEqual([await left(), await ours()], [[6, 7, 8, 9], []]);
  });

  test("by schedule rows of whole days go, once a day, and a trail without end costs nothing", async () => {
    const DAY = 86_400_000;
    const trail = trailOf("kept");
    for (let day = 100; day < 110; day += 1) trail.note(facts(day * DAY + 5));
    await trail.flush();
    let at = 109 * DAY + 10;
    let asked = 0;
    const failures: unknown[] = [];
    const keeping = {
      catalog: {
        ...catalog(),
        auditShards: async () => {
          asked += 1;
          return catalog().auditShards();
        },
      },
      clock: { now: () => at, newId: () => crypto.randomUUID() },
      metrics: { record: (...one: unknown[]) => void failures.push(one) },
    } as unknown as Parameters<typeof keepRetention>[0];
    assert.deepEqual(await keepRetention(keeping, 0), { removed: 0 });
    assert.equal(asked, 0);
    for (const shard of ["table:kept", ACCESS_CHAIN]) {
      const chain = trailOf(shard);
      for (const day of [90, 91]) chain.note(facts(day * DAY));
      await chain.flush();
    }
    await keepRetention(keeping, 5 * DAY);
    for (const shard of ["table:kept", ACCESS_CHAIN]) {
      const left = await catalog().auditOf(shard, { after: 0, limit: 9 });
      assert.equal(left.length, 1, "the next change follows it");
    }
    const days = async () =>
      (await catalog().auditOf("kept", { after: 0, limit: 99 })).map((row) => (row.at - 5) / DAY);
    assert.deepEqual(await days(), [104, 105, 106, 107, 108, 109], "five days, and what is left of the sixth");
    for (let hour = 0; hour < 10; hour += 1) {
      at += 3_600_000;
      assert.deepEqual(await keepRetention(keeping, 5 * DAY), { removed: 0 });
    }
    assert.equal(asked, 1, "the rest of the day it is one small question");
    at += 15 * 3_600_000;
    assert.ok((await keepRetention(keeping, 5 * DAY)).removed >= 1);
    assert.deepEqual(await days(), [105, 106, 107, 108, 109]);
    assert.deepEqual(
      (await verifyAudit(catalog())).faults.filter((fault) => fault.startsWith("kept")),
      [],
    );
    const broken = { ...keeping, catalog: { ...catalog(), oldestAudit: () => Promise.reject(new Error("away")) } };
    assert.deepEqual(await keepRetention(broken as never, DAY), { removed: 0, failure: "away" });
    assert.equal(failures.length, 1);
  });

  test("strangers cannot fill the trail: what is beyond the bound is counted, and the count is a row", async () => {
    const rows: AuditRow[] = [];
    const addAudit = async (more: readonly AuditRow[]) => void rows.push(...more);
    const trail = openAuditTrail({ addAudit }, { shard: "flood", now: () => 1, onError });
    for (let i = 0; i < 500; i += 1) trail.note(facts(7, { who: "", decision: "denied" }));
    trail.note(facts(7));
    await trail.flush();
    assert.equal(rows.length, 102);
    const counted = rows.at(-1);
    assert.deepEqual(
      [counted?.who, counted?.decision, counted?.effect],
      ["", "denied", '{"repeated":400,"from":7,"until":7}'],
    );
    assert.equal(rows.filter(({ who }) => who === "user:etl").length, 1);
  });

  test("whoever is refused again and again has a hundred rows a minute, and then a count for each operation", async () => {
    const rows: AuditRow[] = [];
    const addAudit = async (more: readonly AuditRow[]) => void rows.push(...more);
    let now = 0;
    const trail = openAuditTrail({ addAudit }, { shard: "insistent", now: () => now, onError });
    const refuse = (who: string, operation: string, times: number) => {
      for (let i = 0; i < times; i += 1) trail.note(facts(now, { who, operation, decision: "denied", effect: "" }));
    };
    refuse("user:mallory", "describeTable", 250);
    refuse("user:mallory", "listFiles", 30);
    refuse("user:other", "describeTable", 20);
    for (let i = 0; i < 300; i += 1) trail.note(facts(now, { who: "user:mallory", decision: "allowed" }));
    await trail.flush({ ends: false });
    const denied = () => rows.filter(({ decision }) => decision === "denied");
    assert.deepEqual([denied().length, rows.length - denied().length], [120, 300], "the minute is not over");
    now = 60_000;
    await trail.flush({ ends: false });
    const counts = () =>
      denied().flatMap(({ who, operation, effect }) =>
        effect === "" ? [] : [[who, operation, JSON.parse(effect).repeated]],
      );
    const first = [
      ["user:mallory", "describeTable", 150],
      ["user:mallory", "listFiles", 30],
    ];
    assert.deepEqual(counts(), first);
    refuse("user:mallory", "describeTable", 101);
    assert.deepEqual(counts(), first);
    await trail.flush();
    assert.deepEqual(counts(), [...first, ["user:mallory", "describeTable", 1]], "who ends tells all");
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, i) => i + 1),
      "one chain",
    );
  });

  test("while rows cannot be written they wait, and are then all there", async () => {
    let isAway = true;
    const addAudit = async (rows: readonly AuditRow[]) => {
      if (isAway) throw new Error("away");
      await catalog().addAudit(rows);
    };
    const trail = openAuditTrail({ addAudit }, { shard: "away", now: () => 1, onError: () => undefined });
    trail.note(facts(5));
    await trail.flush();
    trail.note(facts(6));
    isAway = false;
    await trail.flush();
    assert.deepEqual(
      (await catalog().auditOf("away", { after: 0, limit: 9 })).map(({ at }) => at),
      [5, 6],
    );
  });
}
