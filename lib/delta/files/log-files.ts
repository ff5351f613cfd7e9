/** Names of the files in `_delta_log`, and how a reader picks the files of a version from a listing (PROTOCOL.md; docs/delta-rules.md §2). Pure. */

import { corrupt } from "../../errors.ts";

export const LOG_FOLDER = "_delta_log";
export const LAST_CHECKPOINT = "_last_checkpoint";
/** Ours: which table this is (manifest.ts). */
export const MANIFEST = "_deltalakedb.json";
/** Ours: the table has moved, as the manifest says. Beside it, so that whoever lists a log sees it. */
export const MOVED_MARK = "_deltalakedb.moved.json";
export const SIDECARS_FOLDER = "_sidecars";

export interface ListedFile {
  /** File name within `_delta_log`. */
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: number;
}

export interface CommitFile extends ListedFile {
  readonly version: number;
}

/** One complete or incomplete checkpoint; several files only for the multi-part kind. */
export interface CheckpointFile {
  readonly version: number;
  readonly kind: "classic" | "multipart" | "v2";
  readonly files: readonly ListedFile[];
  readonly complete: boolean;
}

export interface LogListing {
  /** Ascending. */
  readonly commits: readonly CommitFile[];
  /** Ascending by version; among equals the preferred one last. */
  readonly checkpoints: readonly CheckpointFile[];
  /** Version checksums and compacted commits, each with the last version that it is about: some readers take them at their word. */
  readonly summaries: readonly CommitFile[];
  readonly hasStagedCommits: boolean;
  /** True where the manifest is to be looked at: it may say that the table has moved. */
  readonly mayHaveMoved: boolean;
}

export function versionName(version: number): string {
  return String(version).padStart(20, "0");
}

export function commitFileName(version: number): string {
  return `${versionName(version)}.json`;
}

export function checkpointFileName(version: number): string {
  return `${versionName(version)}.checkpoint.parquet`;
}

export const COMMIT_FILE = /^(\d{20})\.json$/;
const CLASSIC = /^(\d{20})\.checkpoint\.parquet$/;
const MULTIPART = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/;
const UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}";
const SUMMARY = /^(?:\d{20}\.)?(\d{20})\.(?:crc|compacted\.json)$/;
const V2 = new RegExp(`^(\\d{20})\\.checkpoint\\.(${UUID})\\.(json|parquet)$`);

/** True for the name of a published commit: twenty digits and `.json`. */
export function isCommitName(name: string): boolean {
  return COMMIT_FILE.test(name);
}

/** Sorts the files of `_delta_log` into kinds. Names that the protocol does not define, and empty checkpoints, are left out. */
export function sortLogFiles(files: readonly ListedFile[]): LogListing {
  const commits: CommitFile[] = [];
  const checkpoints: CheckpointFile[] = [];
  const summaries: CommitFile[] = [];
  const parts = new Map<string, { version: number; count: number; files: ListedFile[] }>();
  let hasStagedCommits = false;
  let mayHaveMoved = false;
  for (const file of files) {
    if (file.name.startsWith("_staged_commits/")) hasStagedCommits = true;
    if (file.name === MOVED_MARK) mayHaveMoved = true;
    const commit = COMMIT_FILE.exec(file.name);
    if (commit) commits.push({ ...file, version: Number(commit[1]) });
    const summary = SUMMARY.exec(file.name);
    if (summary) summaries.push({ ...file, version: Number(summary[1]) });
    if (file.size === 0) continue;
    const classic = CLASSIC.exec(file.name);
    if (classic) checkpoints.push({ version: Number(classic[1]), kind: "classic", files: [file], complete: true });
    const v2 = V2.exec(file.name);
    if (v2) checkpoints.push({ version: Number(v2[1]), kind: "v2", files: [file], complete: true });
    const part = MULTIPART.exec(file.name);
    if (part) {
      const key = `${part[1]}.${part[3]}`;
      const known = parts.get(key) ?? { version: Number(part[1]), count: Number(part[3]), files: [] };
      known.files.push(file);
      parts.set(key, known);
    }
  }
  for (const { version, count, files: found } of parts.values()) {
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    checkpoints.push({ version, kind: "multipart", files: found, complete: found.length === count });
  }
  commits.sort((a, b) => a.version - b.version);
  checkpoints.sort(byVersionThenPreference);
  return { commits, checkpoints, summaries, hasStagedCommits, mayHaveMoved };
}

/** A tie at one version: V2 (greatest name) over multi-part (more parts) over classic (Spark's CheckpointInstance.compare). */
function byVersionThenPreference(a: CheckpointFile, b: CheckpointFile): number {
  const rank = { classic: 0, multipart: 1, v2: 2 };
  if (a.version !== b.version) return a.version - b.version;
  if (a.kind !== b.kind) return rank[a.kind] - rank[b.kind];
  if (a.files.length !== b.files.length) return a.files.length - b.files.length;
  return (a.files[0]?.name ?? "") < (b.files[0]?.name ?? "") ? -1 : 1;
}

/** Where a replay starts and which commits follow: `checkpoint` absent means from commit 0. */
export interface LogSegment {
  readonly checkpoint?: CheckpointFile;
  /** Contiguous, ascending, from checkpoint + 1 (or 0) to `version`. */
  readonly commits: readonly CommitFile[];
  /** The version that the segment ends at. */
  readonly version: number;
}

/**
 * The files from which a version is rebuilt: the newest complete checkpoint at or below it and the commits after that
 * (docs/delta-rules.md §2.1). The listing decides; `_last_checkpoint` is not asked.
 * @param options.version the version wanted; the newest if absent
 * @param options.skip checkpoints that turned out to be unreadable
 * @throws LakeError corrupt: EMPTY_LOG, VERSION_GAP, or VERSION_NOT_RECREATABLE
 */
export function pickSegment(
  listing: LogListing,
  options: { readonly version?: number; readonly skip?: (checkpoint: CheckpointFile) => boolean } = {},
): LogSegment {
  const usable = listing.checkpoints.filter((c) => c.complete && !options.skip?.(c));
  const newestCommit = listing.commits.at(-1)?.version ?? -1;
  const head = Math.max(newestCommit, usable.at(-1)?.version ?? -1);
  if (head < 0) throw corrupt("the log is empty: neither commits nor a complete checkpoint", { code: "EMPTY_LOG" });
  const target = options.version ?? head;
  if (target > head) {
    throw corrupt(`version ${target} is not in the log, its newest is ${head}`, { code: "VERSION_NOT_RECREATABLE" });
  }
  const checkpoint = usable.findLast((c) => c.version <= target);
  const commits = commitsAfter(listing, checkpoint?.version ?? -1, target);
  return checkpoint ? { checkpoint, commits, version: target } : { commits, version: target };
}

/**
 * The segment that reaches furthest back and still rebuilds every version up to the head: from commit 0 when it is there,
 * else from the oldest complete checkpoint with contiguous commits after it (docs/delta-rules.md §5, "Recreatable versions").
 * A checkpoint at the very version where it starts is preferred to the commit, as readers prefer it.
 */
export function pickOldestSegment(
  listing: LogListing,
  options: { readonly skip?: (checkpoint: CheckpointFile) => boolean } = {},
): LogSegment {
  const newest = pickSegment(listing, options);
  const usable = listing.checkpoints.filter((c) => c.complete && !options.skip?.(c));
  let first = newest.commits[0]?.version ?? newest.version + 1;
  const byVersion = new Map(listing.commits.map((c) => [c.version, c]));
  while (byVersion.has(first - 1)) first -= 1;
  const oldest = usable.find((c) => c.version >= first - 1);
  if (first === 0 && oldest?.version !== 0) {
    return { commits: commitsAfter(listing, -1, newest.version), version: newest.version };
  }
  if (oldest === undefined) return newest;
  const preferred = usable.findLast((c) => c.version === oldest.version) ?? oldest;
  return {
    checkpoint: preferred,
    commits: commitsAfter(listing, preferred.version, newest.version),
    version: newest.version,
  };
}

function commitsAfter(listing: LogListing, after: number, to: number): CommitFile[] {
  const commits = listing.commits.filter((c) => c.version > after && c.version <= to);
  let expected = after + 1;
  for (const commit of commits) {
    if (commit.version !== expected) break;
    expected += 1;
  }
  if (expected <= to) {
    throw corrupt(`the log has a gap: commit ${expected} is missing, though the log goes on to ${to}`, {
      code: "VERSION_GAP",
      at: commitFileName(expected),
      hint: "Restore the missing file from a backup, or import a copy of the log that ends before the gap.",
      facts: { missingVersion: expected, newestVersion: to },
    });
  }
  return commits;
}
