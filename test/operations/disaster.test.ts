/** A few of the lives that `npm run lives` makes by the thousand; DISASTER_SEED repeats one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { disasterLife } from "../lives/disaster.ts";
import { liveThrough } from "../lives/live-through.ts";

test("nothing that was acknowledged and mirrored is lost or doubled, and no file that a kept version needs", async (t) => {
  const tallies = await liveThrough("DISASTER_SEED", 3, (seed) => disasterLife(seed, 60));
  assert.ok(tallies.every(({ losses }) => losses >= 1));
  t.diagnostic(JSON.stringify(tallies));
});
