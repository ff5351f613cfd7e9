/**
 * What workers of dropped tables put too late (ARCHITECTURE.md D43). A store knows no fences: a worker that has read SQL before a
 * drop may put a version after it, into the log of the table that lives at this place by then. SQL knows its bytes.
 */

import { encodeCommit } from "../../delta/encode.ts";
import { type CheckpointFile, LAST_CHECKPOINT, type LogListing } from "../../delta/files/log-files.ts";
import { originOf } from "../../delta/origin.ts";
import { isLakeError } from "../../errors.ts";
import type { DeltaLog, Lake, TableHead } from "../../ports.ts";

/** A table, and where it lives. */
type Place = Pick<TableHead, "tableId" | "location">;

/**
 * Takes them away, from the newest down, so that no gap is seen: files of `next` and later versions whose bytes are those that
 * SQL has of a dropped table. The first file that is anything else ends it. Answers their names.
 * @param next the first version of the table there now that is not published
 * @throws LakeError unavailable; invalid where this process may not remove files
 */
export async function removeLateFiles(lake: Lake, table: Place, next: number): Promise<readonly string[]> {
  const log = lake.openLog(table.location);
  const { commits, checkpoints } = await log.listFrom(next);
  const removed: string[] = [];
  for (const { version, name } of commits.toReversed()) {
    const bytes = await log.readCommitBytes(version);
    if (bytes === undefined) continue;
    if (!(await isOfDroppedTable(lake, table, version, bytes))) break;
    const made = checkpoints.filter((checkpoint) => checkpoint.version === version).flatMap(({ files }) => files);
    for (const file of made) if (await log.removeFile(file.name)) removed.push(file.name);
    if (await log.removeFile(name, bytes)) removed.push(name);
  }
  for (const checkpoint of checkpoints) {
    if (!(await isLateCheckpoint(lake, log, table, checkpoint))) continue;
    for (const { name } of checkpoint.files) if (await log.removeFile(name)) removed.push(name);
  }
  if (removed.length > 0 && (await hintsAt(log, next))) await log.removeFile(LAST_CHECKPOINT);
  return removed;
}

async function hintsAt(log: DeltaLog, next: number): Promise<boolean> {
  return ((await log.readLastCheckpoint()) ?? -1) >= next;
}

/**
 * The first file of a version above `head` that is not such a late one; undefined where there is none. Usually the first file
 * decides, with one call of the store.
 */
export async function firstAbove(
  lake: Lake,
  table: Place,
  { commits, checkpoints }: Pick<LogListing, "commits" | "checkpoints">,
  head: number,
): Promise<{ readonly name: string; readonly version: number } | undefined> {
  const log = lake.openLog(table.location);
  const late = new Set<number>();
  for (const { version, name } of commits) {
    if (version <= head) continue;
    const bytes = await log.readCommitBytes(version);
    if (bytes !== undefined && !(await isOfDroppedTable(lake, table, version, bytes))) return { name, version };
    late.add(version);
  }
  for (const checkpoint of checkpoints) {
    const { version, files } = checkpoint;
    if (version <= head || late.has(version) || (await isLateCheckpoint(lake, log, table, checkpoint))) continue;
    return { name: files[0]?.name ?? "", version };
  }
  return undefined;
}

/**
 * Is what stands in the way of a version that of a table that was dropped here? Then it may go: SQL has all of it. Asked on
 * behalf of a table that has itself been dropped, it is not: the bytes may be those of its successor.
 */
export async function isOfDroppedTable(
  lake: Lake,
  { tableId, location }: Place,
  version: number,
  bytes: Uint8Array,
): Promise<boolean> {
  const commits = await lake.catalog.formerCommits(location, version);
  const isFormer = commits.some((commit) => Buffer.compare(bytes, encodeCommit(commit)) === 0);
  if (!isFormer && !(await namesPurgedTable(lake, { tableId, location }, version, bytes))) return false;
  // After the bytes were read: a successor of this table, if they are of one, was made after this table was dropped.
  return (await lake.catalog.findTable({ tableId })) !== undefined;
}

/**
 * Of a purged table SQL has no bytes any more, but each version names its table. Ids are never given twice, so what such a file
 * says was given up long ago.
 */
async function namesPurgedTable(
  lake: Lake,
  { tableId, location }: Place,
  version: number,
  bytes: Uint8Array,
): Promise<boolean> {
  const found = await lake.openLog(location).readCommit(version).catch(ifUnreadable);
  if (found === undefined || Buffer.compare(found.bytes, bytes) !== 0) return false;
  const origin = originOf(found.actions.commitInfo);
  if (origin === undefined || origin.tableId === tableId) return false;
  const { dropped } = (await lake.catalog.whereabouts({ tableId: origin.tableId })) ?? {};
  return dropped?.purgedAt !== undefined && dropped.location === location;
}

/** What cannot be read is not known to be ours. */
function ifUnreadable(error: unknown): undefined {
  if (isLakeError(error, "corrupt") || isLakeError(error, "notFound")) return undefined;
  throw error;
}

/**
 * A checkpoint without its commit, of a table that was made by us and dropped here: such a table is named in its metaData, which
 * readers would take for that of the new one.
 */
async function isLateCheckpoint(
  lake: Lake,
  log: DeltaLog,
  { tableId, location }: Place,
  checkpoint: CheckpointFile,
): Promise<boolean> {
  // The commit itself decides, not a listing of a folder into which a twin writes.
  if ((await log.readCommitBytes(checkpoint.version)) !== undefined) return false;
  const maker = await tableNamedIn(log, checkpoint);
  if (maker === undefined) return false;
  const former = await lake.catalog.findTable({ tableId: maker }, { anyStatus: true });
  if (former?.status !== "DELETED" || former.location !== location) return false;
  return (await lake.catalog.findTable({ tableId })) !== undefined;
}

async function tableNamedIn(log: DeltaLog, checkpoint: CheckpointFile): Promise<string | undefined> {
  return (await log.readCheckpointHeader(checkpoint).catch(ifUnreadable))?.metadata?.id;
}

/** A worker whose table was dropped under it takes away what it put into the log of another: so nobody need find it. */
export async function tidyUpAfterDrop(lake: Lake, location: string): Promise<void> {
  const table = await lake.catalog.tableAt(location);
  if (table === undefined || table.followed) return;
  try {
    const published = await lake.catalog.mirroredVersion(table.tableId);
    const removed = await removeLateFiles(lake, table, published + 1);
    if (removed.length > 0) await lake.queue.enqueue([table]);
  } catch (error) {
    // Dropped as well: then the log is nobody's.
    if (!isLakeError(error, "notFound")) throw error;
  }
}
