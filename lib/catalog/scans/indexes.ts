/** dl_scan_indexes and dl_scan_bounds: how indexes for scans come, grow and go. */

import { randomBytes } from "node:crypto";
import type { AddFile } from "../../delta/actions.ts";
import { LAST_ORD, nodeOf } from "../../delta/predicates/scan-keys.ts";
import type { BehindIndex, Clock, FilePlace, IndexedFile, ScanIndex, Scans, ScanWish } from "../../ports.ts";
import { insertRows } from "../commit/insert-rows.ts";
import { type Database, type Queries, type Row, raw, type SqlTransaction, sql, uuid } from "../database.ts";
import type { TypedColumn } from "../dialect.ts";
import { insertNewRows } from "../insert-new.ts";
import { integer, jsonObject, optionalText, requireUuid, storedUuid, text } from "../rows/values.ts";

export async function scanIndexes(db: Queries, tableId?: string): Promise<readonly ScanIndex[]> {
  const id = tableId === undefined ? undefined : storedUuid(tableId);
  if (tableId !== undefined && id === undefined) return [];
  const which = id === undefined ? sql`true` : sql`table_id = ${uuid(id)}`;
  const rows = await db.read(sql`select * from dl_scan_indexes where ${which} order by created_at, index_id`);
  return rows.map(indexOf);
}

function indexOf(row: Row): ScanIndex {
  return {
    tableId: text(row, "table_id"),
    indexId: integer(row, "index_id"),
    columnId: text(row, "column_id"),
    form: text(row, "key_form"),
    fromVersion: integer(row, "from_version"),
    at: { version: integer(row, "to_version"), ord: integer(row, "to_ord") },
    numRows: integer(row, "num_rows"),
  };
}

export async function scanIndexesBehind(db: Queries): Promise<readonly BehindIndex[]> {
  const rows = await db.read(sql`
    select i.*, t.version as head_version from dl_scan_indexes i join dl_tables t on t.table_id = i.table_id
    where t.status = 'ACTIVE' and (i.to_version < t.version or i.to_ord < ${LAST_ORD}) order by i.created_at, i.index_id`);
  return rows.map((row) => ({ ...indexOf(row), headVersion: integer(row, "head_version") }));
}

export async function addScanWish(db: Database, clock: Clock, { tableId, columnId }: ScanWish): Promise<void> {
  const [columns, key] = [
    ["table_id", "column_id", "wished_at"],
    ["table_id", "column_id"],
  ];
  const values = [[uuid(requireUuid(tableId, "table id")), columnId, clock.now()]];
  await insertNewRows(db, { table: "dl_scan_wishes", columns, key, values });
}

export async function scanWishes(db: Queries, limit: number): Promise<readonly ScanWish[]> {
  const rows = await db.read(sql`
    select table_id, column_id from dl_scan_wishes order by wished_at, table_id, column_id limit ${limit}`);
  return rows.map((row) => ({ tableId: text(row, "table_id"), columnId: text(row, "column_id") }));
}

export async function endScanWish(db: Queries, { tableId, columnId }: ScanWish): Promise<void> {
  const id = uuid(requireUuid(tableId, "table id"));
  await db.write(sql`delete from dl_scan_wishes where table_id = ${id} and column_id = ${columnId}`);
}

/** Ids of indexes are of six random bytes: rows that an index has left behind are never taken for another one's. */
const newIndexId = (): number => 1 + randomBytes(6).readUIntBE(0, 6);

export async function addScanIndex(
  db: Queries,
  clock: Clock,
  { tableId, columnId, form, fromVersion }: Parameters<Scans["addScanIndex"]>[0],
): Promise<void> {
  const id = uuid(requireUuid(tableId, "table id"));
  await db.write(sql`
    insert into dl_scan_indexes (table_id, index_id, column_id, key_form, from_version, to_version, to_ord, num_rows, created_at)
    values (${id}, ${newIndexId()}, ${columnId}, ${form}, ${fromVersion}, -1, 0, 0, ${clock.now()})
    ${db.dialect.onConflict("dl_scan_indexes", { key: ["table_id", "column_id"], set: [] })}`);
}

export async function dropScanIndex(db: Queries, indexId: number): Promise<void> {
  await db.write(sql`delete from dl_scan_indexes where index_id = ${indexId}`);
}

/** From one index to the next: there are few of them, and millions of rows. */
export async function sweepScanBounds(db: Queries, limit: number): Promise<boolean> {
  const [orphan] = await db.read(sql`
    with recursive ids(id) as (
      select min(index_id) from dl_scan_bounds
      union all
      select (select min(b.index_id) from dl_scan_bounds b where b.index_id > ids.id) from ids where ids.id is not null)
    select id from ids
    where id is not null and not exists (select 1 from dl_scan_indexes i where i.index_id = ids.id) limit 1`);
  if (orphan === undefined) return false;
  await db.write(sql`
    delete from dl_scan_bounds where (index_id, node, high, added_version, ord) in (
      select * from (
        select index_id, node, high, added_version, ord from dl_scan_bounds
        where index_id = ${integer(orphan, "id")} limit ${limit}) few)`);
  return true;
}

export async function filesToIndex(
  db: Queries,
  tableId: string,
  { after, upTo, fromVersion, limit }: Parameters<Scans["filesToIndex"]>[1],
): Promise<readonly IndexedFile[]> {
  const rows = await db.read(sql`
    select added_version, ord, partition_values, stats from dl_files
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and ${db.dialect.compareRows(["added_version", "ord"], ">", [after.version, after.ord])}
      and added_version <= ${upTo} and removed_version > ${fromVersion}
    order by added_version, ord limit ${limit}`);
  return rows.map((row) => {
    const stats = optionalText(row, "stats");
    return {
      place: placeOf(row),
      partitionValues: jsonObject(row, "partition_values") as AddFile["partitionValues"],
      ...(stats === undefined ? {} : { stats }),
    };
  });
}

export function placeOf(row: Row): FilePlace {
  return { version: integer(row, "added_version"), ord: integer(row, "ord") };
}

const COLUMNS: readonly TypedColumn[] = [
  { name: "index_id", type: "int64" },
  { name: "node", type: "int64" },
  { name: "high", type: "int64" },
  { name: "added_version", type: "int64" },
  { name: "ord", type: "int32" },
  { name: "low", type: "int64" },
];

/** The index is moved first: of two workers one finds it moved, and writes nothing. */
export async function advanceScanIndex(
  db: Database,
  { indexId, at }: ScanIndex,
  to: FilePlace,
  files: Parameters<Scans["advanceScanIndex"]>[2],
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const here = sql`where index_id = ${indexId} and to_version = ${at.version} and to_ord = ${at.ord}`;
    const found = await tx.writeReturning(sql`select num_rows from dl_scan_indexes ${here}${tx.dialect.forUpdate}`);
    if (found.length === 0) return false;
    await tx.write(sql`
      update dl_scan_indexes set to_version = ${to.version}, to_ord = ${to.ord}, num_rows = num_rows + ${files.length}
      where index_id = ${indexId}`);
    const rows = files.map(({ place, range }) => ({
      index_id: indexId,
      node: nodeOf(range),
      high: range.high,
      added_version: place.version,
      ord: place.ord,
      low: range.low,
    }));
    await insertBounds(tx, rows);
    return true;
  });
}

type BoundsRow = Readonly<Record<string, number | bigint>>;

async function insertBounds(tx: SqlTransaction, rows: readonly BoundsRow[]): Promise<void> {
  const names = COLUMNS.map(({ name }) => name);
  const { rowsOfJson } = tx.dialect;
  if (rowsOfJson === undefined) return insertRows(tx, "dl_scan_bounds", names, rows);
  if (rows.length === 0) return;
  // As texts: JSON numbers of most readers end at 53 bits.
  const json = JSON.stringify(rows.map((row) => names.map((name) => String(row[name]))));
  const columns = raw(names.join(", "));
  await tx.write(sql`insert into dl_scan_bounds (${columns}) select ${columns} from ${rowsOfJson(json, COLUMNS)}`);
}
