/** Takes expired versions out of `_delta_log`, once a checkpoint that was compared with SQL takes their place (docs/delta-rules.md §6). */

import { checkpointAt, type ExpiredLog, filesBelow, logCutoff, newestExpired } from "../delta/files/log-clean-up.ts";
import { type CheckpointFile, type LogListing, sortLogFiles } from "../delta/files/log-files.ts";
import { tableProperties } from "../delta/properties/properties.ts";
import type { TableRef } from "../delta/request.ts";
import { momentBefore } from "../delta/values/age.ts";
import { isLakeError } from "../errors.ts";
import type { DeltaLog, Lake, RemoveFailure, Signal, TableState } from "../ports.ts";
import { counted, writeCheckpoint } from "./checkpoint.ts";
import { tableStates } from "./committing/table-states.ts";
import { compareState } from "./comparing/compare-state.ts";
import { Findings } from "./comparing/findings.ts";
import { seeLog } from "./publishing/check-log.ts";
import { requireSoundMirror } from "./publishing/sound-mirror.ts";

/** Sidecars of checkpoints that are being written are younger. */
const SIDECAR_AGE_MS = 86_400_000;
const BATCH_FILES = 1000;

export interface CleanLogOptions {
  /** False only counts. */
  readonly remove: boolean;
  /** Also where the table says `delta.enableExpiredLogCleanup` = false. */
  readonly force?: boolean;
  readonly signal?: Signal;
}

export interface CleanLogResult {
  readonly tableId: string;
  readonly table: string;
  readonly removed: boolean;
  readonly commits: number;
  readonly checkpoints: number;
  /** Version checksums, compacted commits and sidecars. */
  readonly others: number;
  /** The oldest version that readers of the log can go back to afterwards. */
  readonly oldestVersion: number;
  /** Written first, as none was there to take the place of what goes. */
  readonly checkpointWritten?: number;
  /** Why nothing goes. */
  readonly kept?: string;
  readonly failed: number;
  readonly failure?: string;
  readonly interrupted?: true;
}

/**
 * Removes what lies below the newest checkpoint that has itself expired: so each version within `delta.logRetentionDuration` can
 * still be read, and the oldest one that is left, too. Checkpoints go first, then commits from the oldest on: whoever is killed
 * leaves a log that readers, parity and repair find whole.
 * @throws LakeError notFound; conflict MIRROR_STOPPED; unavailable
 */
export async function cleanLog(lake: Lake, ref: TableRef, options: CleanLogOptions): Promise<CleanLogResult> {
  const [state] = await tableStates(lake, [ref], { fresh: true });
  if (state === undefined) throw new Error("there is a state for each table");
  const { tableId, name: table } = state;
  await requireSoundMirror(lake, state);
  const log = lake.openLog(state.location);
  // A table that has just been made has no log yet.
  const { listing = sortLogFiles([]) } = await seeLog(lake, tableId, log);
  const plan = await planFor(lake, state, log, listing, options);
  const oldest = listing.commits[0]?.version ?? state.baseVersion;
  const none = { tableId, table, commits: 0, checkpoints: 0, others: 0, failed: 0 };
  if ("kept" in plan) {
    if (options.remove) await lake.catalog.writeUpkeep(tableId, { cleanLogAt: lake.clock.now() });
    return { ...none, removed: options.remove, oldestVersion: oldest, kept: plan.kept };
  }
  const { base, written } = plan;
  const expired = filesBelow(listing, base);
  const sidecars = await uselessSidecars(lake, log, listing, base);
  const counts = {
    commits: expired.commits.length,
    checkpoints: expired.checkpoints.length,
    others: expired.summaries.length + sidecars.length,
  };
  const about = { ...none, ...counts, oldestVersion: base, ...(written ? { checkpointWritten: base } : {}) };
  if (!options.remove) return { ...about, removed: false };
  const done = await removeAll(log, expired, sidecars, options.signal);
  if (!done.interrupted) await lake.catalog.writeUpkeep(tableId, { cleanLogAt: lake.clock.now() });
  lake.metrics.record("LogFilesRemoved", counts.commits + counts.checkpoints + counts.others - done.failed, "Count", {
    tableId,
  });
  return { ...about, removed: true, ...done };
}

type Plan = { readonly kept: string } | { readonly base: number; readonly written: boolean };

/** The version whose checkpoint takes the place of all below. */
async function planFor(
  lake: Lake,
  state: TableState,
  log: DeltaLog,
  listing: LogListing,
  options: CleanLogOptions,
): Promise<Plan> {
  const properties = tableProperties(state.metadata);
  if (!properties["delta.enableExpiredLogCleanup"] && !options.force) {
    return { kept: "delta.enableExpiredLogCleanup is false" };
  }
  if (state.protocol.writerFeatures?.includes("checkpointProtection")) {
    return { kept: "the table has checkpointProtection: only who knows all its protocols may clean its log" };
  }
  const cutoff = logCutoff(lake.clock.now(), properties["delta.logRetentionDuration"]);
  const at = await lake.catalog.versionAt(state.tableId, cutoff);
  const hinted = await log.readLastCheckpoint();
  // What `_last_checkpoint` names must stay, since readers believe it.
  const expired = Math.min(
    newestExpired(listing, cutoff, at?.version ?? state.baseVersion - 1),
    hinted ?? Number.MAX_SAFE_INTEGER,
    await lake.catalog.mirroredVersion(state.tableId),
  );
  const oldest = listing.commits[0]?.version ?? 0;
  const nothing = { kept: "no version has expired" };
  if (expired < 0 || oldest >= expired) return nothing;
  const found = checkpointAt(listing, expired);
  if (found !== undefined) {
    if (!hasAnythingBelow(listing, found.version)) return nothing;
    const wrong = await whyNotTrusted(lake, state, log, found);
    return wrong === undefined ? { base: found.version, written: false } : { kept: wrong };
  }
  if (expired < state.baseVersion) return { kept: `no checkpoint stands at or below version ${expired}` };
  const about = { tableId: state.tableId, version: expired };
  const anew = { signal: options.signal, anew: true };
  if (options.remove) await counted(lake, about, () => writeCheckpoint(lake, log, state.tableId, expired, anew));
  return { base: expired, written: true };
}

function hasAnythingBelow(listing: LogListing, base: number): boolean {
  const { commits, checkpoints, summaries } = filesBelow(listing, base);
  return commits.length + checkpoints.length + summaries.length > 0;
}

/** A checkpoint that nobody can read, or that says something else than SQL, takes the place of nothing. */
async function whyNotTrusted(...args: Parameters<typeof findMistake>): Promise<string | undefined> {
  try {
    return await findMistake(...args);
  } catch (error) {
    if (isLakeError(error, "corrupt")) return error.message;
    throw error;
  }
}

async function findMistake(
  lake: Lake,
  state: TableState,
  log: DeltaLog,
  checkpoint: CheckpointFile,
): Promise<string | undefined> {
  const { version } = checkpoint;
  const found = new Findings();
  if (version < state.baseVersion) {
    // From before SQL's history: it can be read, or this throws.
    await log.readCheckpointHeader(checkpoint);
    for await (const _ of log.readCheckpointFiles(checkpoint));
    return undefined;
  }
  const segment = { checkpoint, commits: [], version };
  await compareState(lake, state, log, { segment, fieldsUpTo: 0 }, found);
  const differs = found.fileCount + found.metadata.length + found.protocol.length + found.other.length > 0;
  return differs ? `the checkpoint of version ${version} is not what SQL has: see \`dl diff\`` : undefined;
}

/** Sidecars that no checkpoint from the base on names. */
async function uselessSidecars(
  lake: Lake,
  log: DeltaLog,
  listing: LogListing,
  base: number,
): Promise<readonly string[]> {
  const sidecars = await log.listSidecars();
  if (sidecars.length === 0) return [];
  const named = new Set<string>();
  for (const checkpoint of listing.checkpoints.filter(({ version, complete }) => complete && version >= base)) {
    for (const name of await log.readSidecarNames(checkpoint)) named.add(name);
  }
  const before = momentBefore(lake.clock.now(), SIDECAR_AGE_MS);
  return sidecars.filter(({ name, modifiedAt }) => modifiedAt < before && !named.has(name)).map(({ name }) => name);
}

async function removeAll(log: DeltaLog, expired: ExpiredLog, sidecars: readonly string[], signal: Signal | undefined) {
  const namesOf = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name);
  const steps = [
    namesOf(expired.checkpoints),
    namesOf(expired.summaries),
    ...batchesOf(namesOf(expired.commits)),
    ...batchesOf(sidecars),
  ];
  const failures: RemoveFailure[] = [];
  for (const names of steps) {
    if (signal?.aborted) return { failed: failures.length, interrupted: true as const };
    if (names.length > 0) failures.push(...(await log.removeFiles(names)));
    // A commit that stays must not stand alone below a gap.
    if (failures.length > 0) break;
  }
  const failure = failures[0]?.error.message;
  return { failed: failures.length, ...(failure === undefined ? {} : { failure }) };
}

function batchesOf(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / BATCH_FILES) }, (_, i) =>
    names.slice(i * BATCH_FILES, (i + 1) * BATCH_FILES),
  );
}
