/** A few of the lives that `npm run lives` makes by the thousand; UPKEEP_SEED repeats one. */

import { test } from "node:test";
import { liveThrough } from "../lives/live-through.ts";
import { upkeepLife } from "../lives/upkeep.ts";

test("no file that a retained version needs is ever gone, and all retained versions are readable", async () => {
  await liveThrough("UPKEEP_SEED", 6, (seed) => upkeepLife(seed, 40));
});
