/** From files of a log to rows: a checkpoint in many batches, commits in one each, many at a time. What imports and recoveries share. */

import type { CommitActions, Metadata } from "../delta/actions.ts";
import { checkImportable } from "../delta/checks/importable.ts";
import { checkActionSizes } from "../delta/fields/action-sizes.ts";
import type { CheckpointFile, CommitFile } from "../delta/files/log-files.ts";
import { checkProtocolKnown } from "../delta/protocol.ts";
import { invalid, isLakeError } from "../errors.ts";
import type {
  CheckpointHeader,
  DeltaLog,
  FileAction,
  ImportBatch,
  ImportProgress,
  ImportSource,
  Imports,
  LogCommit,
  OnProgress,
} from "../ports.ts";
import { batching, endedBy, oneBehind } from "./batching.ts";
import { loggedTransaction, readCommits, timesOf } from "./publishing/log-commits.ts";

export type { OnProgress } from "../ports.ts";

/** How far the rows of a table are: the last version that is whole; −1 for none. */
export interface Applied {
  readonly version: number;
  /** Milliseconds: of that version. */
  readonly timestamp: number;
}

/** What the rows of an import need of a lake. */
interface Writing {
  readonly catalog: Pick<Imports, "importBatches">;
}

/** All that an open import still lacks of a segment. */
export async function importSegment(
  lake: Writing,
  log: DeltaLog,
  { segment: { checkpoint, commits }, header, isChecked = true }: ImportSource,
  progress: ImportProgress & { readonly location: string },
  onProgress: OnProgress,
): Promise<void> {
  let applied: Applied = { version: progress.version, timestamp: progress.timestamp };
  if (checkpoint && header && applied.version < checkpoint.version) {
    applied = await importCheckpoint(lake, log, { checkpoint, header }, progress, onProgress);
  }
  const batches = batching<ImportBatch>((some) => lake.catalog.importBatches(progress.tableId, some));
  let metadata: Metadata | undefined;
  await endedBy(batches.flush, async () => {
    const add: typeof batches.add = (batch, file) => {
      metadata = batch.commit.actions.metadata ?? metadata;
      return batches.add(batch, file);
    };
    await importCommits(log, commits, { ...applied, location: progress.location }, add, onProgress);
    if (!isChecked && metadata) checkImportable(metadata);
  });
}

/** The starting checkpoint, from where `progress` left off. Answers how far the import is then. */
async function importCheckpoint(
  lake: Writing,
  log: DeltaLog,
  { checkpoint, header }: { readonly checkpoint: CheckpointFile; readonly header: CheckpointHeader },
  progress: ImportProgress & { readonly location: string },
  onProgress: OnProgress,
): Promise<Applied> {
  const send = oneBehind();
  const write = (batch: ImportBatch) => send.add(() => lake.catalog.importBatches(progress.tableId, [batch]));
  const { version } = checkpoint;
  const own = await readOwnCommit(log, version);
  const modifiedAt = own?.modifiedAt ?? checkpoint.files[0]?.modifiedAt ?? 0;
  const times = timesOf(own?.actions, modifiedAt, -1);
  const describe = (first: boolean, files: readonly FileAction[]): CommitActions => ({
    ...(own?.actions.commitInfo ? { commitInfo: own.actions.commitInfo } : {}),
    ...(first && header.protocol ? { protocol: header.protocol } : {}),
    ...(first && header.metadata ? { metadata: header.metadata } : {}),
    txns: first ? header.txns : [],
    domains: first ? header.domains : [],
    removes: files.flatMap((file) => ("remove" in file ? [file.remove] : [])),
    adds: files.flatMap((file) => ("add" in file ? [file.add] : [])),
    others: [],
  });
  let done = 0;
  await endedBy(send.end, async () => {
    for await (const batch of log.readCheckpointFiles(checkpoint)) {
      const fresh = batch.slice(Math.max(0, progress.checkpointActions - done));
      const first = done === 0 && progress.checkpointActions === 0;
      done += batch.length;
      if (fresh.length === 0) continue;
      await writeBatch(write, {
        kind: "checkpoint",
        location: progress.location,
        commit: { version, actions: describe(first, fresh), ...times },
        complete: false,
      });
      onProgress({ phase: "checkpoint", done });
    }
    await writeBatch(write, {
      kind: "checkpoint",
      location: progress.location,
      commit: { version, actions: describe(done === 0, []), ...times },
      complete: true,
      // SQL has the state of this version, and not what was committed: it cannot make its bytes.
      ...(own && loggedTransaction(own, times, { sameBytes: false })),
    });
  });
  return { version, timestamp: times.timestamp };
}

async function writeBatch(write: (batch: ImportBatch) => Promise<void>, batch: ImportBatch): Promise<void> {
  const { version, actions } = batch.commit;
  try {
    checkActionSizes(actions, (kind) => `version ${version}, ${kind}`);
  } catch (error) {
    if (!isLakeError(error, "invalid")) throw error;
    throw invalid(`${error.message} (${error.at})`, {
      code: error.code,
      hint: "Imported with the mode `snapshot`, the table leaves behind what is only in its history.",
      facts: error.facts,
    });
  }
  await write(batch);
}

/** The commit at the checkpoint's version: its commitInfo and time, where the file is still there and readable. */
async function readOwnCommit(log: DeltaLog, version: number): Promise<LogCommit | undefined> {
  try {
    return await log.readCommit(version);
  } catch (error) {
    if (isLakeError(error, "notFound") || isLakeError(error, "corrupt")) return undefined;
    throw error;
  }
}

/**
 * The commits of a log above `applied`, in order.
 * @param write takes one version; `file` is where it was read
 */
export async function importCommits(
  log: DeltaLog,
  files: readonly CommitFile[],
  applied: Applied & { readonly location: string },
  write: (batch: ImportBatch, file: LogCommit) => Promise<void>,
  onProgress: OnProgress,
): Promise<void> {
  const commits = files.filter((commit) => commit.version > applied.version);
  const total = files.length;
  let done = total - commits.length;
  let previous = applied.timestamp;
  for await (const commit of readCommits(log, commits)) {
    if (commit.actions.protocol) checkProtocolKnown(commit.actions.protocol);
    const times = timesOf(commit.actions, commit.modifiedAt, previous);
    const writeFrom = (batch: ImportBatch) => write(batch, commit);
    await writeBatch(writeFrom, {
      kind: "commit",
      location: applied.location,
      commit: { version: commit.version, actions: commit.actions, ...times },
      complete: true,
      ...loggedTransaction(commit, times),
    });
    previous = times.timestamp;
    done += 1;
    onProgress({ phase: "commits", done, total });
  }
}
