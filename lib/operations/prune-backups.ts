/** Takes away backups that are no longer wanted, and what is left of those that were never finished. */

import { momentBefore } from "../delta/values/age.ts";
import { invalid } from "../errors.ts";
import type { BackupPlace, Clock } from "../ports.ts";
import { chainOf, findBackups, timeOfBackup } from "./backups/list.ts";
import { MANIFEST, type Manifest, partKey } from "./backups/manifest.ts";

export interface Keeping {
  /** Backups with a cut of the last so many days stay. */
  readonly keepDays?: number;
  /** The newest so many stay; at least one. */
  readonly keepLast?: number;
}

export interface Pruned {
  readonly kept: readonly string[];
  /** Taken away, or to be. */
  readonly removed: readonly string[];
  /** Of backups that were never finished. */
  readonly leftovers: readonly string[];
  readonly bytes: number;
}

const DAY_MS = 86_400_000;

/**
 * What stays is what either number keeps, and all that it goes on from. Of what goes the manifest is first, the newest backup before
 * the older ones: a backup that can be seen can be restored at every moment.
 * @param dryRun true: says what would go, and takes nothing away
 * @throws LakeError invalid where neither number is given
 */
export async function pruneBackups(
  { clock }: { readonly clock: Clock },
  place: BackupPlace,
  { keepDays, keepLast }: Keeping,
  { dryRun }: { readonly dryRun: boolean },
): Promise<Pruned> {
  if (keepDays === undefined && keepLast === undefined) throw invalid("say how many days or how many backups to keep");
  const now = clock.now();
  const found = await findBackups(place);
  const { backups, objects } = found;
  const since = keepDays === undefined ? Number.POSITIVE_INFINITY : momentBefore(now, keepDays * DAY_MS);
  const newest = backups.slice(-Math.max(1, keepLast ?? 1));
  const wanted = [...newest, ...backups.filter(({ cutAt }) => cutAt >= since)];
  const kept = new Set(wanted.flatMap((backup) => withBases(backups, backup)).map(({ backupId }) => backupId));
  const removed = backups.filter(({ backupId }) => !kept.has(backupId));
  // One that is under way has no manifest either.
  const leftovers = found.unfinished.filter((backupId) => timeOfBackup(backupId) < momentBefore(now, DAY_MS));
  if (!dryRun) {
    for (const backupId of [...removed.map((one) => one.backupId).reverse(), ...leftovers]) {
      await place.store.remove([partKey(backupId, MANIFEST)]);
      const keys = (objects.get(backupId) ?? []).map(({ key }) => key);
      await place.store.remove(keys.filter((key) => !key.endsWith(`/${MANIFEST}`)));
    }
  }
  return {
    kept: [...kept].sort(),
    removed: removed.map(({ backupId }) => backupId),
    leftovers,
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Of a chain that is broken already, what there is. */
function withBases(backups: readonly Manifest[], backup: Manifest): readonly Manifest[] {
  try {
    return chainOf(backups, backup);
  } catch {
    return [backup];
  }
}
