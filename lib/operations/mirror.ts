/** The move from SQL to `_delta_log`: publishes all that is unpublished of a table, in order (design D6, D7). Needs no lease. */

import type { Metadata } from "../delta/actions.ts";
import { encodeCommit } from "../delta/encode.ts";
import { isCheckpointDue } from "../delta/properties.ts";
import { corrupt, errorText, isLakeError, LakeError } from "../errors.ts";
import type { DeltaLog, Lake, TableState } from "../ports.ts";
import { counted, writeCheckpoint } from "./checkpoint.ts";

/** Versions read and marked at once; bounds memory and the work that a killed worker repeats. */
const BATCH_VERSIONS = 50;
/** After so many failures a version is shown as FAILED; the sweeper goes on trying. */
const ATTEMPTS_UNTIL_FAILED = 5;
/** About five calls of the Data API and as many megabytes: well below a second. */
const FILES_OF_A_QUICK_CHECKPOINT = 10_000;

export interface MirrorResult {
  readonly published: readonly number[];
  readonly checkpoints: readonly number[];
  /** Why the mirror of this table stands still. */
  readonly quarantined?: string;
  /** What stopped it this time; the sweeper rings again. */
  readonly error?: LakeError;
  /** True when its time was over before the work was. */
  readonly interrupted?: true;
}

export interface MirrorOptions {
  /** Asked before each version, and between the pages of a checkpoint: true leaves the rest to the next call. */
  readonly isOver?: () => boolean;
}

/**
 * Publishes every unpublished version of a table, oldest first, v after v−1, and checkpoints where one is due. Whoever is
 * killed anywhere leaves a prefix; the next call finishes. Two workers at once write the same bytes.
 */
export async function mirrorTable(lake: Lake, tableId: string, options: MirrorOptions = {}): Promise<MirrorResult> {
  const { isOver = () => false } = options;
  const published: number[] = [];
  const checkpoints: number[] = [];
  const [state] = await lake.catalog.readStates([{ tableId }]);
  if (state === undefined) return { published, checkpoints };
  if (state.quarantine !== undefined) return { published, checkpoints, quarantined: state.quarantine };
  const log = lake.openLog(state.location);
  for (;;) {
    const open = await lake.catalog.unpublished(tableId, BATCH_VERSIONS);
    const [first] = open;
    if (first === undefined) return { published, checkpoints };
    if (isOver()) return { published, checkpoints, interrupted: true };
    const range = { from: first.version, to: open.at(-1)?.version ?? first.version };
    const batch = await publishBatch(lake, log, state, range, isOver);
    published.push(...batch.published);
    checkpoints.push(...batch.checkpoints);
    for (const status of open) {
      if (batch.published.includes(status.version)) recordLag(lake, status.committedAt, tableId, status.version);
    }
    if (!batch.stopped && batch.published.length === 0) {
      throw corrupt(`version ${first.version} is to be published, but SQL holds no commit of it`, {
        code: "COMMIT_MISSING",
        facts: { tableId, version: first.version },
      });
    }
    if (batch.stopped) {
      const failed =
        (open.find((s) => s.version === batch.stopped?.version)?.attempts ?? 0) + 1 >= ATTEMPTS_UNTIL_FAILED;
      return { published, checkpoints, ...(await stop(lake, state, batch.stopped, failed)) };
    }
  }
}

interface Stop {
  readonly version: number;
  /** True: other bytes stand where ours belong. */
  readonly foreign: boolean;
  readonly error: LakeError;
}

async function publishBatch(
  lake: Lake,
  log: DeltaLog,
  state: TableState,
  { from, to }: { readonly from: number; readonly to: number },
  isOver: () => boolean,
) {
  const published: number[] = [];
  const checkpoints: number[] = [];
  let metadata: Metadata = state.metadata;
  let stopped: Stop | undefined;
  /** The newest checkpoint that is due and was not written. */
  let missing: number | undefined;
  for (const commit of await lake.catalog.readCommits(state.tableId, from, to)) {
    // One at least: a call that came late must not come to nothing for ever.
    if (published.length > 0 && isOver()) break;
    stopped = await publish(log, commit.version, encodeCommit(commit));
    if (stopped) break;
    metadata = commit.actions.metadata ?? metadata;
    if (isCheckpointDue(commit.version, metadata)) {
      // Marked only after the checkpoint: a worker that is killed here leaves the version open, and the next one comes by again.
      if (await tryCheckpoint(lake, log, state, commit.version, isOver)) checkpoints.push(commit.version);
      else missing = commit.version;
    }
    published.push(commit.version);
  }
  if (published.length > 0) await lake.catalog.markPublished(state.tableId, published, lake.clock.now());
  if (missing !== undefined) await askForCheckpoint(lake, state.tableId, missing);
  return { published, checkpoints, stopped };
}

async function publish(log: DeltaLog, version: number, bytes: Uint8Array): Promise<Stop | undefined> {
  try {
    if ((await log.putCommit(version, bytes)) === "published") return undefined;
    const message = `_delta_log holds another commit ${version} than SQL: someone writes to the log directly`;
    return { version, foreign: true, error: new LakeError("corrupt", message, { code: "FOREIGN_COMMIT" }) };
  } catch (error) {
    const known = isLakeError(error) ? error : new LakeError("unavailable", errorText(error), { cause: error });
    return { version, foreign: false, error: known };
  }
}

/**
 * A checkpoint is for speed only, and must not hold up what was committed after it: that of a large table is left to others
 * where there are some. One that fails, or takes longer than there is time, is counted; the commit is published all the same.
 * @returns true when it stands
 */
async function tryCheckpoint(
  lake: Lake,
  log: DeltaLog,
  { tableId, numFiles }: TableState,
  version: number,
  isOver: () => boolean,
): Promise<boolean> {
  if (lake.checkpointQueue !== undefined && numFiles > FILES_OF_A_QUICK_CHECKPOINT) return false;
  try {
    await counted(lake, { tableId, version }, () => writeCheckpoint(lake, log, tableId, version, { isOver }));
    return true;
  } catch {
    return false;
  }
}

/** Where there are others, they are asked; else the next checkpoint that is due makes it good. */
async function askForCheckpoint(lake: Lake, tableId: string, version: number): Promise<void> {
  try {
    await lake.checkpointQueue?.ask(tableId, version);
  } catch (error) {
    lake.metrics.record("CheckpointFailures", 1, "Count", { tableId, version, error: errorText(error) });
  }
}

async function stop(lake: Lake, state: TableState, stopped: Stop, failed: boolean) {
  const { version, foreign, error } = stopped;
  await lake.catalog.markMirrorError(state.tableId, version, {
    message: error.message,
    failed: foreign || failed,
    at: lake.clock.now(),
  });
  lake.metrics.record(foreign ? "ForeignCommits" : "MirrorFailures", 1, "Count", {
    tableId: state.tableId,
    version,
    error: error.message,
  });
  if (!foreign) return { error };
  await lake.catalog.setQuarantine(state.tableId, error.message);
  return { error, quarantined: error.message };
}

function recordLag(lake: Lake, committedAt: number, tableId: string, version: number): void {
  lake.metrics.record("MirrorLag", Math.max(0, lake.clock.now() - committedAt), "Milliseconds", { tableId, version });
}
