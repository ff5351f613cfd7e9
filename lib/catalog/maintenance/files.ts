/** Files that no retained version needs, and who still names them. */

import { decodeDeletionVector } from "../../delta/decode.ts";
import { canonicalElsewhere } from "../../delta/files/paths.ts";
import { isInt64 } from "../../delta/values/int64.ts";
import { isJsonObject } from "../../delta/values/json.ts";
import type { ExpiredFile, FilesAsked, FilesInUse, NeededFile, Page } from "../../ports.ts";
import { OPEN, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { canonicalKey } from "../keys.ts";
import { OUTSIDE_PATH } from "../rows/paths.ts";
import { integer, isNull, jsonObject, long, optionalInteger, requireUuid, text } from "../rows/values.ts";
import { SHARED_VECTOR, VECTOR_FILE, vectorFile } from "../rows/vectors.ts";
import { page } from "../tables.ts";

export async function newestRemoval(db: Queries, tableId: string, upTo: number): Promise<number | undefined> {
  const [row] = await db.read(sql`
    select max(version) as version from dl_removes
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and version <= ${upTo}`);
  return row && optionalInteger(row, "version");
}

/** In the order of (version, kind, ord). */
export async function expiredFiles(
  db: Queries,
  tableId: string,
  options: { readonly after: number; readonly floor: number; readonly cursor?: string; readonly limit: number },
): Promise<Page<ExpiredFile>> {
  const id = uuid(requireUuid(tableId, "table id"));
  const { after, floor, cursor, limit } = options;
  const [version = after, kind = 2, ord = 0] = cursor === undefined ? [] : cursor.split(".").map(Number);
  const isAfter = (alias: string, ownKind: number): Sql => {
    const [v, o] = [`${alias}.version`, `${alias}.ord`];
    // The change data of `after` itself has not been dealt with: that version was readable until now.
    if (cursor === undefined) return ownKind === 1 ? sql`${raw(v)} >= ${after}` : sql`${raw(v)} > ${after}`;
    if (ownKind === kind) return db.dialect.compareRows([v, o], ">", [version, ord]);
    return ownKind > kind ? sql`${raw(v)} >= ${version}` : sql`${raw(v)} > ${version}`;
  };
  const none = db.dialect.cast(sql`null`, "int64");
  const rows = await db.read(sql`
    select * from (select r.version, 0 as kind, r.ord, r.path, r.action as fields, (
        select f.size from dl_files f where f.table_id = r.table_id and f.path_key = r.path_key
          and f.removed_version >= r.version and f.removed_version <= r.version and f.removed_version < ${OPEN}
        order by f.removed_version limit 1) as size,
        (select 1 from dl_removes n ${db.dialect.useIndex("dl_removes_path")} where n.table_id = r.table_id
          and n.path_key = r.path_key and n.version > r.version and n.version <= ${floor} limit 1) as again
      from dl_removes r where r.table_id = ${id} and r.version <= ${floor} and ${isAfter("r", 0)}
      order by r.version, r.ord limit ${limit + 1}) removes
    union all
    select * from (select o.version, 1 as kind, o.ord, '' as path, o.action as fields, ${none} as size, ${none} as again
      from dl_other_actions o where o.table_id = ${id} and o.version < ${floor} and ${isAfter("o", 1)}
      order by o.version, o.ord limit ${limit + 1}) changes
    order by version, kind, ord limit ${limit + 1}`);
  const place = (row: Row) => `${integer(row, "version")}.${integer(row, "kind")}.${integer(row, "ord")}`;
  const { items, next } = page(rows, limit, place);
  return { items: items.flatMap(expiredFile), ...(next === undefined ? {} : { next }) };
}

function expiredFile(row: Row): readonly ExpiredFile[] {
  const version = integer(row, "version");
  const fields = jsonObject(row, "fields");
  if (integer(row, "kind") === 1) {
    const { cdc } = fields;
    if (!isJsonObject(cdc) || typeof cdc.path !== "string") return [];
    return [{ version, kind: "changes", path: cdc.path, ...(isInt64(cdc.size) ? { size: cdc.size } : {}) }];
  }
  const size = isNull(row, "size") ? fields.size : long(row, "size");
  const vector = fields.deletionVector;
  return [
    {
      ...{ version, kind: "data", path: text(row, "path") },
      ...(isInt64(size) ? { size } : {}),
      ...(isNull(row, "again") ? {} : { again: true }),
      ...(isJsonObject(vector) ? { deletionVector: decodeDeletionVector(vector, "deletionVector") } : {}),
    },
  ];
}

/** In the order of (version, kind, ord): both parts are walks through a primary key. */
export async function neededFiles(
  db: Queries,
  tableId: string,
  options: { readonly after: number; readonly floor: number; readonly cursor?: string; readonly limit: number },
): Promise<Page<NeededFile>> {
  const id = uuid(requireUuid(tableId, "table id"));
  const { after, floor, cursor, limit } = options;
  const [version = after, kind = 2, ord = 0] = cursor === undefined ? [] : cursor.split(".").map(Number);
  const isAfter = (column: string, alias: string, ownKind: number): Sql => {
    const [v, o] = [`${alias}.${column}`, `${alias}.ord`];
    if (ownKind === kind) return db.dialect.compareRows([v, o], ">", [version, ord]);
    return ownKind > kind ? sql`${raw(v)} >= ${version}` : sql`${raw(v)} > ${version}`;
  };
  const rows = await db.read(sql`
    select * from (select f.added_version as version, 0 as kind, f.ord, f.path, f.size, f.deletion_vector as fields,
        case when f.removed_version = ${OPEN} then 1 else 0 end as live
      from dl_files f where f.table_id = ${id} and f.removed_version > ${floor} and ${isAfter("added_version", "f", 0)}
      order by f.added_version, f.ord limit ${limit + 1}) files
    union all
    select * from (select o.version, 1 as kind, o.ord, '' as path, ${db.dialect.cast(sql`null`, "int64")} as size, o.action as fields, 0 as live
      from dl_other_actions o where o.table_id = ${id} and o.version >= ${floor} and ${isAfter("version", "o", 1)}
      order by o.version, o.ord limit ${limit + 1}) changes
    order by version, kind, ord limit ${limit + 1}`);
  const place = (row: Row) => `${integer(row, "version")}.${integer(row, "kind")}.${integer(row, "ord")}`;
  const { items, next } = page(rows, limit, place);
  return { items: items.flatMap(neededFile), ...(next === undefined ? {} : { next }) };
}

function neededFile(row: Row): readonly NeededFile[] {
  if (integer(row, "kind") === 1) return expiredFile(row).map((file) => ({ ...file, isLive: false }));
  const vector = isNull(row, "fields") ? undefined : jsonObject(row, "fields");
  return [
    {
      ...{ version: integer(row, "version"), kind: "data", path: text(row, "path"), size: long(row, "size") },
      isLive: integer(row, "live") === 1,
      ...(vector === undefined ? {} : { deletionVector: decodeDeletionVector(vector, "deletionVector") }),
    },
  ];
}

/** Scalar subqueries, each with an index that answers it: a planner without statistics would join with all files of the catalog. */
export async function filesInUse(
  db: Queries,
  { tableId, location, floor }: { readonly tableId: string; readonly location: string; readonly floor: number },
  { keys, vectors }: FilesAsked,
): Promise<FilesInUse> {
  const id = uuid(requireUuid(tableId, "table id"));
  const { textList, keyOf, useIndex } = db.dialect;
  const found = (condition: Sql, index: string) =>
    sql`(select 1 from dl_files f ${useIndex(index)} where ${condition} limit 1) is not null`;
  const ofPath = sql`f.table_id = ${id} and f.path_key = ${keyOf(sql`k.t`)}`;
  const own = sql`select k.n from ${textList(keys.map(canonicalKey))} k
    where ${found(sql`${ofPath} and f.removed_version = ${OPEN}`, "dl_files_live")}
      or ${found(sql`${ofPath} and f.removed_version > ${floor} and f.removed_version < ${OPEN}`, "dl_files_former")}`;
  const elsewhere = keys.map((key) => canonicalKey(canonicalElsewhere(key, location)));
  const others = sql`select k.n from ${textList(elsewhere)} k
    where ${found(sql`f.path_key = ${keyOf(sql`k.t`)} and (${raw(OUTSIDE_PATH)})`, "dl_files_outside")}`;
  const ofVector = sql`f.table_id = ${id} and ${raw(VECTOR_FILE)} = k.t and f.deletion_vector is not null
    and f.removed_version > ${floor}`;
  const named = sql`select k.n from ${textList(vectors.map(vectorFile))} k
    where ${found(ofVector, "dl_files_vectors")}`;
  const places = async (query: Sql) => (await db.read(query)).map((row) => integer(row, "n"));
  return {
    keys: new Set(keys.length === 0 ? [] : await places(sql`${own} union ${others}`)),
    vectors: new Set(vectors.length === 0 ? [] : await places(named)),
  };
}

export async function changeFilesFrom(
  db: Queries,
  tableId: string,
  version: number,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db.read(sql`
    select o.action as fields from dl_other_actions o
    where o.table_id = ${uuid(requireUuid(tableId, "table id"))} and o.version >= ${version}
    order by o.version, o.ord limit ${limit}`);
  return rows.flatMap((row) => {
    const { cdc } = jsonObject(row, "fields");
    return isJsonObject(cdc) && typeof cdc.path === "string" ? [cdc.path] : [];
  });
}

export async function sharedVectors(
  db: Queries,
  { cursor, limit }: { readonly cursor?: string; readonly limit: number },
): Promise<Page<string>> {
  const [id = "", version = "0", ord = "0"] = (cursor ?? "").split("/");
  const after =
    cursor === undefined
      ? sql`true`
      : db.dialect.compareRows(["f.table_id", "f.added_version", "f.ord"], ">", [
          uuid(id),
          Number(version),
          Number(ord),
        ]);
  const rows = await db.read(sql`
    select f.table_id, f.added_version, f.ord, f.deletion_vector from dl_files f
    where ${raw(SHARED_VECTOR.replace("deletion_vector", "f.deletion_vector"))} and ${after}
    order by f.table_id, f.added_version, f.ord limit ${limit + 1}`);
  const place = (row: Row) => [text(row, "table_id"), integer(row, "added_version"), integer(row, "ord")].join("/");
  const { items, next } = page(rows, limit, place);
  const paths = items.map(
    (row) => decodeDeletionVector(jsonObject(row, "deletion_vector"), "deletionVector").pathOrInlineDv,
  );
  return { items: paths, ...(next === undefined ? {} : { next }) };
}

export async function placesWithin(db: Queries, location: string): Promise<readonly string[]> {
  const rows = await db.read(
    sql`select t.location from dl_tables t where t.location > ${`${location}/`} and t.location < ${`${location}0`}`,
  );
  return rows.map((row) => text(row, "location"));
}
