/** Which files of a log have expired (PROTOCOL.md, "Metadata Cleanup"; docs/delta-rules.md §6). Pure. */

import { momentBefore } from "../values/age.ts";
import type { CheckpointFile, ListedFile, LogListing } from "./log-files.ts";

const DAY_MS = 86_400_000;

/** Versions of this moment and before have expired. Whole days, as Spark does it. @param now milliseconds */
export function logCutoff(now: number, retentionMs: number): number {
  return Math.floor(momentBefore(now, retentionMs) / DAY_MS) * DAY_MS;
}

/**
 * The newest version of which it and all before have expired: by the times that SQL has, and by those of the files, by which
 * some readers travel in time; −1 for none.
 * @param bySql the newest one by SQL
 */
export function newestExpired({ commits }: LogListing, cutoff: number, bySql: number): number {
  const firstYoung = commits.find(({ modifiedAt }) => modifiedAt > cutoff)?.version;
  return Math.min(bySql, firstYoung === undefined ? bySql : firstYoung - 1);
}

/** The newest whole checkpoint at or below a version. */
export function checkpointAt({ checkpoints }: LogListing, version: number): CheckpointFile | undefined {
  return checkpoints.findLast((checkpoint) => checkpoint.complete && checkpoint.version <= version);
}

export interface ExpiredLog {
  readonly commits: readonly ListedFile[];
  readonly checkpoints: readonly ListedFile[];
  /** Version checksums and compacted commits. */
  readonly summaries: readonly ListedFile[];
}

const COMPACTED = /^(\d{20})\.\d{20}\.compacted\.json$/;

/** What no reader needs who begins at the checkpoint of `base`. */
export function filesBelow({ commits, checkpoints, summaries }: LogListing, base: number): ExpiredLog {
  const start = ({ name, version }: (typeof summaries)[number]) => Number(COMPACTED.exec(name)?.[1] ?? version);
  return {
    commits: commits.filter(({ version }) => version < base),
    checkpoints: checkpoints.filter(({ version }) => version < base).flatMap(({ files }) => files),
    summaries: summaries.filter((file) => start(file) < base),
  };
}
