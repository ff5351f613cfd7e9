/** The checkpoint of what the mirror publishes at once. */

import { errorText } from "../../errors.ts";
import type { Backlog, DeltaLog, Lake, Signal } from "../../ports.ts";
import { counted, writeCheckpoint } from "../checkpoint.ts";
import { dueWithin } from "./due-checkpoint.ts";

/** About five calls of the Data API and as many megabytes: well below a second. */
const FILES_OF_A_QUICK_CHECKPOINT = 10_000;

interface PublishedWork extends Pick<Backlog, "numFiles" | "metadata" | "commits"> {
  readonly tableId: string;
}

/**
 * A checkpoint is for speed only, and must not hold up what was committed after it: that of a large table is left to others
 * where there are some. One that fails, or takes longer than there is time, is counted; the commit is published all the same.
 * @returns true when it is there
 */
export async function tryCheckpoint(
  lake: Lake,
  log: DeltaLog,
  { tableId, numFiles }: PublishedWork,
  version: number,
  signal: Signal | undefined,
): Promise<boolean> {
  if (lake.checkpointQueue !== undefined && numFiles > FILES_OF_A_QUICK_CHECKPOINT) return false;
  try {
    await counted(lake, { tableId, version }, () => writeCheckpoint(lake, log, tableId, version, { signal }));
    return true;
  } catch {
    return false;
  }
}

/** A checkpoint that is written while the versions after it are put. */
export interface EarlyCheckpoint {
  readonly version: number;
  /** As {@link tryCheckpoint}; never rejected. */
  readonly written: Promise<boolean>;
}

/** It takes several calls of the store, one after the other: where its version is certain before the batch is through, the puts go on. */
export function earlyCheckpoint(
  lake: Lake,
  log: DeltaLog,
  work: PublishedWork,
  version: number,
  signal: Signal | undefined,
): EarlyCheckpoint | undefined {
  const last = work.commits.at(-1)?.version ?? version;
  if (version === last || version !== dueWithin(last, work.metadata)) return undefined;
  return { version, written: tryCheckpoint(lake, log, work, version, signal) };
}

/** Where there are others, they are asked; else the next checkpoint that is due makes it good. */
export async function askForCheckpoint(lake: Lake, tableId: string, version: number): Promise<void> {
  try {
    await lake.checkpointQueue?.ask(tableId, version);
  } catch (error) {
    lake.metrics.record("CheckpointFailures", 1, "Count", { tableId, version, error: errorText(error) });
  }
}
