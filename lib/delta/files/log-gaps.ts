/** What is missing from a listing of `_delta_log`, and what stands in it too early. Pure. */

import type { CheckpointFile, ListedFile, LogListing } from "./log-files.ts";

/**
 * The first commit that a reader of version `to` would miss: it begins with the newest whole checkpoint, else with commit 0. What
 * retention has cleaned away lies before that checkpoint, and is not missed.
 * @param listing files of versions `from` and above; `further back` when the answer lies below `from`
 */
export function firstMissing(
  listing: LogListing,
  { from, to }: { readonly from: number; readonly to: number },
): number | "further back" | undefined {
  const start = listing.checkpoints.findLast(({ complete, version }) => complete && version <= to)?.version ?? -1;
  if (start < 0 && from > 0) return "further back";
  const present = new Set(listing.commits.map(({ version }) => version));
  for (let version = start + 1; version <= to; version += 1) if (!present.has(version)) return version;
  return undefined;
}

/**
 * All commits up to `to` that are missing from a whole listing, but for those that retention has cleaned away: what lies below
 * everything that is there, while a checkpoint takes its place.
 */
export function missingCommits({ commits, checkpoints }: LogListing, to: number): number[] {
  const present = new Set(commits.map(({ version }) => version));
  const start = checkpoints.find(({ complete, version }) => complete && version <= to)?.version;
  const oldest = commits[0]?.version ?? to + 1;
  const missing: number[] = [];
  for (let version = start === undefined ? 0 : Math.min(oldest, start + 1); version <= to; version += 1) {
    if (!present.has(version)) missing.push(version);
  }
  return missing;
}

/** The first version at or above `next` that has no commit. */
export function endOf({ commits }: LogListing, next: number): number {
  const present = new Set(commits.map(({ version }) => version));
  let end = next;
  while (present.has(end)) end += 1;
  return end;
}

/** Files of versions at or above `version`, of any kind that a reader may take at its word. */
export function filesFrom(listing: LogListing, version: number): ListedFile[] {
  const isLater = (file: { readonly version: number }) => file.version >= version;
  return [
    ...listing.commits.filter(isLater),
    ...listing.checkpoints.filter(isLater).flatMap(({ files }: CheckpointFile) => files),
    ...listing.summaries.filter(isLater),
  ];
}
