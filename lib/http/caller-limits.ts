/** How many requests a second one caller may send: counted in this process alone, and forgotten with it. */

import { BoundedMap } from "../bounded-map.ts";
import { LakeError } from "../errors.ts";

export interface CallerRules {
  /** Requests a second, in the long run; more than 0. */
  readonly perSecond: number;
  /** That may come at once; 1 at least. */
  readonly atOnce: number;
}

/** @throws LakeError unavailable CALLER_LIMIT_REACHED, nothing has been done */
export type CallerLimits = (caller: string) => void;

/** Callers that are remembered. Who is forgotten has been silent for longest, and begins with a full measure. */
const CALLERS = 10_000;

/**
 * Each caller has a measure of requests that fills up as time goes by; a request that finds it empty is refused, and takes nothing of it.
 * @param now in milliseconds; a clock that goes back adds nothing
 */
export function openCallerLimits({ perSecond, atOnce }: CallerRules, now: () => number): CallerLimits {
  const measures = new BoundedMap<string, { left: number; at: number }>(CALLERS);

  return (caller) => {
    const at = now();
    const { left, at: since } = measures.get(caller) ?? { left: atOnce, at };
    const filled = Math.min(atOnce, left + (Math.max(0, at - since) / 1000) * perSecond);
    const isLetIn = filled >= 1;
    measures.set(caller, { left: isLetIn ? filled - 1 : filled, at });
    if (!isLetIn) throw tooMany(perSecond, Math.ceil((1 - filled) / perSecond));
  };
}

function tooMany(perSecond: number, retryAfterSeconds: number): LakeError {
  return new LakeError("unavailable", `more than ${perSecond} requests a second came from this caller`, {
    code: "CALLER_LIMIT_REACHED",
    hint: "Wait as long as Retry-After says, then send the request again: nothing has been done.",
    facts: { retryAfterSeconds },
  });
}
