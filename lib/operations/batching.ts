/** Versions on their way into SQL, as many in one SQL transaction as fit: one for each would wait for the disk each time. */

import type { ImportBatch, LogCommit } from "../ports.ts";

const VERSIONS_AT_ONCE = 200;
/** Of their texts in the log: what they are in memory is some ten times that, and locks are held while they are written. */
const BYTES_AT_ONCE = 2 ** 20;

export interface Batching<B> {
  /** @param file where the version was read */
  add(batch: B, file: Pick<LogCommit, "bytes">): Promise<void>;
  /** Writes what is waiting. */
  flush(): Promise<void>;
}

/** @param write all of them, or none */
export function batching<B extends ImportBatch>(write: (batches: readonly B[]) => Promise<void>): Batching<B> {
  let waiting: B[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const some = waiting;
    [waiting, bytes] = [[], 0];
    if (some.length > 0) await write(some);
  };
  return {
    async add(batch, file) {
      waiting.push(batch);
      bytes += file.bytes.length;
      if (waiting.length >= VERSIONS_AT_ONCE || bytes >= BYTES_AT_ONCE) await flush();
    },
    flush,
  };
}
