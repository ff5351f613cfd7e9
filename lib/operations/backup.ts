/**
 * Makes a backup of the whole catalog while commits go on. The heads of all tables are read in one statement: the cut. Rows are
 * bound to versions and are not changed afterwards, so what belongs to the cut is read at leisure, without a transaction that lasts.
 */

import { isWithin } from "../delta/files/locations.ts";
import { invalid, LakeError } from "../errors.ts";
import type { BackupPlace, BackupRow, BackupSet, Catalog, CatalogCut, Clock, CutTable } from "../ports.ts";
import { planBackup } from "./backups/base.ts";
import { findBackups, nextId } from "./backups/list.ts";
import { BACKUP_FORMAT, getManifest, type Manifest, type ManifestTable, putManifest } from "./backups/manifest.ts";
import { type PartWriter, partWriter } from "./backups/parts.ts";
import { isTakenWhole, type RowsPlan, rowsOf, type TablePart } from "./backups/rows.ts";
import type { OnProgress } from "./import-rows.ts";

export interface Backing {
  readonly catalog: Catalog;
  readonly clock: Clock;
}

export interface BackupOptions {
  /** True: not an increment, even where there is a backup to go on from. */
  readonly full?: boolean;
  readonly onProgress?: OnProgress;
}

/** @throws LakeError invalid BACKUP_PLACE; unavailable BACKUP_OVERTAKEN */
export async function backupCatalog(
  { catalog, clock }: Backing,
  place: BackupPlace,
  { full = false, onProgress = () => {} }: BackupOptions = {},
): Promise<Manifest> {
  const cutAt = clock.now();
  const cut = await catalog.readCut();
  checkPlace(place.location, cut);
  const found = await findBackups(place);
  const backupId = nextId(found, cutAt, clock.newId());
  const plan = await planBackup(catalog, found, cut, { full, keyId: place.keyId });
  const writer = partWriter(place, backupId);
  const whole = await writeRows(catalog, plan, writer, cut, onProgress);
  const tables = sameAtEnd(cut, await catalog.readCut(), plan);
  await writer.add("dl_tables", headRows(catalog.backupSets, tables));
  const parts = await writer.end();
  const manifest: Manifest = {
    format: BACKUP_FORMAT,
    backupId,
    kind: plan.kind,
    ...(plan.baseId === undefined ? {} : { baseId: plan.baseId }),
    catalogId: cut.catalogId,
    migrations: cut.migrations,
    cutAt,
    finishedAt: clock.now(),
    tables: tables.map((table) => manifestTable(table, plan.tables.get(table.tableId))),
    leftOut: cut.tables.flatMap(({ tableId, name }) => (plan.tables.has(tableId) ? [] : [name])),
    whole,
    columns: Object.fromEntries(catalog.backupSets.map(({ name, columns }) => [name, columns])),
    parts,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(place.keyId === undefined ? {} : { keyId: place.keyId }),
  };
  if (plan.baseId !== undefined && (await getManifest(place, plan.baseId)) === undefined) {
    throw overtaken(`${plan.baseId}, from which it goes on, has been taken away`);
  }
  await putManifest(place, manifest);
  return manifest;
}

/** In the folder of a table VACUUM would take a backup for data that nobody needs, and a lost bucket would be lost with it. */
function checkPlace(location: string, { tables }: CatalogCut): void {
  const table = tables.find(
    (one) =>
      one.status !== "DELETED" &&
      (one.location === location || isWithin(location, one.location) || isWithin(one.location, location)),
  );
  if (table === undefined) return;
  throw invalid(`${location} is no place for backups: the table ${table.name} lives at ${table.location}`, {
    code: "BACKUP_PLACE",
    hint: "Choose a folder or bucket apart from the tables, so that what befalls them spares the backups.",
  });
}

/** @returns the sets of which every row was taken */
async function writeRows(
  catalog: Catalog,
  plan: RowsPlan,
  writer: PartWriter,
  cut: CatalogCut,
  onProgress: OnProgress,
): Promise<readonly string[]> {
  const whole: string[] = [];
  const expected = expectedRows(cut, plan);
  let { byVersion } = plan;
  for (const set of catalog.backupSets) {
    let done = 0;
    if (isTakenWhole(set, { ...plan, byVersion })) whole.push(set.name);
    for await (const rows of rowsOf(catalog, set, { ...plan, byVersion })) {
      // Imported versions may have transactions all the same.
      byVersion &&=
        set.name !== "dl_versions" || !rows.some((row) => row[set.columns.indexOf("transaction_id")] === null);
      await writer.add(set.name, rows);
      done += rows.length;
      const total = expected(set);
      onProgress({ phase: set.name, done, ...(total === undefined ? {} : { total: Math.max(done, total) }) });
    }
  }
  return whole;
}

/** How many rows there will be at least, where heads tell. */
function expectedRows({ tables }: CatalogCut, plan: RowsPlan): (set: BackupSet) => number | undefined {
  if (plan.kind === "incremental") return () => undefined;
  const files = tables.reduce((sum, { numFiles }) => sum + numFiles, 0);
  return ({ kind }) => (kind === "files" ? files : undefined);
}

/**
 * What happened to tables meanwhile. One whose rows are gone is left out. Where old versions were taken away, the history begins
 * later than at the cut; where the cut itself was, the backup has been overtaken.
 */
function sameAtEnd(cut: CatalogCut, end: CatalogCut, plan: RowsPlan): readonly CutTable[] {
  if (end.catalogId !== cut.catalogId) throw overtaken("the database holds another catalog now");
  const ends = new Map(end.tables.map((table) => [table.tableId, table]));
  return cut.tables.flatMap((table): readonly CutTable[] => {
    const now = ends.get(table.tableId);
    if (!plan.tables.has(table.tableId) || now === undefined) return [];
    if (now.version < table.version) throw overtaken(`${table.name} has gone back to version ${now.version}`);
    if (now.rowsSince !== table.rowsSince) throw overtaken(`the rows of ${table.name} were made anew`);
    // Of an increment rows above the base are missing where history was cleaned away from there on.
    const { after = table.version } = plan.tables.get(table.tableId) ?? {};
    if (now.baseVersion > after && now.baseVersion > table.baseVersion)
      throw overtaken(`versions of ${table.name} were cleaned away`);
    // Of what is being purged rows are missing: the purge goes on where it is restored.
    if (now.isPurged) return [now];
    // What was forgotten meanwhile may be missing, so the backup says that it is.
    const forgottenVersion = Math.max(table.forgottenVersion, Math.min(now.forgottenVersion, table.version));
    const forgottenBefore = Math.max(table.forgottenBefore, now.forgottenBefore);
    const baseVersion = Math.max(table.baseVersion, now.baseVersion);
    return [{ ...table, baseVersion, forgottenVersion, forgottenBefore }];
  });
}

function overtaken(why: string): LakeError {
  return new LakeError("unavailable", `the backup was overtaken: ${why}`, {
    code: "BACKUP_OVERTAKEN",
    hint: "Nothing of it counts. Make another one.",
  });
}

function headRows(sets: readonly BackupSet[], tables: readonly CutTable[]): readonly BackupRow[] {
  const columns = sets.find(({ kind }) => kind === "heads")?.columns ?? [];
  const at = (name: string) => columns.indexOf(name);
  const [base, forgotten, before] = [at("base_version"), at("forgotten_version"), at("forgotten_before")];
  return tables.map(({ row, baseVersion, forgottenVersion, forgottenBefore }) =>
    row.with(base, baseVersion).with(forgotten, forgottenVersion).with(before, forgottenBefore),
  );
}

function manifestTable(table: CutTable, part: TablePart | undefined): ManifestTable {
  const {
    row: _row,
    location: _location,
    changes: _changes,
    isPurged: _isPurged,
    forgottenBefore: _before,
    ...rest
  } = table;
  return { ...rest, ...(part?.after === undefined ? {} : { after: part.after }) };
}
