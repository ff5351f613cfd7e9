/**
 * What a run of the mirror tells SQL about what it has published, while it goes on to publish: one statement is under way at a time, so
 * that SQL is behind the log by two batches at most. A version with a checkpoint stays open until that is there: a worker that
 * is killed before leaves it open, and the next one comes by again.
 */

import type { Lake } from "../../ports.ts";

export interface PublishedMarks {
  /** Begins once those before are marked. @throws what the one before has failed with */
  add(versions: readonly number[]): Promise<void>;
  /**
   * Marks a version, which is in the log since `publishedAt`, once its checkpoint is there or is not to come.
   * @param checkpoint.written never rejected @param checkpoint.missing called then, after the mark
   */
  addWith(
    version: number,
    publishedAt: number,
    checkpoint: { readonly written: Promise<boolean>; readonly missing: () => Promise<void> },
  ): void;
  /** True while a checkpoint is being written. */
  isBusy(): boolean;
  /** Resolves when no checkpoint is being written. */
  checkpointed(): Promise<void>;
  /** When all of it is in SQL. @returns false when the table was dropped meanwhile. @throws what SQL has failed with */
  settled(): Promise<boolean>;
}

export function openMarks({ catalog, clock }: Lake, tableId: string): PublishedMarks {
  let isHere = true;
  let last = Promise.resolve();
  let checkpoint: Promise<void> | undefined;
  const mark = (versions: readonly number[], publishedAt: number) => {
    last = last.then(async () => {
      isHere = (await catalog.markPublished(tableId, versions, publishedAt)) && isHere;
    });
    // Whoever asks next hears of it.
    last.catch(() => undefined);
  };
  const settled = async () => {
    await checkpoint;
    await last;
    return isHere;
  };
  return {
    async add(versions) {
      await last;
      if (versions.length > 0) mark(versions, clock.now());
    },
    addWith(version, publishedAt, { written, missing }) {
      const own = written.then(async (isThere) => {
        mark([version], publishedAt);
        if (!isThere) await last.then(missing, () => undefined);
        if (checkpoint === own) checkpoint = undefined;
      });
      checkpoint = own;
    },
    isBusy: () => checkpoint !== undefined,
    checkpointed: async () => checkpoint,
    settled,
  };
}
