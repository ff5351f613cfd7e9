/**
 * Vacuum: takes away the files that only versions beyond the retention have (ARCHITECTURE.md D64). SQL knows them, so nothing is listed but for
 * files that no version ever named. What is to go is condemned first, under the lock of the commits.
 */

import type { CommitInfo } from "../delta/actions.ts";
import { NO_ACTIONS } from "../delta/actions.ts";
import type { TableRef } from "../delta/request.ts";
import { tableConfiguration } from "../delta/table-configuration.ts";
import { type RetentionOptions, SAFE_RETENTION_MS, vacuumEnd, vacuumRetention, vacuumStart } from "../delta/vacuum.ts";
import { momentBefore } from "../delta/values/age.ts";
import { invalid, LakeError, unavailable } from "../errors.ts";
import type { DataFiles, Lake, RemoveFailure, Signal, TableState, Upkeep } from "../ports.ts";
import { type Doomed, doomedFiles, openSurvey, type Survey } from "./cleaning/vacuum-files.ts";
import { orphans } from "./cleaning/vacuum-orphans.ts";
import { commit } from "./commit.ts";
import type { By } from "./committing/author.ts";
import { tableStates } from "./committing/table-states.ts";
import type { OnProgress } from "./import-rows.ts";
import { mirrorTable } from "./mirror.ts";
import { requireSoundMirror } from "./publishing/sound-mirror.ts";

export interface VacuumOptions extends RetentionOptions, By {
  /** False only counts. */
  readonly remove: boolean;
  /** Also what no version ever named, which takes a listing of all files of the table. */
  readonly orphans?: boolean;
  /** Aborted, it stops after the batch that it is at; what is left is for the next run. */
  readonly signal?: Signal;
}

export interface VacuumResult {
  readonly tableId: string;
  readonly table: string;
  /** Milliseconds: files that were removed before this moment are not needed. */
  readonly cutoff: number;
  /** Files that are to go, or have gone: data, deletion vectors, change data. */
  readonly files: number;
  /** Of those whose size is known. */
  readonly bytes: bigint;
  /** How many of them no version ever named. */
  readonly orphans?: number;
  /** The oldest version that stays readable, or is. */
  readonly oldestReadable: number;
  readonly removed: boolean;
  /** Files that could not be removed, and why the first of them could not. */
  readonly failed: number;
  readonly failure?: string;
  /** Versions of VACUUM START and VACUUM END; absent where there was nothing to remove. */
  readonly startVersion?: number;
  readonly endVersion?: number;
  /** True when its time was over before the work was. */
  readonly interrupted?: true;
}

/** What one run works on. */
export interface Run {
  readonly lake: Lake;
  readonly state: TableState;
  readonly files: DataFiles;
  /** Milliseconds. */
  readonly cutoff: number;
  /** Versions from here on keep all their files; −1 where nothing that was removed is old enough. */
  readonly floor: number;
  /** What was removed up to this version has been dealt with. */
  readonly after: number;
  readonly survey: Survey;
  readonly signal: Signal | undefined;
}

/**
 * Counts what can go; with `remove`, says so in the history (VACUUM START), waits until the log has it, condemns, removes and
 * says that it is done (VACUUM END). Killed anywhere, the next run does what is left; two at once do the same work. Commits
 * may be made meanwhile.
 * @throws LakeError notFound; invalid RETENTION_TOO_SHORT, FILES_NOT_REMOVABLE; conflict MIRROR_STOPPED; unavailable
 */
export async function vacuumTable(
  lake: Lake,
  ref: TableRef,
  options: VacuumOptions,
  onProgress: OnProgress = () => {},
): Promise<VacuumResult> {
  const [state] = await tableStates(lake, [ref], { fresh: true });
  if (state === undefined) throw new Error("there is a state for each table");
  const run = await openRun(lake, state, options);
  const counted = await countAll(run, options, onProgress);
  const about = { tableId: state.tableId, table: state.name, cutoff: run.cutoff };
  const upkeep = await upkeepOf(lake, state.tableId);
  const oldest = Math.max(state.baseVersion, counted.files > counted.orphans ? run.floor : (upkeep?.vacuumFloor ?? 0));
  const shown = {
    ...about,
    ...{ files: counted.files, bytes: counted.bytes, oldestReadable: oldest, failed: 0 },
    ...(options.orphans ? { orphans: counted.orphans } : {}),
  };
  if (!options.remove) return { ...shown, removed: false };
  if (run.signal?.aborted) return { ...shown, removed: false, interrupted: true };
  if (counted.files === 0) {
    await lake.catalog.writeUpkeep(state.tableId, { ...dealtWith(run), vacuumAt: lake.clock.now() });
    return { ...shown, removed: true };
  }
  return { ...shown, ...(await removeAll(run, counted, options, onProgress)) };
}

async function openRun(lake: Lake, state: TableState, options: VacuumOptions): Promise<Run> {
  const retention = vacuumRetention(state.metadata, options);
  const { tableId, location } = state;
  await requireSoundMirror(lake, state);
  if (lake.openDataFiles === undefined) {
    throw invalid("this process may not remove files of tables", {
      code: "FILES_NOT_REMOVABLE",
      hint: "Run `dl vacuum`, or the maintenance function.",
    });
  }
  const cutoff = momentBefore(lake.clock.now(), retention);
  const upkeep = await upkeepOf(lake, tableId);
  const at = await lake.catalog.versionAt(tableId, cutoff);
  const removal = at && (await lake.catalog.newestRemoval(tableId, at.version));
  return {
    ...{ lake, state, cutoff, signal: options.signal },
    files: lake.openDataFiles(location),
    floor: Math.max(removal ?? -1, upkeep?.vacuumFloor ?? -1),
    after: upkeep?.vacuumedVersion ?? -1,
    survey: await openSurvey(lake, state),
  };
}

async function upkeepOf(lake: Lake, tableId: string): Promise<Upkeep | undefined> {
  return (await lake.catalog.readUpkeep([tableId]))[0];
}

interface Counted {
  readonly files: number;
  readonly bytes: bigint;
  readonly orphans: number;
}

/** All that is to go, in batches. */
async function* doomed(run: Run, options: VacuumOptions): AsyncGenerator<Doomed> {
  yield* doomedFiles(run);
  if (options.orphans) yield* orphans(run);
}

async function countAll(run: Run, options: VacuumOptions, onProgress: OnProgress): Promise<Counted> {
  const counted = { files: 0, bytes: 0n, orphans: 0 };
  for await (const batch of doomed(run, options)) {
    counted.files += batch.keys.length;
    counted.bytes += batch.bytes;
    if (batch.isOrphans) counted.orphans += batch.keys.length;
    onProgress({ phase: "looking", done: counted.files });
    if (run.signal?.aborted) break;
  }
  return counted;
}

async function removeAll(run: Run, counted: Counted, options: VacuumOptions, onProgress: OnProgress) {
  const { lake, state, floor } = run;
  const { tableId } = state;
  const start = vacuumStart(counted, {
    metadata: state.metadata,
    floor,
    checked: !options.force,
    ...(options.retainMs === undefined ? {} : { specifiedMs: options.retainMs }),
  });
  const startVersion = await note(lake, state, start, options);
  await publishUpTo(lake, state, startVersion);
  if (floor >= 0) await lake.catalog.condemn(tableId, { floor, at: lake.clock.now() });
  const done = await removeFiles(run, counted, options, onProgress);
  const { failed, failure, files, bytes, folders, interrupted } = done;
  const about = { removed: true, files, bytes, failed, ...(failure === undefined ? {} : { failure }), startVersion };
  if (interrupted) return { ...about, interrupted: true as const };
  await lake.catalog.writeUpkeep(tableId, { ...(failed === 0 ? dealtWith(run) : {}), vacuumAt: lake.clock.now() });
  const endVersion = await note(lake, state, vacuumEnd(done, { failed, folders }), options);
  return { ...about, endVersion };
}

function dealtWith({ floor }: Run): { readonly vacuumedVersion?: number } {
  return floor < 0 ? {} : { vacuumedVersion: floor };
}

async function removeFiles(run: Run, counted: Counted, options: VacuumOptions, onProgress: OnProgress) {
  const { lake, state } = run;
  const failures: RemoveFailure[] = [];
  const folders = new Set<string>();
  const done = { files: 0, bytes: 0n, failed: 0, interrupted: false };
  for await (const { keys, bytes, upTo } of doomed(run, options)) {
    const left = await run.files.remove(keys);
    failures.push(...left.slice(0, 1));
    done.failed += left.length;
    done.files += keys.length - left.length;
    done.bytes += left.length === 0 ? bytes : 0n;
    for (const key of keys) if (folders.size < MAX_FOLDERS) folders.add(key.slice(0, key.lastIndexOf("/") + 1));
    lake.metrics.record("VacuumedFiles", keys.length - left.length, "Count", { tableId: state.tableId });
    lake.metrics.record("VacuumedBytes", left.length === 0 ? Number(bytes) : 0, "Bytes", { tableId: state.tableId });
    if (left.length > 0) lake.metrics.record("VacuumFailures", left.length, "Count", { tableId: state.tableId });
    if (upTo !== undefined && done.failed === 0)
      await lake.catalog.writeUpkeep(state.tableId, { vacuumedVersion: upTo });
    onProgress({ phase: "removing", done: done.files, total: counted.files });
    done.interrupted = run.signal?.aborted === true;
    if (done.interrupted) break;
  }
  return { ...done, folders: folders.size, failure: failures[0]?.error.message };
}

/** The metric of Spark counts folders; more than these are not told apart. */
const MAX_FOLDERS = 100_000;

const ROUNDS = 20;

/** A version that says what vacuum does, and does nothing itself; only changes of the table's metadata stand in its way. */
async function note(lake: Lake, { tableId }: TableState, commitInfo: CommitInfo, { by }: By): Promise<number> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [state] = await tableStates(lake, [{ tableId }], { fresh: true });
    const result = await commit(lake, {
      transactionId: lake.clock.newId(),
      tables: [
        {
          table: { tableId },
          readVersion: state?.version ?? 0,
          // A version without any action honours whatever there is.
          ...(state === undefined ? {} : { supportedFeatures: { writer: featuresOf(state) } }),
          actions: { ...NO_ACTIONS, commitInfo },
          at: "/tables/0",
        },
      ],
      verifyFiles: "off",
      by,
    });
    if (result.status === "committed") return result.tables[0]?.version ?? 0;
  }
  throw new LakeError("conflict", "other commits came first again and again", {
    code: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED",
    hint: "Try again when fewer writers are at work.",
  });
}

function featuresOf({ protocol, metadata }: TableState): readonly string[] {
  return [...tableConfiguration(protocol, metadata).features];
}

/** A foreign commit that SQL does not know of is found by this: then nothing is removed. @throws LakeError unavailable */
async function publishUpTo(lake: Lake, { tableId, name }: TableState, version: number): Promise<void> {
  const { error, quarantined } = await mirrorTable(lake, tableId);
  if (error === undefined && quarantined === undefined && (await lake.catalog.mirroredVersion(tableId)) >= version)
    return;
  throw unavailable(`nothing of "${name}" is removed before its log has all versions up to ${version}`, {
    code: "MIRROR_BEHIND",
    hint: quarantined ?? error?.message ?? "Run it again when the mirror has caught up.",
  });
}

export { SAFE_RETENTION_MS };
