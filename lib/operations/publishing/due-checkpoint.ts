/**
 * Says when a checkpoint follows what has been published: the one place for the mirror, for who writes checkpoints beside it, and for
 * repairs. What has changed since the newest one is counted as it is published; what is not known any more, SQL is asked for.
 */

import { BoundedMap } from "../../bounded-map.ts";
import type { Commit, Metadata } from "../../delta/actions.ts";
import {
  FEWEST_MS,
  FEWEST_VERSIONS,
  isDecidedByVersions,
  isWorthIt,
  likelyCheckpoint,
  newestOfInterval,
  ownInterval,
} from "../../delta/checkpoint-cadence.ts";
import { isPast } from "../../delta/values/age.ts";
import type { Catalog, Lake } from "../../ports.ts";

/** What this process has published of a table since a checkpoint of it. Only a hint: what does not fit is counted anew. */
interface Counted {
  readonly checkpoint: number;
  readonly upTo: number;
  /** undefined while nobody has needed to know. */
  readonly changedFiles: number | undefined;
  /** When the next one was found to be due last: one that fails, or that another makes, is not asked for with each commit. */
  readonly askedAt?: number | undefined;
  /** When this process began that checkpoint. */
  readonly begunAt?: number | undefined;
}

const counts = new WeakMap<Catalog, BoundedMap<string, Counted>>();
/** Bounds the memory of a long life: what is dropped is counted anew. */
const MAX_TABLES = 10_000;
const HISTORY_PAGE = 1_000;

export interface PublishedTable {
  readonly tableId: string;
  readonly metadata: Metadata;
  readonly numFiles: number;
}

/** Where to begin a listing that shall have the newest checkpoint at or below a version in it; it may be further back. */
export function checkpointGuess(lake: Lake, tableId: string, version: number, metadata: Metadata): number {
  const likely = likelyCheckpoint(version, metadata);
  if (ownInterval(metadata) !== undefined) return likely;
  const known = countsOf(lake).get(tableId)?.checkpoint ?? likely;
  return known > version ? likely : known;
}

/** The version up to this one that a checkpoint is due of, where that is known before all of them are published: by the owner's interval. */
export function dueWithin(last: number, metadata: Metadata): number | undefined {
  const interval = ownInterval(metadata);
  return interval === undefined ? undefined : newestOfInterval(last, interval);
}

/**
 * The version that a checkpoint is due of, now that these are published; undefined where none is.
 * @param options.checkpoint the newest whole one that the log had before them
 * @param options.isBacklog there is more to publish at once
 */
export async function dueAfter(
  lake: Lake,
  table: PublishedTable,
  published: readonly Commit[],
  { checkpoint = 0, isBacklog }: { readonly checkpoint?: number | undefined; readonly isBacklog: boolean },
): Promise<number | undefined> {
  const [first, last] = [published[0], published.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const interval = ownInterval(table.metadata);
  if (interval !== undefined) {
    const due = newestOfInterval(last.version, interval);
    return due !== undefined && due >= first.version ? due : undefined;
  }
  const { tableId, numFiles } = table;
  const before = countsOf(lake).get(tableId);
  const known = before?.checkpoint === checkpoint ? before : undefined;
  const begunAt = known?.begunAt;
  const isYoung = begunAt !== undefined && !isPast(lake.clock.now(), begunAt, FEWEST_MS);
  const since = { versions: last.version - checkpoint, changedFiles: 0, numFiles, isBacklog, isYoung };
  let counted = first.version === checkpoint + 1 ? 0 : undefined;
  if (known?.upTo === first.version - 1) counted ??= known.changedFiles;
  if (!isDecidedByVersions(since)) counted ??= await changedBetween(lake, tableId, checkpoint, first.version - 1);
  const here = published.reduce((sum, { actions }) => sum + actions.adds.length + actions.removes.length, 0);
  const changedFiles = counted === undefined ? undefined : counted + here;
  const askedAt = known?.askedAt;
  const isAsked = askedAt !== undefined && last.version - askedAt < FEWEST_VERSIONS;
  const isDue = !isAsked && isWorthIt({ ...since, changedFiles: changedFiles ?? 0 });
  const upTo = last.version;
  remember(lake, tableId, { checkpoint, upTo, changedFiles, askedAt: isDue ? upTo : askedAt, begunAt });
  return isDue ? upTo : undefined;
}

/**
 * A checkpoint of what has just been published is being written: what is published meanwhile counts from there.
 * @returns to be called where it could not be written: then it counts from the one before again
 */
export function noteCheckpoint(lake: Lake, tableId: string, version: number): () => void {
  const before = countsOf(lake).get(tableId);
  if (before?.upTo !== version) return () => undefined;
  remember(lake, tableId, { checkpoint: version, upTo: version, changedFiles: 0, begunAt: lake.clock.now() });
  return () => remember(lake, tableId, before);
}

/**
 * The newest version up to `to` that a checkpoint is due of; where the table's owner has named no interval, undefined where the newest
 * checkpoint of the log will do.
 */
export async function newestDue(
  lake: Lake,
  { tableId, metadata, numFiles }: PublishedTable,
  { to, checkpoint = 0 }: { readonly to: number; readonly checkpoint?: number | undefined },
): Promise<number | undefined> {
  const interval = ownInterval(metadata);
  if (interval !== undefined) return newestOfInterval(to, interval);
  const since = { versions: to - checkpoint, changedFiles: 0, numFiles };
  if (isDecidedByVersions(since)) return isWorthIt(since) ? to : undefined;
  return isWorthIt({ ...since, changedFiles: await changedBetween(lake, tableId, checkpoint, to) }) ? to : undefined;
}

/** Adds and removes of the versions after one, up to another; of those that SQL still has. */
async function changedBetween(lake: Lake, tableId: string, after: number, upTo: number): Promise<number> {
  let changed = 0;
  for (let before = upTo + 1; before > after + 1; ) {
    const limit = Math.min(HISTORY_PAGE, before - after - 1);
    const { items } = await lake.catalog.history(tableId, { before, limit });
    for (const { numAdds, numRemoves } of items) changed += numAdds + numRemoves;
    before = items.at(-1)?.version ?? 0;
  }
  return changed;
}

function countsOf(lake: Lake): BoundedMap<string, Counted> {
  const known = counts.get(lake.catalog) ?? new BoundedMap<string, Counted>(MAX_TABLES);
  counts.set(lake.catalog, known);
  return known;
}

function remember(lake: Lake, tableId: string, counted: Counted): void {
  countsOf(lake).set(tableId, counted);
}
