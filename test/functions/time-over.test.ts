/** What each function does when SQS, the database or S3 takes calls and never answers: it ends by itself before Lambda ends it, and says so. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CdkCustomResourceEvent, SQSBatchResponse } from "aws-lambda";
import { deadlineMs } from "../../lib/deadlines.ts";
import { startProxy, type Proxy as Wire } from "../silence/proxy.ts";
import { dataApiUrl } from "../support/catalog-engines.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { contextOf, event, openStage, printedAll, type Stage, sqsEvent } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;
type Line = Record<string, unknown>;

/** What Lambda gives in this file: the reserve, and more than a hint may take. */
const GIVEN_MS = deadlineMs("reserve") + 1_500;

const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

let stage: Stage;
let s3: FakeS3;
const silent: Record<"sqs" | "s3" | "database", Wire> = {} as never;
let tableId = "";

async function proxyOf(url: string): Promise<Wire> {
  const { hostname, port } = new URL(url);
  return startProxy({ host: hostname, port: Number(port) });
}

before(async () => {
  stage = await openStage();
  s3 = await startFakeS3();
  silent.sqs = await proxyOf(stage.sqs.url);
  silent.s3 = await proxyOf(s3.url);
  silent.database = await proxyOf(s3.url);
  silent.database.fallSilent();
  const sqsUrl = `http://127.0.0.1:${silent.sqs.port}`;
  Object.assign(process.env, {
    POWERTOOLS_LOG_LEVEL: "INFO",
    AWS_ENDPOINT_URL_SQS: sqsUrl,
    MIRROR_QUEUE_URL: `${sqsUrl}/000000000000/mirror.fifo`,
    PARITY_QUEUE_URL: `${sqsUrl}/000000000000/parity`,
    CHECKPOINT_QUEUE_URL: `${sqsUrl}/000000000000/checkpoint`,
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${silent.s3.port}`,
    STORAGE: "s3://lake/tables",
  });
  await invoke("migrate", event<CdkCustomResourceEvent>("custom-resource.create"), 60_000);
  const created = await post(
    "/v1/tables",
    { name: "a.b", schema: SCHEMA, configuration: { "delta.checkpointInterval": "1" } },
    60_000,
  );
  assert.equal(created.statusCode, 201, created.body);
  tableId = (JSON.parse(created.body) as { tableId: string }).tableId;
});
after(async () => {
  for (const proxy of Object.values(silent)) await proxy.close();
  await s3.close();
  await stage.close();
});

/** @returns what it answers, or what it throws; `killed` where Lambda would have ended it */
async function invoke(name: string, payload: unknown, givenMs = GIVEN_MS, containers = "") {
  const { handler } = (await import(`../../functions/${name}.ts?${containers}`)) as { readonly handler: Handler };
  const endsAt = performance.now() + givenMs;
  const context = contextOf(name, () => endsAt - performance.now());
  const over = new AbortController();
  const { result, lines } = await printedAll(() =>
    Promise.race([
      handler(payload, context).then(
        (answer) => ({ answer, error: undefined }),
        (error: unknown) => ({ answer: undefined, error }),
      ),
      delay(givenMs, "killed" as const, { signal: over.signal, ref: false }).catch(() => "killed" as const),
    ]),
  );
  over.abort();
  assert.ok(result !== "killed", `${name} was still at work when its time was over`);
  return { ...result, lines: lines.map((line) => JSON.parse(line) as Line) };
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function http(name: string, method: string, path: string, body?: object, givenMs = GIVEN_MS, containers = "") {
  const sample = event<{ requestContext: { http: object } }>("http.commit");
  const requestContext = { ...sample.requestContext, http: { ...sample.requestContext.http, method, path } };
  const { answer, error } = await invoke(
    name,
    { ...sample, rawPath: path, requestContext, body: body && JSON.stringify(body) },
    givenMs,
    containers,
  );
  assert.equal(error, undefined);
  return answer as Answer;
}

const post = (path: string, body: object, givenMs?: number, containers?: string) =>
  http("commit", "POST", path, body, givenMs, containers);

function append(): object {
  const add = { path: crypto.randomUUID(), partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
  return { transactionId: crypto.randomUUID(), tables: [{ tableId, readVersion: 0, actions: [{ add }] }] };
}

/** Of the one failed record: what the log says. */
async function failedRecord(name: string, containers = "", givenMs = GIVEN_MS): Promise<Line> {
  const { answer, lines } = await invoke(
    name,
    sqsEvent([{ body: JSON.stringify({ tableId, version: 1 }) }]),
    givenMs,
    containers,
  );
  assert.equal((answer as SQSBatchResponse).batchItemFailures.length, 1, `${name} gives its message back`);
  const errors = lines.filter(({ level }) => level === "ERROR");
  assert.equal(errors.length, 1, `${name} says it once`);
  return errors[0] as Line;
}

function assertLate({ statusCode, headers, body }: Answer): void {
  const { code, hint } = JSON.parse(body) as { readonly code: string; readonly hint: string };
  assert.deepEqual([statusCode, headers["retry-after"]], [503, "1"], body);
  assert.ok(["ANSWER_LATE", "DATABASE_UNAVAILABLE"].includes(code), code);
  assert.match(hint, /again/);
}

test("SQS is silent: commits are answered, also while their wake-ups are lost", async () => {
  silent.sqs.fallSilent();
  try {
    const { statusCode, body } = await post("/v1/commits", append());
    assert.equal(statusCode, 201, body);
  } finally {
    silent.sqs.goOn();
  }
});

test("SQS is silent: sweep and parity end in time, and what was not sent is told", async () => {
  silent.sqs.fallSilent();
  try {
    const swept = await invoke("sweep", event("schedule"));
    assert.ok(swept.lines.some(({ message }) => /could not be woken up/.test(String(message))));
    const { error } = await invoke("parity", event("schedule"));
    assert.match(String(error), /could not be sent/);
  } finally {
    silent.sqs.goOn();
  }
});

test("a put that hangs costs its own time: the next one publishes, within the same call", async () => {
  const { statusCode } = await post("/v1/commits", append());
  assert.equal(statusCode, 201);
  // It stays due, for the function of the checkpoints.
  s3.fail(/^PUT .*checkpoint/, { status: 403, code: "AccessDenied" });
  s3.fail(/^PUT .*0{19}1\.json/, "silent");
  const event = sqsEvent([{ body: JSON.stringify({ tableId, version: 1 }) }]);
  const { answer } = await invoke("mirror", event, deadlineMs("s3SmallWrite") + 3_000 + GIVEN_MS);
  assert.deepEqual((answer as SQSBatchResponse).batchItemFailures, []);
  assert.ok([...s3.objects.keys()].some((key) => key.endsWith("1.json")));
});

test("S3 is silent: messages go back with a line each, and what asks S3 for a client is 503", async () => {
  silent.s3.fallSilent();
  try {
    assert.equal((await post("/v1/commits", append())).statusCode, 201);
    // The mirror begins nothing in its last five seconds.
    assert.equal((await failedRecord("mirror", "", GIVEN_MS + 3_000)).code, "TIME_OVER");
    for (const name of ["checkpoint", "parity"]) assert.equal((await failedRecord(name)).code, "TIME_OVER", name);
    assertLate(
      await post("/v1/tables", {
        name: "a.c",
        schema: SCHEMA,
      }),
    );
    assert.equal((await http("read", "GET", "/v1/tables")).statusCode, 200, "reads ask SQL alone");
  } finally {
    silent.s3.goOn();
  }
});

test("the database is silent: each function ends in time, and says so", async () => {
  process.env.DATABASE_URL = dataApiUrl("postgresql://nobody/x", `http://127.0.0.1:${silent.database.port}`);
  for (const name of ["mirror", "checkpoint", "parity"]) {
    assert.equal((await failedRecord(name, "silent")).code, "TIME_OVER", name);
  }
  assertLate(await post("/v1/commits", append(), GIVEN_MS, "silent"));
  assertLate(await http("read", "GET", "/v1/tables", undefined, GIVEN_MS, "silent"));
  for (const name of ["sweep", "parity", "maintenance"]) {
    const { error } = await invoke(name, event("schedule"), GIVEN_MS, "silent");
    assert.equal((error as { readonly code?: string }).code, "TIME_OVER", name);
  }
});
