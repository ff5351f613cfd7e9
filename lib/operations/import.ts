/** The move from `_delta_log` to SQL: takes a table over at its version, with the history that the log still allows. Resumable. */

import type { Metadata, Protocol } from "../delta/actions.ts";
import { checkImportable } from "../delta/checks/importable.ts";
import { checkTableLocation } from "../delta/files/locations.ts";
import {
  type CheckpointFile,
  type CommitFile,
  type LogListing,
  type LogSegment,
  pickOldestSegment,
  pickSegment,
} from "../delta/files/log-files.ts";
import { unreadableProperties } from "../delta/properties/properties.ts";
import { checkProtocolKnown } from "../delta/protocol.ts";
import type { Int64 } from "../delta/values/int64.ts";
import { corrupt, isLakeError, LakeError } from "../errors.ts";
import type {
  CheckpointHeader,
  DeltaLog,
  FormerLife,
  ImportSource,
  Lake,
  Noting,
  OnProgress,
  TableHead,
} from "../ports.ts";
import { recallVacuum } from "./cleaning/recall-vacuum.ts";
import type { Allowed } from "./committing/author.ts";
import { checkTableName } from "./create-table.ts";
import { importSegment } from "./import-rows.ts";
import { removeLateFiles } from "./publishing/late-files.ts";
import { readCommits } from "./publishing/log-commits.ts";

export type ImportMode = "full-history" | "snapshot";

export interface ImportRequest {
  readonly location: string;
  /** `namespace.name` */
  readonly name: string;
  /** `full-history` keeps every version that the log can rebuild, `snapshot` the newest. */
  readonly mode: ImportMode;
  /** True: others go on writing it. SQL follows, and nothing is written to its log or its place until it is taken over. */
  readonly follow?: boolean;
  /** Set where a table of a lost catalog is made again: its id, and what it was. A dropped one is dropped again. */
  readonly again?: { readonly tableId: string; readonly life: FormerLife };
  /** Makes the caller its owner, before anybody can see it: whoever carries on after a kill is it then. */
  readonly claim?: Allowed["claim"];
  /** The row of the audit trail, in the transaction that makes the table visible. */
  readonly noting?: Noting | undefined;
}

export interface ImportResult {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly mode: ImportMode;
  readonly version: number;
  /** The oldest version that can be read. */
  readonly baseVersion: number;
  readonly files: number;
  readonly bytes: Int64;
  /** True when an earlier, interrupted import was carried on. */
  readonly resumed: boolean;
  /** True where others go on writing it. */
  readonly followed?: true;
  readonly notes: readonly string[];
}

/** A commit is read whole; larger ones would not fit into memory. */
const MAX_COMMIT_BYTES = 256 * 2 ** 20;

/**
 * Imports a Delta table that others have written. Its log is only read. A table that we cannot hold in full is refused
 * before anything is written; one that turns out broken later leaves nothing behind. After a kill, the same call carries on.
 * @throws LakeError invalid (what is wrong with the table, and in which file), notFound, conflict (name or location taken), unavailable
 */
export async function importTable(
  lake: Lake,
  request: ImportRequest,
  onProgress: OnProgress = () => {},
): Promise<ImportResult> {
  try {
    return await importLog(lake, request, onProgress);
  } catch (error) {
    throw asRefusal(error);
  }
}

/** A damaged log is what the caller asked us to import: nothing of ours is damaged. */
function asRefusal(error: unknown): unknown {
  if (!isLakeError(error, "corrupt")) return error;
  const { message, code, facts, at, hint } = error;
  return new LakeError("invalid", message, { code, facts, cause: error, ...(at && { at }), ...(hint && { hint }) });
}

async function importLog(lake: Lake, request: ImportRequest, onProgress: OnProgress): Promise<ImportResult> {
  const { location, mode, again, follow = false } = request;
  checkTableName(request.name);
  checkTableLocation(request.location);
  const log = lake.openLog(request.location);
  const listing = await log.list();
  const notes: string[] = [];
  const start = await chooseStart(log, listing, request.mode, notes);
  const { segment } = start;
  checkSizes(segment);
  const isChecked = await checkSupported(log, start);
  const plan = `${follow ? "followed " : ""}${request.mode} from ${segment.checkpoint ? segment.checkpoint.files.map((f) => f.name).join("+") : "commit 0"}`;
  // Beside a table that was dropped, another one may have its name.
  const isDropped = again?.life.droppedAt !== undefined;
  const name = isDropped ? `dropped.${again?.tableId}` : request.name;
  const wanted = again?.tableId ?? lake.clock.newId();
  const progress = await lake.catalog.beginImport({ name, location, tableId: wanted, plan, follow });
  const { tableId } = progress;
  try {
    await request.claim?.(tableId);
    if (!isChecked && progress.version >= 0) await checkAllOf(log, start);
    const work = { start: { ...start, isChecked }, progress: { ...progress, location }, onProgress };
    if (!(await lake.importApart?.(lake.catalog, work)))
      await importSegment(lake, log, work.start, work.progress, onProgress);
    const head = await lake.catalog.finishImport(tableId, {
      keepFrom: mode === "snapshot" ? segment.version : (segment.checkpoint?.version ?? 0),
      ...(again && { life: again.life }),
      noting: request.noting,
    });
    if (!follow) await removeWhatCameLate(lake, head);
    await recallVacuum(lake, head, head.baseVersion - 1);
    // A hint: the log is told which table it belongs to now, or looked at again.
    await lake.queue.enqueue([head]);
    return {
      tableId,
      name: head.name,
      location: head.location,
      mode: request.mode,
      version: head.version,
      baseVersion: head.baseVersion,
      files: head.numFiles,
      bytes: head.sizeInBytes,
      ...(follow ? { followed: true } : {}),
      resumed: progress.version >= 0 || progress.checkpointActions > 0,
      notes: [...notes, ...(await propertyNotes(lake, tableId))],
    };
  } catch (error) {
    // What cannot get better by itself leaves nothing behind; what can, keeps its progress.
    const isFinal = (["corrupt", "invalid", "internal"] as const).some((kind) => isLakeError(error, kind));
    if (isFinal) await lake.catalog.abortImport(tableId);
    throw error;
  }
}

/** Best effort: where this process may not remove files, the mirror does before the next version. */
async function removeWhatCameLate(lake: Lake, head: TableHead): Promise<void> {
  await removeLateFiles(lake, head, head.version + 1).catch(() => undefined);
}

/** What the table has brought along that not every reader understands: it is kept, and said. */
async function propertyNotes(lake: Lake, tableId: string): Promise<readonly string[]> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  return (state ? unreadableProperties(state.metadata) : []).map(
    ({ name, problem }) => `the table property "${name}" ${problem}; it is kept, and counts as not set`,
  );
}

/**
 * Where to begin: as far back as the mode asks, from a checkpoint that is whole. A checkpoint that lacks protocol or
 * metadata, cannot be read, or has lost the JSON statistics is passed over when the commits can do without it.
 */
export async function chooseStart(
  log: DeltaLog,
  listing: LogListing,
  mode: ImportMode,
  notes: string[],
): Promise<ImportSource> {
  const passedOver = new Set<CheckpointFile>();
  let statsLost: ImportSource | undefined;
  let broken: LakeError | undefined;
  for (;;) {
    const segment = pickOrUndefined(listing, mode, passedOver);
    if (segment === undefined) {
      if (statsLost) return statsLost;
      throw broken ?? corrupt("the log cannot be read from any start", { code: "EMPTY_LOG" });
    }
    const { checkpoint } = segment;
    if (checkpoint === undefined) return { segment };
    const read = await readHeader(log, checkpoint);
    if ("error" in read) {
      broken ??= read.error;
      notes.push(`checkpoint ${checkpoint.version} is broken and was passed over: ${read.error.message}`);
    } else if (read.header.hasJsonStats) return { segment, header: read.header };
    else statsLost ??= { segment, header: read.header };
    passedOver.add(checkpoint);
  }

  function pickOrUndefined(...args: [LogListing, ImportMode, Set<CheckpointFile>]): LogSegment | undefined {
    const [from, wanted, skip] = args;
    try {
      const options = { skip: (c: CheckpointFile) => skip.has(c) };
      return wanted === "snapshot" ? pickSegment(from, options) : pickOldestSegment(from, options);
    } catch (error) {
      if (skip.size === 0 || !isLakeError(error, "corrupt")) throw error;
      return undefined;
    }
  }
}

async function readHeader(
  log: DeltaLog,
  checkpoint: CheckpointFile,
): Promise<{ readonly header: CheckpointHeader } | { readonly error: LakeError }> {
  try {
    const header = await log.readCheckpointHeader(checkpoint);
    const at = checkpoint.files[0]?.name ?? "";
    if (!header.metadata) return { error: missing("metaData", "MISSING_METADATA", at) };
    if (!header.protocol) return { error: missing("protocol", "MISSING_PROTOCOL", at) };
    return { header };
  } catch (error) {
    if (isLakeError(error, "corrupt")) return { error };
    throw error;
  }
}

function missing(action: string, code: string, at: string): LakeError {
  return corrupt(`the log has no ${action} action: no reader can make a table of it`, {
    code,
    ...(at === "" ? {} : { at }),
    hint: "Restore the missing files of _delta_log.",
  });
}

function checkSizes({ commits }: LogSegment): void {
  const large = commits.find((commit) => commit.size > MAX_COMMIT_BYTES);
  if (!large) return;
  throw corrupt(`the commit ${large.name} has ${large.size} bytes; at most ${MAX_COMMIT_BYTES} are read`, {
    code: "LOG_TOO_LARGE",
    at: large.name,
    hint: "Write a checkpoint at or after this version, and import the table with the mode snapshot.",
  });
}

/** Newest commits that are read before an import of all of them, which reads each anyway. */
const LOOKED_AT = 100;

/**
 * Refuses unknown protocols, old and new, and tables that we could not serve, before a row is written: by the newest commits, back until both
 * protocol and metadata are known, or else by what the table was at its start.
 * @returns false where the versions between may have changed it: the import is to look at each as it comes by
 */
async function checkSupported(log: DeltaLog, { segment, header }: ImportSource): Promise<boolean> {
  const newestFirst = segment.commits.toReversed();
  const recent = await newestState(log, newestFirst.slice(0, LOOKED_AT));
  const rest = newestFirst.slice(LOOKED_AT);
  const [first] = rest.slice(-1);
  if (first === undefined || (recent.protocol && recent.metadata)) {
    checkState({ ...header, ...recent });
    return true;
  }
  const atStart = { ...header, ...(await newestState(log, [first])), ...recent };
  const isKnown = atStart.protocol !== undefined && atStart.metadata !== undefined;
  checkState(isKnown ? atStart : { ...header, ...(await newestState(log, rest)), ...recent });
  return !isKnown;
}

/** As {@link checkSupported}, by all of the log: what a killed import has looked at, nobody knows. */
async function checkAllOf(log: DeltaLog, { segment, header }: ImportSource): Promise<void> {
  checkState({ ...header, ...(await newestState(log, segment.commits.toReversed())) });
}

interface State {
  readonly protocol?: Protocol | undefined;
  readonly metadata?: Metadata | undefined;
}

/** What is not in these commits is absent. */
async function newestState(log: DeltaLog, newestFirst: readonly CommitFile[]): Promise<State> {
  let protocol: Protocol | undefined;
  let metadata: Metadata | undefined;
  for await (const commit of readCommits(log, newestFirst)) {
    protocol ??= commit.actions.protocol;
    metadata ??= commit.actions.metadata;
    if (commit.actions.protocol) checkProtocolKnown(commit.actions.protocol);
    if (protocol && metadata) break;
  }
  return { ...(protocol && { protocol }), ...(metadata && { metadata }) };
}

function checkState({ protocol, metadata }: State): void {
  if (!protocol) throw missing("protocol", "MISSING_PROTOCOL", "");
  if (!metadata) throw missing("metaData", "MISSING_METADATA", "");
  checkProtocolKnown(protocol);
  checkImportable(metadata);
}
