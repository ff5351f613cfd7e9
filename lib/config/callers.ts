/** What one caller may send at most. */

import * as z from "zod";
import { DEFAULT_CONFIG } from "../default-config.ts";

/** For settings of servers, and of deployments, which have no default. */
export const callerRate = z.number().min(0).max(100_000);
export const callerBurst = z.int().min(1).max(1_000_000);

export const callerSettings = {
  caller_rate: callerRate
    .default(DEFAULT_CONFIG.server.caller_rate)
    .describe(
      "Requests a second of one caller, counted by each server for itself; one more is answered with 429 `CALLER_LIMIT_REACHED`. 0: no limit.",
    ),
  caller_burst: callerBurst
    .default(DEFAULT_CONFIG.server.caller_burst)
    .describe("Requests of one caller that may come at once, where there is such a limit."),
};

/** Undefined where there is no limit. */
export function callerRules({ caller_rate, caller_burst }: { caller_rate: number; caller_burst: number }) {
  return caller_rate > 0 ? { perSecond: caller_rate, atOnce: caller_burst } : undefined;
}
