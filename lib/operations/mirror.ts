/** The move from SQL to `_delta_log`: publishes all that is unpublished of a table, in order (ARCHITECTURE.md D6, D7). Needs no lease. */

import type { Commit } from "../delta/actions.ts";
import { encodeCommit } from "../delta/encode.ts";
import { ageMs, isPast } from "../delta/values/age.ts";
import { corrupt, errorText, isLakeError, LakeError } from "../errors.ts";
import type { Backlog, DeltaLog, Lake, Signal } from "../ports.ts";
import { followTable } from "./follow.ts";
import {
  askForCheckpoint,
  type EarlyCheckpoint,
  earlyCheckpoint,
  tryCheckpoint,
} from "./publishing/batch-checkpoint.ts";
import { faultError, findHindrance } from "./publishing/check-log.ts";
import { checkpointGuess, dueAfter, noteCheckpoint } from "./publishing/due-checkpoint.ts";
import { type Encoded, encodeLater, encodeNow } from "./publishing/encode-ahead.ts";
import { firstAbove, isOfDroppedTable, removeLateFiles, tidyUpAfterDrop } from "./publishing/late-files.ts";
import { writeManifest } from "./publishing/manifest.ts";
import { openMarks } from "./publishing/published-marks.ts";
import { BATCH_VERSIONS, goesOn, type MoreWork, nextRead, type Run, readOn, TRUSTED_MS } from "./publishing/run.ts";

/** After so many failures a version is shown as FAILED; the sweeper goes on trying. */
const ATTEMPTS_UNTIL_FAILED = 5;
/** So many puts before the end of a batch the next one is read. */
const READ_AHEAD = 10;
/** A log is listed before the first version that a run puts, and after so long again. */
const LOOK_AGAIN_MS = 10_000;
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
  /** Of who runs tables one after the other, and knows what has been committed meanwhile. */
  readonly more?: MoreWork;
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

async function publishAll(lake: Lake, tableId: string, options: MirrorOptions): Promise<Published> {
  const run: Run = { published: [], checkpoints: [], marks: openMarks(lake, tableId) };
  const { location, stopped, dropped, attempts, ...result } = await publishBatches(lake, tableId, run, options).finally(
    // Nothing of a run goes on after it.
    () => Promise.allSettled([run.ahead?.backlog, run.marks.settled()]),
  );
  const isHere = await run.marks.settled();
  if (location === undefined) return result;
  if (dropped || !isHere || (stopped && (await hasLeft(lake, { tableId, location })))) {
    await tidyUpAfterDrop(lake, location);
    return { ...result, dropped: true };
  }
  if (stopped === undefined) return result;
  const failed = (attempts ?? 0) + 1 >= ATTEMPTS_UNTIL_FAILED;
  return { ...result, ...(await stop(lake, tableId, stopped, failed)) };
}

interface RunEnd extends Omit<Published, "dropped"> {
  /** Where the log of the table is that something was published of. */
  readonly location?: string;
  readonly stopped?: Stop | undefined;
  /** Before, at the version that stopped it. */
  readonly attempts?: number | undefined;
  readonly dropped?: boolean;
}

async function publishBatches(lake: Lake, tableId: string, run: Run, { signal, more }: MirrorOptions): Promise<RunEnd> {
  const { published, checkpoints } = run;
  for (;;) {
    const read = nextRead(lake, tableId, run);
    run.ahead = undefined;
    const backlog = await read.backlog;
    if (backlog === undefined) return { published, checkpoints, manifest: {} };
    const { table, location, isManifestDue, isFollowed, open } = backlog;
    if (isFollowed) return { table, published, checkpoints, ...(await followLog(lake, tableId)) };
    const done = { table, published, checkpoints, ...(isManifestDue ? { manifest: { location } } : {}) };
    const end = { ...done, location };
    const [first] = open;
    if (backlog.quarantine !== undefined) return { ...done, quarantined: backlog.quarantine };
    if (first === undefined) {
      if (await goesOn(run.marks, more)) continue;
      return published.length > 0 ? end : done;
    }
    if (signal?.aborted) return { ...end, interrupted: true };
    if (backlog.commits.length === 0) {
      throw corrupt(`version ${first.version} is to be published, but SQL holds no commit of it`, {
        code: "COMMIT_MISSING",
        facts: { tableId, version: first.version },
      });
    }
    const { stopped, dropped } = await publishBatch(lake, { tableId, ...backlog, readAt: read.at }, run, signal);
    const attempts = open.find(({ version }) => version === stopped?.version)?.attempts;
    if (dropped || stopped) return { ...end, stopped, dropped, attempts };
    const isAll = open.length < BATCH_VERSIONS && published.at(-1) === open.at(-1)?.version;
    if (isAll && !(await goesOn(run.marks, more))) return end;
  }
}

/** A table whose backlog is being published. */
interface Work extends Backlog {
  readonly tableId: string;
  /** When SQL was asked for it. */
  readonly readAt: number;
}

interface Stop {
  readonly version: number;
  /** `foreign`: other bytes are where ours belong. `damaged`: no attempt can succeed until somebody has mended the log. */
  readonly kind: "failed" | "damaged" | "foreign";
  readonly error: LakeError;
}

interface BatchEnd {
  readonly stopped?: Stop | undefined;
  readonly dropped: boolean;
}

async function publishBatch(lake: Lake, work: Work, run: Run, signal: Signal | undefined): Promise<BatchEnd> {
  const { tableId, commits, open } = work;
  const log = lake.openLog(work.location);
  if (isToBeLookedAt(lake, work, run)) {
    [run.upTo, run.lookedAt] = [undefined, lake.clock.now()];
    const { hindrance, checkpoint } = await lookAt(lake, log, work);
    if (hindrance) return hindered(lake, log, work, { run, hindrance });
    // One that is being written may not be there yet.
    if (!run.marks.isBusy()) run.checkpoint = checkpoint;
  }
  const committedAt = new Map(open.map(({ version, committedAt }) => [version, committedAt]));
  const isMore = open.length === BATCH_VERSIONS || commits.at(-1)?.version !== open.at(-1)?.version;
  let { metadata, readAt } = work;
  let stopped: Stop | undefined;
  let dropped = false;
  let early: EarlyCheckpoint | undefined;
  let encoded: Encoded | undefined;
  const done: Commit[] = [];
  for (const [i, commit] of commits.entries()) {
    // One at least: late calls still make progress.
    if (done.length > 0 && signal?.aborted) break;
    if (isPast(lake.clock.now(), readAt, TRUSTED_MS)) {
      readAt = lake.clock.now();
      dropped = await hasLeft(lake, work);
    }
    if (dropped) break;
    const isNear = i === Math.max(0, commits.length - READ_AHEAD);
    if (isMore && isNear) run.ahead = readOn(lake, tableId, commits.at(-1)?.version);
    encoded ??= encodeNow(commit);
    [stopped, encoded] = await Promise.all([
      publish(lake, log, work, { commit, encoded }),
      encodeLater(lake.clock, commits[i + 1]),
    ]);
    if (stopped?.kind === "foreign") stopped = (await behindInstead(lake, log, work, stopped)) ?? stopped;
    if (stopped) break;
    metadata = commit.actions.metadata ?? metadata;
    done.push(commit);
    run.published.push(commit.version);
    const since = committedAt.get(commit.version);
    if (since !== undefined) recordLag(lake, since, tableId, commit.version);
    early ??= run.marks.isBusy()
      ? undefined
      : earlyCheckpoint(lake, log, { ...work, metadata }, commit.version, signal);
  }
  const last = done.at(-1)?.version;
  if (last !== undefined) run.upTo = last;
  // One for all that was published at once: it makes those before it needless.
  const isBacklog = open.length === BATCH_VERSIONS && !stopped;
  const due = dropped
    ? undefined
    : await dueAfter(lake, { ...work, metadata }, done, { checkpoint: run.checkpoint, isBacklog });
  await run.marks.add(done.map(({ version }) => version).filter((version) => version !== due));
  if (due !== undefined) await markWithCheckpoint(lake, log, work, { run, due, early, signal });
  else await early?.written;
  return { stopped, dropped };
}

/** Nobody need look again at what this run has put itself, a while long. */
function isToBeLookedAt(lake: Lake, { commits }: Work, { upTo, lookedAt }: Run): boolean {
  const followsOurs = upTo !== undefined && commits[0]?.version === upTo + 1;
  return !followsOurs || isPast(lake.clock.now(), lookedAt ?? 0, LOOK_AGAIN_MS);
}

/** Its version is marked only after the checkpoint: a worker that is killed here leaves it open, and the next one comes by again. */
async function markWithCheckpoint(
  lake: Lake,
  log: DeltaLog,
  work: Work,
  {
    run,
    due,
    early,
    signal,
  }: { run: Run; due: number; early: EarlyCheckpoint | undefined; signal: Signal | undefined },
): Promise<void> {
  const { tableId } = work;
  const publishedAt = lake.clock.now();
  const before = run.checkpoint;
  // One at a time: where they take longer than what they are due of, the versions wait for them.
  await run.marks.checkpointed();
  const forget = noteCheckpoint(lake, tableId, due);
  run.checkpoint = due;
  const write = async () => {
    const isThere = await (early?.version === due ? early.written : tryCheckpoint(lake, log, work, due, signal));
    if (isThere) run.checkpoints.push(due);
    else {
      forget();
      run.checkpoint = before;
    }
    return isThere;
  };
  run.marks.addWith(due, publishedAt, { written: write(), missing: () => askForCheckpoint(lake, tableId, due) });
}

/** What hinders the mirror, as long as it is not that the log has been cleaned of what a restored database does not know to be published. */
async function hindered(
  lake: Lake,
  log: DeltaLog,
  work: Work,
  { run, hindrance }: { readonly run: Run; readonly hindrance: Stop },
): Promise<BatchEnd> {
  const cleaned = hindrance.kind === "damaged" ? await cleanedUpTo(lake, log, work) : -1;
  const there = work.open.map(({ version }) => version).filter((version) => version <= cleaned);
  if (there.length === 0) return { stopped: hindrance, dropped: false };
  run.published.push(...there);
  return { dropped: !(await lake.catalog.markPublished(work.tableId, there, lake.clock.now())) };
}

/** True when the table was dropped, or has moved: then its new log has what was committed until then, and this one ends. */
async function hasLeft(lake: Lake, { tableId, location }: Pick<Work, "tableId" | "location">): Promise<boolean> {
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

async function publish(
  lake: Lake,
  log: DeltaLog,
  work: Work,
  { commit, encoded }: { readonly commit: Commit; readonly encoded: Encoded },
): Promise<Stop | undefined> {
  const { version } = commit;
  try {
    if ("error" in encoded) throw encoded.error;
    if ((await log.putCommit(version, encoded.bytes, commit)) === "published") return undefined;
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
