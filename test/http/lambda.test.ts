/** The API behind API Gateway when it goes wrong: defects are counted, a cluster that wakes up asks to be tried later, too much is said to be so. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LakeError } from "../../lib/errors.ts";
import { createApp } from "../../lib/http/app.ts";
import { type LambdaOptions, lambdaApi } from "../../lib/http/lambda.ts";
import { systemClock } from "../../lib/lake/clock.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";
import { openEmf } from "../../lib/telemetry/emf.ts";
import { withTimeLeft } from "../../lib/time-left.ts";
import { contextOf, event, printed } from "../functions/stage.ts";
import { assertEmf } from "../support/emf.ts";

type Invoke = ReturnType<typeof lambdaApi>;

const mirrorFacts = async (ids: readonly string[]) =>
  ids.map((tableId) => ({ tableId, table: "a.b", version: 0, now: 0 }));

const accessState = async () => ({ mode: "open", version: 0, changedAt: 0 });

/** Lists tables on a catalog that answers as told. */
async function list(listTables: () => Promise<unknown>, options: LambdaOptions = {}) {
  const lake = {
    catalog: { listTables, mirrorFacts, accessState } as unknown as Catalog,
    clock: systemClock,
    metrics: openEmf({ service: "deltalakedb", stage: "development" }),
  } as unknown as Lake;
  const api = lambdaApi(createApp(lake, { version: "0", resolveLocation: async () => "", serves: "read" }), options);
  const { result, lines } = await printed(() =>
    api(event<Parameters<Invoke>[0]>("http.tables"), contextOf("read") as unknown as Parameters<Invoke>[1]),
  );
  return { status: result.statusCode, headers: result.headers ?? {}, body: result.body ?? "", names: assertEmf(lines) };
}

test("a defect is a 500 that tells nothing of itself, and is counted", async () => {
  const answer = await list(() => Promise.reject(new Error("the secret")));
  assert.equal(answer.status, 500);
  assert.ok(!answer.body.includes("secret"));
  assert.ok(answer.names.includes("ServerErrors"));
});

test("a paused cluster is a 503 with the time that it takes", async () => {
  const answer = await list(() =>
    Promise.reject(new LakeError("unavailable", "the cluster wakes up", { code: "DATABASE_RESUMING" })),
  );
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "5"]);
  assert.ok(answer.names.includes("ServerErrors"));
});

test("an answer larger than a function may give says how to ask for less", async () => {
  const answer = await list(async () => ({ items: [{ tableId: "x".repeat(6 * 1024 * 1024) }] }));
  assert.equal(answer.status, 413);
  assert.match(answer.body, /limit/);
  assert.ok(!answer.names.includes("ServerErrors"));
});

test("what takes too long is answered by us, says what to do, and is told of once; what fails later is nobody's", async () => {
  let told = 0;
  const onLate = () => {
    told += 1;
  };
  let fail: (error: Error) => void = () => {};
  const failing = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const answer = await withTimeLeft(30, () => list(() => failing, { onLate }));
  assert.deepEqual([answer.status, answer.headers["retry-after"], told], [503, "1", 1]);
  const problem = JSON.parse(answer.body) as Record<string, string>;
  assert.equal(problem.code, "ANSWER_LATE");
  assert.match(problem.hint ?? "", /same transactionId/);
  fail(new Error("later"));
  const inTime = await withTimeLeft(60_000, () => list(async () => ({ items: [] }), { onLate }));
  assert.equal(inTime.status, 200);
  assert.equal(told, 1);
});
