/** The one way to try again: what it waits, when it gives up, and that nothing else in the product has pauses of its own. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type RetryPolicy, retry } from "../../lib/retry.ts";
import { repositoryFiles } from "../support/source-tree.ts";

const always = () => true;

/** What a policy waits until it gives up on something that always fails. */
async function pausesOf(policy: RetryPolicy): Promise<{ pauses: number[]; attempts: number }> {
  const pauses: number[] = [];
  let attempts = 0;
  const sleep = async (ms: number) => void pauses.push(ms);
  const failing = () => {
    attempts += 1;
    throw new Error(`attempt ${attempts}`);
  };
  const ofTheLast = (error: unknown) => (error as Error).message === `attempt ${attempts}`;
  await assert.rejects(retry({ ...policy, sleep }, failing, always), ofTheLast);
  return { pauses, attempts };
}

test("the answer of the first attempt that succeeds", async () => {
  let attempts = 0;
  const work = () => {
    attempts += 1;
    if (attempts < 3) throw new Error("not yet");
    return "done";
  };
  const sleep = async () => undefined;
  assert.equal(await retry({ attempts: 5, firstPauseMs: 1, longestPauseMs: 1, sleep }, work, always), "done");
  assert.equal(attempts, 3);
});

test("an error that is not worth repeating comes as it is, at once", async () => {
  const error = new Error("wrong");
  const policy = { attempts: 5, firstPauseMs: 1, longestPauseMs: 1, sleep: async () => assert.fail("waited") };
  await assert.rejects(
    retry(
      policy,
      () => Promise.reject(error),
      () => false,
    ),
    (thrown) => thrown === error,
  );
});

test("pauses double up to the longest, and a lot shortens each by its share", () =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        attempts: fc.integer({ min: 1, max: 8 }),
        firstPauseMs: fc.integer({ min: 1, max: 100 }),
        longestPauseMs: fc.integer({ min: 100, max: 1000 }),
        jitter: fc.double({ min: 0, max: 1, noNaN: true }),
        repeatsAtOnce: fc.boolean(),
        draw: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      }),
      async ({ draw, ...policy }) => {
        const { pauses, attempts } = await pausesOf({ ...policy, random: () => draw });
        assert.equal(attempts, policy.attempts);
        assert.equal(pauses.length, policy.attempts - 1);
        const timed = policy.repeatsAtOnce ? pauses.slice(1) : pauses;
        if (policy.repeatsAtOnce && pauses.length > 0) assert.equal(pauses[0], 0);
        for (const [i, pause] of timed.entries()) {
          const full = Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** i);
          assert.ok(pause <= full && pause >= full * (1 - policy.jitter), `${pause} of ${full}`);
        }
      },
    ),
  ));

test("no repeat begins after the deadline", async () => {
  const { pauses } = await pausesOf({ firstPauseMs: 1000, longestPauseMs: 8000, withinMs: 20_000, jitter: 0 });
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000]);
  assert.deepEqual((await pausesOf({ firstPauseMs: 1, longestPauseMs: 1, withinMs: -1 })).pauses, []);
});

test("an aborted signal ends the waiting with its reason", async () => {
  const stop = new AbortController();
  const reason = new Error("shutting down");
  const failing = () => {
    stop.abort(reason);
    throw new Error("busy");
  };
  const policy = { firstPauseMs: 60_000, longestPauseMs: 60_000, jitter: 0, signal: stop.signal };
  await assert.rejects(retry(policy, failing, always), (thrown) => thrown === reason);
  await assert.rejects(
    retry(policy, () => assert.fail("was run"), always),
    (thrown) => thrown === reason,
  );
});

test("nobody else draws a pause by lot: there is one way to try again", () => {
  const others = repositoryFiles().filter((file) => /^(lib|functions)\/.*\.ts$/.test(file) && file !== "lib/retry.ts");
  assert.deepEqual(
    others.filter((file) => /Math\.random|randomInt/.test(readFileSync(file, "utf8"))),
    [],
  );
});
