/** The comparison: replays `_delta_log` by itself and holds the result, and every retained commit, against SQL (design §1, D15). */

import type { FileIdentity } from "../delta/actions.ts";
import {
  type DiffReport,
  diffCommit,
  diffFile,
  diffMetadata,
  diffProtocol,
  type FieldDrift,
  type FileDrift,
  MAX_LISTED_FILES,
  named,
} from "../delta/diff.ts";
import { encodeCommit } from "../delta/encode.ts";
import { NewestFirst, sameFingerprint } from "../delta/fingerprint.ts";
import { type LogListing, type LogSegment, pickSegment } from "../delta/log-files.ts";
import { fileKey, LogReplay, type ReplayHeader } from "../delta/replay.ts";
import type { TableRef } from "../delta/request.ts";
import { isLakeError } from "../errors.ts";
import type { DeltaLog, Lake, SnapshotHeader, TableHead } from "../ports.ts";
import { pages } from "./checkpoint.ts";
import { readLag } from "./lag.ts";
import { findHead } from "./read.ts";

const PAGE_FILES = 5000;
/** About 1 GB (`bench/parity.ts`). */
const FILES_A_PASS = 250_000;

export interface DiffRequest {
  readonly ref: TableRef;
  /** Another log than the table's own, such as a copy. */
  readonly log?: DeltaLog;
  readonly lagThresholdSeconds: number;
  /** So many differing files are no drift yet. */
  readonly maxDriftFiles: number;
  /** Commits up to this version are not read again, unless the state is rebuilt from them; −1 if absent. */
  readonly commitsAfter?: number;
  /**
   * A state of more files than this is compared by its fingerprint, which neither reads SQL's files nor holds the log's, and
   * field by field only where that differs. Absent: always field by field.
   */
  readonly fieldsUpTo?: number;
  /** So many files are held at once where fields are compared; more take more passes over the log. About 1 GB if absent. */
  readonly filesAPass?: number;
}

/** Gathers drift while a table is compared. */
export class Findings {
  readonly files: FileDrift[] = [];
  readonly metadata: FieldDrift[] = [];
  readonly protocol: FieldDrift[] = [];
  readonly other: FieldDrift[] = [];
  readonly notes: string[] = [];
  readonly #seen = new Set<string>();

  get fileCount(): number {
    return this.#seen.size;
  }

  /** A file that differs in the state differs in its commit, too: it counts once. */
  file(drift: FileDrift): void {
    const key = `${drift.kind}\n${drift.path}\n${drift.deletionVector ?? ""}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.files.length < MAX_LISTED_FILES) this.files.push(drift);
  }
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
  request: Pick<DiffRequest, "commitsAfter" | "fieldsUpTo" | "filesAPass"> & { readonly mirrored: number },
  found: Findings,
): Promise<{ readonly logVersion: number; readonly version?: number }> {
  const { mirrored, commitsAfter = -1 } = request;
  let logVersion = -1;
  try {
    const listing = await log.list();
    const newest = pickSegment(listing);
    logVersion = newest.version;
    checkHeads(head, mirrored, logVersion, found);
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
    found.other.push({ field: error.at ?? error.code, sql: "readable", log: error.message });
    return { logVersion };
  }
}

function checkHeads(head: TableHead, mirrored: number, logVersion: number, found: Findings): void {
  if (logVersion > head.version) {
    found.other.push({ field: "version", sql: head.version, log: logVersion });
    found.notes.push(`the log holds versions ${head.version + 1} to ${logVersion}, which SQL never committed`);
  } else if (logVersion < mirrored) {
    found.other.push({ field: "publishedVersion", sql: mirrored, log: logVersion });
    found.notes.push(`versions ${logVersion + 1} to ${mirrored} were published, and are not in the log any more`);
  }
}

/** Rebuilds the state from the files that a reader would take, and compares it with the rows. */
async function compareState(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  request: Pick<DiffRequest, "fieldsUpTo" | "filesAPass"> & { readonly segment: LogSegment },
  found: Findings,
): Promise<void> {
  const { segment, fieldsUpTo = Number.POSITIVE_INFINITY, filesAPass = FILES_A_PASS } = request;
  const header = await lake.catalog.readHeader(head.tableId, segment.version);
  if (header.numFiles > fieldsUpTo) {
    const sum = await sumLog(lake, log, segment);
    if (sum.numFiles === header.numFiles && sameFingerprint(sum.fingerprint, header.fingerprint)) {
      compareHeaders(header, sum.header, found);
      found.notes.push(`${header.numFiles} files were compared by their fingerprint`);
      return;
    }
  }
  await compareFields(lake, head, log, { segment, header, filesAPass }, found);
}

/** The files in as many passes as it takes, each with its share of them. */
async function compareFields(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  { segment, header, filesAPass }: { segment: LogSegment; header: SnapshotHeader; filesAPass: number },
  found: Findings,
): Promise<void> {
  const passes = Math.max(1, Math.ceil(header.numFiles / filesAPass));
  for (let pass = 0; pass < passes; pass += 1) {
    const isOfPass = (file: FileIdentity) => passes === 1 || shareOf(fileKey(file), passes) === pass;
    const { replay, hasStats } = await replayLog(log, segment, isOfPass);
    if (pass === 0) {
      compareHeaders(header, replay.header, found);
      if (!hasStats) found.notes.push("the checkpoint has no JSON statistics: statistics were not compared");
    }
    const inLog = new Map(replay.files);
    for await (const page of pages((at) =>
      lake.catalog.readFiles(head.tableId, segment.version, { ...at, limit: PAGE_FILES }),
    )) {
      for (const file of page.filter(isOfPass)) {
        const key = fileKey(file);
        const twin = inLog.get(key);
        inLog.delete(key);
        const drift = twin === undefined ? named("missing", file) : diffFile(file, twin, { stats: hasStats });
        if (drift) found.file(drift);
      }
    }
    for (const file of inLog.values()) found.file(named("extra", file));
  }
}

/** Which of so many shares a text belongs to: about as many texts to each. */
function shareOf(text: string, shares: number): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash >>> 0) % shares;
}

function compareHeaders(sql: ReplayHeader, log: ReplayHeader, found: Findings): void {
  found.metadata.push(...diffMetadata(sql.metadata, log.metadata));
  found.protocol.push(...diffProtocol(sql.protocol, log.protocol));
  const versions = ({ txns }: ReplayHeader) => txns.map((t) => [t.appId, t.version] as const);
  const settings = ({ domains }: ReplayHeader) => domains.map((d) => [d.domain, d.configuration] as const);
  compareNamed("txn", versions(sql), versions(log), found);
  compareNamed("domainMetadata", settings(sql), settings(log), found);
}

function compareNamed(
  what: string,
  sql: readonly (readonly [string, string | number | bigint])[],
  log: readonly (readonly [string, string | number | bigint])[],
  found: Findings,
): void {
  const left = new Map(sql);
  const right = new Map(log);
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const a = left.get(name) ?? null;
    const b = right.get(name) ?? null;
    if (a !== b) found.other.push({ field: `${what}.${name}`, sql: a, log: b });
  }
}

/** Of the files only those that `isWanted`, as removes are not compared. */
async function replayLog(
  log: DeltaLog,
  segment: LogSegment,
  isWanted: (file: FileIdentity) => boolean,
): Promise<{ replay: LogReplay; hasStats: boolean }> {
  const replay = new LogReplay();
  let hasStats = true;
  if (segment.checkpoint) {
    const header = await log.readCheckpointHeader(segment.checkpoint);
    hasStats = header.hasJsonStats;
    replay.applyHeader(header);
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) {
      replay.applyFiles(batch.filter((action) => "add" in action && isWanted(action.add)));
    }
  }
  for (const file of segment.commits) {
    const { actions } = await log.readCommit(file.version);
    replay.applyCommit({
      ...actions,
      adds: actions.adds.filter(isWanted),
      removes: actions.removes.filter(isWanted),
    });
  }
  return { replay, hasStats };
}

async function sumLog(lake: Lake, log: DeltaLog, segment: LogSegment): Promise<NewestFirst> {
  const sum = new NewestFirst((file) => lake.catalog.fingerprintOf(file));
  for (const { version } of segment.commits.toReversed()) sum.applyCommit((await log.readCommit(version)).actions);
  if (segment.checkpoint) {
    sum.applyHeader(await log.readCheckpointHeader(segment.checkpoint));
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) {
      for (const action of batch) if ("add" in action) sum.applyCheckpointFile(action.add);
    }
  }
  return sum;
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
      found.other.push(...other.map((drift) => ({ ...drift, field: `${commit.version}.json: ${drift.field}` })));
    }
  }
}
