/** Looks whether a log is as the mirror left it: nothing published is missing, nothing stands where it has not come to yet. */

import { commitFileName, type LogListing, sortLogFiles } from "../../delta/files/log-files.ts";
import { endOf, filesFrom, firstMissing } from "../../delta/files/log-gaps.ts";
import { isLakeError, LakeError } from "../../errors.ts";
import type { DeltaLog, Lake, TableHead } from "../../ports.ts";
import { findHead } from "../read.ts";

/** Names in a message; the rest are counted. */
const MAX_NAMES = 5;

export interface LogFault {
  /**
   * LOG_GONE: nothing is left of what was published. LOG_FILE_MISSING: a version that was published cannot be read any more.
   * LOG_AHEAD: files of later versions stand where none was published.
   */
  readonly code: "LOG_GONE" | "LOG_FILE_MISSING" | "LOG_AHEAD";
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What was seen of a log before a version is published. */
export interface LookedAt {
  /** What keeps it from being published. */
  readonly fault?: LogFault | undefined;
  /** The newest whole checkpoint below it. */
  readonly checkpoint?: number | undefined;
}

/**
 * What keeps version `next` from being published: readers could not read the version before it, or something later stands
 * in the log already. A version that another worker of ours has put is no hindrance, nor is what retention has cleaned away.
 * One call of the store as a rule: it lists the log from where the newest checkpoint should be; where that is not there, it looks
 * further back.
 * @param guess a version at or below `next`
 * @throws LakeError unavailable
 */
export async function findHindrance(log: DeltaLog, next: number, guess: number): Promise<LookedAt> {
  const before = next - 1;
  let from = Math.max(0, Math.min(guess, before));
  for (let step = Math.max(1, before - from); ; step *= 2) {
    // Up to a hundred commits lie there, and each size would be a call of the file system.
    const listing = await log.listFrom(from, { commitNames: true });
    const missing = before < 0 ? undefined : await stillMissing(log, listing, { from, to: before });
    if (missing === "further back") {
      from = Math.max(0, from - step);
      continue;
    }
    if (missing !== undefined) return { fault: missingFile(listing, { missing, from, to: before }) };
    const checkpoint = listing.checkpoints.findLast(({ complete, version }) => complete && version < next)?.version;
    return { fault: await findAhead(log, listing, next), checkpoint };
  }
}

/**
 * What is wrong with a log of which everything up to `published` is said to be in it; `listing` holds all of it, and is undefined
 * where there is none. Nothing above `head` may be in it.
 */
export async function findFault(
  log: DeltaLog,
  listing: LogListing = sortLogFiles([]),
  { published, head }: { readonly published: number; readonly head: number },
): Promise<LogFault | undefined> {
  const range = { from: 0, to: published };
  const missing = published < 0 ? undefined : await stillMissing(log, listing, range);
  if (typeof missing === "number") return missingFile(listing, { ...range, missing });
  return findAhead(log, listing, published + 1, head);
}

/** What was seen of a log: first how far SQL says that it goes, then the log itself, so that no commit meanwhile looks like a fault. */
export interface SeenLog {
  readonly published: number;
  /** undefined where there is none. */
  readonly listing: LogListing | undefined;
}

export async function seeLog(lake: Lake, tableId: string, log: DeltaLog): Promise<SeenLog> {
  const published = await lake.catalog.mirroredVersion(tableId);
  return { published, listing: await listingOf(log) };
}

/**
 * Looks at the log of a table, whether or not anything is unpublished, and writes down what is wrong beside its newest
 * published version, for those who tell the state of the table; or that nothing is wrong any more.
 * @throws LakeError notFound, unavailable
 */
export async function checkLog(
  lake: Lake,
  { tableId, location }: Pick<TableHead, "tableId" | "location">,
  known?: SeenLog,
): Promise<LogFault | undefined> {
  const log = lake.openLog(location);
  const seen = known ?? (await seeLog(lake, tableId, log));
  const { version: head, followed } = await findHead(lake, { tableId });
  // What others write is nobody's fault here, and what is missing only they can put back.
  if (followed) return undefined;
  const fault = await findFault(log, seen.listing, { published: seen.published, head });
  await noteFault(lake, tableId, seen.published, fault);
  return fault;
}

/** Writes only where something has changed. */
async function noteFault(lake: Lake, tableId: string, published: number, fault: LogFault | undefined): Promise<void> {
  const { items } = await lake.catalog.mirrorStatuses(tableId, { after: published - 1, limit: 1 });
  const [row] = items;
  if (row?.version !== published || row.errorCode === fault?.code) return;
  await lake.catalog.markLogFault(tableId, published, fault);
}

async function listingOf(log: DeltaLog): Promise<LogListing | undefined> {
  try {
    return await log.list();
  } catch (error) {
    if (isLakeError(error, "notFound")) return undefined;
    throw error;
  }
}

/** As an error, for whoever has to stop because of it. */
export function faultError({ code, message, facts }: LogFault, location: string): LakeError {
  const hint =
    code === "LOG_AHEAD"
      ? "Is this database older than the log? Then `dl recover`. Else find out who wrote them; to keep what they say, commit their actions through the API, then move the files out of _delta_log."
      : "`dl repair` puts back what SQL holds. Restore the folder first, if all of it is gone.";
  return new LakeError("corrupt", message, { code, hint, at: `${location}/_delta_log`, facts });
}

/** A folder that is listed while another worker writes into it may lack a file and show a later one: the file itself decides. */
async function stillMissing(
  log: DeltaLog,
  listing: LogListing,
  range: { readonly from: number; readonly to: number },
): Promise<number | "further back" | undefined> {
  const missing = firstMissing(listing, range);
  if (typeof missing !== "number" || (await log.readCommitBytes(missing)) === undefined) return missing;
  const again = await log.listFrom(range.from);
  const found = firstMissing(again, range);
  return found === missing ? undefined : found;
}

function missingFile(
  listing: LogListing,
  { missing, from, to }: { readonly missing: number; readonly from: number; readonly to: number },
): LogFault {
  const facts = { missingVersion: missing, publishedVersion: to };
  const isEmpty = from === 0 && listing.commits.length + listing.checkpoints.length === 0;
  if (isEmpty) {
    const versions = to === 0 ? "version 0 was" : `versions up to ${to} were`;
    return { code: "LOG_GONE", message: `the log is gone: ${versions} published, and nothing is there`, facts };
  }
  const message = `${commitFileName(missing)} was published, and is not in the log any more: readers cannot read version ${to}`;
  return { code: "LOG_FILE_MISSING", message, facts };
}

/**
 * Files at or above the first version that has no commit: nobody of ours puts a version before the one below it. A commit up to
 * `head` may be ours: putting it will tell.
 */
async function findAhead(
  log: DeltaLog,
  listing: LogListing,
  next: number,
  head = Number.MAX_SAFE_INTEGER,
): Promise<LogFault | undefined> {
  let end = endOf(listing, next);
  while (end <= head && filesFrom(listing, end).length > 0 && (await log.readCommitBytes(end)) !== undefined) {
    end = endOf(listing, end + 1);
  }
  end = Math.min(end, head + 1);
  const names = filesFrom(listing, end).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return {
    code: "LOG_AHEAD",
    message: `the log holds ${names.slice(0, MAX_NAMES).join(", ")}${more}, though version ${end} has not been published`,
    facts: { files: names.slice(0, 1000), unpublishedVersion: end },
  };
}
