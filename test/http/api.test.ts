/** The whole API over a real local lake; every answer is held against its wire contract. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Json, parseJson } from "../../lib/delta/values/json.ts";
import { checked } from "../../lib/validation.ts";
import { commitAnswer, transaction } from "../../lib/wire/contracts/commits.ts";
import { problem } from "../../lib/wire/contracts/problem.ts";
import {
  commitsAnswer,
  filesAnswer,
  historyAnswer,
  mirrorAnswer,
  snapshotAnswer,
} from "../../lib/wire/contracts/reads.ts";
import { planAnswer } from "../../lib/wire/contracts/scans.ts";
import { createTableAnswer, importAnswer, tableDescription, tableList } from "../../lib/wire/contracts/tables.ts";
import { addOf, openLocalApi, removeOf } from "./local-api.ts";

const api = await openLocalApi();
const { newTable, commit, get, post, lake } = api;

test("a table is created once, whatever the retries", async () => {
  const transactionId = crypto.randomUUID();
  const body = {
    transactionId,
    name: "once.t",
    location: join(api.folder, "once t"),
    schema: { type: "struct", fields: [{ name: "id", type: "long" }] },
  };
  const first = await post("/v1/tables", body);
  assert.equal(first.status, 201, first.text);
  const created = checked(createTableAnswer, first.body);
  assert.equal(created.location, `file://${api.folder}/once%20t`);
  assert.equal(first.headers.get("location"), `/v1/tables/${created.tableId}`);
  const again = await post("/v1/tables", body);
  assert.deepEqual([again.status, again.body], [200, first.body]);
  const reused = await post("/v1/tables", { ...body, name: "once.u" });
  assert.deepEqual([reused.status, reused.body.code], [422, "IDEMPOTENCY_KEY_REUSED"]);
  const taken = await post("/v1/tables", { ...body, transactionId: crypto.randomUUID() });
  assert.equal(taken.status, 409, taken.text);
  const otherCase = {
    ...body,
    transactionId: crypto.randomUUID(),
    name: "Once.T",
    location: join(api.folder, "elsewhere"),
  };
  const sameName = await post("/v1/tables", otherCase);
  assert.deepEqual([sameName.status, sameName.body.code], [409, "TABLE_EXISTS"]);
  assert.match(sameName.text, /"once\.t\\" already, and \\"Once\.T\\" differs from it only by case/);
});

test("a commit: 201, its replay 200, its misuse 422", async () => {
  const { tableId, name } = await newTable();
  const body = {
    transactionId: crypto.randomUUID().toUpperCase(),
    tables: [{ table: name, readVersion: 0, actions: [addOf("a.parquet")] }],
  };
  const first = await post("/v1/commits", body);
  assert.equal(first.status, 201, first.text);
  const { transactionId, committedAt, tables } = checked(commitAnswer, first.body);
  assert.equal(transactionId, body.transactionId.toLowerCase());
  assert.deepEqual(
    tables.map((t) => [t.tableId, t.version, t.inCommitTimestamp]),
    [[tableId, 1, committedAt]],
  );
  const replay = await post("/v1/commits", body);
  assert.equal(replay.status, 200);
  assert.deepEqual(
    checked(commitAnswer, replay.body).tables.map((t) => t.version),
    [1],
  );
  const reused = await post("/v1/commits", { ...body, tables: [{ ...body.tables[0], actions: [addOf("b.parquet")] }] });
  assert.deepEqual([reused.status, reused.body.code], [422, "IDEMPOTENCY_KEY_REUSED"]);
  const found = await get(`/v1/transactions/${transactionId}`);
  assert.deepEqual(checked(transaction, found.body).tables, [{ tableId, version: 1, inCommitTimestamp: committedAt }]);
});

test("a commit to two tables: both, or none", async () => {
  const [a, b] = [await newTable(), await newTable()];
  const both = (readVersion: number, actions: object[]) => ({
    transactionId: crypto.randomUUID(),
    tables: [
      { tableId: a.tableId, readVersion: 0, actions: [addOf("x.parquet")] },
      { tableId: b.tableId, readVersion, actions },
    ],
  });
  const lost = await post("/v1/commits", both(0, [removeOf("never.parquet")]));
  assert.equal(Math.floor(lost.status / 100), 4, lost.text);
  assert.equal((await get(`/v1/tables/${a.tableId}`)).body.version, 0);
  const won = await post("/v1/commits", both(0, [addOf("y.parquet")]));
  assert.equal(won.status, 201);
  const { committedAt } = checked(commitAnswer, won.body);
  const tables = [{ tableId: a.tableId }, { table: b.name }];
  for (const at of [
    { transactionId: won.body.transactionId },
    { timestamp: committedAt },
    { timestamp: new Date(committedAt).toISOString() },
    {},
  ]) {
    const snapshot = checked(snapshotAnswer, (await post("/v1/snapshots", { tables, ...at })).body);
    assert.deepEqual(
      snapshot.tables.map((t) => t.version),
      [1, 1],
      JSON.stringify(at),
    );
  }
  const before = checked(snapshotAnswer, (await post("/v1/snapshots", { tables, timestamp: committedAt - 1 })).body);
  assert.deepEqual(
    before.tables.map((t) => t.version),
    [0, 0],
  );
});

test("a conflict: 409 that names table, class, winner and path", async () => {
  const { tableId, name } = await newTable();
  await commit(tableId, 0, [addOf("a.parquet")]);
  await commit(tableId, 1, [removeOf("a.parquet")]);
  const lost = await commit(tableId, 1, [removeOf("a.parquet"), addOf("b.parquet")]);
  assert.equal(lost.status, 409, lost.text);
  const { conflicts = [], code, detail, hint } = checked(problem, lost.body);
  const [conflict] = conflicts;
  assert.equal(code, conflict?.code);
  assert.match(code, /^DELTA_CONCURRENT_DELETE_/);
  assert.deepEqual(
    [conflict?.tableId, conflict?.table, conflict?.version, conflict?.readVersion],
    [tableId, name, 2, 1],
  );
  assert.ok(detail.includes(name) && detail.includes("version 2 won, you had read version 1"), detail);
  assert.match(String(hint), /Nothing was written/);
});

test("unknown tables, versions and transactions: 404 with a code each", async () => {
  const id = crypto.randomUUID();
  const { tableId } = await newTable();
  for (const [answer, code] of [
    [await commit(id, 0, [addOf("a.parquet")]), "TABLE_NOT_FOUND"],
    [await get(`/v1/tables/${id}`), "TABLE_NOT_FOUND"],
    [await get("/v1/tables/no.such"), "TABLE_NOT_FOUND"],
    [await get(`/v1/tables/${tableId}/files?version=7`), "VERSION_NOT_FOUND"],
    [await get(`/v1/tables/${tableId}/files?timestamp=1`), "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"],
    [await get(`/v1/transactions/${id}`), "TRANSACTION_NOT_FOUND"],
  ] as const) {
    assert.deepEqual([answer.status, answer.body.code], [404, code], answer.text);
  }
});

test("files: by pages, at a version, at a moment, and as lines", async () => {
  const { tableId, name } = await newTable();
  await commit(
    tableId,
    0,
    [1, 2, 3, 4, 5].map((n) => addOf(`${n}.parquet`)),
  );
  await commit(tableId, 1, [removeOf("3.parquet")]);
  const paths: unknown[] = [];
  let cursor = "";
  do {
    const page = checked(filesAnswer, (await get(`/v1/tables/${tableId}/files?limit=2${cursor}`)).body);
    assert.equal(page.version, 2);
    assert.ok(page.files.length <= 2);
    paths.push(...page.files.map((file) => (file as { path: string }).path));
    cursor = page.next === undefined ? "" : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor !== "");
  assert.deepEqual(paths.sort(), ["1.parquet", "2.parquet", "4.parquet", "5.parquet"]);
  const old = await get(`/v1/tables/${name}/files?version=1`);
  assert.equal((old.body.files as unknown[]).length, 5);
  const moment = await get(`/v1/tables/${name}/files?timestamp=${old.body.timestamp}`);
  assert.deepEqual(moment.body, old.body);
  const lines = await get(`/v1/tables/${tableId}/files`, { accept: "application/x-ndjson" });
  assert.equal(lines.headers.get("content-type"), "application/x-ndjson");
  assert.equal(lines.headers.get("delta-version"), "2");
  assert.deepEqual(
    lines.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).path)
      .sort(),
    paths.sort(),
  );
  const both = await get(`/v1/tables/${tableId}/files?version=1&timestamp=1`);
  assert.equal(both.status, 400);
  const empty = await get(`/v1/tables/${(await newTable()).tableId}/files`, { accept: "application/x-ndjson" });
  assert.deepEqual([empty.status, empty.text], [200, ""]);
});

test("plan: the files of a scan, by pages and as lines, and what is wrong with a predicate", async () => {
  const { tableId, name } = await newTable();
  const stats = (n: number) => JSON.stringify({ numRecords: 1, minValues: { id: n }, maxValues: { id: n } });
  await commit(
    tableId,
    0,
    [1, 2, 3, 4, 5].map((n) => addOf(`${n}.parquet`, { stats: stats(n) })),
  );
  const wanted = { predicate: { column: "id", op: ">=", value: 3 }, columns: [] };
  const scan = checked(planAnswer, (await post(`/v1/tables/${name}/plan`, wanted)).body);
  assert.deepEqual([scan.tableId, scan.version, scan.totalFiles, scan.keptFiles], [tableId, 1, 5, 3]);
  assert.deepEqual(
    scan.files.map((file) => [(file as { path: string }).path, (file as { stats: string }).stats]),
    [3, 4, 5].map((n) => [`${n}.parquet`, '{"numRecords":1,"minValues":{},"maxValues":{}}']),
  );
  const first = await post(`/v1/tables/${tableId}/plan`, { ...wanted, limit: 2 });
  assert.deepEqual([(first.body.files as unknown[]).length, first.body.keptFiles], [2, 2]);
  const last = await post(`/v1/tables/${tableId}/plan`, { ...wanted, limit: 2, cursor: first.body.next });
  assert.deepEqual([(last.body.files as unknown[]).length, last.body.keptFiles, last.body.next], [1, 3, undefined]);
  const asked = { accept: "application/x-ndjson", "content-type": "application/json" };
  const all = await post(`/v1/tables/${tableId}/plan`, wanted, asked);
  assert.equal(all.text.trim().split("\n").length, 3);
  assert.deepEqual(
    ["content-type", "delta-version", "delta-total-files"].map((header) => all.headers.get(header)),
    ["application/x-ndjson", "1", "5"],
  );
  const one = await post(`/v1/tables/${tableId}/plan`, { ...wanted, limit: 2 }, asked);
  assert.deepEqual([one.headers.get("delta-kept-files"), typeof one.headers.get("delta-next")], ["2", "string"]);
  for (const [body, pointer] of [
    [{}, "/predicate"],
    [{ predicate: { column: "ic", op: "=", value: 1 } }, "/predicate/column"],
    [{ predicate: { and: [{ column: "id", op: "=", value: "x" }] } }, "/predicate/and/0/value"],
    [{ ...wanted, columns: ["id", "x"] }, "/columns/1"],
    [{ ...wanted, limit: 0 }, "/limit"],
    [{ ...wanted, where: "id = 1" }, "/where"],
  ] as const) {
    const refused = await post(`/v1/tables/${tableId}/plan`, body);
    assert.deepEqual([refused.status, refused.body.pointer], [400, pointer], refused.text);
  }
});

test("a long stream of lines comes whole", async () => {
  const { tableId } = await newTable();
  await commit(
    tableId,
    0,
    Array.from({ length: 2500 }, (_, n) => addOf(`${n}.parquet`)),
  );
  const lines = await get(`/v1/tables/${tableId}/files`, { accept: "application/x-ndjson" });
  const paths = lines.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).path);
  assert.equal(new Set(paths).size, 2500);
});

test("64-bit numbers, stats and unknown fields come back as they went", async () => {
  const { tableId } = await newTable();
  const add =
    '{"path":"big.parquet","partitionValues":{},"size":9007199254740993,"modificationTime":1,"dataChange":true,' +
    '"stats":"{ \\"numRecords\\":  1 }","tags":{"t":"1"},"futureField":{"exact":1.10}}';
  const body = `{"allowUnknownActions":true,"transactionId":"${crypto.randomUUID()}","tables":[{"tableId":"${tableId}","readVersion":0,"actions":[{"add":${add}},{"future":{"n":12345678901234567890}}]}]}`;
  const answer = await post("/v1/commits", body);
  assert.equal(answer.status, 201, answer.text);
  const files = await get(`/v1/tables/${tableId}/files`, { accept: "application/x-ndjson" });
  assert.ok(files.text.includes('"size":9007199254740993'), files.text);
  assert.ok(files.text.includes('"stats":"{ \\"numRecords\\":  1 }"'));
  const commits = await get(`/v1/tables/${tableId}/commits?after=0`);
  assert.ok(commits.text.includes('"futureField":{"exact":1.10}'), commits.text);
  assert.ok(commits.text.includes('{"future":{"n":12345678901234567890}}'));
  const table = parseJson((await get(`/v1/tables/${tableId}`)).text) as { sizeInBytes: unknown };
  assert.equal(table.sizeInBytes, 9007199254740993n);
});

test("commits, history and mirror tell the versions", async () => {
  const { tableId } = await newTable();
  for (const n of [0, 1, 2]) await commit(tableId, n, [addOf(`${n}.parquet`)]);
  await lake.mirrored();
  const first = checked(commitsAnswer, (await get(`/v1/tables/${tableId}/commits?limit=2`)).body);
  assert.deepEqual([first.commits.map((c) => c.version), first.after], [[0, 1], 1]);
  const rest = checked(commitsAnswer, (await get(`/v1/tables/${tableId}/commits?after=${first.after}`)).body);
  assert.deepEqual([rest.commits.map((c) => c.version), rest.after], [[2, 3], 3]);
  const none = checked(commitsAnswer, (await get(`/v1/tables/${tableId}/commits?after=3`)).body);
  assert.deepEqual([none.commits, none.after], [[], 3]);
  const history = checked(historyAnswer, (await get(`/v1/tables/${tableId}/history?limit=3`)).body);
  assert.deepEqual([history.versions.map((v) => v.version), history.next], [[3, 2, 1], 1]);
  const older = checked(historyAnswer, (await get(`/v1/tables/${tableId}/history?before=${history.next}`)).body);
  assert.deepEqual([older.versions.map((v) => v.version), older.next], [[0], undefined]);
  const mirror = checked(mirrorAnswer, (await get(`/v1/tables/${tableId}/mirror?after=1`)).body);
  assert.deepEqual([mirror.version, mirror.mirroredVersion], [3, 3]);
  assert.deepEqual(
    mirror.statuses.map((s) => [s.version, s.status]),
    [
      [2, "COMPLETE"],
      [3, "COMPLETE"],
    ],
  );
});

test("acknowledge: mirrored waits until the log has the version", async () => {
  const { tableId, name } = await newTable();
  const answer = await post("/v1/commits", {
    transactionId: crypto.randomUUID(),
    tables: [{ tableId, readVersion: 0, actions: [addOf("a.parquet")] }],
    acknowledge: "mirrored",
  });
  assert.equal(checked(commitAnswer, answer.body).tables[0]?.mirror, "COMPLETE");
  assert.ok(existsSync(join(api.folder, name.replace(".", "/"), "_delta_log/00000000000000000001.json")));
});

test("list, describe, forget, and import again", async () => {
  const { tableId, name } = await newTable();
  await commit(tableId, 0, [addOf("a.parquet")]);
  await lake.mirrored();
  const described = checked(tableDescription, (await get(`/v1/tables/${name}`)).body);
  assert.deepEqual([described.tableId, described.version, described.mirroredVersion], [tableId, 1, 1]);
  const listed = checked(tableList, (await get("/v1/tables?namespace=test&limit=1000")).body);
  assert.ok(listed.tables.some((t) => t.tableId === tableId));
  assert.deepEqual(checked(tableList, (await get("/v1/tables?namespace=none")).body).tables, []);
  const pages = checked(tableList, (await get("/v1/tables?limit=1")).body);
  assert.ok(pages.tables.length === 1 && pages.next !== undefined);
  const gone = await api.send(`/v1/tables/${tableId}`, { method: "DELETE" });
  assert.deepEqual([gone.status, gone.text], [204, ""]);
  assert.equal((await get(`/v1/tables/${tableId}`)).status, 404);
  assert.equal((await api.send(`/v1/tables/${tableId}`, { method: "DELETE" })).status, 404);
  const imported = await post("/v1/tables/import", { name, location: join(api.folder, name.replace(".", "/")) });
  assert.equal(imported.status, 201, imported.text);
  const { version, files, mode } = checked(importAnswer, imported.body);
  assert.deepEqual([version, files, mode], [1, 1, "full-history"]);
});

test("an import that cannot be: the answer says why", async () => {
  const missing = await post("/v1/tables/import", { name: "no.log", location: join(api.folder, "nowhere") });
  assert.equal(missing.status, 404, missing.text);
  const broken = join(api.folder, "broken");
  mkdirSync(join(broken, "_delta_log"), { recursive: true });
  writeFileSync(join(broken, "_delta_log/00000000000000000000.json"), "{nonsense\n");
  const answer = await post("/v1/tables/import", { name: "no.json", location: broken });
  assert.equal(answer.status, 400, answer.text);
  assert.ok(answer.text.includes("00000000000000000000.json"), answer.text);
  const elsewhere = await post("/v1/tables/import", { name: "no.gs", location: "gs://bucket/x" });
  assert.deepEqual([elsewhere.status, elsewhere.body.code], [400, "UNSUPPORTED_STORAGE"]);
  assert.equal((await get("/v1/tables?namespace=no")).body.next, undefined);
  assert.deepEqual((await get("/v1/tables?namespace=no")).body.tables, []);
});

const versionOf = (body: unknown) => checked(commitAnswer, body as Json).tables[0]?.version;

test("appends: each has its own answer and its own files, by either road; a replay is 200", async () => {
  const { tableId, name } = await newTable();
  const path = `/v1/tables/${tableId}/appends`;
  const bodies = Array.from({ length: 6 }, (_, i) => ({
    transactionId: crypto.randomUUID(),
    actions: [addOf(`shared-${i}.parquet`)],
    maxDelayMs: 20,
  }));
  const asCommit = {
    transactionId: crypto.randomUUID(),
    tables: [{ table: name, readVersion: 0, actions: [addOf("by-commit.parquet")] }],
    coalesce: true,
    maxDelayMs: 20,
  };
  const [other, ...told] = await Promise.all([
    post("/v1/commits", asCommit),
    ...bodies.map((body) => post(path, body)),
  ]);
  for (const [i, { status, body, text }] of told.entries()) {
    assert.equal(status, 201, text);
    const { transactionId, tables } = checked(commitAnswer, body);
    assert.equal(transactionId, bodies[i]?.transactionId);
    const known = await get(`/v1/transactions/${transactionId}`);
    assert.deepEqual(checked(transaction, known.body).tables[0]?.adds, tables[0]?.adds);
  }
  assert.equal(other?.status, 201, other?.text);
  const again = await post(path, bodies[0]);
  assert.equal(again.status, 200, again.text);
  assert.deepEqual(versionOf(again.body), versionOf(told[0]?.body));
  assert.equal((await post("/v1/commits", asCommit)).status, 200);
  const files = checked(filesAnswer, (await get(`/v1/tables/${tableId}/files`)).body);
  assert.equal(files.files.length, 7);
  for (const [body, status, code] of [
    [{ ...bodies[1], actions: [removeOf("shared-1.parquet")] }, 400, "APPEND_ADDS_ONLY"],
    [{ ...bodies[1], actions: [addOf("shared-9.parquet")] }, 422, "IDEMPOTENCY_KEY_REUSED"],
    [{ ...bodies[1], actions: [] }, 400, "APPEND_ADDS_ONLY"],
    [{ ...bodies[1], maxDelayMs: 60_000 }, 400, "INVALID_REQUEST"],
  ] as const) {
    const refused = await post(path, body);
    assert.deepEqual([refused.status, refused.body.code], [status, code], refused.text);
  }
  const nowhere = await post(`/v1/tables/${crypto.randomUUID()}/appends`, bodies[2]);
  assert.equal(nowhere.status, 422, "the id is another request's by now");
});
