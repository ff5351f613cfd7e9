/** A run of the mirror over one table: what is read before it is needed, and what is committed while it lasts. */

import { isPast } from "../../delta/values/age.ts";
import type { Backlog, Lake } from "../../ports.ts";
import type { PublishedMarks } from "./published-marks.ts";

/** Versions read and marked at once; bounds memory and the work that a killed worker repeats. */
export const BATCH_VERSIONS = 50;
/** What SQL said about a table longer ago than this is asked again before the next put: the table may have been dropped. */
export const TRUSTED_MS = 1_000;

/** What a run of the mirror has behind it. */
export interface Run {
  readonly published: number[];
  readonly checkpoints: number[];
  readonly marks: PublishedMarks;
  /** Put last in this run, after a look at the log: nobody need look again for what follows. */
  upTo?: number | undefined;
  /** When the log was listed last. */
  lookedAt?: number;
  /** The newest whole checkpoint of the log, or that which is being written. */
  checkpoint?: number | undefined;
  /** What comes after the batch that is being put. */
  ahead?: Read | undefined;
}

export interface Read {
  readonly after: number | undefined;
  /** When SQL was asked. */
  readonly at: number;
  readonly backlog: Promise<Backlog | undefined>;
}

export function readOn(lake: Lake, tableId: string, after: number | undefined): Read {
  const at = lake.clock.now();
  const backlog = lake.catalog.readBacklog(tableId, BATCH_VERSIONS, after === undefined ? {} : { after });
  // Whoever takes it hears of it; of a batch that stops nobody does.
  backlog.catch(() => undefined);
  return { after, at, backlog };
}

/** What was read while the last batch was put, where that is what is wanted now, and not too old. */
export function nextRead(lake: Lake, tableId: string, { upTo, ahead }: Run): Read {
  if (ahead !== undefined && ahead.after === upTo && !isPast(lake.clock.now(), ahead.at, TRUSTED_MS)) return ahead;
  return readOn(lake, tableId, upTo);
}

export interface MoreWork {
  /** True where the table is to be published on since it was asked last: the run goes on. */
  taken(): boolean;
  /** Resolves when {@link taken} may answer true. */
  woken(): Promise<void>;
}

/** While a checkpoint is written, what is committed meanwhile is published beside it. */
export async function goesOn(marks: PublishedMarks, more: MoreWork | undefined): Promise<boolean> {
  if (more === undefined) return false;
  while (!more.taken()) {
    if (!marks.isBusy()) return false;
    await Promise.race([marks.checkpointed(), more.woken()]);
  }
  return true;
}
