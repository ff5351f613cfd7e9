/** What only rows can tell: is a removed file live, does an add meet a live path. The twin of dl_check_rows in PL/pgSQL. */

import type { Fingerprint } from "../../delta/fingerprint.ts";
import type { Int64 } from "../../delta/values/int64.ts";
import type { Rejection } from "../../ports.ts";
import { join, OPEN, type SqlTransaction, sql } from "../database.ts";
import { MAX_REJECTIONS } from "../limits.ts";
import type { FileKey, FileRow } from "../rows/add.ts";
import { HASH_COLUMNS, lanesOf } from "../rows/heads.ts";
import { integer, long, optionalInteger, optionalLong, text } from "../rows/values.ts";
import type { TableRequest, TableWrite } from "./planned-rows.ts";

export interface LiveFile {
  readonly path: string;
  readonly dvKey: string;
  readonly addedVersion: number;
  readonly ord: number;
  readonly size: Int64;
  readonly lanes: Fingerprint;
  readonly baseRowId: Int64 | undefined;
  readonly defaultRowCommitVersion: Int64 | undefined;
}

/** Live files by path_key. */
export type LiveFiles = ReadonlyMap<string, readonly LiveFile[]>;

/** Paths of which one statement reads the live files. */
const KEYS_AT_ONCE = 500;

/** The live files of all paths that a write names. */
export async function readLiveFiles(tx: SqlTransaction, tableId: string, write: TableWrite): Promise<LiveFiles> {
  const live = new Map<string, readonly LiveFile[]>();
  const { singleWriter, hexOf, keyOf } = tx.dialect;
  const wanted = [...new Set([...write.removes, ...write.adds].map((row) => row.path_key))];
  // One statement, prepared once, where it costs no round trip.
  const atOnce = singleWriter ? 1 : KEYS_AT_ONCE;
  for (let start = 0; start < wanted.length; start += atOnce) {
    const keys = join(wanted.slice(start, start + atOnce).map((key) => keyOf(sql`${key}`)));
    const found = await tx.read(sql`
      select ${hexOf("path_key")} as path_key, path, dv_key, added_version, ord, size, h0, h1, h2, h3, base_row_id,
        default_row_commit_version
      from dl_files where table_id = ${tableId} and path_key in (${keys}) and removed_version = ${OPEN} order by dv_key`);
    for (const [key, rows] of Map.groupBy(found, (row) => text(row, "path_key"))) {
      live.set(
        key,
        rows.map((row) => ({
          path: text(row, "path"),
          dvKey: text(row, "dv_key"),
          addedVersion: integer(row, "added_version"),
          ord: integer(row, "ord"),
          size: long(row, "size"),
          lanes: lanesOf(row, HASH_COLUMNS),
          baseRowId: optionalLong(row, "base_row_id"),
          defaultRowCommitVersion: optionalLong(row, "default_row_commit_version"),
        })),
      );
    }
  }
  return live;
}

/** Removes first, then adds, each in the order of the request, at most {@link MAX_REJECTIONS} of either. */
export async function checkRows(
  tx: SqlTransaction,
  head: { readonly version: number; readonly removeVersion: number },
  request: TableRequest,
  live: LiveFiles,
): Promise<readonly Rejection[]> {
  const { tableId, filesUpTo: readVersion = request.readVersion } = request;
  const rejections: Rejection[] = [];
  for (const remove of request.removes) {
    if (rejections.length === MAX_REJECTIONS) break;
    const { path } = remove;
    const ofPath = live.get(remove.path_key) ?? [];
    const found = ofPath.find((file) => file.dvKey === remove.dv_key);
    const bad = found
      ? whyNotRemovable(found, path, readVersion, head.version)
      : await whyNotLive(tx, head.version, request, remove, ofPath);
    if (bad) rejections.push({ tableId, path, ...bad });
  }
  let rejectedAdds = 0;
  const floor = request.adds.length > 0 ? await vacuumFloor(tx, tableId) : undefined;
  for (const add of request.adds) {
    if (rejectedAdds === MAX_REJECTIONS) break;
    const ofPath = live.get(add.path_key) ?? [];
    const bad =
      (await checkAdd(tx, head, request, add, ofPath)) ?? (await whyVacuumed(tx, tableId, add, ofPath, floor));
    if (!bad) continue;
    rejections.push({ tableId, path: add.path, ...bad });
    rejectedAdds += 1;
  }
  return rejections;
}

type Bad = Pick<Rejection, "reason"> & { readonly version: number };

function whyNotRemovable(live: LiveFile, path: string, readVersion: number, head: number): Bad | undefined {
  if (live.addedVersion > readVersion) return { reason: "addedByWinner", version: live.addedVersion };
  return live.path === path ? undefined : { reason: "otherSpelling", version: head };
}

async function whyNotLive(
  tx: SqlTransaction,
  head: number,
  { tableId, readVersion: read, filesUpTo: readVersion = read }: TableRequest,
  remove: FileKey,
  ofPath: readonly LiveFile[],
): Promise<Bad> {
  const [former] = await tx.read(sql`
    select min(removed_version) as version from dl_files
    where table_id = ${tableId} and path_key = unhex(${remove.path_key}) and dv_key = ${remove.dv_key}
      and removed_version > ${readVersion} and removed_version < ${OPEN}`);
  const removed = former && optionalInteger(former, "version");
  if (removed !== undefined) return { reason: "removedByWinner", version: removed };
  const newest = Math.max(...ofPath.map((file) => file.addedVersion));
  if (newest > readVersion) return { reason: "removedByWinner", version: newest };
  if (ofPath.length > 0) return { reason: "removeOtherDeletionVector", version: head };
  return { reason: "removeNotLive", version: head };
}

async function checkAdd(
  tx: SqlTransaction,
  head: { readonly version: number; readonly removeVersion: number },
  { tableId, readVersion: read, filesUpTo: readVersion = read }: TableRequest,
  add: FileRow,
  ofPath: readonly LiveFile[],
): Promise<Bad | undefined> {
  const newest = Math.max(...ofPath.map((file) => file.addedVersion));
  if (newest > readVersion) return { reason: "addedByWinner", version: newest };
  if (ofPath.some((file) => file.path !== add.path && file.dvKey !== add.replaces)) {
    return { reason: "otherSpelling", version: head.version };
  }
  if (ofPath.some((file) => file.dvKey !== add.dv_key && file.dvKey !== add.replaces)) {
    return { reason: "addOverLive", version: head.version };
  }
  // Nothing was removed since the read: no former file can have been closed by a winner.
  if (head.removeVersion <= readVersion) return undefined;
  // Also one that came after the read: who was refused because of it must stay refused when it has gone.
  const [former] = await tx.read(sql`
    select case when added_version > ${readVersion} then added_version else removed_version end as version from dl_files
    where table_id = ${tableId} and path_key = unhex(${add.path_key})
      and removed_version > ${readVersion} and removed_version < ${OPEN} order by removed_version limit 1`);
  const version = former && optionalInteger(former, "version");
  return version === undefined ? undefined : { reason: "addedByWinner", version };
}

/** Files that only versions below it had may be gone. */
async function vacuumFloor(tx: SqlTransaction, tableId: string): Promise<number | undefined> {
  const [row] = await tx.read(sql`select vacuum_floor from dl_maintenance where table_id = ${tableId}`);
  return row && optionalInteger(row, "vacuum_floor");
}

/** Files and deletion vectors that vacuum has removed, or is about to: their last remove is below what it keeps. */
async function whyVacuumed(
  tx: SqlTransaction,
  tableId: string,
  add: FileRow,
  ofPath: readonly LiveFile[],
  floor: number | undefined,
): Promise<Bad | undefined> {
  if (floor === undefined || ofPath.some((file) => file.dvKey === add.dv_key)) return undefined;
  const [removed] = await tx.read(sql`
    select max(version) as any_version, max(case when dv_key = ${add.dv_key} then version end) as same_version
    from dl_removes where table_id = ${tableId} and path_key = unhex(${add.path_key})`);
  const isGone = (column: string) => ((removed && optionalInteger(removed, column)) ?? floor + 1) <= floor;
  const fileIsGone = ofPath.length === 0 && isGone("any_version");
  return fileIsGone || (add.dv_key !== "" && isGone("same_version"))
    ? { reason: "vacuumed", version: floor }
    : undefined;
}
