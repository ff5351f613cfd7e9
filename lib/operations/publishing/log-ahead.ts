/** What a log has above the head of its table in SQL: read once before anything is written, and compared where both have a version. */

import { encodeCommit } from "../../delta/encode.ts";
import type { CommitFile, LogListing } from "../../delta/files/log-files.ts";
import { originOf } from "../../delta/origin.ts";
import { checkProtocolKnown } from "../../delta/protocol.ts";
import { isLakeError, LakeError } from "../../errors.ts";
import type { DeltaLog, ImportSource, Lake, LogCommit, TableHead } from "../../ports.ts";
import { chooseStart } from "../import.ts";
import { loggedTransaction, readCommits, timesOf } from "./log-commits.ts";
import { type MovedOn, movedOn } from "./manifest.ts";

/** A transaction over several tables, as the log of one of them has it. */
export interface SharedVersion {
  readonly transactionId: string;
  readonly version: number;
  readonly tables: readonly string[];
}

export interface LogAhead {
  /** At the place whose log this is. */
  readonly head: TableHead;
  readonly log: DeltaLog;
  /** Set where SQL does not know of this place yet: the table has moved there since. */
  readonly moved?: MovedOn;
  /** The newest version of the log; that of the head where the log has nothing more. */
  readonly logVersion: number;
  /** The newest version that is there, which may be below the head; −1 where nothing from the head on is. */
  readonly newest: number;
  /** Commits above the head, or above the checkpoint with which the state begins anew. */
  readonly commits: readonly CommitFile[];
  /** Set where the log does not go on from the head any more: retention has taken commits away. */
  readonly restart?: ImportSource;
  /**
   * Versions that SQL takes for unpublished and whose files are gone, where the state begins anew: nobody can tell any more whether the
   * log ever had these or others.
   */
  readonly unproven: readonly number[];
  /** Up to the head, versions that SQL takes for unpublished and that the log has, byte by byte. */
  readonly published: readonly number[];
  readonly shared: readonly SharedVersion[];
  /** The first version above the head that this catalog did not write. */
  readonly foreign?: number;
  /** The first version above the head that is later than the moment up to which versions are wanted. */
  readonly later?: number;
}

/** A recovery that was begun and not finished has no rows any more that could be compared. */
export const isOpen = (head: TableHead): boolean => head.status === "IMPORTING";

/**
 * @param until milliseconds: of versions with a later timestamp only the first is told
 * @throws LakeError conflict LOG_FORKED where a version of SQL has other bytes in the log; corrupt where the log cannot be read, or has a
 * gap above the head and no checkpoint that passes it over
 */
export async function readLogAhead(lake: Lake, head: TableHead, until = Number.POSITIVE_INFINITY): Promise<LogAhead> {
  // Another may have taken versions over since the head was read: the log is read from where the head stands all the same.
  const mirrored = isOpen(head) ? -1 : Math.min(await lake.catalog.mirroredVersion(head.tableId), head.version);
  const listing = await lake.openLog(head.location).listFrom(Math.max(0, mirrored));
  const moved = listing.mayHaveMoved && !isOpen(head) ? await movedOn(lake, head) : undefined;
  if (moved === undefined) return readListed(lake, head, mirrored, listing, until);
  const there = { ...head, location: moved.to };
  const found = await readListed(
    lake,
    there,
    mirrored,
    await lake.openLog(moved.to).listFrom(Math.max(0, mirrored)),
    until,
  );
  return { ...found, moved };
}

async function readListed(
  lake: Lake,
  head: TableHead,
  mirrored: number,
  listing: LogListing,
  until: number,
): Promise<LogAhead> {
  const log = lake.openLog(head.location);
  const complete = listing.checkpoints.filter((checkpoint) => checkpoint.complete);
  const logVersion = Math.max(listing.commits.at(-1)?.version ?? -1, complete.at(-1)?.version ?? -1);
  const none = {
    head,
    log,
    logVersion: head.version,
    newest: logVersion,
    commits: [],
    published: [],
    unproven: [],
    shared: [],
  };
  if (logVersion <= head.version) return none;
  const published = isOpen(head) ? [] : await compareBoth(lake, log, head, listing, mirrored);
  const above: LogListing = {
    ...listing,
    commits: listing.commits.filter(({ version }) => version > head.version),
    checkpoints: complete.filter(({ version }) => version > head.version),
  };
  const goesOn = above.commits.every(({ version }, i) => version === head.version + 1 + i);
  const isContiguous = goesOn && above.commits.at(-1)?.version === logVersion && !isOpen(head);
  const restart = isContiguous ? undefined : await chooseStart(log, above, "full-history", []);
  const commits = restart?.segment.commits ?? above.commits;
  const own = restart?.segment.checkpoint && (await commitAt(log, above, restart.segment.checkpoint.version));
  const found = await readOrigins(log, head, [...(own ? [own] : []), ...commits], until);
  const unproven = restart && !isOpen(head) ? missingFrom(listing, mirrored + 1, head.version) : [];
  return {
    head,
    log,
    logVersion,
    newest: logVersion,
    commits,
    published,
    unproven,
    ...found,
    ...(restart && { restart }),
  };
}

function missingFrom({ commits }: LogListing, from: number, to: number): readonly number[] {
  const listed = new Set(commits.map(({ version }) => version));
  const all = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  return all.filter((version) => !listed.has(version));
}

/** The commit of the checkpoint, where the log still has it, says who wrote that version. */
async function commitAt(log: DeltaLog, { commits }: LogListing, version: number): Promise<CommitFile | undefined> {
  const file = commits.find((commit) => commit.version === version);
  return file && (await log.readCommitBytes(version)) ? file : undefined;
}

/**
 * Compares from the newest published version on, which stands for all before it: what was published has never changed. Versions from before
 * an import have no bytes in SQL.
 */
async function compareBoth(
  lake: Lake,
  log: DeltaLog,
  { tableId, name, version: head }: TableHead,
  { commits }: LogListing,
  mirrored: number,
): Promise<readonly number[]> {
  const firstOwn = (await lake.catalog.firstOwnVersion(tableId)) ?? head + 1;
  const listed = commits.map(({ version }) => version).filter((version) => version >= firstOwn && version <= head);
  const to = listed.at(-1) ?? -1;
  const same: number[] = [];
  for (let next = listed[0] ?? 0; next <= to; ) {
    const own = await lake.catalog.readCommits(tableId, next, to);
    if (own.length === 0) break;
    for (const commit of own) {
      const { version } = commit;
      next = version + 1;
      const bytes = await log.readCommitBytes(version);
      if (bytes === undefined) continue;
      if (Buffer.compare(encodeCommit(commit), bytes) !== 0) throw forked({ tableId, table: name, version });
      if (version > mirrored) same.push(version);
    }
  }
  return same;
}

function forked(facts: { readonly tableId: string; readonly table: string; readonly version: number }): LakeError {
  const { table, version } = facts;
  return new LakeError("conflict", `version ${version} of "${table}" is another commit in SQL than in its log`, {
    code: "LOG_FORKED",
    hint: `Nothing was changed. Both were acknowledged to somebody: compare them (GET /v1/tables/{tableId}/commits, and the log), keep the one that readers have seen, which is the log's, and commit what the other did anew. docs/runbook.md, "The database is older than the log", says how.`,
    facts,
  });
}

async function readOrigins(
  log: DeltaLog,
  { tableId }: TableHead,
  files: readonly CommitFile[],
  until: number,
): Promise<Pick<LogAhead, "shared" | "foreign" | "later">> {
  const shared: SharedVersion[] = [];
  let foreign: number | undefined;
  for await (const commit of readCommits(log, files)) {
    const { version, actions } = commit;
    if (timesOf(actions, commit.modifiedAt, -1).timestamp > until) {
      return { shared, later: version, ...(foreign === undefined ? {} : { foreign }) };
    }
    if (actions.protocol) checkProtocolKnown(actions.protocol);
    const origin = originOf(actions.commitInfo);
    if (origin === undefined || origin.tableId !== tableId || !isOfOurs(commit)) foreign ??= version;
    else if (origin.tables.length > 1) {
      shared.push({ version, transactionId: origin.transactionId, tables: origin.tables });
    }
  }
  return { shared, ...(foreign === undefined ? {} : { foreign }) };
}

/** Whoever copies what we say about a version has not made it: SQL must come to the same bytes. */
function isOfOurs(commit: LogCommit): boolean {
  const times = timesOf(commit.actions, commit.modifiedAt, -1);
  return loggedTransaction(commit, times).transaction?.sameBytes === true;
}

/** As {@link readLogAhead}; an error that belongs to the table is a value. */
export async function tryLogAhead(lake: Lake, head: TableHead, until?: number): Promise<LogAhead | LakeError> {
  try {
    return await readLogAhead(lake, head, until);
  } catch (error) {
    if (isLakeError(error) && error.kind !== "internal") return error;
    throw error;
  }
}
