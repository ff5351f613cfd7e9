/** Restores a backup into an empty database of any engine, in steps that may be repeated after a kill. */

import type { BackupPlace, Catalog, RestorePlan } from "../ports.ts";
import type { Manifest } from "./backups/manifest.ts";
import { chooseBackup, type Moment } from "./backups/restore-choice.ts";
import { cutAt, rowsAt } from "./backups/restore-cut.ts";
import { readStep, stepsOf } from "./backups/restore-steps.ts";
import type { OnProgress } from "./import-rows.ts";

export interface RestoreOptions {
  /** The newest if absent. */
  readonly backupId?: string;
  /** The state at this moment, or after this transaction; that of the cut of the backup if absent. */
  readonly until?: Moment;
  /** True: the catalog gets an identity of its own, as a copy that lives beside the old one. */
  readonly asCopy?: boolean;
  readonly onProgress?: OnProgress;
  /** Called when all rows are there, before the database is opened: what it throws leaves it shut. */
  readonly beforeEnd?: () => Promise<void>;
}

export interface Restored {
  readonly backupId: string;
  /** Backups that were read, the full one first. */
  readonly chain: readonly string[];
  readonly kind: Manifest["kind"];
  readonly catalogId: string;
  /** The cut of the backup, in milliseconds. */
  readonly cutAt: number;
  /**
   * The moment whose state it is, in milliseconds: of the cut, or the one that was asked for. Where that is after the cut, what
   * lies between is in the logs alone, and the caller's to recover.
   */
  readonly asOf: number;
  readonly tables: number;
  /** Rows and bytes that were read. */
  readonly rows: number;
  readonly bytes: number;
}

/**
 * @throws LakeError notFound BACKUP_NOT_FOUND; conflict: TARGET_NOT_EMPTY, RESTORE_MOVED; corrupt BACKUP_DAMAGED; invalid:
 *   SCHEMA_NEWER, TARGET_SCHEMA, BACKUP_KEY_MISSING, BACKUP_KEY_WRONG
 */
export async function restoreCatalog(
  catalog: Catalog,
  place: BackupPlace,
  { backupId, until, asCopy = false, onProgress = () => {}, beforeEnd }: RestoreOptions = {},
): Promise<Restored> {
  const { backup, chain, timestamp } = await chooseBackup(place, { backupId, until });
  const steps = stepsOf(chain);
  const cut = timestamp === undefined ? undefined : await cutAt(steps, (step) => readStep(place, step), timestamp);
  const plan: RestorePlan = {
    planId: `${backup.backupId}${asCopy ? " copy" : ""}${timestamp === undefined ? "" : ` at ${timestamp}`}`,
    migrations: backup.migrations,
    ...(asCopy ? {} : { catalogId: backup.catalogId }),
  };
  const sets = new Map(catalog.backupSets.map((set) => [set.name, set]));
  const { partsDone } = await catalog.beginRestore(plan);
  const total = steps.reduce((sum, { part }) => sum + part.rows, 0);
  let done = 0;
  for (const [index, step] of steps.entries()) {
    const { part, columns } = step;
    done += part.rows;
    if (index < partsDone) continue;
    const set = sets.get(part.set);
    const all = await readStep(place, step);
    const rows = cut && set ? rowsAt(cut, set, columns, all) : all;
    await catalog.restorePart(plan, { index, set: part.set, columns, rows });
    onProgress({ phase: "rows", done, total });
  }
  const recount = backup.tables.flatMap(({ tableId, version }) => {
    const at = cut?.versions.get(tableId);
    return at === undefined || at === version ? [] : [tableId];
  });
  await beforeEnd?.();
  await catalog.finishRestore(plan, { partsDone: steps.length, recount });
  return {
    backupId: backup.backupId,
    chain: chain.map((one) => one.backupId),
    kind: backup.kind,
    catalogId: backup.catalogId,
    cutAt: backup.cutAt,
    asOf: timestamp ?? backup.cutAt,
    tables: cut?.versions.size ?? backup.tables.length,
    rows: total,
    bytes: steps.reduce((sum, { part }) => sum + part.bytes, 0),
  };
}
