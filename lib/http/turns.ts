/** How many requests are worked on at once, how many wait for their turn, and how long one may take in all. */

import { LakeError } from "../errors.ts";
import { openSlots } from "../slots.ts";

export interface TurnRules {
  readonly atOnce: number;
  /** That wait beyond them. */
  readonly waiting: number;
  /** Milliseconds for one request, its turn included. */
  readonly withinMs: number;
}

export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * A request that is answered because it took too long keeps its place until its work has ended: what is bounded is the work.
 * @throws LakeError unavailable SERVER_OVERLOADED, nothing has been done; REQUEST_TIMEOUT, which does not say whether it was done
 */
export function openTurns({ atOnce, waiting, withinMs }: TurnRules): Turns {
  const slots = openSlots(atOnce);

  return async (work) => {
    if (slots.free === 0 && slots.waiting >= waiting)
      throw overloaded(`${atOnce} requests are under way and ${waiting} wait`);
    const since = performance.now();
    const release = await slots.take(withinMs);
    if (release === undefined) throw overloaded(`no turn came within ${withinMs} ms`);
    const done = work().finally(release);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(tookTooLong(withinMs)), withinMs - (performance.now() - since));
    });
    // Whoever has been told that it took too long hears no more of it.
    done.catch(() => undefined);
    try {
      return await Promise.race([done, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}

function overloaded(why: string): LakeError {
  return new LakeError("unavailable", `this server has too much to do: ${why}`, {
    code: "SERVER_OVERLOADED",
    hint: "Send the request again. If this happens often, add a server, or raise performance.async_io.max_concurrent_tasks.",
  });
}

function tookTooLong(withinMs: number): LakeError {
  return new LakeError("unavailable", `the request was not answered within ${withinMs} ms`, {
    code: "REQUEST_TIMEOUT",
    hint: "A commit may have been made all the same: send the same request again, with the same transactionId.",
  });
}
