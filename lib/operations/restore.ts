/** Restores a backup into an empty database of any engine, in steps that may be repeated after a kill. */

import { OPEN_VERSION } from "../delta/table.ts";
import type { BackupPlace, BackupRow, Catalog, RestorePlan } from "../ports.ts";
import { chainOf, findBackup } from "./backup-list.ts";
import type { Manifest, ManifestPart } from "./backup-manifest.ts";
import { readPart } from "./backup-parts.ts";
import type { OnProgress } from "./import-rows.ts";

export interface RestoreOptions {
  /** The newest if absent. */
  readonly backupId?: string;
  /** True: the catalog gets an identity of its own, as a copy that lives beside the old one. */
  readonly asCopy?: boolean;
  readonly onProgress?: OnProgress;
}

export interface Restored {
  readonly backupId: string;
  /** Backups that were read, the full one first. */
  readonly chain: readonly string[];
  readonly kind: Manifest["kind"];
  readonly catalogId: string;
  readonly cutAt: number;
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
  { backupId, asCopy = false, onProgress = () => {} }: RestoreOptions = {},
): Promise<Restored> {
  const { backup, backups } = await findBackup(place, backupId);
  const chain = chainOf(backups, backup);
  const steps = stepsOf(chain);
  const plan: RestorePlan = {
    planId: `${backup.backupId}${asCopy ? " copy" : ""}`,
    migrations: backup.migrations,
    ...(asCopy ? {} : { catalogId: backup.catalogId }),
  };
  const { partsDone } = await catalog.beginRestore(plan);
  const total = steps.reduce((sum, { part }) => sum + part.rows, 0);
  let done = 0;
  for (const [index, { from, part, keep }] of steps.entries()) {
    done += part.rows;
    if (index < partsDone) continue;
    const { set } = part;
    const columns = from.columns[set] ?? [];
    const rows = keep(await readPart(place, from.backupId, part), columns);
    await catalog.restorePart(plan, { index, set, columns, rows });
    onProgress({ phase: "rows", done, total });
  }
  await catalog.finishRestore(plan, steps.length);
  return {
    backupId: backup.backupId,
    chain: chain.map((one) => one.backupId),
    kind: backup.kind,
    catalogId: backup.catalogId,
    cutAt: backup.cutAt,
    tables: backup.tables.length,
    rows: total,
    bytes: steps.reduce((sum, { part }) => sum + part.bytes, 0),
  };
}

interface Step {
  readonly from: Manifest;
  readonly part: ManifestPart;
  keep(rows: readonly BackupRow[], columns: readonly string[]): readonly BackupRow[];
}

/** Parts in the order in which they are written, of each set from the last backup on that has all of it; heads come last. */
function stepsOf(chain: readonly Manifest[]): readonly Step[] {
  const begins = beginnings(chain);
  const setBegins = new Map<string, number>();
  for (const [place, { whole }] of chain.entries()) for (const set of whole) setBegins.set(set, place);
  return chain.flatMap((from, place) =>
    from.parts
      .filter(({ set }) => place >= (setBegins.get(set) ?? 0))
      .map((part): Step => ({ from, part, keep: (rows, columns) => keptRows(rows, columns, begins, place) })),
  );
}

/** For each table that is restored, the first backup of the chain that counts for it: where it was taken whole for the last time. */
function beginnings(chain: readonly Manifest[]): ReadonlyMap<string, number> {
  const begins = new Map<string, number>();
  for (const [place, { tables }] of chain.entries()) {
    for (const { tableId, after } of tables)
      if (after === undefined || !begins.has(tableId)) begins.set(tableId, place);
  }
  const kept = new Set(chain.at(-1)?.tables.map(({ tableId }) => tableId));
  return new Map([...begins].filter(([tableId]) => kept.has(tableId)));
}

function keptRows(
  rows: readonly BackupRow[],
  columns: readonly string[],
  begins: ReadonlyMap<string, number>,
  place: number,
): readonly BackupRow[] {
  const tableAt = columns.indexOf("table_id");
  if (tableAt < 0) return rows;
  return rows.filter((row) => (begins.get(String(row[tableAt])) ?? OPEN_VERSION) <= place);
}
