/** What may be sent to the Data API again, and when: a paused database resumes in some seconds, but no commit goes twice. */

import { setTimeout as delay } from "node:timers/promises";
import { LakeError } from "../../errors.ts";
import { dataApiError, dataApiState, fateOf } from "./data-api-errors.ts";
import { isTransient } from "./postgres-errors.ts";

export interface Patience {
  /** How long to wait for a database that is resuming or overloaded; 20 000 if absent, below API Gateway's limit of 30 s. */
  readonly patienceMs?: number;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

const WAITS_MS = [0, 1000, 2000, 4000, 8000, 8000];
const PATIENCE_MS = 20_000;

/**
 * Tries again, at growing intervals, what was not run, and what changes nothing.
 * @throws LakeError; or the client's own error when nothing was written and the same transaction may work
 */
export async function patiently<T>(
  attempt: () => Promise<T>,
  options: Patience & { readonly repeatable: boolean; readonly place: string },
): Promise<T> {
  const { repeatable, place, patienceMs = PATIENCE_MS, sleep = delay } = options;
  const startedAt = performance.now();
  let waitedMs = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (isTransient(dataApiState(error))) throw error;
      const fate = fateOf(error);
      const wait = WAITS_MS[tries];
      const spentMs = Math.max(waitedMs, performance.now() - startedAt);
      const again = fate === "notRun" || (fate === "unknown" && repeatable);
      if (!again || wait === undefined || spentMs + wait > patienceMs) {
        throw fate === "unknown" && !repeatable ? outcomeUnknown(error, place) : dataApiError(error, place);
      }
      waitedMs += wait;
      await sleep(wait);
    }
  }
}

function outcomeUnknown(error: unknown, place: string): LakeError {
  const { message, code } = dataApiError(error, place);
  return new LakeError("unavailable", message, {
    code,
    hint: "It may have been written all the same: send the same request again, with the same transactionId.",
    cause: error,
  });
}
