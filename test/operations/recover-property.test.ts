/** A few of the lives that `npm run lives` makes by the thousand; RECOVER_SEED repeats one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { liveThrough } from "../lives/live-through.ts";
import { recoveryLife } from "../lives/recovery.ts";

const LIVES = process.env.TEST_ENGINE === "postgres" ? 2 : 6;

test("whatever is lost, what was mirrored comes back once, and each request gets what it was answered", async () => {
  const losses = await liveThrough("RECOVER_SEED", LIVES, (seed) => recoveryLife(seed, 60));
  assert.ok(losses.every((count) => count >= 1));
});
