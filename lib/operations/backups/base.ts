/** What an increment goes on from: the newest backup of this catalog that is whole, and of each table what it has that still holds. */

import { sameFingerprint } from "../../delta/fingerprint.ts";
import type { Catalog, CatalogCut, CutTable } from "../../ports.ts";
import { chainOf, type FoundBackups } from "./list.ts";
import { type Manifest, type ManifestTable, partKey } from "./manifest.ts";
import type { RowsPlan, TablePart } from "./rows.ts";

export interface BackupPlan extends RowsPlan {
  readonly baseId?: string;
}

/** A table that is being imported is in no backup: its rows still change, and the import can be repeated. */
const inBackup = ({ status }: CutTable): boolean => status !== "IMPORTING";

/** Incremental where there is something to go on from. */
export async function planBackup(
  catalog: Catalog,
  found: FoundBackups,
  cut: CatalogCut,
  { full, keyId }: { readonly full: boolean; readonly keyId: string | undefined },
): Promise<BackupPlan> {
  const base = full ? undefined : usableBase(found, cut, keyId);
  const tables = cut.tables.filter(inBackup);
  if (base === undefined) return { kind: "full", tables: byId(tables.map((table) => partOf(table))), byVersion: true };
  const known = new Map(base.tables.map((table) => [table.tableId, table]));
  const held = await heldTables(catalog, tables, known);
  const parts = tables.map((table) => partOf(table, held.has(table.tableId) ? known.get(table.tableId) : undefined));
  const after = byId(parts);
  return {
    kind: "incremental",
    baseId: base.backupId,
    tables: after,
    // Of versions that are gone, or are other ones now, the transactions are found by looking at all.
    byVersion: base.tables.every(({ tableId }) => after.get(tableId)?.after !== undefined),
  };
}

function byId(parts: readonly TablePart[]): ReadonlyMap<string, TablePart> {
  return new Map(parts.map((part) => [part.tableId, part]));
}

function partOf({ tableId, version, changes }: CutTable, base?: ManifestTable): TablePart {
  if (base === undefined) return { tableId, version, changes };
  const { firstUnpublished = Number.POSITIVE_INFINITY } = base;
  // What nobody publishes any more does not change.
  const idle = base.status === "DELETED" && base.version === version;
  const settled = idle ? version : Math.min(base.version, firstUnpublished - 1);
  return { tableId, version, changes, after: base.version, settled };
}

/** All of its chain is there, and restored by the same schema and key. */
function usableBase(found: FoundBackups, cut: CatalogCut, keyId: string | undefined): Manifest | undefined {
  return found.backups.findLast((backup) => {
    const same = backup.catalogId === cut.catalogId && backup.keyId === keyId;
    return same && backup.migrations.join() === cut.migrations.join() && isWhole(found, backup);
  });
}

/**
 * Every part is there, as long as it was written: the listing that found the backups says so, and costs nothing more. What has other bytes
 * in the same number only `dl backup verify` finds, which reads them all.
 */
function isWhole({ backups, objects }: FoundBackups, backup: Manifest): boolean {
  try {
    return chainOf(backups, backup).every(({ backupId, parts }) => {
      const sizes = new Map(objects.get(backupId)?.map(({ key, size }) => [key, size]));
      return parts.every(({ name, bytes }) => sizes.get(partKey(backupId, name)) === bytes);
    });
  } catch {
    return false;
  }
}

/**
 * Tables of which the base has what SQL has: after a restore to an earlier time the same versions may be other ones, or the base may lack
 * old ones, whose history was trimmed in the time that was lost. What is later than the base must be there, too.
 */
async function heldTables(
  catalog: Catalog,
  tables: readonly CutTable[],
  known: ReadonlyMap<string, ManifestTable>,
): Promise<ReadonlySet<string>> {
  const moved: ManifestTable[] = [];
  const held = new Set<string>();
  for (const table of tables) {
    const base = known.get(table.tableId);
    if (base === undefined || table.isPurged || !isWithin(table, base)) continue;
    if (table.version > base.version) moved.push(base);
    else if (isSame(table, base)) held.add(table.tableId);
  }
  return moved.length === 0 ? held : held.union(await catalog.holdVersions(moved));
}

/**
 * All that SQL has up to the base's version is in the base, and all that is later in SQL. A base that has forgotten transactions which SQL
 * still answers for, as after a restore of a backup from before, would leave neither the answer nor the line below which it is refused.
 * Where the rows were made anew from a log since, the same state lies at other versions: those of the base would be found by nobody.
 */
function isWithin(table: CutTable, base: ManifestTable): boolean {
  if ((base.forgottenVersion ?? -1) > table.forgottenVersion) return false;
  if ((base.rowsSince ?? 0) !== table.rowsSince) return false;
  return base.baseVersion <= table.baseVersion && table.baseVersion <= base.version && base.version <= table.version;
}

function isSame(table: CutTable, base: ManifestTable): boolean {
  const lanes = ({ fingerprint }: ManifestTable | CutTable) => fingerprint as Parameters<typeof sameFingerprint>[0];
  return table.timestamp === base.timestamp && sameFingerprint(lanes(table), lanes(base));
}
