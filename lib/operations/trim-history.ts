/** Ends SQL's memory of a table at a version: time travel by SQL is refused below it, and its rows go (ARCHITECTURE.md D64). */

import { tableProperties } from "../delta/properties/properties.ts";
import type { TableRef } from "../delta/request.ts";
import { ageMs, momentBefore } from "../delta/values/age.ts";
import type { Lake, Signal, TableState, Upkeep } from "../ports.ts";
import { tableStates } from "./committing/table-states.ts";
import { requireSoundMirror } from "./publishing/sound-mirror.ts";

const DAY_MS = 86_400_000;
/** Versions whose rows go in one transaction. */
const BATCH_VERSIONS = 500;

/** Where neither a table nor the service says: longer than logs and removed files stay by default. */
export const HISTORY_RETENTION_MS = 90 * DAY_MS;

export interface TrimOptions {
  /** Milliseconds that SQL keeps versions for; a table may say it, and it is never less than its log and its files stay. */
  readonly retentionMs?: number;
  /** True where vacuum runs: what it has not dealt with stays known. */
  readonly keepForVacuum?: boolean;
  readonly remove: boolean;
  readonly signal?: Signal;
}

export interface TrimResult {
  readonly tableId: string;
  readonly table: string;
  readonly removed: boolean;
  /** Versions that go, or have gone. */
  readonly versions: number;
  /** The oldest version that SQL keeps. */
  readonly oldestVersion: number;
  readonly interrupted?: true;
}

/**
 * Moves the base up first, so that nobody reads what is about to go, and takes rows away a batch at a time. Killed anywhere, the
 * next run finishes. What was answered to a `transactionId` has a retention of its own
 * (trim-transactions.ts).
 * @throws LakeError notFound; conflict MIRROR_STOPPED; unavailable
 */
export async function trimHistory(lake: Lake, ref: TableRef, options: TrimOptions): Promise<TrimResult> {
  const [state] = await tableStates(lake, [ref], { fresh: true });
  if (state === undefined) throw new Error("there is a state for each table");
  const { tableId, name: table, baseVersion } = state;
  await requireSoundMirror(lake, state);
  const [upkeep] = await lake.catalog.readUpkeep([tableId]);
  const at = await lake.catalog.versionAt(tableId, momentBefore(lake.clock.now(), retentionOf(state, upkeep, options)));
  const base = Math.max(baseVersion, Math.min(at?.version ?? 0, await lake.catalog.mirroredVersion(tableId)));
  const result = { tableId, table, removed: options.remove, versions: base - baseVersion, oldestVersion: base };
  if (!options.remove) return result;
  if (base > baseVersion) await lake.catalog.raiseBase(tableId, base);
  const keeps = await keepsOf(lake, state, base, upkeep, options);
  while (await lake.catalog.trimBelowBase(tableId, keeps)) {
    if (options.signal?.aborted) return { ...result, interrupted: true };
  }
  await lake.catalog.writeUpkeep(tableId, { trimHistoryAt: lake.clock.now() });
  return result;
}

function retentionOf({ metadata }: TableState, upkeep: Upkeep | undefined, { retentionMs }: TrimOptions): number {
  const properties = tableProperties(metadata);
  return Math.max(
    retentionMs ?? upkeep?.historyRetention ?? HISTORY_RETENTION_MS,
    properties["delta.logRetentionDuration"],
    properties["delta.deletedFileRetentionDuration"],
  );
}

async function keepsOf(
  lake: Lake,
  state: TableState,
  base: number,
  upkeep: Upkeep | undefined,
  { keepForVacuum = false }: TrimOptions,
) {
  const { timestamp, metadata } = await lake.catalog.readSummary(state.tableId, base);
  const [then, now] = [tableProperties(metadata), tableProperties(state.metadata)];
  const tombstones = Math.max(then["delta.deletedFileRetentionDuration"], now["delta.deletedFileRetentionDuration"]);
  const txns = now["delta.setTransactionRetentionDuration"];
  // For a day a commit may still come that adds again what vacuum has just taken: these rows refuse it.
  const isFresh = upkeep?.condemnedAt !== undefined && ageMs(lake.clock.now(), upkeep.condemnedAt) < DAY_MS;
  const removesAfter = isFresh ? -1 : keepForVacuum ? (upkeep?.vacuumedVersion ?? -1) : Number.MAX_SAFE_INTEGER;
  return {
    tombstonesNewerThan: timestamp - tombstones,
    ...(txns === undefined ? {} : { txnsUpdatedAfter: timestamp - txns }),
    removesAfter,
    batch: BATCH_VERSIONS,
  };
}
