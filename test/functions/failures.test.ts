/** What queue handlers say of records that fail, and whether the queries of the runbook find it in what was really printed. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import type { CdkCustomResourceEvent, SQSRecord } from "aws-lambda";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { fieldsOf, runQuery } from "../support/log-queries.ts";
import { contextOf, event, openStage, printedAll, type Stage, sqsEvent } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;
type Line = Record<string, unknown>;

let stage: Stage;
const handlers: Record<string, Handler> = {};
let requestId = "";

before(async () => {
  stage = await openStage();
  process.env.POWERTOOLS_LOG_LEVEL = "INFO";
  for (const name of ["commit", "mirror", "parity", "checkpoint", "migrate"]) {
    handlers[name] = (await import(`../../functions/${name}.ts`)).handler as Handler;
  }
  await invoke("migrate", event<CdkCustomResourceEvent>("custom-resource.create"));
});
after(() => stage.close());

/** The lines that a call has printed, but for metrics. */
async function invoke(name: string, payload: unknown): Promise<{ readonly result: unknown; readonly lines: Line[] }> {
  const context = contextOf(name);
  requestId = context.awsRequestId;
  const { result, lines } = await printedAll(async () => handlers[name]?.(payload, context));
  return { result, lines: lines.map((line) => JSON.parse(line) as Line).filter((line) => !("_aws" in line)) };
}

const errorsIn = (lines: readonly Line[]) => lines.filter(({ level }) => level === "ERROR");

async function newTable(name: string): Promise<string> {
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const sample = event<{ rawPath: string; requestContext: { http: object } }>("http.create-table");
  const { result } = await invoke("commit", { ...sample, body: JSON.stringify({ name, schema }) });
  const { statusCode, body } = result as { readonly statusCode: number; readonly body: string };
  assert.equal(statusCode, 201, body);
  return (JSON.parse(body) as { readonly tableId: string }).tableId;
}

const logOf = (name: string) => join(stage.folder, "tables", ...name.split("."), "_delta_log");

/** Everything that went wrong in this file, as a log group holds it. */
const printedByAll: Line[] = [];

async function failures(name: string, bodies: readonly string[], receives = 3): Promise<readonly Line[]> {
  const batch = sqsEvent(bodies.map((body, i) => ({ body, group: `g${i}` })));
  for (const { attributes } of batch.Records) attributes.ApproximateReceiveCount = String(receives);
  const { lines } = await invoke(name, batch);
  printedByAll.push(...lines.map((line) => ({ "@timestamp": line.timestamp, ...line })));
  return errorsIn(lines);
}

test("a row of the audit trail that cannot be written is logged, and written with the next request", async () => {
  const tableId = await newTable("failing.trail");
  const database = new DatabaseSync(join(stage.folder, "catalog.sqlite"));
  const sample = event<{ rawPath: string; body: string }>("http.commit");
  // What is in vain: the row of a commit is written by the commit itself.
  const commit = () => {
    const tables = [{ tableId, readVersion: 9, actions: [{ txn: { appId: crypto.randomUUID(), version: 1 } }] }];
    return invoke("commit", { ...sample, body: JSON.stringify({ transactionId: crypto.randomUUID(), tables }) });
  };
  const count = () => Number(database.prepare("select count(*) as n from dl_audit").get()?.n);
  const before = count();
  database.exec("alter table dl_audit rename to away");
  const { result, lines } = await commit();
  database.exec("alter table away rename to dl_audit");
  assert.equal((result as { statusCode: number }).statusCode, 400);
  const [line] = errorsIn(lines);
  assert.equal(line?.message, "the audit trail waits");
  assert.match(JSON.stringify(line), new RegExp(`"operation":"commit".*${tableId}`));
  assert.equal(count(), before);
  await commit();
  assert.equal(count(), before + 2);
  database.close();
});

test("a mirror that its storage refuses says once which table, at which try, why, and what to do", async () => {
  const tableId = await newTable("said.refused");
  mkdirSync(dirname(dirname(logOf("said.refused"))), { recursive: true });
  writeFileSync(join(stage.folder, "tables", "said", "refused"), "a file where the folder belongs");
  const [line, ...more] = await failures("mirror", [JSON.stringify({ tableId, version: 0 })]);
  assert.deepEqual(more, []);
  assert.ok(line);
  const { message, code, table, version, attempt, queue, messageId } = line;
  assert.match(String(message), /refused/);
  assert.deepEqual(
    { table, tableId: line.tableId, version, attempt, queue, messageId, request: line.function_request_id },
    {
      ...{ table: "said.refused", tableId, version: 0, attempt: 3, messageId: "m0", request: requestId },
      queue: sqsEvent([{ body: "" }])
        .Records[0]?.eventSourceARN.split(":")
        .at(-1),
    },
  );
  assert.equal(typeof code, "string");
});

test("a message that is none of ours is told, and holds up no other", async () => {
  const tableId = await newTable("said.beside");
  for (const name of ["mirror", "checkpoint", "parity"]) {
    const said = await failures(name, [
      "{not json",
      JSON.stringify({ tableId: 7 }),
      JSON.stringify({ tableId, version: 0 }),
    ]);
    const poison = said.filter(({ code }) => code === "MESSAGE_UNREADABLE");
    assert.deepEqual(
      poison.map(({ messageId }) => messageId),
      ["m0", "m1"],
      name,
    );
    for (const { hint, attempt } of poison) assert.deepEqual([typeof hint, attempt], ["string", 3]);
  }
  assert.match(readFileSync(join(logOf("said.beside"), commitFileName(0)), "utf8"), /commitInfo/, "it is published");
});

test("a foreign commit is told once, with what a person can do; that the table stays quarantined is no new failure", async () => {
  const tableId = await newTable("said.foreign");
  mkdirSync(logOf("said.foreign"), { recursive: true });
  writeFileSync(join(logOf("said.foreign"), commitFileName(0)), '{"commitInfo":{}}\n');
  const body = JSON.stringify({ tableId, version: 0 });
  const [line] = await failures("mirror", [body]);
  assert.deepEqual([line?.code, line?.table, line?.tableId], ["FOREIGN_COMMIT", "said.foreign", tableId]);
  assert.deepEqual(await failures("mirror", [body]), []);
});

test("messages about what SQL has never heard of name the version and what to do", async () => {
  const tableId = crypto.randomUUID();
  const [line] = await failures("mirror", [JSON.stringify({ tableId, version: 4 })]);
  assert.deepEqual([line?.code, line?.tableId, line?.version], ["CATALOG_BEHIND_LOG", tableId, 4]);
  assert.match(String(line?.hint), /dl recover/);
});

test("a defect has its stack, what is nobody's fault has none", async () => {
  const { eachRecord } = await import("../../functions/records.ts");
  const { unavailable } = await import("../../lib/errors.ts");
  const [record] = sqsEvent([{ body: JSON.stringify({ tableId: crypto.randomUUID(), version: 1 }) }]).Records;
  const said: Line[] = [];
  const log = { error: (message: string, fields: object) => void said.push({ message, ...fields }) } as never;
  for (const error of [new TypeError("undefined is no function"), unavailable("the store is away")]) {
    const work = eachRecord(async (_, about) => {
      about.table = "a.b";
      throw error;
    }, log);
    await assert.rejects(work(record as SQSRecord), error);
  }
  assert.deepEqual(
    said.map(({ message, code, table, version, error }) => [message, code, table, version, error instanceof Error]),
    [
      ["undefined is no function", "INTERNAL", "a.b", 1, true],
      ["the store is away", "UNAVAILABLE", "a.b", 1, false],
    ],
  );
});

test("each query of the runbook finds what it is for in what was printed above, and names fields that are there", () => {
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const queries = [...runbook.matchAll(/^```logs-insights\n(.*?)^```/gms)].map(([, query = ""]) => query);
  assert.ok(queries.length >= 3, "the runbook has queries");
  const { tableId } = printedByAll.find(({ code }) => code === "FOREIGN_COMMIT") ?? {};
  for (const query of queries) {
    const found = runQuery(query.replace("TABLE_ID", String(tableId)), printedByAll);
    assert.ok(found.length > 0, `finds nothing: ${query}`);
    for (const field of fieldsOf(query)) {
      assert.ok(
        found.some((line) => line[field] !== undefined),
        `no line has ${field}: ${query}`,
      );
    }
  }
});
