/** The canary against the real API over a local lake: what it finds when all is well, and that it tells each thing that is not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../lib/lake/clock.ts";
import { openStore } from "../../lib/lake/stores.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { type CanaryAnswer, type CanaryLake, runCanary } from "../../lib/operations/canary.ts";
import { openLocalApi } from "../http/local-api.ts";

const api = await openLocalApi();
const OPTIONS = { table: "canary.probe", mirroredWithinMs: 10_000 };

/** The gateway in front lets in who has the right credentials. */
function canaryLake(changes: Partial<CanaryLake> = {}): CanaryLake & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    clock: systemClock,
    openLog: (location) => openDeltaLog(openStore(location), location),
    async ask(as, method, path, body) {
      asked.push(`${as} ${method} ${path}`);
      if (as !== "canary") return { status: 403, body: {} };
      return answered(method, path, body);
    },
    ...changes,
  };
}

async function answered(method: string, path: string, body?: object): Promise<CanaryAnswer> {
  return method === "GET" ? api.get(path) : api.post(path, body);
}

test("it makes its table once, commits, and finds the commit in the log and by the API", async () => {
  for (const version of [1, 2]) {
    const report = await runCanary(canaryLake(), OPTIONS);
    assert.deepEqual([report.failures, report.version], [[], version]);
    assert.ok((report.commitMs ?? -1) >= 0 && (report.mirrorMs ?? -1) >= 0);
  }
});

test("an API that is open is told, and all else is tried", async () => {
  const lake = canaryLake({ ask: (_, method, path, body) => answered(method, path, body) });
  const { failures, mirrorMs } = await runCanary(lake, OPTIONS);
  assert.equal(failures.length, 1);
  assert.match(failures[0] ?? "", /must be refused.*GET \/v1\/tables was answered with 200 to nobody/);
  assert.notEqual(mirrorMs, undefined);
});

test("strangers who are let in are told, also where callers without a name are not", async () => {
  const base = canaryLake();
  const ask: CanaryLake["ask"] = (as, ...call) => base.ask(as === "stranger" ? "canary" : as, ...call);
  const { failures } = await runCanary(canaryLake({ ask }), OPTIONS);
  assert.match(failures.join(), /to stranger/);
});

const clock = { ...systemClock, sleep: async () => undefined };

for (const [name, changes, told] of [
  [
    "commits are refused",
    { ask: async (as: string) => ({ status: as === "canary" ? 503 : 403, body: { code: "DATABASE_RESUMING" } }) },
    /^commit: answered with 503 DATABASE_RESUMING/,
  ],
  [
    "nobody publishes",
    { clock, openLog: () => ({ readCommitBytes: async () => undefined }) },
    /^_delta_log: version \d+ is not in file:/,
  ],
  [
    "the log has something else",
    { openLog: () => ({ readCommitBytes: async () => new TextEncoder().encode('{"commitInfo":{}}\n') }) },
    /^_delta_log: version \d+ in .* is not what was committed/,
  ],
  [
    "there is no answer",
    { ask: async () => Promise.reject(new Error("connect ECONNREFUSED")) },
    /^commit: connect ECONNREFUSED/,
  ],
] as const) {
  test(`${name}: it says so, and throws nothing`, async () => {
    const { failures } = await runCanary(canaryLake(changes as Partial<CanaryLake>), OPTIONS);
    assert.ok(
      failures.some((failure) => told.test(failure)),
      failures.join("\n"),
    );
  });
}

test("a transaction that the API does not know afterwards is told", async () => {
  const base = canaryLake();
  const ask: CanaryLake["ask"] = async (as, method, path, body) =>
    path.startsWith("/v1/transactions/") ? { status: 404, body: {} } : base.ask(as, method, path, body);
  const { failures } = await runCanary(canaryLake({ ask }), OPTIONS);
  assert.match(failures.join(), /^read: answered with 404/);
});
