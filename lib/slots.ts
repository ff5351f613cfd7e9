/** At most so many at once: the rest waits in turn, up to a limit. */

export interface Slots {
  /** Resolves with the release of a slot, or with undefined when none has become free within so many milliseconds. */
  take(withinMs: number): Promise<(() => void) | undefined>;
  readonly waiting: number;
  readonly free: number;
}

export function openSlots(count: number): Slots {
  let free = count;
  const queue: (() => void)[] = [];

  /** Once, however often it is called. */
  function releaseOnce(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    };
  }

  return {
    get free() {
      return free;
    },
    get waiting() {
      return queue.length;
    },
    take(withinMs) {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(releaseOnce());
      }
      return new Promise((resolve) => {
        const given = () => {
          clearTimeout(timer);
          resolve(releaseOnce());
        };
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(given), 1);
          resolve(undefined);
        }, withinMs);
        queue.push(given);
      });
    },
  };
}
