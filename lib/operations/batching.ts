/** Versions on their way into SQL, as many in one SQL transaction as fit: one for each would wait for the disk each time. */

import type { ImportBatch, LogCommit } from "../ports.ts";

const VERSIONS_AT_ONCE = 200;
/** Of their texts in the log: what they are in memory is some ten times that, and locks are held while they are written. */
const BYTES_AT_ONCE = 2 ** 20;

export interface Batching<B> {
  /** May return before it is written. @param file where the version was read */
  add(batch: B, file: Pick<LogCommit, "bytes">): Promise<void>;
  /** Writes what is waiting, and waits for all of it. */
  flush(): Promise<void>;
}

/** @param write all of them, or none; while it works, the next are gathered */
export function batching<B extends ImportBatch>(write: (batches: readonly B[]) => Promise<void>): Batching<B> {
  let waiting: B[] = [];
  let bytes = 0;
  const send = oneBehind();
  const sendAll = async (): Promise<void> => {
    const some = waiting;
    [waiting, bytes] = [[], 0];
    if (some.length > 0) await send.add(() => write(some));
  };
  return {
    async add(batch, file) {
      waiting.push(batch);
      bytes += file.bytes.length;
      if (waiting.length >= VERSIONS_AT_ONCE || bytes >= BYTES_AT_ONCE) await sendAll();
    },
    async flush() {
      await sendAll();
      await send.end();
    },
  };
}

/** Work one after the other, the caller at most one ahead: what comes next is made ready meanwhile. */
export function oneBehind() {
  let underWay: Promise<void> = Promise.resolve();
  return {
    /** Waits for the work before. @throws what that has thrown */
    async add(work: () => Promise<void>): Promise<void> {
      await underWay;
      underWay = work();
      // Told to whoever comes next; this only keeps it from being reported as unhandled.
      underWay.catch(() => {});
    },
    /** @throws what the last has thrown */
    end: () => underWay,
  };
}

/** Also where the work fails all writes come to their end: whoever gives it up, or does it again, must not meet one. */
export async function endedBy(end: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
  await end();
}
