/** Repeats what failed and may work the next time. Each adapter says what that is, and for how long; how to wait is decided here. */

import { setTimeout as delay } from "node:timers/promises";

export interface RetryPolicy {
  /** Attempts in all, the first one included; without end if absent, so say `withinMs` then. */
  readonly attempts?: number;
  /** The pause before the first repeat. Each one after it is twice as long, up to `longestPauseMs`. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Share of each pause that is drawn by lot, 0 to 1: many that failed together must not come back together. 1 if absent. */
  readonly jitter?: number;
  /** True: the first repeat comes without a pause, and the pauses begin with the second. */
  readonly repeatsAtOnce?: boolean;
  /** Deadline: no repeat begins later than this after the first attempt began. Negative: nothing is repeated. */
  readonly withinMs?: number;
  /** Ends the waiting; what is running is told by whoever runs it. */
  readonly signal?: AbortSignal;
  /** How a test waits, and what it draws. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly random?: () => number;
}

/**
 * Runs `attempt` until it succeeds, `isWorthRepeating` says no to its error, or the policy is exhausted.
 * @throws the error of the last attempt, as it came; the signal's reason when it was aborted meanwhile
 */
export async function retry<T>(
  policy: RetryPolicy,
  attempt: () => T | Promise<T>,
  isWorthRepeating: (error: unknown) => boolean,
): Promise<T> {
  const { attempts = Number.POSITIVE_INFINITY, withinMs = Number.POSITIVE_INFINITY, signal, sleep = wait } = policy;
  const startedAt = performance.now();
  let pausedMs = 0;
  for (let tries = 1; ; tries += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (tries >= attempts || !isWorthRepeating(error)) throw error;
      const pauseMs = pauseBefore(tries, policy);
      // A sleep of a test takes no time: what was asked of it counts all the same.
      const spentMs = Math.max(pausedMs, performance.now() - startedAt);
      if (spentMs + pauseMs > withinMs) throw error;
      pausedMs += pauseMs;
      await sleep(pauseMs, signal);
    }
  }
}

/** Milliseconds before the repeat with this number, which counts from 1. */
function pauseBefore(repeat: number, policy: RetryPolicy): number {
  const { firstPauseMs, longestPauseMs, jitter = 1, repeatsAtOnce = false, random = Math.random } = policy;
  const doublings = repeatsAtOnce ? repeat - 2 : repeat - 1;
  if (doublings < 0) return 0;
  const fullMs = Math.min(longestPauseMs, firstPauseMs * 2 ** doublings);
  return fullMs * (1 - jitter * random());
}

async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
