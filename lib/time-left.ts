/**
 * The one deadline of an invocation, known to each call that it makes to the outside, however deep. Where nobody has set one,
 * as in `dl serve`, each call has its own time alone (lib/deadlines.ts).
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { unavailable } from "./errors.ts";

const invocation = new AsyncLocalStorage<AbortSignal>();

/**
 * Runs `work`; whatever it waits for outside ends after `ms`, with an error of kind `unavailable` and code `TIME_OVER`. What is
 * still under way when `work` has ended goes on, and ends with its time.
 */
export async function withTimeLeft<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(timeOver()), Math.max(0, ms));
  try {
    return await invocation.run(over.signal, work);
  } finally {
    clearTimeout(timer);
  }
}

/** Aborted when the time of the invocation is over, or any of `others` is; undefined where there is none of them. */
export function timeLeft(...others: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const signals = [invocation.getStore(), ...others].filter((signal) => signal !== undefined);
  return signals.length < 2 ? signals[0] : AbortSignal.any(signals);
}

function timeOver(): Error {
  return unavailable("the time of this call is over", {
    code: "TIME_OVER",
    hint: "Look at the time that database and storage take. What was asked for may have been done all the same: ask again.",
  });
}
