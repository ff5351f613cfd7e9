/** Deadlocks and serialization failures wrote nothing: the same again, a few times. */

import { type RetryPolicy, retry } from "../../retry.ts";
import { isTransient } from "./postgres-errors.ts";

const POLICY: RetryPolicy = { attempts: 5, firstPauseMs: 40, longestPauseMs: 320 };

export async function retried<T>(
  work: () => Promise<T>,
  errors: { stateOf(error: unknown): string | undefined; translated(error: unknown): unknown },
): Promise<T> {
  const isWorthRepeating = (error: unknown) => isTransient(errors.stateOf(error));
  try {
    return await retry(POLICY, work, isWorthRepeating);
  } catch (error) {
    throw isWorthRepeating(error) ? errors.translated(error) : error;
  }
}
