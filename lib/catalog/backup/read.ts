/** The rows of a backup as they come out of the database: the heads at one moment, and pages of all else in the order of their keys. */

import type { BackupRow, BackupValue, CatalogCut, CutTable, RowPage, RowsWanted, VersionMark } from "../../ports.ts";
import { join, OPEN, type Queries, quoted, type Row, raw, type Sql, type SqlValue, sql, uuid } from "../database.ts";
import { checkSchema } from "../migrations/migrate.ts";
import { LISTED, pickedRows, rowBytes } from "../reads/weighed.ts";
import { FINGERPRINT_COLUMNS, headOf, lanesOf } from "../rows/heads.ts";
import { flag, integer, isNull, optionalInteger, text } from "../rows/values.ts";
import { type RowSet, rowSet } from "./sets.ts";

/** A page: as the Data API answers it in one call, and small beside a part of a backup. */
const PAGE_ROWS = 2000;
const PAGE_BYTES = 400_000;
/** Ids in one statement. */
const IDS_AT_ONCE = 500;

export async function readCut(db: Queries): Promise<CatalogCut> {
  const catalogId = await checkSchema(db);
  const applied = await db.read(sql`select id from dl_migrations where id > 0 order by id`);
  const set = rowSet("dl_tables");
  const rows = await db.read(sql`
    select ${selected(db, set)}, (select min(m.version) from dl_mirror_status m
      where m.table_id = r.table_id and ${raw(db.dialect.isUnpublished)}) as dl_open
    from dl_tables r order by r.table_id`);
  return {
    catalogId,
    migrations: applied.map((row) => integer(row, "id")),
    tables: rows.map((row) => cutTable(row, set)),
  };
}

function cutTable(row: Row, set: RowSet): CutTable {
  const { tableId, name, location, status, version, baseVersion, timestamp, numFiles } = headOf(row);
  const firstUnpublished = optionalInteger(row, "dl_open");
  return {
    tableId,
    name,
    location,
    status,
    version,
    baseVersion,
    timestamp,
    numFiles,
    fingerprint: lanesOf(row, FINGERPRINT_COLUMNS),
    rowsSince: integer(row, "rows_since"),
    forgottenVersion: integer(row, "forgotten_version"),
    forgottenBefore: integer(row, "forgotten_before"),
    changes: integer(row, "identity_changes"),
    isPurged: !isNull(row, "purged_at"),
    ...(firstUnpublished === undefined ? {} : { firstUnpublished }),
    row: values(row, set),
  };
}

export async function readRows(db: Queries, { set: name, range, cursor }: RowsWanted): Promise<RowPage> {
  const set = rowSet(name);
  const after = cursor === undefined ? undefined : (JSON.parse(cursor) as readonly SqlValue[]);
  if (range === undefined) return pageOf(await db.read(wholePage(db, set, after)), set, set.key);
  if (set.kind === "ended") return endedPage(db, set, range, after);
  if (set.kind === "transactions") {
    const rows = await db.read(transactionsPage(db, set, range, after));
    return pageOf(rows, set, ["dl_version"], "transaction_id");
  }
  const order = [set.version ?? "", ...set.key.filter((column) => column !== "table_id" && column !== set.version)];
  const inRange = sql`r.table_id = ${uuid(range.tableId)} and ${within(`r.${set.version}`, range)}`;
  return pageOf(await db.read(weighedPage(db, set, order, inRange, after)), set, order);
}

type Range = NonNullable<RowsWanted["range"]>;

function within(column: string, { after, upTo }: Range): Sql {
  return sql`${raw(column)} > ${after} and ${raw(column)} <= ${upTo}`;
}

function wholePage(db: Queries, set: RowSet, after: readonly SqlValue[] | undefined): Sql {
  return weighedPage(db, set, set.key, sql`true`, after);
}

/** Rows may hold megabytes each: their keys are weighed first, and then as many are read as a page may hold. */
function weighedPage(
  db: Queries,
  set: RowSet,
  order: readonly string[],
  where: Sql,
  after: readonly SqlValue[] | undefined,
): Sql {
  const texts = set.typed.filter(({ type }) => type === "text" || type === "name").map(({ name }) => name);
  const keys = [...new Set([...order, ...set.key])];
  const listed = sql`
    select ${named("r", keys)}, ${raw(rowBytes("r", texts))} as bytes from ${raw(set.table)} r
    where ${where} and ${later(db, order, set, after)} order by ${named("r", order)} limit ${PAGE_ROWS}`;
  const same = set.key.map((column) => `r.${column} = p.${column}`).join(" and ");
  return sql`
    with ${pickedRows(db.dialect, listed, quoted(order), PAGE_BYTES)}
    select ${LISTED} as dl_listed, ${selected(db, set)} from picked p join ${raw(set.table)} r on ${raw(same)}
    order by ${named("p", order)}`;
}

/** After the last row of the page before, by the columns of the order. */
function later(
  { dialect }: Queries,
  order: readonly string[],
  set: RowSet,
  after: readonly SqlValue[] | undefined,
): Sql {
  if (after === undefined) return sql`true`;
  const isUuid = (column: string) => set.typed.some(({ name, type }) => name === column && type === "uuid");
  const places = order.map((column, i) => (isUuid(column) ? uuid(String(after[i])) : (after[i] as SqlValue)));
  return dialect.compareRows(
    order.map((column) => `r.${column}`),
    ">",
    places,
  );
}

/**
 * Files whose life ended in these versions: a remove, or an add of the same file, of the very version ended it. Pages go by those,
 * so that what is read follows the change and not the table.
 */
async function endedPage(
  db: Queries,
  set: RowSet,
  range: Range,
  after: readonly SqlValue[] | undefined,
): Promise<RowPage> {
  const [by = "dl_removes"] = after === undefined ? [] : [String(after[0])];
  const version = by === "dl_removes" ? "version" : "added_version";
  const from =
    after?.[1] === undefined
      ? sql`true`
      : db.dialect.compareRows([`d.${version}`, "d.ord"], ">", [after[1], after[2] ?? 0]);
  const rows = await db.read(sql`
    select d.ending, d.ending_ord, ${selected(db, set)}
    from (select d.${raw(version)} as ending, d.ord as ending_ord, d.path_key from ${raw(by)} d
      where d.table_id = ${uuid(range.tableId)} and ${within(`d.${version}`, range)} and ${from}
      order by d.${raw(version)}, d.ord limit ${PAGE_ROWS}) d
    left join dl_files r on r.table_id = ${uuid(range.tableId)} and r.path_key = d.path_key
      and r.removed_version = d.ending and r.removed_version < ${OPEN} and r.added_version <= ${range.after}
    order by d.ending, d.ending_ord`);
  const last = rows.at(-1);
  const next = last !== undefined ? [by, last.ending, last.ending_ord] : by === "dl_removes" ? ["dl_files"] : undefined;
  return {
    rows: rows.filter((row) => row.table_id !== null).map((row) => values(row, set)),
    ...(next === undefined ? {} : { next: JSON.stringify(next) }),
  };
}

/** By the versions that they made: the key of the table says nothing about when. */
function transactionsPage(db: Queries, set: RowSet, range: Range, after: readonly SqlValue[] | undefined): Sql {
  return sql`
    select v.version as dl_version, ${raw(String(PAGE_ROWS))} as dl_listed, ${selected(db, set)}
    from (select v.version, v.transaction_id from dl_versions v
      where v.table_id = ${uuid(range.tableId)} and ${within("v.version", { ...range, after: Number(after?.[0] ?? range.after) })}
      order by v.version limit ${PAGE_ROWS}) v
    left join dl_transactions r on r.transaction_id = v.transaction_id order by v.version`;
}

/** @param order columns of which the last row says where the page ended @param present a column that is null where a line holds no row */
function pageOf(rows: readonly Row[], set: RowSet, order: readonly string[], present?: string): RowPage {
  const last = rows.at(-1);
  const listed = last === undefined ? 0 : integer(last, "dl_listed");
  const more = last !== undefined && (listed > rows.length || rows.length === PAGE_ROWS);
  return {
    rows: rows.filter((row) => present === undefined || row[present] !== null).map((row) => values(row, set)),
    ...(more ? { next: JSON.stringify(order.map((column) => last[column])) } : {}),
  };
}

function named(alias: string, columns: readonly string[]): Sql {
  return raw(columns.map((column) => `${alias}.${column}`).join(", "));
}

function selected(db: Queries, set: RowSet): Sql {
  return join(
    set.typed.map(({ name, type }) =>
      type === "key" ? sql`${db.dialect.hexOf(`r.${name}`)} as ${raw(name)}` : raw(`r.${name}`),
    ),
  );
}

function values(row: Row, set: RowSet): BackupRow {
  return set.typed.map(({ name, type }): BackupValue => {
    const value = row[name];
    if (value === null || value === undefined) return null;
    return type === "boolean" ? flag(row, name) : (value as BackupValue);
  });
}

export async function holdVersions(db: Queries, tables: readonly VersionMark[]): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  const marks = new Map(tables.map((mark) => [`${mark.tableId} ${mark.version}`, mark]));
  for (let start = 0; start < tables.length; start += IDS_AT_ONCE) {
    const some = tables.slice(start, start + IDS_AT_ONCE);
    const pairs = some.map(({ tableId, version }) => sql`(v.table_id = ${uuid(tableId)} and v.version = ${version})`);
    const rows = await db.read(sql`
      select v.table_id, v.version, v.timestamp, ${raw(FINGERPRINT_COLUMNS.map((name) => `v.${name}`).join(", "))}
      from dl_versions v where ${join(pairs, " or ")}`);
    for (const row of rows) {
      const mark = marks.get(`${text(row, "table_id")} ${integer(row, "version")}`);
      const lanes = lanesOf(row, FINGERPRINT_COLUMNS);
      const same = mark?.timestamp === integer(row, "timestamp") && mark.fingerprint.every((h, i) => h === lanes[i]);
      if (mark !== undefined && same) held.add(mark.tableId);
    }
  }
  return held;
}

export async function tablesAmong(db: Queries, tableIds: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let start = 0; start < tableIds.length; start += IDS_AT_ONCE) {
    const some = tableIds.slice(start, start + IDS_AT_ONCE).map(uuid);
    const rows = await db.read(sql`select table_id from dl_tables where table_id in (${join(some)})`);
    for (const row of rows) found.add(text(row, "table_id"));
  }
  return found;
}
