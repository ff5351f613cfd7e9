/** Metrics of functions: what goes well is one line at the end of a call, what fails is one at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openEmf } from "../../lib/telemetry/emf.ts";
import { printed } from "../functions/stage.ts";
import { assertEmf } from "../support/emf.ts";

async function linesOf(work: () => void): Promise<readonly Record<string, unknown>[]> {
  const { lines } = await printed(async () => work());
  assertEmf(lines);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const open = () => openEmf({ service: "lake", stage: "production" });

test("measurements of a call are one line, with the properties of all", async () => {
  const metrics = open();
  const before = await linesOf(() => {
    metrics.record("DatabaseCallDuration", 7, "Milliseconds");
    metrics.record("DatabaseCallDuration", 9, "Milliseconds");
    metrics.record("MirrorLag", 50, "Milliseconds", { tableId: "t1", version: 3 });
    metrics.record("MirrorLag", 60, "Milliseconds", { tableId: "t2", version: 3, table: undefined });
  });
  assert.deepEqual(before, []);
  const [line, ...more] = await linesOf(() => metrics.flush({ function_request_id: "r1" }));
  assert.deepEqual(more, []);
  const { service, stage, DatabaseCallDuration, MirrorLag, tableId, version, function_request_id } = line ?? {};
  assert.deepEqual([service, stage, function_request_id], ["lake", "production", "r1"]);
  assert.deepEqual(
    [DatabaseCallDuration, MirrorLag],
    [
      [7, 9],
      [50, 60],
    ],
  );
  assert.deepEqual([tableId, version], ["t1 t2", "3"]);
  assert.deepEqual(await linesOf(() => metrics.flush()), [], "once");
});

test("the next call has nothing of the last one", async () => {
  const metrics = open();
  await linesOf(() => {
    metrics.record("Commits", 1, "Count", { transactionId: "x" });
    metrics.flush({ function_request_id: "r1" });
  });
  const [line] = await linesOf(() => {
    metrics.record("RequestDuration", 5, "Milliseconds");
    metrics.flush();
  });
  assert.deepEqual(
    ["transactionId", "function_request_id", "Commits"].map((key) => line?.[key]),
    [undefined, undefined, undefined],
  );
});

test("a failure does not wait for the end of a call, which may never come", async () => {
  const metrics = open();
  const [line, ...more] = await linesOf(() => metrics.record("MirrorFailures", 1, "Count", { tableId: "t1" }));
  assert.deepEqual([line?.MirrorFailures, line?.tableId, more], [1, "t1", []]);
});

test("hundreds of values are lines that CloudWatch takes, and properties stay few", async () => {
  const metrics = open();
  const lines = await linesOf(() => {
    for (let i = 0; i < 250; i += 1) metrics.record("MirrorLag", i, "Milliseconds", { tableId: `t${i}` });
    metrics.flush();
  });
  assert.deepEqual(
    lines.flatMap(({ MirrorLag }) => MirrorLag as number[]),
    [...Array(250).keys()],
  );
  assert.ok(String(lines.at(-1)?.tableId).split(" ").length <= 20);
});
