/** Puts back what is missing from a log that was published: from SQL, and never over other bytes (ARCHITECTURE.md D45). */

import { encodeCommit } from "../delta/encode.ts";
import { type LogListing, sortLogFiles } from "../delta/files/log-files.ts";
import { missingCommits } from "../delta/files/log-gaps.ts";
import type { TableRef } from "../delta/request.ts";
import type { DeltaLog, Lake, TableHead } from "../ports.ts";
import { counted, writeCheckpoint } from "./checkpoint.ts";
import type { OnProgress } from "./import-rows.ts";
import { checkLog, seeLog } from "./publishing/check-log.ts";
import { newestDue } from "./publishing/due-checkpoint.ts";
import { removeLateFiles } from "./publishing/late-files.ts";
import { writeManifest } from "./publishing/manifest.ts";
import { findHead } from "./read.ts";
import { checkNotFollowed } from "./tables/followed.ts";

export interface RepairResult {
  readonly tableId: string;
  readonly table: string;
  /** Versions whose file was put back, with the bytes that it had. */
  readonly restored: readonly number[];
  /** Checkpoints that were written: those that readers need where older files cannot come back, and the newest that is due. */
  readonly checkpoints: readonly number[];
  /** Files of a table that was dropped at this place, which its worker had put too late. */
  readonly removed: readonly string[];
  /** Versions that others have written, before the table was imported: SQL has what they did, and not their bytes. */
  readonly lost: readonly number[];
  /** Versions of ours where other bytes are. */
  readonly otherBytes: readonly number[];
  /** What is wrong with the log all the same. */
  readonly fault?: string;
}

/**
 * Puts back files of `_delta_log` that were published and are gone, oldest first. Those of our commits come back byte by byte.
 * What others have written cannot: where readers need it, a checkpoint of the state takes its place. What retention has cleaned
 * away stays away. Called again, also after a kill, it does what is left; mirrors may run at the same time. What is unpublished
 * is left to them, and they are woken up.
 * @throws LakeError notFound, unavailable; conflict TABLE_FOLLOWED
 */
export async function repairTable(lake: Lake, ref: TableRef, onProgress: OnProgress = () => {}): Promise<RepairResult> {
  const head = await findHead(lake, ref);
  checkNotFollowed(head);
  const { tableId, name: table, location } = head;
  const log = lake.openLog(location);
  const published = await lake.catalog.mirroredVersion(tableId);
  const removed = await removeLateFiles(lake, head, published + 1);
  const { listing = sortLogFiles([]) } = await seeLog(lake, tableId, log);
  const to = await newestOfOurs(lake, head, log, listing, published);
  const firstOwn = (await lake.catalog.firstOwnVersion(tableId)) ?? to + 1;
  const missing = missingCommits(listing, to);
  const lost = missing.filter((version) => version < firstOwn);
  const checkpoints = await putCheckpoint(lake, log, head, listing, standIn(listing, head, lost, to));
  const back = await putBack(
    lake,
    head,
    log,
    missing.filter((version) => version >= firstOwn),
    onProgress,
  );
  for (const version of await checkpointsDue(lake, head, log, listing, to)) {
    checkpoints.push(...(await putCheckpoint(lake, log, head, listing, version)));
  }
  const fault = (await checkLog(lake, head))?.message ?? (await findHead(lake, { tableId })).quarantine;
  if (fault === undefined) {
    // What the last comparison missed is there again: nobody need wait for the next.
    await lake.catalog.setQuarantine(tableId, undefined);
    await writeManifest(lake, tableId, { location, again: true });
  }
  await lake.queue.enqueue([head]);
  return {
    tableId,
    table,
    ...back,
    checkpoints: [...new Set(checkpoints)],
    removed,
    lost,
    ...(fault === undefined ? {} : { fault }),
  };
}

/** A mirror may have been killed between the put and the mark: versions with our bytes are published, too. */
async function newestOfOurs(
  lake: Lake,
  { tableId, version: head }: TableHead,
  log: DeltaLog,
  { commits }: LogListing,
  published: number,
): Promise<number> {
  for (const { version } of commits.toReversed()) {
    if (version <= published) break;
    if (version > head) continue;
    const [commit] = await lake.catalog.readCommits(tableId, version, version);
    const bytes = await log.readCommitBytes(version);
    if (commit && bytes && Buffer.compare(bytes, encodeCommit(commit)) === 0) return version;
  }
  return published;
}

/** The version whose checkpoint takes the place of commits that cannot come back; undefined where readers do without them. */
function standIn(
  { checkpoints }: LogListing,
  { baseVersion }: TableHead,
  lost: readonly number[],
  to: number,
): number | undefined {
  const newest = lost.at(-1);
  if (newest === undefined) return undefined;
  const isPassedOver = checkpoints.some(({ complete, version }) => complete && version >= newest && version <= to);
  return isPassedOver ? undefined : Math.max(newest, baseVersion);
}

async function putBack(
  lake: Lake,
  { tableId }: TableHead,
  log: DeltaLog,
  missing: readonly number[],
  onProgress: OnProgress,
): Promise<{ readonly restored: readonly number[]; readonly otherBytes: readonly number[] }> {
  const restored: number[] = [];
  const otherBytes: number[] = [];
  for (let done = 0; done < missing.length; done = restored.length + otherBytes.length) {
    const { from, to } = runAt(missing, done);
    for (const commit of await lake.catalog.readCommits(tableId, from, to)) {
      const outcome = await log.putCommit(commit.version, encodeCommit(commit), commit);
      (outcome === "published" ? restored : otherBytes).push(commit.version);
      onProgress({ phase: "versions", done: restored.length + otherBytes.length, total: missing.length });
    }
  }
  return { restored, otherBytes };
}

/** The versions from one place of the list on that follow each other: one read may bring them all. */
function runAt(versions: readonly number[], place: number): { readonly from: number; readonly to: number } {
  const from = versions[place] ?? 0;
  let to = from;
  for (let next = place + 1; versions[next] === to + 1; next += 1) to += 1;
  return { from, to };
}

/** The one that `_last_checkpoint` names, since readers believe it, and the newest that is due. */
async function checkpointsDue(
  lake: Lake,
  { tableId, baseVersion }: TableHead,
  log: DeltaLog,
  { checkpoints }: LogListing,
  to: number,
): Promise<readonly number[]> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  const hinted = await log.readLastCheckpoint();
  const there = checkpoints.findLast(({ complete, version }) => complete && version <= to)?.version;
  const checkpoint = Math.max(there ?? 0, hinted !== undefined && hinted <= to ? hinted : 0);
  const due = state && (await newestDue(lake, state, { to, checkpoint }));
  const wanted = [hinted, due].filter((version) => version !== undefined && version >= baseVersion && version <= to);
  return [...new Set(wanted as number[])].sort((a, b) => a - b);
}

/** Answers it if it was not there, or could not be read. Where it is there, the hint still has to name it. */
async function putCheckpoint(
  lake: Lake,
  log: DeltaLog,
  { tableId }: TableHead,
  { checkpoints }: LogListing,
  version: number | undefined,
): Promise<number[]> {
  if (version === undefined) return [];
  const isListed = checkpoints.some((checkpoint) => checkpoint.complete && checkpoint.version === version);
  const isThere = isListed && !(await log.isBroken(version));
  // What is damaged in the checkpoint before must not live on in this one.
  const anew = !isThere;
  await counted(lake, { tableId, version }, () => writeCheckpoint(lake, log, tableId, version, { anew }));
  return isThere ? [] : [version];
}
