/** What scans of a container wish for: indexes that it may not make itself. They are left in SQL, for the sweep. */

import { BoundedMap } from "../lib/bounded-map.ts";
import { isPast } from "../lib/delta/values/age.ts";
import type { Clock, Scans, ScanWish } from "../lib/ports.ts";

/** A wish is told again after an hour: the table was small then, or another column's index has gone. */
const AGAIN_MS = 3_600_000;
const REMEMBERED = 1000;
/** Wishes that are told after one request. */
const AT_ONCE = 4;

export interface ScanWishes {
  wish(tableId: string, columnId: string): void;
  /** Tells what was wished for since. Resolves when it is in SQL, or could not be. */
  told(): Promise<void>;
}

export function openScanWishes(
  place: Pick<Scans, "addScanWish">,
  {
    clock,
    onError,
  }: { readonly clock: Pick<Clock, "now">; readonly onError: (wish: ScanWish, error: unknown) => void },
): ScanWishes {
  const toldAt = new BoundedMap<string, number>(REMEMBERED);
  let waiting: ScanWish[] = [];
  return {
    wish(tableId, columnId) {
      const key = `${tableId} ${columnId}`;
      const now = clock.now();
      if (waiting.length >= AT_ONCE || !isPast(now, toldAt.get(key) ?? 0, AGAIN_MS)) return;
      toldAt.set(key, now);
      waiting.push({ tableId, columnId });
    },
    async told() {
      const wishes = waiting;
      waiting = [];
      await Promise.all(
        wishes.map(async (wish) => {
          try {
            await place.addScanWish(wish);
          } catch (error) {
            onError(wish, error);
          }
        }),
      );
    },
  };
}
