/** Each function works with its own login of the database, which has the rights of lib/lake/duties.ts and no others. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { anchorsOf, openAuditTrail } from "../../lib/access/audit.ts";
import { keepRetention } from "../../lib/access/audit-retention.ts";
import { raw, sql } from "../../lib/catalog/database.ts";
import { tablesOn } from "../../lib/catalog/migrations/index.ts";
import { openRewriter } from "../../lib/compaction/rewriter.ts";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { LakeError } from "../../lib/errors.ts";
import { openBackups } from "../../lib/lake/backups.ts";
import { DUTIES, type DutyName } from "../../lib/lake/duties.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { writeDueCheckpoint } from "../../lib/operations/checkpoint.ts";
import { checkCommitted } from "../../lib/operations/committing/behind-log.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import {
  MAINTENANCE_RULES,
  maintainTable,
  maintainTransactions,
  maintenanceDue,
} from "../../lib/operations/maintenance.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { purgeExpired } from "../../lib/operations/purge.ts";
import { allTables } from "../../lib/operations/read.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { wakeFollower } from "../../lib/operations/wake-follower.ts";
import type { SqlRights } from "../../lib/ports.ts";
import { client } from "../http/stub-lake.ts";
import { templatesOf } from "../infra/templates.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, removeOf, SCHEMA as TABLE, type TestLake } from "../support/lake.ts";
import { DUTY_NAMES, FORBIDDEN, type LoginEngine, type LoginLakes, openLoginLakes } from "../support/login-lakes.ts";
import { putRows } from "../support/parquet-rows.ts";
import { indexByWish } from "../support/scan-wishes.ts";
import { needs } from "../support/skip.ts";
import { allowedTo, watched } from "../support/store-rights.ts";

const CHANGES = { path: "_change_data/c", partitionValues: {}, size: 1, dataChange: false };
const JSON_TYPE = { "content-type": "application/json" };

export function loginsSuite(on: LoginEngine): void {
  const suite = `the logins of the functions on ${on.name}`;
  describe(suite, needs(suite, on.engine, on.missing), () => suiteOn(on));
}

function suiteOn(on: LoginEngine): void {
  let lakes: LoginLakes;
  let lake: TestLake;
  const as = (name: DutyName): TestLake => lakes.as(name);

  before(async () => {
    lakes = await openLoginLakes(on);
    lake = lakes.lake;
  });
  after(() => lakes?.close());

  async function mirrored(name: string, versions = 1): Promise<string> {
    const id = await newTable(lake, name, { fenced: false, configuration: { "delta.checkpointInterval": "5" } });
    for (let v = 0; v < versions; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
    await mirrorTable(lake, id);
    return id;
  }

  async function filesOf(tableId: string, version: number): Promise<readonly object[]> {
    const { items } = await lake.catalog.readFiles(tableId, version, { limit: 1 });
    return items.map(({ path, size }) => ({ path, size: Number(size), partitionValues: {} }));
  }

  /** A log that somebody else has written. */
  async function copied(name: string): Promise<void> {
    const ours = await mirrored(`${name}.ours`.replaceAll(".", "_").replace("_", "."), 6);
    const { location = "" } = (await lake.catalog.findTable({ tableId: ours })) ?? {};
    for await (const { key } of lake.store(location).list("_delta_log/0")) {
      const found = await lake.store(location).get(key);
      if (found) await lake.store(`file:///lake/${name}`).put(key, found.bytes);
    }
  }

  /** An import that its log does not let end is given up, and what it has written is taken back. */
  async function aborted(at: TestLake): Promise<void> {
    await copied("c.torn");
    const key = `_delta_log/${commitFileName(4)}`;
    await lake.store("file:///lake/c.torn").put(key, Buffer.from("no commit"));
    const imported = importTable(at, { name: "c.given", location: "file:///lake/c.torn", mode: "full-history" });
    await assert.rejects(imported, (error) => !FORBIDDEN.test(String(error)));
    const { items } = await lake.catalog.listTables({ limit: 100 });
    assert.ok(items.every(({ name }) => name !== "c.given"));
  }

  test("commit: every route that writes", async () => {
    const api = client(as("commit"), {
      serves: "write",
      // What is committed writes its row itself.
      audit: { note: () => undefined, flush: async () => undefined },
      resolveLocation: async (location) => location ?? "file:///lake/api",
    });
    const done = async (status: number, answer: Promise<{ status: number; text: string; body: object }>) => {
      const { status: found, text, body } = await answer;
      assert.equal(found, status, text);
      return body as { tableId: string };
    };
    const configuration = { "delta.feature.domainMetadata": "supported" };
    const table = { name: "c.t", schema: TABLE, location: "file:///lake/c.t", configuration };
    const { tableId } = await done(201, api.post("/v1/tables", table));
    const post = (readVersion: number, actions: object[], more: object = {}) =>
      api.post("/v1/commits", {
        transactionId: crypto.randomUUID(),
        tables: [{ tableId, readVersion, actions }],
        verifyFiles: false,
        ...more,
      });
    await done(201, post(0, [addOf("f0") as object, { txn: { appId: "a", version: 1 } }]));
    await done(201, post(1, [removeOf("f0") as object, addOf("f1") as object]));
    await done(201, post(2, [{ domainMetadata: { domain: "d", configuration: "{}", removed: false } }]));
    await done(409, post(1, [removeOf("f0") as object]));
    await done(
      201,
      api.post(`/v1/tables/${tableId}/appends`, { transactionId: crypto.randomUUID(), actions: [addOf("a0")] }),
    );
    await done(
      200,
      api.send(`/v1/tables/${tableId}`, {
        method: "PATCH",
        body: JSON.stringify({ name: "c.renamed" }),
        headers: JSON_TYPE,
      }),
    );
    await mirrorTable(lake, tableId);
    for (const what of ["mirror", "resolve", "recover"] as const)
      await done(what === "mirror" ? 202 : 200, api.post(`/v1/tables/${tableId}/${what}`, {}));
    const grantOf = { resource: "catalog", grantee: "user:night", privilege: "VACUUM" } as const;
    for (const change of [{ grant: [grantOf] }, { revoke: [grantOf] }])
      assert.equal((await as("commit").catalog.changeAccess({ ...change, by: "somebody", at: 1 })).changed, 1);
    await copied("c.foreign");
    await done(201, api.post("/v1/tables/import", { name: "c.imported", location: "file:///lake/c.foreign" }));
    await aborted(as("commit"));
    await done(204, api.send(`/v1/tables/${tableId}`, { method: "DELETE" }));
    await done(200, api.post(`/v1/tables/${tableId}/undrop`, {}));
    const { catalog } = as("commit");
    const noted = (await catalog.findAudit({ limit: 99, table: tableId })).map(({ operation }) => operation);
    for (const operation of ["createTable", "commit", "dropTable"]) assert.ok(noted.includes(operation), operation);
    const grant = { resource: "namespace:c", grantee: "group:analysts", privilege: "SELECT" } as const;
    const change = { by: "somebody", at: 1, grant: [grant, { ...grant, privilege: "OWN" } as const] };
    assert.equal((await catalog.changeAccess(change)).changed, 2);
    assert.equal((await catalog.changeAccess({ by: "somebody", at: 2, revoke: [grant] })).changed, 1);
    const row = { shard: crypto.randomUUID(), seq: 1, at: 1, requestId: "r", who: "user:u", session: "", client: "" };
    const more = {
      operation: "commit",
      tables: "[]",
      decision: "allowed",
      outcome: "201",
      because: "",
      effect: "",
    } as const;
    await catalog.addAudit([{ ...row, ...more, previous: "0", hash: "1" }]);
    await assert.rejects(catalog.trimAudit(row.shard, 1), FORBIDDEN);
    // Whether grants hold at all only the owner of the tables says.
    await assert.rejects(catalog.changeAccess({ by: "somebody", at: 3, mode: "enforced" }), FORBIDDEN);
  });

  test("mirror: publishes, checkpoints, stops at what it finds, and tidies up after a drop", async () => {
    const mirror = as("mirror");
    const id = await mirrored("m.first");
    await renameTable(lake, { tableId: id }, "m.grows");
    for (let v = 1; v < 12; v += 1) await commitTo(lake, id, v, [addOf(`g${v}`)]);
    const { checkpoints } = await mirrorTable(mirror, id);
    assert.deepEqual(checkpoints, [10]);
    await writeDueCheckpoint(mirror, { tableId: id, version: 10 });
    await checkCommitted(mirror, { tableId: id, version: 12 });
    const foreign = await mirrored("m.foreign");
    await commitTo(lake, foreign, 1, [addOf("ours")]);
    await putText(lake, "file:///lake/m.foreign", commitFileName(2), '{"commitInfo":{}}\n');
    assert.ok((await mirrorTable(mirror, foreign)).quarantined);
    const ahead = await mirrored("m.ahead");
    await commitTo(lake, ahead, 1, [addOf("ours")]);
    await putText(lake, "file:///lake/m.ahead", commitFileName(7), '{"commitInfo":{}}\n');
    assert.equal((await mirrorTable(mirror, ahead)).error?.code, "LOG_AHEAD");
    await assert.rejects(checkCommitted(mirror, { tableId: ahead, version: 9 }), LakeError);
    const dropped = await mirrored("m.dropped");
    await dropTable(lake, { tableId: dropped });
    assert.deepEqual((await mirrorTable(mirror, dropped)).published, []);
  });

  test("mirror: takes over what others have written to a table that is followed", async () => {
    await copied("m.theirs");
    const location = "file:///lake/m.theirs";
    const { tableId } = await importTable(lake, { name: "m.followed", location, mode: "full-history", follow: true });
    const head = (await lake.catalog.findTable({ tableId }))?.version ?? 0;
    const [file = {}] = await filesOf(tableId, head);
    const first = await lake.store(location).get(`_delta_log/${commitFileName(0)}`);
    const lines = Buffer.from(first?.bytes ?? "")
      .toString()
      .split("\n");
    const schema = lines
      .filter((line) => /^\{"(metaData|protocol)"/.test(line))
      .map((line) => JSON.parse(line) as object);
    assert.equal(schema.length, 2);
    const txn = { appId: "a", version: 7, lastUpdated: 1 };
    const domainMetadata = { domain: "d", configuration: "{}", removed: false };
    const commits = [
      [{ commitInfo: {} }, addOf("theirs"), { txn }],
      [{ commitInfo: {} }, { remove: { ...file, deletionTimestamp: 1, dataChange: true } }, { cdc: CHANGES }],
      [{ commitInfo: {} }, { domainMetadata }, addOf("theirs-too"), { txn: { ...txn, version: 8 } }],
      [{ commitInfo: {} }, { domainMetadata: { ...domainMetadata, configuration: "[]" } }, ...schema],
    ];
    for (const [i, actions] of commits.entries()) {
      const text = actions.map((action) => `${JSON.stringify(action)}\n`).join("");
      await putText(lake, location, commitFileName(head + 1 + i), text);
    }
    const { error, followed } = await mirrorTable(as("mirror"), tableId);
    assert.deepEqual([error?.message, followed], [undefined, commits.map((_, i) => head + 1 + i)]);
    assert.deepEqual((await mirrorTable(as("mirror"), tableId)).followed, []);
  });

  test("witness: adds to the audit trail, and changes nothing else, nor what is there", async () => {
    const { catalog } = as("witness");
    const trail = openAuditTrail(catalog, { shard: crypto.randomUUID(), now: Date.now, onError: assert.fail });
    trail.note({
      ...{ at: 1, requestId: "r", who: "user:u", session: "", client: "", operation: "describeTable", tables: "[]" },
      ...{ decision: "denied", outcome: "403", because: "", effect: "" },
    });
    await trail.flush();
    const forbidden = FORBIDDEN;
    await assert.rejects(catalog.trimAudit("any", 1), forbidden);
    await assert.rejects(catalog.listTables({ limit: 1 }), forbidden);
    await assert.rejects(catalog.changeAccess({ by: "somebody", at: 3, mode: "open" }), forbidden);
  });

  test("sweep: reads, enqueues, and indexes what who reads has wished for", async () => {
    const id = await newTable(lake, "s.late");
    lake.enqueued.length = 0;
    const { enqueued } = await sweepMirrors(as("sweep"), { overdueMs: -1, limit: 100 });
    assert.ok(enqueued.some(({ tableId }) => tableId === id));
    // Of a table that is written here, an event of S3 says nothing new.
    assert.equal(await wakeFollower(as("sweep"), `file:///lake/s.late/_delta_log/${commitFileName(9)}`), false);
    await indexByWish(as("witness"), as("sweep"), id);
  });

  test("parity: compares, records, and writes down what is wrong", async () => {
    const parity = as("parity");
    const id = await mirrored("p.t", 12);
    const check = () => checkParity(parity, { tableId: id, lagThresholdSeconds: 5, maxDriftFiles: 0, wholeAfterMs: 0 });
    assert.equal((await check()).outcome, "ok");
    await putText(lake, "file:///lake/p.t", commitFileName(20), '{"commitInfo":{}}\n');
    assert.equal((await check()).outcome, "drift");
    for await (const { tableId } of allTables(parity)) assert.ok(tableId);
  });

  test("backup: reads all that a backup has", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "dl-logins-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const place = await openBackups(folder);
    await backupCatalog(as("backup"), place, { full: true });
    await backupCatalog(as("backup"), place, {});
    assert.ok((await anchorsOf(as("backup").catalog)).length > 0);
  });

  test("maintenance: cleans, trims, vacuums, forgets and purges", async () => {
    const maintenance = as("maintenance");
    const id = await mirrored("u.t", 12);
    await commitTo(lake, id, 12, [removeOf("f0"), addOf("late")]);
    await mirrorTable(lake, id);
    const gone = await mirrored("u.gone");
    const grant = { resource: `table:${gone}`, grantee: "group:analysts", privilege: "SELECT" } as const;
    await lake.catalog.changeAccess({ by: "somebody", at: 1, grant: [grant] });
    await dropTable(lake, { tableId: gone });
    const rules = { ...MAINTENANCE_RULES, vacuum: true, historyRetentionMs: 0, transactionRetentionMs: 0 };
    lake.clock.time += 40 * 86_400_000;
    const failures: unknown[] = [];
    for await (const due of maintenanceDue(maintenance, rules)) {
      const { failure } = await maintainTable(maintenance, due, rules);
      if (failure !== undefined) failures.push(failure);
    }
    const { failure } = await maintainTransactions(maintenance, rules, {});
    if (failure !== undefined) failures.push(failure);
    const retained = await keepRetention(maintenance, 86_400_000);
    if (retained.failure !== undefined) failures.push(retained.failure);
    assert.ok(retained.removed > 0);
    const purged: string[] = [];
    for await (const one of purgeExpired({ ...maintenance, undropWindowMs: 0 })) {
      purged.push(one.tableId);
      if ("error" in one) failures.push(one.error.message);
    }
    assert.ok(purged.includes(gone));
    assert.ok(!(await lake.catalog.readAccess()).grants.some(({ resource }) => resource === `table:${gone}`));
    assert.deepEqual(
      failures.filter((text) => FORBIDDEN.test(String(text))),
      [],
    );
  });

  test("maintenance: compacts, where that is deployed", async () => {
    const tableId = await newTable(lake, "u.small", { fenced: false });
    const store = lake.store("file:///lake/u.small");
    const files = ["a", "b"].map((path) => putRows(store, path, `select 1::bigint as id, '${path}' as "day"`));
    await commitTo(lake, tableId, 0, await Promise.all(files));
    const used = new Set<string>();
    const openStore = (location: string) => watched(lake.store(location), used);
    const rules = { ...MAINTENANCE_RULES, compact: true };
    const { compacted, failure } = await maintainTable(
      as("maintenance"),
      { tableId, table: "u.small", tasks: ["compact"] },
      rules,
      { openRewriter: async () => openRewriter({ openStore }) },
    );
    assert.deepEqual([compacted, failure], [2, undefined]);
    const allowed = allowedTo(templatesOf({ stage: "production", compaction: "policy" }).app, "maintenance");
    assert.ok(used.has("s3:PutObject file"));
    assert.deepEqual(
      [...used].filter((one) => !allowed.has(one)),
      [],
    );
  });

  test("and each has asked the store for nothing that its role in IAM may not", () => {
    const { app } = templatesOf({ stage: "production" });
    for (const name of DUTY_NAMES) {
      const allowed = allowedTo(app, name);
      const more = [...(lakes.usedBy.get(name) ?? [])].filter((one) => !allowed.has(one));
      assert.deepEqual(more, [], name);
    }
    assert.deepEqual(allowedTo(app, "sweep"), new Set());
    assert.ok(!allowedTo(app, "mirror").has("s3:GetObject file"), "the mirror reads no rows");
  });

  test("commit: a text that is larger than one call of the Data API may be", async (t) => {
    const session = on.open(lakes.urlOf("commit"));
    t.after(() => session.close());
    const [row] = await session.read(
      sql`select length(${session.dialect.cast(sql`${"x".repeat(4_500_000)}`, "text")}) as n`,
    );
    assert.equal(row?.n, 4_500_000);
  });

  for (const name of DUTY_NAMES) {
    test(`${name}: each right that it has not is refused`, async (t) => {
      const session = on.open(lakes.urlOf(name));
      t.after(() => session.close());
      const duty: SqlRights = DUTIES[name].sql;
      const rights: SqlRights = { ...duty, ...on.locking(duty) };
      const tables = await lakes.tables();
      assert.ok(tables.length >= tablesOn(session.dialect).length);
      for (const { table, column } of tables) {
        for (const [right, statement] of Object.entries({
          select: `select count(*) from ${table}`,
          insert: `insert into ${table} select * from ${table} where false`,
          update: `update ${table} set ${column} = ${column} where false`,
          delete: `delete from ${table} where false`,
          truncate: `truncate ${table}`,
          drop: `drop table ${table}`,
        })) {
          const has = rights[table]?.some((one) => one === right) ?? false;
          const needed = right === "select" || right === "insert" ? has : has && rights[table]?.includes("select");
          if (needed) continue;
          await assert.rejects(session.define(statement), FORBIDDEN, statement);
        }
      }
      await assert.rejects(session.define("create table mine (n bigint)"), FORBIDDEN);
      const [{ mighty } = {}] = await session.read(raw(on.mighty));
      assert.equal(Boolean(mighty), false);
    });
  }
}
