/** The move from SQL to `_delta_log`: publishes all that is unpublished of a table, in order (ARCHITECTURE.md D6, D7). Needs no lease. */

import type { Commit } from "../delta/actions.ts";
import { encodeCommit } from "../delta/encode.ts";
import { ageMs, isPast } from "../delta/values/age.ts";
import { corrupt, errorText, isLakeError, LakeError } from "../errors.ts";
import type { Backlog, DeltaLog, Lake, Signal } from "../ports.ts";
import { counted, writeCheckpoint } from "./checkpoint.ts";
import { followTable } from "./follow.ts";
import { faultError, findHindrance } from "./publishing/check-log.ts";
import { checkpointGuess, dueAfter, dueWithin, noteCheckpoint } from "./publishing/due-checkpoint.ts";
import { firstAbove, isOfDroppedTable, removeLateFiles, tidyUpAfterDrop } from "./publishing/late-files.ts";
import { writeManifest } from "./publishing/manifest.ts";

/** Versions read and marked at once; bounds memory and the work that a killed worker repeats. */
const BATCH_VERSIONS = 50;
/** After so many failures a version is shown as FAILED; the sweeper goes on trying. */
const ATTEMPTS_UNTIL_FAILED = 5;
/** About five calls of the Data API and as many megabytes: well below a second. */
const FILES_OF_A_QUICK_CHECKPOINT = 10_000;
/** What SQL said about a table longer ago than this is asked again before the next put: the table may have been dropped. */
const TRUSTED_MS = 1_000;

export interface MirrorResult {
  /** `namespace.name`; absent when there is no such table. */
  readonly table?: string;
  readonly published: readonly number[];
  readonly checkpoints: readonly number[];
  /** Why the mirror of this table has stopped. */
  readonly quarantined?: string;
  /** What stopped it this time; the sweeper enqueues the table again. */
  readonly error?: LakeError;
  /** True when its time was over before the work was. */
  readonly interrupted?: true;
  /** True when the table was dropped meanwhile, or has moved to another place. */
  readonly dropped?: true;
  /** Versions of a log that others write, which SQL has taken over: nothing is published there. */
  readonly followed?: readonly number[];
}

export interface MirrorOptions {
  /** Looked at before each version, and between the pages of a checkpoint: aborted, it leaves the rest to the next call. */
  readonly signal?: Signal;
}

/**
 * Publishes every unpublished version of a table, oldest first, v after v−1, and checkpoints where one is due. Whoever is
 * killed anywhere leaves a prefix; the next call finishes. Two workers at once write the same bytes. Two round trips to SQL
 * as long as the versions fit into one batch: whatever is committed after they were read has a message of its own. A table that
 * others write goes the other way: its log is followed.
 */
export async function mirrorTable(lake: Lake, tableId: string, options: MirrorOptions = {}): Promise<MirrorResult> {
  const { manifest, ...result } = await publishAll(lake, tableId, options);
  const isStopped = result.error !== undefined || result.quarantined !== undefined;
  // Where nothing can be published, the manifest is not what is missing.
  if (manifest && !isStopped) await writeManifest(lake, tableId, manifest).catch(() => false);
  return result;
}

async function followLog(lake: Lake, tableId: string): Promise<Pick<MirrorResult, "followed" | "error">> {
  try {
    const { from, to } = await followTable(lake, { tableId });
    return { followed: Array.from({ length: to - from }, (_, i) => from + 1 + i) };
  } catch (error) {
    // Dropped or taken over meanwhile: there is nothing to follow any more.
    const isOver = isLakeError(error) && (error.code === "TABLE_NOT_FOUND" || error.code === "TABLE_NOT_FOLLOWED");
    return isOver ? { followed: [] } : { followed: [], error: asLakeError(error) };
  }
}

interface Published extends MirrorResult {
  /** Where a manifest is to be written; without a location: where it is, SQL knows, of a table that was dropped. */
  readonly manifest?: { readonly location?: string };
}

async function publishAll(lake: Lake, tableId: string, { signal }: MirrorOptions): Promise<Published> {
  const published: number[] = [];
  const checkpoints: number[] = [];
  for (;;) {
    const backlog = await lake.catalog.readBacklog(tableId, BATCH_VERSIONS);
    if (backlog === undefined) return { published, checkpoints, manifest: {} };
    const { table, location, isManifestDue, isFollowed } = backlog;
    if (isFollowed) return { table, published, checkpoints, ...(await followLog(lake, tableId)) };
    const done = { table, published, checkpoints, ...(isManifestDue ? { manifest: { location } } : {}) };
    const [first] = backlog.open;
    if (backlog.quarantine !== undefined) return { ...done, quarantined: backlog.quarantine };
    if (first === undefined) return done;
    if (signal?.aborted) return { ...done, interrupted: true };
    if (backlog.commits.length === 0) {
      throw corrupt(`version ${first.version} is to be published, but SQL holds no commit of it`, {
        code: "COMMIT_MISSING",
        facts: { tableId, version: first.version },
      });
    }
    const batch = await publishBatch(lake, { tableId, ...backlog }, signal);
    published.push(...batch.published);
    checkpoints.push(...batch.checkpoints);
    for (const { version, committedAt } of backlog.open) {
      if (batch.published.includes(version)) recordLag(lake, committedAt, tableId, version);
    }
    const { stopped } = batch;
    if (batch.dropped) {
      await tidyUpAfterDrop(lake, backlog.location);
      return { ...done, dropped: true };
    }
    if (stopped) {
      const attempts = backlog.open.find(({ version }) => version === stopped.version)?.attempts ?? 0;
      const failed = attempts + 1 >= ATTEMPTS_UNTIL_FAILED;
      return { ...done, ...(await stop(lake, tableId, stopped, failed)) };
    }
    const isAll = backlog.open.length < BATCH_VERSIONS && batch.published.at(-1) === backlog.open.at(-1)?.version;
    if (isAll) return done;
  }
}

/** A table whose backlog is being published. */
interface Work extends Backlog {
  readonly tableId: string;
}

interface Stop {
  readonly version: number;
  /** `foreign`: other bytes are where ours belong. `damaged`: no attempt can succeed until somebody has mended the log. */
  readonly kind: "failed" | "damaged" | "foreign";
  readonly error: LakeError;
}

async function publishBatch(lake: Lake, work: Work, signal: Signal | undefined) {
  const { tableId } = work;
  const log = lake.openLog(work.location);
  const published: number[] = [];
  const checkpoints: number[] = [];
  let { metadata } = work;
  let stopped: Stop | undefined;
  let dropped = false;
  let early: EarlyCheckpoint | undefined;
  let readAt = lake.clock.now();
  const { hindrance, checkpoint } = await lookAt(lake, log, work);
  if (hindrance) {
    const cleaned = hindrance.kind === "damaged" ? await cleanedUpTo(lake, log, work) : -1;
    const there = work.open.map(({ version }) => version).filter((version) => version <= cleaned);
    if (there.length === 0) {
      return { published, checkpoints, stopped: hindrance, dropped: await hasLeft(lake, work) };
    }
    const isHere = await lake.catalog.markPublished(tableId, there, lake.clock.now());
    return { published: there, checkpoints, stopped: undefined, dropped: !isHere };
  }
  for (const commit of work.commits) {
    // One at least: late calls still make progress.
    if (published.length > 0 && signal?.aborted) break;
    if (isPast(lake.clock.now(), readAt, TRUSTED_MS)) {
      dropped = await hasLeft(lake, work);
      readAt = lake.clock.now();
    }
    if (dropped) break;
    stopped = await publish(lake, log, work, commit);
    if (stopped?.kind === "foreign") stopped = (await behindInstead(lake, log, work, stopped)) ?? stopped;
    if (stopped) break;
    metadata = commit.actions.metadata ?? metadata;
    published.push(commit.version);
    early ??= earlyCheckpoint(lake, log, { ...work, metadata }, commit.version, signal);
  }
  // One for all that was published at once: it makes those before it needless.
  const done = work.commits.slice(0, published.length);
  const isBacklog = work.open.length === BATCH_VERSIONS && !stopped;
  const due = dropped ? undefined : await dueAfter(lake, { ...work, metadata }, done, { checkpoint, isBacklog });
  // Marked only after the checkpoint: a worker that is killed here leaves the versions open, and the next one comes by again.
  const isEarlyThere = await early?.written;
  const isThere =
    due !== undefined && (early?.version === due ? isEarlyThere : await tryCheckpoint(lake, log, work, due, signal));
  const isMissing = due !== undefined && !isThere;
  if (due !== undefined && !isMissing) {
    checkpoints.push(due);
    noteCheckpoint(lake, tableId, due);
  }
  if (published.length > 0 && !(await lake.catalog.markPublished(tableId, published, lake.clock.now()))) dropped = true;
  if (stopped && !dropped) dropped = await hasLeft(lake, work);
  if (due !== undefined && isMissing) await askForCheckpoint(lake, tableId, due);
  return { published, checkpoints, stopped, dropped };
}

/** True when the table was dropped, or has moved: then its new log has what was committed until then, and this one ends. */
async function hasLeft(lake: Lake, { tableId, location }: Work): Promise<boolean> {
  return (await lake.catalog.findTable({ tableId }))?.location !== location;
}

/**
 * Nothing is published into a gap, nor below what stands there already: once for all that follows in this batch. Files of a
 * table that was dropped here are taken away.
 */
async function lookAt(
  lake: Lake,
  log: DeltaLog,
  work: Work,
): Promise<{ readonly hindrance?: Stop | undefined; readonly checkpoint?: number | undefined }> {
  const { tableId, open, metadata, location } = work;
  const version = open[0]?.version ?? 0;
  try {
    const guess = checkpointGuess(lake, tableId, version - 1, metadata);
    let { fault, checkpoint } = await findHindrance(log, version, guess);
    // A late worker may put more meanwhile, but no more than its batch; a twin of ours may have taken them away.
    for (let n = 0; n < BATCH_VERSIONS && fault?.code === "LOG_AHEAD"; n += 1) {
      const removed = await removeLateFiles(lake, work, version);
      ({ fault, checkpoint } = await findHindrance(log, version, guess));
      if (removed.length === 0) break;
    }
    return { checkpoint, hindrance: fault && { version, kind: "damaged", error: faultError(fault, location) } };
  } catch (error) {
    return { hindrance: { version, kind: "failed", error: asLakeError(error) } };
  }
}

/**
 * A database that was restored may not know that the log had its versions, and has been cleaned since. Where a checkpoint and the commit
 * at its version are there, and that commit is SQL's, all below it was published. −1 where it was not.
 */
async function cleanedUpTo(lake: Lake, log: DeltaLog, { tableId, open }: Work): Promise<number> {
  const { checkpoints } = await log.listFrom(open[0]?.version ?? 0);
  for (const { complete, version } of checkpoints.toReversed()) {
    // Also of a version that is known to be published: a recovery has brought it from the log.
    const [commit] = complete ? await lake.catalog.readCommits(tableId, version, version) : [];
    const bytes = commit && (await log.readCommitBytes(version));
    if (commit && bytes && Buffer.compare(bytes, encodeCommit(commit)) === 0) return version;
  }
  return -1;
}

async function publish(lake: Lake, log: DeltaLog, work: Work, commit: Commit): Promise<Stop | undefined> {
  const { version } = commit;
  try {
    const bytes = encodeCommit(commit);
    if ((await log.putCommit(version, bytes, commit)) === "published") return undefined;
    if (await replaceLate(lake, log, work, commit)) return undefined;
    const message = `_delta_log holds another commit ${version} than SQL: someone writes to the log directly`;
    return { version, kind: "foreign", error: new LakeError("corrupt", message, { code: "FOREIGN_COMMIT" }) };
  } catch (error) {
    return { version, kind: "failed", error: asLakeError(error) };
  }
}

/**
 * A foreign commit that goes on above the head is no slip of another writer: the log is a newer database's, and nothing more may be
 * committed on top of this one. Undefined where it does not.
 */
async function behindInstead(lake: Lake, log: DeltaLog, work: Work, { version }: Stop): Promise<Stop | undefined> {
  const head = await lake.catalog.findTable({ tableId: work.tableId });
  if (head === undefined) return undefined;
  const listing = await log.listFrom(head.version + 1).catch(() => undefined);
  const above = listing && (await firstAbove(lake, head, listing, head.version));
  if (above === undefined) return undefined;
  const message = `_delta_log holds another commit ${version} than SQL, and ${above.name}, though SQL ends with version ${head.version}`;
  const fault = { code: "LOG_AHEAD", message, facts: { unpublishedVersion: version, files: [above.name] } } as const;
  return { version, kind: "damaged", error: faultError(fault, work.location) };
}

/** False where other bytes than those of a table that was dropped here are in the way. A twin may do the same at once. */
async function replaceLate(lake: Lake, log: DeltaLog, work: Work, commit: Commit): Promise<boolean> {
  const { version } = commit;
  const to = encodeCommit(commit);
  const from = await log.readCommitBytes(version);
  if (from !== undefined && (await isOfDroppedTable(lake, work, version, from))) {
    // First what stands on it: readers must not take it for a part of the new table.
    await removeLateFiles(lake, work, version + 1);
    await log.replaceCommit(version, { from, to }, commit);
  }
  return (await log.putCommit(version, to, commit)) === "published";
}

function asLakeError(error: unknown): LakeError {
  return isLakeError(error) ? error : new LakeError("unavailable", errorText(error), { cause: error });
}

/**
 * A checkpoint is for speed only, and must not hold up what was committed after it: that of a large table is left to others
 * where there are some. One that fails, or takes longer than there is time, is counted; the commit is published all the same.
 * @returns true when it is there
 */
async function tryCheckpoint(
  lake: Lake,
  log: DeltaLog,
  { tableId, numFiles }: Work,
  version: number,
  signal: Signal | undefined,
): Promise<boolean> {
  if (lake.checkpointQueue !== undefined && numFiles > FILES_OF_A_QUICK_CHECKPOINT) return false;
  try {
    await counted(lake, { tableId, version }, () => writeCheckpoint(lake, log, tableId, version, { signal }));
    return true;
  } catch {
    return false;
  }
}

/** A checkpoint that is written while the versions after it are put. */
interface EarlyCheckpoint {
  readonly version: number;
  /** As {@link tryCheckpoint}; never rejected. */
  readonly written: Promise<boolean>;
}

/** It takes several calls of the store, one after the other: where its version is certain before the batch is through, the puts go on. */
function earlyCheckpoint(
  lake: Lake,
  log: DeltaLog,
  work: Work,
  version: number,
  signal: Signal | undefined,
): EarlyCheckpoint | undefined {
  const last = work.commits.at(-1)?.version ?? version;
  if (version === last || version !== dueWithin(last, work.metadata)) return undefined;
  return { version, written: tryCheckpoint(lake, log, work, version, signal) };
}

/** Where there are others, they are asked; else the next checkpoint that is due makes it good. */
async function askForCheckpoint(lake: Lake, tableId: string, version: number): Promise<void> {
  try {
    await lake.checkpointQueue?.ask(tableId, version);
  } catch (error) {
    lake.metrics.record("CheckpointFailures", 1, "Count", { tableId, version, error: errorText(error) });
  }
}

async function stop(lake: Lake, tableId: string, stopped: Stop, failed: boolean) {
  const { version, kind, error } = stopped;
  const foreign = kind === "foreign";
  await lake.catalog.markMirrorError(tableId, version, {
    code: error.code,
    message: error.message,
    failed: failed || kind !== "failed",
    at: lake.clock.now(),
  });
  lake.metrics.record(foreign ? "ForeignCommits" : "MirrorFailures", 1, "Count", {
    tableId,
    version,
    error: error.message,
  });
  if (!foreign) return { error };
  await lake.catalog.setQuarantine(tableId, error.message);
  return { error, quarantined: error.message };
}

function recordLag(lake: Lake, committedAt: number, tableId: string, version: number): void {
  lake.metrics.record("MirrorLag", ageMs(lake.clock.now(), committedAt), "Milliseconds", { tableId, version });
}
