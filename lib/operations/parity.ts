/** The scheduled comparison: costs what has changed since the last one, and a whole comparison now and then (ARCHITECTURE.md D15). */

import { type DiffReport, driftCounts } from "../delta/diff.ts";
import { encodeCommit } from "../delta/encode.ts";
import type { LogListing } from "../delta/files/log-files.ts";
import type { DriftCounts } from "../delta/health.ts";
import { isPast } from "../delta/values/age.ts";
import { stringifyJson } from "../delta/values/json.ts";
import type { DeltaLog, Lake, ParityRecord, TableHead } from "../ports.ts";
import { sha256 } from "./committing/request-hash.ts";
import { FIELDS_AT_ONCE } from "./comparing/compare-state.ts";
import { Findings } from "./comparing/findings.ts";
import { diffTable, reportOf } from "./diff.ts";
import { checkLog, type SeenLog, seeLog } from "./publishing/check-log.ts";
import { findHead } from "./read.ts";

export interface ParityRequest {
  readonly tableId: string;
  readonly lagThresholdSeconds: number;
  readonly maxDriftFiles: number;
  /** Everything is compared again after so many milliseconds; a day if absent. */
  readonly wholeAfterMs?: number;
  /** States of more files than this are compared by their fingerprint. */
  readonly fieldsUpTo?: { readonly whole: number; readonly checkpoint: number };
}

const DAY_MS = 86_400_000;

/** Above so many files a state is compared by its fingerprint: where all is compared, and where there is a new checkpoint. */
const FIELDS_UP_TO = { whole: FIELDS_AT_ONCE, checkpoint: 5_000 };

/**
 * Compares a table's log with SQL, and records what it found. Where the last check found nothing, and the files that it saw
 * are still the same, only later commits are read: bytes that are those of SQL's rows lead to SQL's state. A new checkpoint,
 * which is what readers begin with, is compared with SQL. Anything else is compared as a whole by {@link diffTable}, which
 * also explains what differs. States of many files are compared by their fingerprint, in memory that does not grow with them.
 * @throws LakeError notFound, unavailable
 */
export async function checkParity(lake: Lake, request: ParityRequest): Promise<DiffReport> {
  const { tableId, fieldsUpTo = FIELDS_UP_TO } = request;
  const [head, last] = await Promise.all([findHead(lake, { tableId }), lake.catalog.readParity(tableId)]);
  const log = lake.openLog(head.location);
  const seen = await seeLog(lake, tableId, log);
  const { listing } = seen;
  const since = last && listing && (await canGoOn(lake, head, request, last, listing)) ? last : undefined;
  const continued =
    since && listing ? await checkSince(lake, head, log, { ...seen, listing }, since, request) : undefined;
  const report = continued ?? (await diffTable(lake, { ...request, ref: { tableId }, fieldsUpTo: fieldsUpTo.whole }));
  const version = report.comparedVersion ?? -1;
  await lake.catalog.writeParity({
    tableId: head.tableId,
    outcome: report.outcome,
    version,
    logDigest: listing ? digest(listing, version) : "",
    checkedAt: report.checkedAt,
    comparedAt: continued && since ? since.comparedAt : report.checkedAt,
    ...(differs(report) ? { report: stringifyJson({ drift: report.drift, notes: report.notes }) } : {}),
    ...(differs(report) ? { drift: someOf(driftCounts(report)) } : {}),
  });
  await checkLog(lake, head, seen);
  return report;
}

/** Without zeros. */
function someOf(counts: DriftCounts): DriftCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** Also where it is tolerated: `maxDriftFiles`. */
function differs({ drift }: DiffReport): boolean {
  return drift.fileCount + drift.metadata.length + drift.protocol.length + drift.other.length > 0;
}

/** Names, sizes and times of all files of versions up to this one. */
function digest({ commits, checkpoints }: LogListing, version: number): string {
  const files = [...commits, ...checkpoints.flatMap((c) => c.files.map((file) => ({ ...file, version: c.version })))]
    .filter((file) => file.version <= version)
    .map(({ name, size, modifiedAt }) => [name, size, modifiedAt]);
  return sha256(stringifyJson(files));
}

async function canGoOn(
  lake: Lake,
  { baseVersion }: TableHead,
  { wholeAfterMs = DAY_MS }: ParityRequest,
  last: ParityRecord,
  listing: LogListing,
): Promise<boolean> {
  if (last.version < baseVersion) return false;
  if (last.report !== undefined || isPast(lake.clock.now(), last.comparedAt, wholeAfterMs)) return false;
  return last.logDigest === digest(listing, last.version);
}

type SeenWhole = SeenLog & { readonly listing: LogListing };

/** undefined where something is not as SQL has it. */
async function checkSince(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  seen: SeenWhole,
  since: ParityRecord,
  request: ParityRequest,
): Promise<DiffReport | undefined> {
  if (seen.listing.checkpoints.every(({ version }) => version <= since.version)) {
    return checkNewCommits(lake, head, log, seen, since, request);
  }
  const { fieldsUpTo = FIELDS_UP_TO } = request;
  const report = await diffTable(lake, {
    ...request,
    ref: { tableId: head.tableId },
    commitsAfter: since.version,
    fieldsUpTo: fieldsUpTo.checkpoint,
  });
  return differs(report) ? undefined : report;
}

/** undefined where a commit is not as SQL has it, or not where it belongs: then the whole is compared. */
async function checkNewCommits(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  { listing, published }: SeenWhole,
  since: ParityRecord,
  request: ParityRequest,
): Promise<DiffReport | undefined> {
  const logVersion = listing.commits.at(-1)?.version ?? -1;
  if (logVersion > head.version || logVersion < published || logVersion < since.version) return undefined;
  const present = new Set(listing.commits.map((commit) => commit.version));
  for (let next = since.version + 1; next <= logVersion; ) {
    const commits = await lake.catalog.readCommits(head.tableId, next, logVersion);
    if (commits.length === 0) return undefined;
    for (const commit of commits) {
      const bytes = present.has(commit.version) ? await log.readCommitBytes(commit.version) : undefined;
      if (bytes === undefined || Buffer.compare(bytes, encodeCommit(commit)) !== 0) return undefined;
      next = commit.version + 1;
    }
  }
  const found = new Findings();
  found.notes.push(`compared from version ${since.version + 1} on`);
  return reportOf(lake, head, log, { logVersion, version: logVersion }, found, request);
}
