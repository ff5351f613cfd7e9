/** What may be sent to the Data API again, and when: a paused database resumes in some seconds, but no commit goes twice. */

import { type RetryPolicy, retry } from "../../../../retry.ts";
import { outcomeUnknown } from "../../postgres/errors.ts";
import type { Flavour } from "../dialect.ts";
import { dataApiError, dataApiState, fateOf } from "../errors.ts";

export interface ResendOptions {
  /** How long to wait for a database that is resuming or overloaded; 20 000 if absent, below API Gateway's limit of 30 s. */
  readonly withinMs?: number;
  readonly sleep?: RetryPolicy["sleep"];
  readonly random?: RetryPolicy["random"];
  /** Ends the pauses; the call itself is told by whoever sends it. */
  readonly signal?: AbortSignal | undefined;
}

const POLICY: RetryPolicy = {
  attempts: 7,
  firstPauseMs: 1000,
  longestPauseMs: 8000,
  jitter: 0.5,
  repeatsAtOnce: true,
  withinMs: 20_000,
};

/**
 * Tries again, at growing intervals, what was not run, and what changes nothing.
 * @throws LakeError; or the client's own error when nothing was written and the same transaction may work
 */
export async function resend<T>(
  attempt: () => Promise<T>,
  options: ResendOptions & { readonly repeatable: boolean; readonly flavour: Flavour; readonly place: string },
): Promise<T> {
  const { repeatable, flavour, place, withinMs, sleep, random, signal } = options;
  const policy = {
    ...POLICY,
    ...(withinMs === undefined ? {} : { withinMs: withinMs }),
    ...(sleep === undefined ? {} : { sleep }),
    ...(random === undefined ? {} : { random }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    return await retry(policy, attempt, (error) => {
      if (flavour.isTransient(dataApiState(error))) return false;
      const fate = fateOf(error);
      return fate === "notRun" || (fate === "unknown" && repeatable);
    });
  } catch (error) {
    if (flavour.isTransient(dataApiState(error))) throw error;
    const translated = dataApiError(error, flavour, place);
    throw fateOf(error) === "unknown" && !repeatable ? outcomeUnknown(translated) : translated;
  }
}
