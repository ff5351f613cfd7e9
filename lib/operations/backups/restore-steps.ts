/** Which parts of a chain of backups a restore writes, in which order, and what of their rows counts. */

import { OPEN_VERSION } from "../../delta/table.ts";
import type { BackupPlace, BackupRow } from "../../ports.ts";
import type { Manifest, ManifestPart } from "./manifest.ts";
import { readPart } from "./parts.ts";

/** A part on its way into the database. */
export interface RestoreStep {
  readonly from: Manifest;
  readonly part: ManifestPart;
  readonly columns: readonly string[];
  /** What of its rows counts in this chain. */
  keep(rows: readonly BackupRow[]): readonly BackupRow[];
}

/** Parts in the order in which they are written, of each set from the last backup on that has all of it; heads come last. */
export function stepsOf(chain: readonly Manifest[]): readonly RestoreStep[] {
  const begins = beginnings(chain);
  const setBegins = new Map<string, number>();
  for (const [place, { whole }] of chain.entries()) for (const set of whole) setBegins.set(set, place);
  return chain.flatMap((from, place) =>
    from.parts
      .filter(({ set }) => place >= (setBegins.get(set) ?? 0))
      .map((part): RestoreStep => {
        const columns = from.columns[part.set] ?? [];
        return { from, part, columns, keep: (rows) => keptRows(rows, columns, begins, place) };
      }),
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

/** @throws LakeError corrupt BACKUP_DAMAGED; invalid: BACKUP_KEY_MISSING, BACKUP_KEY_WRONG */
export async function readStep(place: BackupPlace, { from, part, keep }: RestoreStep): Promise<readonly BackupRow[]> {
  return keep(await readPart(place, from.backupId, part));
}
