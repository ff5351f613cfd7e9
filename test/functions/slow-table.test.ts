/** A table whose storage is slow, in one batch with others: they are published meanwhile, and it gives way. bench/slow-table.ts has a thousand of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SQSBatchResponse } from "aws-lambda";
import { startFakeS3 } from "../support/fake-s3.ts";
import { contextOf, event, openStage } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
/** So long takes each PUT of the slow table, and so many it has to make: longer than one call may last. */
const [SLOW_MS, BACKLOG] = [800, 8];

test("tables of one batch are published at once, and a slow one goes on with a message of its own", async (t) => {
  const stage = await openStage();
  const s3 = await startFakeS3();
  t.after(async () => {
    await s3.close();
    await stage.close();
  });
  Object.assign(process.env, { AWS_ENDPOINT_URL_S3: s3.url, STORAGE: "s3://lake/tables" });
  const load = async (name: string) => (await import(`../../functions/${name}.ts`)).handler as Handler;
  const [commit, mirror, migrate] = [await load("commit"), await load("mirror"), await load("migrate")];
  await migrate(event("custom-resource.create"), contextOf("migrate"));
  const post = async (sample: string, body: object) => {
    const answer = (await commit({ ...event<object>(sample), body: JSON.stringify(body) }, contextOf("commit"))) as {
      readonly body: string;
      readonly statusCode: number;
    };
    assert.equal(answer.statusCode, 201, answer.body);
    return JSON.parse(answer.body) as { readonly tableId: string };
  };
  const made = [];
  for (const name of ["slow", "a", "b", "c"]) {
    made.push((await post("http.create-table", { name: `n.${name}`, schema: SCHEMA })).tableId);
  }
  const [slow = "", ...others] = made;
  for (let version = 0; version < BACKLOG; version += 1) {
    const add = { path: `p${version}`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
    const tables = [{ tableId: slow, readVersion: version, actions: [{ add }] }];
    await post("http.commit", { transactionId: crypto.randomUUID(), tables });
  }
  s3.slow(/^PUT \/lake\/tables\/n\/slow\//, SLOW_MS);
  const endsAt = performance.now() + 60_000;
  const context = contextOf("mirror", () => endsAt - performance.now());
  const result = (await mirror(stage.take("mirror.fifo"), context)) as SQSBatchResponse;
  assert.deepEqual(result, { batchItemFailures: [] }, "a long way is no failure");
  const puts = s3.calls.filter((call) => /^PUT .*_delta_log\/\d+\.json/.test(call)).map((call) => call.split("/")[4]);
  const before = puts.slice(0, puts.indexOf("slow", puts.indexOf("slow") + 1));
  assert.deepEqual(before.toSorted(), ["a", "b", "c", "slow"], "the others did not wait for the slow one");
  for (const tableId of others) assert.equal(await stage.catalog.mirroredVersion(tableId), 0);
  assert.ok((await stage.catalog.mirroredVersion(slow)) < BACKLOG, "it has not kept the batch");
  const [goesOn, ...rest] = stage.take("mirror.fifo").Records;
  assert.deepEqual(
    [rest, JSON.parse(goesOn?.body ?? "{}")],
    [[], { tableId: slow, version: BACKLOG }],
    "nobody waits for the sweep",
  );
});
