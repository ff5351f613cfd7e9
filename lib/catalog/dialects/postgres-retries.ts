/** Deadlocks and serialization failures wrote nothing: the same again, a few times. */

import { setTimeout as pause } from "node:timers/promises";
import { isTransient } from "./postgres-errors.ts";

const MAX_ATTEMPTS = 5;

export async function retried<T>(
  work: () => Promise<T>,
  errors: { stateOf(error: unknown): string | undefined; translated(error: unknown): unknown },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(errors.stateOf(error))) throw error;
      if (tries === MAX_ATTEMPTS) throw errors.translated(error);
    }
    await pause(Math.ceil(Math.random() * 20 * 2 ** tries));
  }
}
