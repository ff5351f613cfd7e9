/** Files that indexes find for a scan: first their places, a page of them, then their rows. */

import type { AddFile } from "../../delta/actions.ts";
import type { KeyRange } from "../../delta/predicates/scan-keys.ts";
import { nodesAbout } from "../../delta/predicates/scan-keys.ts";
import type { FilePlace, IndexLook, ListPage, Scans } from "../../ports.ts";
import { columnsOf, join, type Queries, type Sql, sql, uuid } from "../database.ts";
import { placeOf } from "../reads/files.ts";
import { checkVersionHeld } from "../reads/versions.ts";
import { ADD_COLUMNS, addOf } from "../rows/add.ts";
import { integer, isNull, requireUuid, storedUuid } from "../rows/values.ts";
import { tableNotFound } from "../tables.ts";

/** Files of which the interval in one index meets one range: three ways into the tree (delta/predicates/scan-keys.ts). */
function meets(db: Queries, indexId: number, { low, high }: KeyRange): readonly Sql[] {
  const [{ below }, { above }] = [nodesAbout(low), nodesAbout(high)];
  const found = (which: Sql): Sql =>
    sql`select b.added_version, b.ord from dl_scan_bounds b where b.index_id = ${indexId} and ${which}`;
  return [
    found(sql`b.node between ${low} and ${high}`),
    ...(below.length === 0 ? [] : [found(sql`${db.dialect.isAmong("b.node", below)} and b.high >= ${low}`)]),
    ...(above.length === 0 ? [] : [found(sql`${db.dialect.isAmong("b.node", above)} and b.low <= ${high}`)]),
  ];
}

/** Ranges of one look have no key in common, though an interval may meet several of them. */
function found(db: Queries, { index, ranges }: IndexLook): Sql {
  const parts = ranges.flatMap((range) => meets(db, index.indexId, range));
  return parts.length === 0 ? sql`select 0 as added_version, 0 as ord where false` : join(parts, " union all ");
}

function beyond(db: Queries, tableId: string, past: FilePlace, version: number): Sql {
  return sql`select f.added_version, f.ord from dl_files f
    where f.table_id = ${uuid(tableId)} and ${db.dialect.compareRows(["f.added_version", "f.ord"], ">", [past.version, past.ord])}
      and f.added_version <= ${version} and f.removed_version > ${version}`;
}

export async function countCandidates(
  db: Queries,
  tableId: string,
  { looks, past, version, most }: Parameters<Scans["countCandidates"]>[1],
): ReturnType<Scans["countCandidates"]> {
  const id = requireUuid(tableId, "table id");
  const count = (rows: Sql): Sql => sql`(select count(*) from (select * from (${rows}) u limit ${most}) n)`;
  const counts = looks.map((look, i) => sql`select ${i} as look, ${count(found(db, look))} as files`);
  const rest = sql`select -1 as look, ${count(beyond(db, id, past, version))} as files`;
  const rows = await db.read(join([...counts, rest], " union all "));
  const byLook = new Map(rows.map((row) => [integer(row, "look"), integer(row, "files")]));
  return { found: looks.map((_, i) => byLook.get(i) ?? most), beyond: byLook.get(-1) ?? most };
}

/** Rows read at first; statistics may be of any size, so more only where these were small. */
const FIRST_ROWS = 200;
const ROWS_BYTES = 4_000_000;

export async function readCandidates(
  db: Queries,
  tableId: string,
  version: number,
  options: Parameters<Scans["readCandidates"]>[2],
): Promise<ListPage<AddFile> | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const places = await placesOf(db, id, version, options);
  if (places === undefined) return undefined;
  const kept = places.slice(0, options.limit);
  const files: { readonly file: AddFile; readonly place: FilePlace }[] = [];
  let read = 0;
  let bytes = 0;
  for (let count = FIRST_ROWS; read < kept.length && bytes < ROWS_BYTES; count *= 4) {
    const some = kept.slice(read, read + count);
    const rows = await filesAt(db, id, version, some);
    files.push(...rows);
    bytes += rows.reduce((sum, { file }) => sum + (file.stats?.length ?? 0), 0);
    read += some.length;
  }
  const last = kept[read - 1];
  const more = read < places.length && last !== undefined;
  return {
    items: files.map(({ file }) => file),
    cursorAfter: (count) => cursorOf(files[count - 1]?.place ?? last ?? { version: 0, ord: 0 }),
    ...(more ? { next: cursorOf(last) } : {}),
  };
}

function cursorOf({ version, ord }: FilePlace): string {
  return `${version}.${ord}`;
}

/** One more than the limit where there are more. The indexes are looked at in the same statement: one that was dropped finds nothing. */
async function placesOf(
  db: Queries,
  tableId: string,
  version: number,
  { looks, past, cursor, limit }: Parameters<Scans["readCandidates"]>[2],
): Promise<readonly FilePlace[] | undefined> {
  const after =
    cursor === undefined ? sql`true` : db.dialect.compareRows(["added_version", "ord"], ">", placeOf(cursor));
  const all = join(
    looks.map((look) => sql`select added_version, ord from (${found(db, look)}) u`),
    " intersect ",
  );
  const indexes = looks.map(({ index }) => index.indexId);
  const rows = await db.read(sql`
    with places as (
      select added_version, ord from (
        select added_version, ord from (${all}) i union ${beyond(db, tableId, past, version)}
      ) a where added_version <= ${version} and ${after} order by added_version, ord limit ${limit + 1})
    select g.known, p.added_version, p.ord
    from (select count(*) as known from dl_scan_indexes where index_id in (${join(indexes)})) g left join places p on true
    order by p.added_version, p.ord`);
  if (rows[0] === undefined || integer(rows[0], "known") < indexes.length) return undefined;
  return rows
    .filter((row) => !isNull(row, "added_version"))
    .map((row) => ({ version: integer(row, "added_version"), ord: integer(row, "ord") }));
}

/** Of these places the files that are live at the version. To SQLite "cross join" says in which order to join. */
async function filesAt(
  db: Queries,
  tableId: string,
  version: number,
  places: readonly FilePlace[],
): Promise<readonly { readonly file: AddFile; readonly place: FilePlace }[]> {
  const pairs = db.dialect.pairs(places.map((place) => [place.version, place.ord]));
  const rows = await db.read(sql`
    select t.version as head_version, t.base_version, files.*
    from dl_tables t left join (
      select f.added_version as at_version, f.ord as at_ord, ${columnsOf("f", ADD_COLUMNS)}
      from ${pairs} p cross join dl_files f
      where f.table_id = ${uuid(tableId)} and f.added_version = p.a and f.ord = p.b and f.removed_version > ${version}
    ) files on true
    where t.table_id = ${uuid(tableId)} and t.status = 'ACTIVE'
    order by at_version, at_ord`);
  const [first] = rows;
  if (first === undefined) throw tableNotFound(tableId);
  checkVersionHeld(tableId, version, integer(first, "base_version"), integer(first, "head_version"));
  if (isNull(first, "at_version")) return [];
  return rows.map((row) => ({
    file: addOf(row),
    place: { version: integer(row, "at_version"), ord: integer(row, "at_ord") },
  }));
}
