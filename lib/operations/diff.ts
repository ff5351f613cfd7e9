/** The comparison: replays `_delta_log` by itself and holds the result, and every retained commit, against SQL (ARCHITECTURE.md D15). */

import { type DiffReport, diffCommit, type OtherDrift } from "../delta/diff.ts";
import { encodeCommit } from "../delta/encode.ts";
import { type LogListing, pickSegment } from "../delta/files/log-files.ts";
import type { TableRef } from "../delta/request.ts";
import { isLakeError, type LakeError } from "../errors.ts";
import type { DeltaLog, Lake, TableHead } from "../ports.ts";
import { compareState, type StateRequest } from "./comparing/compare-state.ts";
import { Findings } from "./comparing/findings.ts";
import { readLag } from "./comparing/lag.ts";
import { findHead } from "./read.ts";

export interface DiffRequest extends StateRequest {
  readonly ref: TableRef;
  /** Another log than the table's own, such as a copy. */
  readonly log?: DeltaLog;
  readonly lagThresholdSeconds: number;
  /** So many differing files are no drift yet. */
  readonly maxDriftFiles: number;
  /** Commits up to this version are not read again, unless the state is rebuilt from them; −1 if absent. */
  readonly commitsAfter?: number;
}

/**
 * Proves that SQL and log agree, or says where they do not. Drift comes before lag: a mirror that is merely behind is
 * compared at the version it has reached. What retention has cleaned away is no drift.
 * @throws LakeError notFound, unavailable
 */
export async function diffTable(lake: Lake, request: DiffRequest): Promise<DiffReport> {
  const head = await findHead(lake, request.ref);
  const log = request.log ?? lake.openLog(head.location);
  const mirrored = await lake.catalog.mirroredVersion(head.tableId);
  const found = new Findings();
  const compared = await compareAll(lake, head, log, { ...request, mirrored }, found);
  return reportOf(lake, head, log, compared, found, request);
}

/** What was found, with how far the mirror lags behind. */
export async function reportOf(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  compared: { readonly logVersion: number; readonly version?: number },
  found: Findings,
  request: Pick<DiffRequest, "lagThresholdSeconds" | "maxDriftFiles">,
): Promise<DiffReport> {
  const { lagSeconds, behind, mirror } = await readLag(lake, head);
  if (head.quarantine !== undefined) found.notes.push(`the mirror is quarantined: ${head.quarantine}`);
  const drifted =
    found.fileCount > request.maxDriftFiles || found.metadata.length + found.protocol.length + found.other.length > 0;
  return {
    tableId: head.tableId,
    table: head.name,
    logLocation: log.location,
    sqlVersion: head.version,
    logVersion: compared.logVersion,
    versionDelta: head.version - compared.logVersion,
    ...(compared.version === undefined ? {} : { comparedVersion: compared.version }),
    lagSeconds,
    ...(mirror === undefined ? {} : { mirror }),
    drift: {
      files: found.files,
      fileCount: found.fileCount,
      metadata: found.metadata,
      protocol: found.protocol,
      other: found.other,
    },
    notes: found.notes,
    outcome: drifted ? "drift" : behind && lagSeconds > request.lagThresholdSeconds ? "lag" : "ok",
    checkedAt: lake.clock.now(),
  };
}

async function compareAll(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  request: StateRequest & Pick<DiffRequest, "commitsAfter"> & { readonly mirrored: number },
  found: Findings,
): Promise<{ readonly logVersion: number; readonly version?: number }> {
  const { mirrored, commitsAfter = -1 } = request;
  let logVersion = -1;
  try {
    const listing = await log.list();
    const newest = pickSegment(listing);
    logVersion = newest.version;
    // What was committed and published since the head was read is not ahead of it.
    const now = logVersion > head.version ? await findHead(lake, { tableId: head.tableId }) : head;
    checkHeads(now, mirrored, logVersion, found);
    const version = Math.min(head.version, logVersion);
    if (version < head.baseVersion) {
      found.notes.push(`nothing to compare: the log ends at ${logVersion}, SQL begins at ${head.baseVersion}`);
      return { logVersion };
    }
    const segment = version === logVersion ? newest : pickSegment(listing, { version });
    await compareState(lake, head, log, { ...request, segment }, found);
    await compareCommits(lake, head, log, listing, [commitsAfter + 1, version], found);
    return { logVersion, version };
  } catch (error) {
    if (isLakeError(error, "notFound") && mirrored < 0) {
      found.notes.push("nothing has been published yet");
      return { logVersion };
    }
    if (!isLakeError(error, "corrupt") && !isLakeError(error, "notFound")) throw error;
    // A log that readers cannot read is the worst drift there is.
    const kind = unreadableKind(error, mirrored);
    found.other.push({ kind, field: error.at ?? error.code, sql: "readable", log: error.message });
    return { logVersion };
  }
}

/** Why a log cannot be read: what was published is gone, somebody else's is beyond a gap, or it is damaged. */
function unreadableKind({ kind, code, facts }: LakeError, mirrored: number): OtherDrift["kind"] {
  if (kind === "notFound" || code === "EMPTY_LOG") return "versionGone";
  if (code !== "VERSION_GAP") return "unreadable";
  return Number(facts.missingVersion) <= mirrored ? "versionGone" : "logAhead";
}

function checkHeads(head: TableHead, mirrored: number, logVersion: number, found: Findings): void {
  if (logVersion > head.version && head.followed) {
    found.notes.push(`others have written versions ${head.version + 1} to ${logVersion}, which are not followed yet`);
  } else if (logVersion > head.version) {
    found.other.push({ kind: "logAhead", field: "version", sql: head.version, log: logVersion });
    found.notes.push(`the log holds versions ${head.version + 1} to ${logVersion}, which SQL never committed`);
  } else if (logVersion < mirrored) {
    found.other.push({ kind: "versionGone", field: "publishedVersion", sql: mirrored, log: logVersion });
    found.notes.push(`versions ${logVersion + 1} to ${mirrored} were published, and are not in the log any more`);
  }
}

/**
 * Every commit file that is still there must say what SQL says; those that we published must be the very bytes. Where SQL
 * begins at a checkpoint, its first version holds that checkpoint's content, which the comparison of states covers.
 */
async function compareCommits(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  listing: LogListing,
  [first, last]: readonly [first: number, last: number],
  found: Findings,
): Promise<void> {
  const present = new Set(listing.commits.map((commit) => commit.version));
  const atCheckpoint = head.baseVersion > 0 || listing.checkpoints.some((c) => c.version === head.baseVersion);
  let next = Math.max(first, head.baseVersion + (atCheckpoint ? 1 : 0));
  while (next <= last) {
    const commits = await lake.catalog.readCommits(head.tableId, next, last);
    if (commits.length === 0) return;
    for (const commit of commits) {
      next = commit.version + 1;
      if (!present.has(commit.version)) continue;
      const bytes = await log.readCommitBytes(commit.version);
      if (bytes === undefined || Buffer.compare(bytes, encodeCommit(commit)) === 0) continue;
      const { files, other } = diffCommit(commit, (await log.readCommit(commit.version)).actions);
      for (const drift of files) found.file(drift);
      found.other.push(
        ...other.map((drift) => ({
          kind: "commit" as const,
          ...drift,
          field: `${commit.version}.json: ${drift.field}`,
        })),
      );
    }
  }
}
