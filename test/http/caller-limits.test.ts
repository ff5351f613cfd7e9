/** What one caller may send: so many at once, so many a second, each for itself, and what becomes of one more. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { openCallerLimits } from "../../lib/http/caller-limits.ts";
import type { AuditFacts } from "../../lib/ports/audit.ts";
import { openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

/** How many of so many requests are let in. */
function letIn(limits: (caller: string) => void, caller: string, requests: number): number {
  let count = 0;
  for (let i = 0; i < requests; i += 1) {
    try {
      limits(caller);
      count += 1;
    } catch (error) {
      assert.ok(isLakeError(error, "unavailable") && error.code === "CALLER_LIMIT_REACHED", String(error));
    }
  }
  return count;
}

describe("the measure of a caller", () => {
  test("so many at once, then so many a second, however often it is asked", () => {
    let at = 0;
    const limits = openCallerLimits({ perSecond: 10, atOnce: 20 }, () => at);
    assert.equal(letIn(limits, "a", 100), 20);
    let later = 0;
    for (; at < 10_000; at += 10) later += letIn(limits, "a", 3);
    assert.ok(later >= 98 && later <= 100, String(later));
    at += 60_000;
    assert.equal(letIn(limits, "a", 100), 20, "it fills up, and no further");
  });

  test("each has its own, and a clock that goes back gives nothing", () => {
    let at = 1_000;
    const limits = openCallerLimits({ perSecond: 1, atOnce: 2 }, () => at);
    assert.equal(letIn(limits, "a", 5), 2);
    assert.equal(letIn(limits, "b", 5), 2);
    at = 0;
    assert.equal(letIn(limits, "a", 5), 0);
  });

  test("says when to come again, in whole seconds, and then lets in", () => {
    let at = 0;
    const limits = openCallerLimits({ perSecond: 0.25, atOnce: 1 }, () => at);
    limits("a");
    at = 500;
    let seconds = 0;
    try {
      limits("a");
    } catch (error) {
      seconds = isLakeError(error) ? Number(error.facts.retryAfterSeconds) : 0;
    }
    assert.equal(seconds, 4);
    at += seconds * 1000;
    limits("a");
  });
});

describe("over HTTP", async () => {
  const { lake } = await openLocalApi();
  const recorded: string[] = [];
  const noted: AuditFacts[] = [];
  const counted = {
    ...lake,
    clock: { ...lake.clock, now: () => 0 },
    metrics: { record: (name: string) => void recorded.push(name) },
  } as typeof lake;
  const caller = (id: string) => ({ id, name: id, proof: "key" as const, access: "write" as const, groups: [] });
  const api = client(counted, {
    callers: { perSecond: 1, atOnce: 2 },
    door: { unnamed: "refused", identify: async ({ authorization }) => caller(authorization ?? "user:nobody") },
    audit: { note: (entry: AuditFacts) => void noted.push(entry), flush: async () => undefined } as never,
  });

  test("one more is 429 with Retry-After, a number of the metrics and a row of the trail; others go on", async () => {
    const ask = (who: string) => api.app.request("/v1/tables", { headers: { authorization: who } });
    const statuses = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await ask("user:loop")).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    const refused = await ask("user:loop");
    assert.equal(refused.headers.get("retry-after"), "1");
    const problem = (await refused.json()) as { readonly code: string; readonly title: string };
    assert.deepEqual([problem.code, problem.title], ["CALLER_LIMIT_REACHED", "Too many requests"]);
    assert.equal((await ask("user:other")).status, 200);
    assert.equal(recorded.filter((name) => name === "RequestsLimited").length, 2);
    const rows = noted.filter(({ outcome }) => outcome === "429");
    assert.deepEqual(
      rows.map(({ who, decision, operation }) => [who, decision, operation]),
      [
        ["user:loop", "denied", "listTables"],
        ["user:loop", "denied", "listTables"],
      ],
    );
  });

  test("health is never limited, and nothing is where no limit is set", async () => {
    for (let i = 0; i < 10; i += 1) {
      const { status } = await api.app.request("/v1/health", { headers: { authorization: "user:loop" } });
      assert.equal(status, 200);
    }
    const free = client(lake);
    for (let i = 0; i < 50; i += 1) assert.equal((await free.get("/v1/tables")).status, 200);
  });
});
