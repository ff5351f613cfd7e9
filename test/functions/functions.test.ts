/** Every function on events as AWS sends them, over a lake in a folder: from a commit to a proof of parity, and what fails on the way. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import type { CdkCustomResourceEvent } from "aws-lambda";
import { alarmsOf } from "../../infra/alarms.ts";
import { settingsOf } from "../../infra/settings.ts";
import { MIGRATIONS } from "../../lib/catalog/migrations/index.ts";
import { DRIFT_METRICS, EVENT_METRICS, TABLE_METRICS } from "../../lib/telemetry/metric-names.ts";
import { pointsOf, stateOf } from "../support/alarms.ts";
import { assertEmf } from "../support/emf.ts";
import { contextOf, event, openStage, printed, type Stage, sqsEvent } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<never>;
let stage: Stage;
const handlers: Record<string, Handler> = {};

before(async () => {
  stage = await openStage();
  for (const name of ["commit", "read", "mirror", "sweep", "parity", "checkpoint", "migrate"]) {
    handlers[name] = (await import(`../../functions/${name}.ts`)).handler as Handler;
  }
  await invoke("migrate", event<CdkCustomResourceEvent>("custom-resource.create"));
  assert.equal((await invokeHttp("commit", event("http.create-table"))).statusCode, 201);
});
after(() => stage.close());

/** What the last call printed. */
let said: readonly string[] = [];

async function invoke<T>(name: string, payload: unknown, remainingMs?: () => number): Promise<T> {
  const handler = handlers[name];
  assert.ok(handler, name);
  const { result, lines } = await printed(() => handler(payload, contextOf(name, remainingMs)));
  said = lines;
  return result as T;
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const invokeHttp = (name: string, payload: unknown) => invoke<HttpAnswer>(name, payload);

interface HttpEvent {
  readonly rawPath: string;
  readonly body?: string;
  readonly requestContext: { readonly http: object };
}

function http(method: string, path: string, body?: object): HttpEvent {
  const sample = event<HttpEvent>("http.commit");
  const [rawPath = path, rawQueryString = ""] = path.split("?");
  const { body: _, ...rest } = sample;
  const requestContext = { ...sample.requestContext, http: { ...sample.requestContext.http, method, path: rawPath } };
  const sent = { ...rest, rawPath, rawQueryString, requestContext };
  return body === undefined ? sent : { ...sent, body: JSON.stringify(body) };
}

async function newTable(name: string, configuration: Record<string, string> = {}): Promise<string> {
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const answer = await invokeHttp("commit", http("POST", "/v1/tables", { name, schema, configuration }));
  assert.equal(answer.statusCode, 201, answer.body);
  return (JSON.parse(answer.body) as { tableId: string }).tableId;
}

async function append(tableId: string, readVersion: number, count = 1): Promise<void> {
  const actions = Array.from({ length: count }, (_, i) => {
    const path = `f${readVersion}${i === 0 ? "" : `-${i}`}`;
    return { add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } };
  });
  const tables = [{ tableId, readVersion, actions }];
  const answer = await invokeHttp(
    "commit",
    http("POST", "/v1/commits", { transactionId: crypto.randomUUID(), tables }),
  );
  assert.equal(answer.statusCode, 201, answer.body);
}

function logOf(name: string): string {
  return join(stage.folder, "tables", ...name.split("."), "_delta_log");
}

function commitsIn(name: string): number[] {
  if (!existsSync(logOf(name))) return [];
  return readdirSync(logOf(name))
    .filter((file) => /^\d{20}\.json$/.test(file))
    .map((file) => Number(file.slice(0, 20)));
}

interface Failures {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

async function mirror(batch: unknown, remainingMs?: () => number): Promise<string[]> {
  const { batchItemFailures } = await invoke<Failures>("mirror", batch, remainingMs);
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

test("a commit wakes the mirror up, which publishes, reads answer, parity agrees; the same commit again is its first answer", async () => {
  const committed = await invokeHttp("commit", event("http.commit"));
  assert.equal(committed.statusCode, 201, committed.body);
  const measured = assertEmf(said);
  for (const name of ["Commits", "CommitDuration", "RequestDuration"]) assert.ok(measured.includes(name), name);
  assert.equal((await invokeHttp("commit", event("http.commit"))).statusCode, 200);
  assert.deepEqual(await mirror(stage.take("mirror.fifo")), []);
  assert.ok(assertEmf(said).includes("MirrorLag"));
  assert.deepEqual(commitsIn("sales.orders"), [0, 1]);
  const exact = readFileSync(join(logOf("sales.orders"), "00000000000000000001.json"), "utf8");
  assert.ok(exact.includes("9007199254740993"), "64-bit integers keep their digits");
  const listed = await invokeHttp("read", event("http.tables"));
  assert.equal(listed.statusCode, 200);
  assert.equal((JSON.parse(listed.body) as { tables: { version: number }[] }).tables[0]?.version, 1);
  assert.deepEqual(await invoke("parity", event("schedule")), { tables: 1 });
  assert.deepEqual(assertEmf(said), ["ParityRuns"]);
  const checks = await invoke<Failures>("parity", stage.take("parity"));
  assert.deepEqual(checks.batchItemFailures, []);
  const drift = [...Object.values(DRIFT_METRICS), TABLE_METRICS.mirrorLagSeconds, TABLE_METRICS.versionDelta];
  const counted = [EVENT_METRICS.parityChecks, ...drift].map(({ cloudwatch }) => cloudwatch);
  assert.deepEqual(assertEmf(said).sort(), counted.sort(), "zeros, too");
});

test("attempts to write are in the audit trail before they are answered, and reads are not", async () => {
  const database = new DatabaseSync(join(stage.folder, "catalog.sqlite"));
  const rows = () =>
    database.prepare("select who, operation, outcome, effect, shard from dl_audit order by rowid").all() as unknown as {
      readonly [name in "who" | "operation" | "outcome" | "effect" | "shard"]: string;
    }[];
  const before = rows().length;
  const tableId = await newTable("audited.t");
  await append(tableId, 0);
  const [made, committed] = rows().slice(before);
  assert.deepEqual([made?.operation, made?.outcome, made?.shard], ["createTable", "201", `table:${tableId}`]);
  assert.equal(committed?.shard, made?.shard);
  assert.match(committed?.who ?? "", /^user:arn:aws:iam::/);
  assert.deepEqual((JSON.parse(committed?.effect ?? "{}") as { tables: object[] }).tables, [{ tableId, version: 1 }]);
  await invokeHttp("read", http("GET", `/v1/tables/${tableId}`));
  assert.equal(rows().length, before + 2);
  database.close();
  await mirror(stage.take("mirror.fifo"));
});

test("each half of the API refuses the other's requests", async () => {
  assert.equal((await invokeHttp("read", event("http.commit"))).statusCode, 405);
  assert.equal((await invokeHttp("commit", event("http.tables"))).statusCode, 405);
});

test("a body in base64 is read; one that is no JSON is a problem that says so", async () => {
  const sample = event<{ body: string }>("http.commit");
  const encoded = { ...sample, body: Buffer.from(sample.body).toString("base64"), isBase64Encoded: true };
  assert.equal((await invokeHttp("commit", encoded)).statusCode, 200);
  const broken = await invokeHttp("commit", { ...sample, body: "{" });
  assert.equal(broken.statusCode, 400);
  assert.match(broken.headers["content-type"] ?? "", /problem\+json/);
});

test("a table that fails holds up its own group, in order, and no other; it goes on when it can", async () => {
  const a = await newTable("fifo.a");
  const b = await newTable("fifo.b");
  for (const id of [a, b]) await append(id, 0);
  // There is a file where a's folder belongs.
  mkdirSync(join(stage.folder, "tables", "fifo"), { recursive: true });
  writeFileSync(join(stage.folder, "tables", "fifo", "a"), "");
  const message = (tableId: string, version: number) => ({
    body: JSON.stringify({ tableId, version }),
    group: tableId,
  });
  const batch = sqsEvent([message(a, 0), message(b, 0), message(a, 1), message(b, 1)]);
  for (const [i, sent] of batch.Records.entries()) sent.attributes.ApproximateReceiveCount = String(i + 1);
  assert.deepEqual(await mirror(batch), ["m0", "m2"]);
  const soon = [...stage.sqs.givenBack];
  assert.deepEqual(
    soon,
    [
      ["r0", 2],
      ["r2", 8],
    ],
    "they come again soon, and later each time",
  );
  assert.deepEqual(commitsIn("fifo.b"), [0, 1]);
  rmSync(join(stage.folder, "tables", "fifo", "a"));
  assert.deepEqual(await mirror(sqsEvent([message(a, 0), message(a, 1)])), []);
  assert.deepEqual(commitsIn("fifo.a"), [0, 1]);
  stage.sqs.sent.length = 0;
});

test("when time runs out the mirror stops at a version, and a new message goes on", async () => {
  const id = await newTable("time.out");
  for (let v = 0; v < 5; v += 1) await append(id, v);
  const batch = stage.take("mirror.fifo");
  let asked = 0;
  const failed = await mirror(batch, () => (++asked > 3 ? 1_000 : 60_000));
  assert.deepEqual(failed, [], "a long way is no failure: no message has been tried in vain");
  const done = commitsIn("time.out");
  assert.ok(done.length >= 1 && done.length < 6, `${done}`);
  const next = stage.take("mirror.fifo");
  assert.deepEqual(
    next.Records.map(({ body }) => JSON.parse(body)),
    [{ tableId: id, version: 5 }],
    "one goes on",
  );
  assert.deepEqual(await mirror(next), []);
  assert.deepEqual(commitsIn("time.out"), [0, 1, 2, 3, 4, 5]);
});

test("the checkpoint of a large table is written by another function, from a queue; its failure is told and comes again", async () => {
  const id = await newTable("large.table", { "delta.checkpointInterval": "1" });
  await append(id, 0, 10_001);
  assert.deepEqual(await mirror(stage.take("mirror.fifo")), []);
  assert.deepEqual(commitsIn("large.table"), [0, 1]);
  const asked = stage.take("checkpoint");
  assert.deepEqual(
    asked.Records.map(({ body }) => JSON.parse(body)),
    [{ tableId: id, version: 1 }],
  );
  const checkpoints = () => readdirSync(logOf("large.table")).filter((file) => file.includes(".checkpoint."));
  // Little time is left once the work has begun: whoever is told so at the start is cut off by a timer, on a slow machine first.
  let looked = 0;
  const late = await invoke<Failures>("checkpoint", asked, () => (++looked > 3 ? 1_000 : 60_000));
  assert.equal(late.batchItemFailures.length, 1, "out of time");
  assert.ok(assertEmf(said).includes("CheckpointFailures"));
  assert.deepEqual(checkpoints(), []);
  assert.deepEqual(await invoke<Failures>("checkpoint", asked), { batchItemFailures: [] });
  assert.ok(assertEmf(said).includes("Checkpoints"));
  assert.deepEqual(checkpoints(), ["00000000000000000001.checkpoint.parquet"]);
  assert.deepEqual(await invoke<Failures>("checkpoint", asked), { batchItemFailures: [] }, "it is there already");
  await invoke("commit", http("DELETE", `/v1/tables/${id}`));
});

test("messages about a table that is gone are done with", async () => {
  for (const name of ["parity", "checkpoint"]) {
    assert.deepEqual(await invoke<Failures>(name, event(`sqs.${name}`)), { batchItemFailures: [] }, name);
  }
  const id = await newTable("gone.table");
  await mirror(stage.take("mirror.fifo"));
  await invokeHttp("commit", http("DELETE", `/v1/tables/${id}`));
  stage.sqs.sent.length = 0;
  const body = JSON.stringify({ tableId: id, version: 3 });
  assert.deepEqual(await mirror(sqsEvent([{ body, group: id }])), [], "dropped");
});

test("messages about what SQL has never heard of come again, and set off an alarm: the database is older", async () => {
  const failed = await invoke<Failures>("mirror", event("sqs.mirror"));
  assert.equal(failed.batchItemFailures.length, event<{ Records: unknown[] }>("sqs.mirror").Records.length);
  assert.ok(assertEmf(said).includes("CommitsBehindLog"));
  const id = await newTable("future.table");
  await mirror(stage.take("mirror.fifo"));
  const body = JSON.stringify({ tableId: id, version: 3 });
  assert.equal((await mirror(sqsEvent([{ body, group: id }]))).length, 1);
  assert.ok(assertEmf(said).includes("CommitsBehindLog"));
  assert.deepEqual(commitsIn("future.table"), [0], "nothing is published beyond SQL");
});

test("a message that was lost is found by the sweep, whose message is a new one; nothing is due afterwards", async () => {
  const id = await newTable("lost.bell");
  stage.sqs.busy = 3;
  await append(id, 0);
  stage.sqs.sent.length = 0;
  assert.deepEqual(commitsIn("lost.bell"), []);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(await invoke("sweep", event("schedule")), { enqueued: 1 });
  assert.ok(assertEmf(said).includes("Sweeps"));
  assert.equal(stage.sqs.sent[0]?.group, `${id}.again`);
  assert.deepEqual(await mirror(stage.take("mirror.fifo")), []);
  assert.deepEqual(commitsIn("lost.bell"), [0, 1]);
  assert.deepEqual(await invoke("sweep", event("schedule")), { enqueued: 0 });
});

test("drift and a foreign commit set off the alarms that the stacks define, on what the functions really printed", async () => {
  const id = await newTable("alarm.table");
  await append(id, 0);
  assert.deepEqual(await mirror(stage.take("mirror.fifo")), []);
  const alarms = alarmsOf(settingsOf(() => undefined));
  const dimensions = { service: "deltalakedb", stage: "development" };
  const states = () => {
    const points = pointsOf(said);
    const alarming = alarms.filter((alarm) => alarm.source === "service" && alarm.about !== "clock");
    const now = Date.now() + 1;
    return alarming.filter((alarm) => stateOf(alarm, points, { now, dimensions }) === "ALARM").map(({ id }) => id);
  };
  const check = async () => {
    await invoke("parity", sqsEvent([{ body: JSON.stringify({ tableId: id }) }]));
    return states();
  };
  assert.deepEqual(await check(), []);
  const commit = join(logOf("alarm.table"), "00000000000000000001.json");
  const before = readFileSync(commit, "utf8");
  chmodSync(commit, 0o644);
  writeFileSync(commit, before.replace('"size":1', '"size":2'));
  assert.deepEqual(await check(), ["file-drift"]);
  writeFileSync(commit, before);
  await append(id, 1);
  writeFileSync(join(logOf("alarm.table"), "00000000000000000002.json"), '{"commitInfo":{}}\n');
  assert.deepEqual(await mirror(stage.take("mirror.fifo")), [], "no message can help: a person must look");
  await invoke("sweep", event("schedule"));
  assert.deepEqual(states(), ["foreign-commits", "file-drift"], "and so at each sweep, until somebody has taken care");
});

test("migrations: an update applies nothing anew, taking the stack down leaves the data alone", async () => {
  const updated = await invoke<object>("migrate", event("custom-resource.update"));
  assert.deepEqual(updated, { PhysicalResourceId: "deltalakedb-schema", Data: { applied: "" } });
  assert.deepEqual(await invoke("migrate", event("custom-resource.delete")), {
    PhysicalResourceId: "deltalakedb-schema",
  });
  assert.equal((await invokeHttp("read", event("http.tables"))).statusCode, 200);
});

test("an upgrade is taken back: its schema stays, the custom resource succeeds, and cold containers of before answer", async (t) => {
  const database = new DatabaseSync(join(stage.folder, "catalog.sqlite"));
  t.after(() => {
    database.exec("delete from dl_migrations where id > 900");
    database.close();
  });
  const newest = Math.max(...MIGRATIONS.map(({ id }) => id));
  const add = database.prepare(
    "insert into dl_migrations (id, name, applied_at, works_from) values (?, 'later', 0, ?)",
  );
  const cold = async (name: string, id: string) => {
    handlers[`${name}-${id}`] = (await import(`../../functions/${name}.ts?${id}`)).handler as Handler;
    return `${name}-${id}`;
  };
  add.run(901, newest);
  const updated = await invoke<object>(await cold("migrate", "within"), event("custom-resource.update"));
  assert.deepEqual(updated, { PhysicalResourceId: "deltalakedb-schema", Data: { applied: "" } });
  assert.equal((await invokeHttp(await cold("read", "within"), event("http.tables"))).statusCode, 200);
  add.run(902, 901);
  const refused = await invokeHttp(await cold("read", "beyond"), event("http.tables"));
  assert.deepEqual([refused.statusCode, JSON.parse(refused.body).code], [503, "SCHEMA_NEWER"]);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal((await invokeHttp("read", event("http.tables"))).statusCode, 200, "who is warm answers on");
  const began = Date.now();
  await assert.rejects(invoke(await cold("migrate", "beyond"), event("custom-resource.update")), /newer release/);
  assert.ok(Date.now() - began < 5_000, "and no deployment waits for what cannot come");
});

test("a version says who committed it: the caller of API Gateway, whatever the commit says", async () => {
  const created = await invokeHttp("commit", http("POST", "/v1/tables", { name: "who.asked", schema: SCHEMA_OF_ONE }));
  assert.equal(created.statusCode, 201, created.body);
  const commitInfo = { operation: "WRITE", userId: "root", userName: "root" };
  const tables = [{ table: "who.asked", readVersion: 0, actions: [{ commitInfo }] }];
  const sent = http("POST", "/v1/commits", { transactionId: crypto.randomUUID(), tables });
  const userArn = "arn:aws:sts::111122223333:assumed-role/etl/session-7";
  const asked = { ...sent, requestContext: { ...sent.requestContext, authorizer: { iam: { userArn } } } };
  const committed = await invokeHttp("commit", asked);
  assert.equal(committed.statusCode, 201, committed.body);
  assert.ok(committed.headers["x-request-id"]);
  const { versions } = JSON.parse((await invokeHttp("read", http("GET", "/v1/tables/who.asked/history"))).body);
  const who = versions.map(({ commitInfo }: { commitInfo: Record<string, string> }) => [
    commitInfo.userId,
    commitInfo.userName,
  ]);
  assert.deepEqual(who, [
    ["user:arn:aws:iam::111122223333:role/etl", "etl/session-7"],
    ["user:arn:aws:iam::111122223333:role/writer", "writer"],
  ]);
});

const SCHEMA_OF_ONE = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
