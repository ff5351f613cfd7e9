/** Deadlocks and serialization failures wrote nothing: the same again, a few times. */

import { type RetryPolicy, retry } from "../../retry.ts";

const POLICY: RetryPolicy = { attempts: 5, firstPauseMs: 40, longestPauseMs: 320 };

/** How an engine reads the errors of its driver. */
export interface DriverErrors {
  isTransient(error: unknown): boolean;
  translated(error: unknown): unknown;
}

export async function retried<T>(work: () => Promise<T>, errors: DriverErrors): Promise<T> {
  try {
    return await retry(POLICY, work, errors.isTransient);
  } catch (error) {
    throw errors.isTransient(error) ? errors.translated(error) : error;
  }
}
