/** dl_files and dl_removes at a version: one range query, no replay. */

import type { AddFile, RemoveFile } from "../../delta/actions.ts";
import { invalid } from "../../errors.ts";
import type { ListPage, PageLimits } from "../../ports.ts";
import { columnsOf, OPEN, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { REMOVE_COLUMNS, removeOf } from "../rows/actions.ts";
import { ADD_COLUMNS, ADD_TEXTS, addOf, addText } from "../rows/add.ts";
import { integer, isNull, storedUuid, text } from "../rows/values.ts";
import { isActive, pageThatGoesOn, tableNotFound } from "../tables.ts";
import { checkVersionHeld } from "./versions.ts";
import { LISTED, pickedRows, rowBytes } from "./weighed.ts";

/** Where a file stands in the order of the primary key. */
const PLACE = ["f.added_version", "f.ord"];

interface PageOptions extends PageLimits {
  readonly cursor?: string;
  readonly upTo?: string;
}

/** In the order of the primary key: (added_version, ord). @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export function readFiles(
  db: Queries,
  tableId: string,
  version: number,
  options: PageOptions,
): Promise<ListPage<AddFile>> {
  return readPage(db, tableId, version, options, { columns: columnsOf("f", ADD_COLUMNS), itemOf: addOf });
}

/** As {@link readFiles}, each as the JSON text that an answer has of it, which the database puts together. */
export function readFileTexts(
  db: Queries,
  tableId: string,
  version: number,
  options: PageOptions & { readonly fields?: readonly string[] },
): Promise<ListPage<string>> {
  const columns = sql`${raw(addText(db.dialect, "f", options.fields))} as json`;
  return readPage(db, tableId, version, options, { columns, itemOf: (row) => text(row, "json") });
}

/** What is read of a file. */
interface Shape<T> {
  readonly columns: Sql;
  readonly itemOf: (row: Row) => T;
}

async function readPage<T>(
  db: Queries,
  tableId: string,
  version: number,
  options: PageOptions,
  shape: Shape<T>,
): Promise<ListPage<T>> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const after = options.cursor === undefined ? sql`true` : db.dialect.compareRows(PLACE, ">", placeOf(options.cursor));
  const within = options.upTo === undefined ? sql`true` : db.dialect.compareRows(PLACE, "<=", placeOf(options.upTo));
  const live: Live = {
    from: sql`from dl_files f ${db.dialect.usePrimaryKey}
    where f.table_id = ${uuid(id)} and f.added_version <= ${version} and f.removed_version > ${version}
      and ${after} and ${within}`,
    inOrder: sql`order by f.added_version, f.ord limit ${options.limit + 1}`,
    columns: sql`f.added_version as at_version, f.ord as at_ord, ${shape.columns}`,
  };
  const found = await readWholePage(db, id, live, options.maxBytes);
  const rows = found.length > 0 ? found : await readAnyPage(db, id, live, options.maxBytes);
  return pageOf(rows, { tableId, version, limit: options.limit }, shape.itemOf);
}

/** The live files of a version from a place on, as parts of a select. */
interface Live {
  readonly from: Sql;
  readonly inOrder: Sql;
  readonly columns: Sql;
}

const weighed = ({ from, inOrder }: Live): Sql =>
  sql`select f.added_version, f.ord, ${raw(rowBytes("f", ADD_TEXTS))} as bytes ${from} ${inOrder}`;

/** Nothing where there is no file, or they are more than `maxBytes`: rows come as the index has them, and none is copied on the way. */
function readWholePage(db: Queries, id: string, live: Live, maxBytes: number | undefined): Promise<readonly Row[]> {
  const ofHead = (column: string) =>
    sql`(select t.${raw(column)} from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE')`;
  const fits =
    maxBytes === undefined ? sql`` : sql`and (select sum(bytes) from (${weighed(live)}) weighed) <= ${maxBytes}`;
  const query = sql`
    select ${ofHead("version")} as head_version, ${ofHead("base_version")} as base_version, 0 as listed, ${live.columns}
    ${live.from} and ${isActive(id)} ${fits} ${live.inOrder}`;
  return db.read(query, { byIndex: true });
}

/** Whatever there is: one row that says what the table holds where that is no file; none without a table. */
async function readAnyPage(db: Queries, id: string, live: Live, maxBytes: number | undefined): Promise<readonly Row[]> {
  const list =
    maxBytes === undefined
      ? { before: sql``, rows: sql`select ${live.columns} ${live.from} ${live.inOrder}`, listed: sql`0` }
      : {
          before: sql`with ${pickedRows(db.dialect, weighed(live), sql`added_version, ord`, maxBytes)}`,
          rows: sql`select ${live.columns} from picked p
            join dl_files f on f.table_id = ${uuid(id)} and f.added_version = p.added_version and f.ord = p.ord`,
          listed: LISTED,
        };
  const query = sql`
    ${list.before}
    select t.version as head_version, t.base_version, ${list.listed} as listed, files.*
    from dl_tables t left join (${list.rows}) files on true
    where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    order by at_version, at_ord`;
  return db.read(query, { byIndex: true });
}

/** In the order of the primary key: (version, ord). @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export async function readTombstones(
  db: Queries,
  tableId: string,
  version: number,
  options: Omit<PageOptions, "upTo"> & { readonly newerThan: number },
): Promise<ListPage<RemoveFile>> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const after =
    options.cursor === undefined
      ? sql`true`
      : db.dialect.compareRows(["r.version", "r.ord"], ">", placeOf(options.cursor));
  const sameFile = (other: Sql) =>
    sql`${other}.table_id = ${uuid(id)} and ${other}.path_key = r.path_key and ${other}.dv_key = r.dv_key`;
  // Scalar subqueries, because PostgreSQL would turn "not exists" into a join that reads all files of the table while it has no
  // statistics; "+ 0" keeps it from the index that begins with the version (and useIndex keeps SQLite from it). Two questions about files, because each of the
  // partial indexes answers one of them.
  const rows = await db.read(sql`
    select t.version as head_version, t.base_version, 0 as listed, removes.*
    from dl_tables t left join (
      select r.version as at_version, r.ord as at_ord, ${columnsOf("r", REMOVE_COLUMNS)}
      from dl_removes r where r.table_id = ${uuid(id)} and r.version <= ${version}
        and coalesce(r.deletion_timestamp, 0) > ${options.newerThan} and ${after}
        and (select 1 from dl_removes later ${db.dialect.useIndex("dl_removes_path")}
          where ${sameFile(sql`later`)} and later.version + 0 <= ${version}
          and (later.version + 0, later.ord) > (r.version, r.ord) limit 1) is null
        and (select 1 from dl_files f where ${sameFile(sql`f`)} and f.removed_version = ${OPEN}
          and f.added_version + 0 <= ${version} limit 1) is null
        and (select 1 from dl_files f where ${sameFile(sql`f`)} and f.removed_version > ${version}
          and f.removed_version < ${OPEN} and f.added_version + 0 <= ${version} limit 1) is null
      order by r.version, r.ord limit ${options.limit + 1}) removes on true
    where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    order by at_version, at_ord`);
  return pageOf(rows, { tableId, version, limit: options.limit }, (row) => removeOf(row));
}

/** Every row says what the table holds; where nothing was found, one row says only that. */
function pageOf<T>(
  rows: readonly Row[],
  at: { readonly tableId: string; readonly version: number; readonly limit: number },
  read: (row: Row) => T,
): ListPage<T> {
  const [first] = rows;
  if (first === undefined) throw tableNotFound(at.tableId);
  checkVersionHeld(at.tableId, at.version, integer(first, "base_version"), integer(first, "head_version"));
  const found = isNull(first, "at_version") ? [] : rows;
  const kept = found.slice(0, at.limit);
  const more = Math.max(found.length, integer(first, "listed")) > kept.length;
  const { next, cursorAfter } = pageThatGoesOn(kept, {
    cursor: (row) => `${integer(row, "at_version")}.${integer(row, "at_ord")}`,
    more,
  });
  return { items: kept.map(read), cursorAfter, ...(next === undefined ? {} : { next }) };
}

/** Version and number within it of the file that a cursor stands behind. @throws LakeError invalid INVALID_CURSOR */
export function placeOf(cursor: string): readonly [version: number, ord: number] {
  const match = /^(\d{1,16})\.(\d{1,10})$/.exec(cursor);
  if (match === null) {
    throw invalid(`"${cursor}" is not a cursor of this list`, {
      code: "INVALID_CURSOR",
      hint: "Pass back the cursor of the page before.",
    });
  }
  return [Number(match[1]), Number(match[2])];
}
