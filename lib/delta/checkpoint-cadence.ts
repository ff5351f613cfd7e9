/**
 * How often a table gets a checkpoint. As its owner says: `delta.checkpointInterval`, which is never written for anybody. Else by what
 * has changed: a checkpoint holds every live file, so one every ten versions costs a large table a hundred times what was committed. Pure.
 */

import type { Metadata } from "./actions.ts";
import { tableProperties } from "./properties/properties.ts";

/** Versions: no sooner after the newest checkpoint, however small the table is. */
export const FEWEST_VERSIONS = 10;
/**
 * Milliseconds: no sooner either, while there are fewer than {@link MOST_VERSIONS}. A small table with many commits a second would cost
 * more for its checkpoints than for its versions.
 */
export const FEWEST_MS = 5_000;
/** No later, however little has changed: so many commits are read beside a checkpoint. */
export const MOST_VERSIONS = 100;
/** Of the files, between the two. */
const CHANGED_SHARE = 0.1;
/** While a backlog is worked off: nobody waits for a checkpoint in the midst of it. */
const MOST_VERSIONS_OF_A_BACKLOG = 500;

/** Versions from one checkpoint to the next, as the owner of the table wants it; undefined where we choose. */
export function ownInterval(metadata: Metadata): number | undefined {
  return tableProperties(metadata)["delta.checkpointInterval"];
}

/** The newest version up to this one that the owner's interval wants a checkpoint of; undefined where there is none yet. */
export function newestOfInterval(version: number, interval: number): number | undefined {
  const due = version - (version % interval);
  return due > 0 ? due : undefined;
}

/** Where the newest checkpoint at or below a version lies, as a rule: a place to begin with, which may be wrong. */
export function likelyCheckpoint(version: number, metadata: Metadata): number {
  const interval = ownInterval(metadata);
  if (interval === undefined) return Math.max(0, version - MOST_VERSIONS);
  return newestOfInterval(version, interval) ?? 0;
}

/** What lies between the newest checkpoint and the newest version that is published. */
export interface SinceCheckpoint {
  readonly versions: number;
  /** Adds and removes; known only where it matters. */
  readonly changedFiles: number;
  /** In the table. */
  readonly numFiles: number;
  /** True while more is to be published at once. */
  readonly isBacklog?: boolean;
  /** True while that checkpoint is known to be younger than {@link FEWEST_MS}. */
  readonly isYoung?: boolean;
}

/** True where a checkpoint is worth what it costs, of a table whose owner has not said how often. */
export function isWorthIt(since: SinceCheckpoint): boolean {
  const { versions, changedFiles, numFiles, isBacklog = false } = since;
  if (isBacklog) return versions >= MOST_VERSIONS_OF_A_BACKLOG;
  return versions >= MOST_VERSIONS || (!isTooSoon(since) && changedFiles >= CHANGED_SHARE * numFiles);
}

function isTooSoon({ versions, isYoung = false }: SinceCheckpoint): boolean {
  return versions < FEWEST_VERSIONS || isYoung;
}

/** True where the answer of {@link isWorthIt} is the same whatever has changed. */
export function isDecidedByVersions(since: SinceCheckpoint): boolean {
  return since.isBacklog === true || isTooSoon(since) || since.versions >= MOST_VERSIONS;
}

/** True for the versions that have a checkpoint in a log that is written whole, from SQL. */
export function isDueInWholeLog(version: number, head: number, metadata: Metadata): boolean {
  if (version <= 0) return false;
  const interval = ownInterval(metadata);
  if (interval !== undefined) return version % interval === 0;
  const since = version % MOST_VERSIONS;
  return since === 0 || (version === head && since >= FEWEST_VERSIONS);
}
