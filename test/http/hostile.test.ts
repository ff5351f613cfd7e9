/** Hostile requests are refused, or done, in bounded time and memory; nobody else waits long. `node bench/hostile.ts` prints the figures. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { hurt } from "../support/hostile.ts";

const BYTES = 16 << 20;
/** Generous: machines that run tests have other work. One body is parsed at a stretch. */
const LONGEST_DELAY_MS = 6000;
const MOST_MEMORY_MB = 1200;
/** No attack: SQLite writes all rows of a commit at a stretch. */
const LONGEST_COMMIT_MS = 15_000;

/** Those that are no attack but a lot of work, and the connection that is closed before its body has ended. */
const TAKEN = new Map([
  ["a commit of many files", [201]],
  ["slow bodies", [200]],
  ["a body beyond the limit, streamed", [413, 0]],
]);

test("a server survives what is sent to hurt it, and answers others meanwhile", async (t) => {
  for (const { attack, status, code, ms, delayMs, memoryMb } of await hurt(BYTES)) {
    const says = `${attack}: ${status} ${code} in ${ms.toFixed(0)} ms, delay ${delayMs.toFixed(0)} ms, ${memoryMb.toFixed(0)} MB`;
    t.diagnostic(says);
    const wanted = TAKEN.get(attack);
    assert.ok(wanted ? wanted.includes(status) : status === 400 || status === 413, says);
    assert.ok(delayMs < (status === 201 ? LONGEST_COMMIT_MS : LONGEST_DELAY_MS), says);
    assert.ok(memoryMb < MOST_MEMORY_MB, says);
  }
});
