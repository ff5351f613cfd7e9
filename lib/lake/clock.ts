/** The clock of this machine, and its random ids. It imports no adapter, so that whoever tells the time loads nothing else. */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../ports.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  newId: () => randomUUID(),
  sleep: (ms) => delay(ms),
};
