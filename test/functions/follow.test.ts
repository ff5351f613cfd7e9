/** On AWS: S3 tells of a version that others have put into a log, and the sweep's function wakes the mirror up for the table, if it is followed. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { importTable } from "../../lib/operations/import.ts";
import { tableActions } from "../support/foreign-log.ts";
import { addOf } from "../support/lake.ts";
import { contextOf, event, openStage, printed, type Stage, sqsEvent } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<never>;
interface ObjectCreated {
  readonly detail: { readonly bucket: object; readonly object: { readonly key: string } };
}

const IN_S3 = "s3://our-lake/sales/orders";
let stage: Stage;
let sweep: Handler;
let mirror: Handler;
let tableId: string;

before(async () => {
  stage = await openStage();
  sweep = (await import("../../functions/sweep.ts")).handler as unknown as Handler;
  mirror = (await import("../../functions/mirror.ts")).handler as unknown as Handler;
  await stage.catalog.migrate();
  theirs(0, ...tableActions());
  theirs(1, addOf("one"));
  const lake = await openLocalLake({ database: join(stage.folder, "catalog.sqlite") });
  const request = { name: "sales.orders", location: place(), mode: "full-history", follow: true } as const;
  tableId = (await importTable(lake, request)).tableId;
  await lake.close();
});
after(() => stage.close());

const place = () => pathToFileURL(join(stage.folder, "theirs")).href;

/** What a writer of the log does. */
function theirs(version: number, ...actions: Json[]): void {
  const log = join(stage.folder, "theirs/_delta_log");
  mkdirSync(log, { recursive: true });
  writeFileSync(join(log, commitFileName(version)), actions.map((action) => JSON.stringify(action)).join("\n"));
}

/** The functions have a folder here: the table lies on S3 for as long as its event is looked at. */
function inSql(change: string): void {
  const database = new DatabaseSync(join(stage.folder, "catalog.sqlite"));
  database.exec(`update dl_tables set ${change}`);
  database.close();
}

async function told(key: string): Promise<unknown> {
  const sample = event<ObjectCreated>("s3.object-created");
  const detail = { ...sample.detail, object: { ...sample.detail.object, key } };
  inSql(`location = '${IN_S3}'`);
  const { result } = await printed(() => sweep({ ...sample, detail }, contextOf("sweep")));
  inSql(`location = '${place()}'`);
  return result;
}

const version = async () => (await stage.catalog.findTable({ tableId }))?.version;

test("a version of a followed table is in SQL as soon as S3 has told of it", async () => {
  theirs(2, addOf("two"));
  assert.deepEqual(await told("sales/orders/_delta_log/00000000000000000002.json"), { enqueued: 1 });
  const messages = stage.take("mirror.fifo");
  assert.deepEqual(
    messages.Records.map(({ body }) => JSON.parse(body)),
    [{ tableId, version: 1 }],
  );
  const { result } = await printed(() => mirror(messages, contextOf("mirror")));
  assert.deepEqual(result, { batchItemFailures: [] });
  assert.equal(await version(), 2);
});

test("what SQL has already, what is no version, what lies elsewhere and what is not followed wakes nobody up", async () => {
  for (const key of [
    "sales/orders/_delta_log/00000000000000000002.json",
    "sales/orders/_delta_log/_deltalakedb.json",
    "sales/orders/_delta_log/_staged_commits/00000000000000000003.json",
    "sales/orders/00000000000000000003.json",
    "sales/_delta_log/00000000000000000003.json",
    "_delta_log/00000000000000000003.json",
  ]) {
    assert.deepEqual(await told(key), { enqueued: 0 }, key);
  }
  inSql("followed_at = null, followed_version = null");
  assert.deepEqual(await told("sales/orders/_delta_log/00000000000000000003.json"), { enqueued: 0 });
  assert.deepEqual(stage.take("mirror.fifo"), sqsEvent([]));
});
