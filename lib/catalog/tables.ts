/** dl_tables: heads of the tables. */

import type { TableRef } from "../delta/request.ts";
import type { TableHead, TableState } from "../delta/table.ts";
import { notFound } from "../errors.ts";

import type { Claim, ListPage } from "../ports.ts";
import { firstClaim, readClaims } from "./claims.ts";
import { join, type Queries, type Row, type Sql, sql, uuid } from "./database.ts";

import { metadataOf, protocolOf } from "./rows/actions.ts";
import { headOf } from "./rows/heads.ts";
import { storedUuid, text } from "./rows/values.ts";

/** Implied by ACTIVE, but SQLite does not see that: with it the index by name can be used. */
const NOT_DELETED = sql`t.status <> 'DELETED'`;

/** A condition on dl_tables t. */
function isNamed(ref: TableRef, deletedToo = false): Sql {
  if ("name" in ref) return deletedToo ? sql`t.name = ${ref.name}` : sql`(t.name = ${ref.name} and ${NOT_DELETED})`;
  const id = storedUuid(ref.tableId);
  return id === undefined ? sql`false` : sql`t.table_id = ${uuid(id)}`;
}

/** The same for many, as lists: SQLite takes no chain of a thousand `or`s. */
function areNamed(refs: readonly TableRef[]): Sql {
  const names = [...new Set(refs.flatMap((ref) => ("name" in ref ? [ref.name] : [])))];
  const ids = [...new Set(refs.flatMap((ref) => ("name" in ref ? [] : (storedUuid(ref.tableId) ?? []))))];
  const byName = sql`t.name in (${join(names.length > 0 ? names : [null])}) and ${NOT_DELETED}`;
  if (ids.length === 0) return byName;
  const byId = sql`t.table_id in (${join(ids.map(uuid))})`;
  return names.length === 0 ? byId : sql`(${byName}) or ${byId}`;
}

/** True for an ACTIVE table; decided once per statement, so it never disturbs the order of an index scan. */
export function isActive(id: string): Sql {
  return sql`exists (select 1 from dl_tables h where h.table_id = ${uuid(id)} and h.status = 'ACTIVE')`;
}

/** With `anyStatus` the live table of a name comes before a dropped one, the last dropped before those before. */
export async function findTable(
  db: Queries,
  ref: TableRef,
  options: { readonly anyStatus?: boolean } = {},
): Promise<TableHead | undefined> {
  const status = options.anyStatus ? sql`true` : sql`t.status = 'ACTIVE'`;
  const [row] = await db.read(sql`
    select t.* from dl_tables t where ${isNamed(ref, options.anyStatus)} and ${status}
    order by case when t.status = 'DELETED' then 1 else 0 end, t.dropped_at desc limit 1`);
  return row && headOf(row);
}

/** Ascending by name; the cursor is the last name. */
export async function listTables(
  db: Queries,
  options: {
    readonly namespace?: string;
    readonly isDirect?: boolean;
    readonly cursor?: string;
    readonly limit: number;
  },
): Promise<ListPage<TableHead>> {
  const { namespace, cursor, limit } = options;
  // "/" follows "." in the order of bytes.
  const inNamespace =
    namespace === undefined ? sql`true` : sql`t.name > ${`${namespace}.`} and t.name < ${`${namespace}/`}`;
  const isDirect =
    options.isDirect && namespace !== undefined ? sql`${db.dialect.beforeLastDot("t.name")} = ${namespace}` : sql`true`;
  const after = cursor === undefined ? sql`true` : sql`t.name > ${cursor}`;
  const rows = await db.read(sql`
    select t.* from dl_tables t ${db.dialect.useIndex("dl_tables_name")} where t.status = 'ACTIVE' and ${NOT_DELETED} and ${inNamespace} and ${isDirect} and ${after}
    order by t.name limit ${limit + 1}`);
  return page(rows.map(headOf), limit, (head) => head.name);
}

/** Ascending; the cursor is the last one. */
export async function listNamespaces(
  db: Queries,
  { cursor, limit }: { readonly cursor?: string; readonly limit: number },
): Promise<ListPage<string>> {
  const after = cursor === undefined ? sql`true` : sql`n.namespace > ${cursor}`;
  const rows = await db.read(sql`
    select n.namespace from (
      select distinct ${db.dialect.beforeLastDot("t.name")} as namespace from dl_tables t
      where t.status = 'ACTIVE' and ${NOT_DELETED}) n
    where ${after} order by n.namespace limit ${limit + 1}`);
  return page(
    rows.map((row) => text(row, "namespace")),
    limit,
    (namespace) => namespace,
  );
}

/** Cuts a page out of a result that was read with one row more than `limit`. */
export function page<T>(items: readonly T[], limit: number, cursor: (item: T) => string): ListPage<T> {
  return pageThatGoesOn(items.slice(0, limit), { cursor, more: items.length > limit });
}

/** A page of these items, which is the last one unless there is more. */
export function pageThatGoesOn<T>(
  items: readonly T[],
  { cursor, more }: { readonly cursor: (item: T) => string; readonly more: boolean },
): ListPage<T> {
  const cursorAfter = (count: number): string => cursor(items[count - 1] as T);
  return { items, cursorAfter, ...(more && items.length > 0 ? { next: cursorAfter(items.length) } : {}) };
}

export async function findClaim(
  db: Queries,
  { besides, ...wanted }: { readonly name: string; readonly location: string; readonly besides?: string },
): Promise<Claim | undefined> {
  const rows = await readClaims(db, { tableId: NO_TABLE, ...wanted });
  const others = rows.filter((row) => text(row, "table_id") !== besides);
  return firstClaim(others, wanted.name);
}

const NO_TABLE = "00000000-0000-0000-0000-000000000000";

/** One range of the index by location for each table. */
export async function nestedTables(
  db: Queries,
  limit: number,
): Promise<readonly { readonly outer: Claim; readonly inner: Claim }[]> {
  const rows = await db.read(sql`
    select o.table_id as outer_id, o.name as outer_name, o.location as outer_location,
      i.table_id as inner_id, i.name as inner_name, i.location as inner_location
    from dl_tables o join dl_tables i on i.location > o.location || '/' and i.location < o.location || '0'
    where o.status <> 'DELETED' and i.status <> 'DELETED'
    order by o.location, i.location limit ${limit}`);
  const claim = (row: Row, side: string): Claim => ({
    tableId: text(row, `${side}_id`),
    name: text(row, `${side}_name`),
    location: text(row, `${side}_location`),
  });
  return rows.map((row) => ({ outer: claim(row, "outer"), inner: claim(row, "inner") }));
}

export async function readStates(db: Queries, refs: readonly TableRef[]): Promise<readonly TableState[]> {
  if (refs.length === 0) return [];
  const rows = await db.read(sql`
    select t.*, m.action as metadata_action, p.action as protocol_action
    from dl_tables t
    join dl_metadata m on m.table_id = t.table_id and m.version = t.metadata_version
    join dl_protocols p on p.table_id = t.table_id and p.version = t.protocol_version
    where t.status = 'ACTIVE' and (${areNamed(refs)})`);
  return rows.map((row) => ({
    ...headOf(row),
    protocol: protocolOf(row, "protocol_action"),
    metadata: metadataOf(row, "metadata_action"),
  }));
}

export function tableNotFound(tableId: string): Error {
  return notFound(`there is no table with the id ${tableId}`, { code: "TABLE_NOT_FOUND", facts: { tableId } });
}
