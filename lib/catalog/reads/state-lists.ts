/** dl_txns and dl_domains at a version, as lists: a stream that names its application anew each day leaves thousands of them. */

import type { DomainMetadata, Txn } from "../../delta/actions.ts";
import type { ListPage, PageLimits, StateSizes } from "../../ports.ts";
import { type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { DOMAIN_COLUMNS, domainOf, TXN_COLUMNS, txnOf } from "../rows/actions.ts";
import { flag, integer, isNull, jsonObject, storedUuid, text } from "../rows/values.ts";
import { pageThatGoesOn, tableNotFound } from "../tables.ts";
import { rowBytes } from "./weighed.ts";

/** A table of actions of which the newest of each key counts. */
interface NamedActions<T> {
  readonly table: string;
  readonly key: string;
  readonly columns: readonly string[];
  /** The columns that hold texts of any length. */
  readonly texts: readonly string[];
  readonly itemOf: (row: Row) => T;
}

const TXNS: NamedActions<Txn> = {
  table: "dl_txns",
  key: "app_id",
  columns: TXN_COLUMNS,
  texts: ["app_id", "unknown"],
  itemOf: txnOf,
};

const DOMAINS: NamedActions<DomainMetadata> = {
  table: "dl_domains",
  key: "domain",
  columns: DOMAIN_COLUMNS,
  texts: ["domain", "configuration", "unknown"],
  itemOf: domainOf,
};

type ListOptions = PageLimits & { readonly cursor?: string };

/** @throws LakeError notFound when no such table is ACTIVE */
export function readTxns(
  db: Queries,
  tableId: string,
  version: number,
  options: ListOptions & { readonly updatedAfter?: number },
): Promise<ListPage<Txn>> {
  return readNewest(db, TXNS, { tableId, version, counts: isUnexpired(options.updatedAfter) }, options);
}

/** @throws LakeError notFound when no such table is ACTIVE */
export function readDomains(
  db: Queries,
  tableId: string,
  version: number,
  options: ListOptions,
): Promise<ListPage<DomainMetadata>> {
  return readNewest(db, DOMAINS, { tableId, version, counts: IS_THERE }, options);
}

/** @throws LakeError notFound when no such table is ACTIVE */
export async function stateSizes(
  db: Queries,
  tableId: string,
  version: number,
  { updatedAfter }: { readonly updatedAfter?: number },
): Promise<StateSizes> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const keys = (of: NamedActions<unknown>, name: string) => keysOf(of, id, { name });
  const count = (of: NamedActions<unknown>, name: string, counts: Sql) =>
    sql`(select count(*) from ${raw(name)} named
      where ${ofNewest(of, id, version, sql`case when ${counts} then 1 end`)} = 1)`;
  const [row] = await db.read(sql`
    with recursive ${keys(TXNS, "apps")}, ${keys(DOMAINS, "names")}
    select ${count(TXNS, "apps", isUnexpired(updatedAfter))} as txns, ${count(DOMAINS, "names", IS_THERE)} as domains
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`);
  if (row === undefined) throw tableNotFound(tableId);
  return { txns: integer(row, "txns"), domains: integer(row, "domains") };
}

const IS_THERE = sql`not x.removed`;

/** Those that have no time of their last update have expired, too: so it is in Spark. */
function isUnexpired(updatedAfter: number | undefined): Sql {
  return updatedAfter === undefined ? sql`x.version >= 0` : sql`x.last_updated > ${updatedAfter}`;
}

/** Distinct keys in their order, numbered from 1, one index descent each; a row without a key closes them. */
function keysOf(
  { table, key }: NamedActions<unknown>,
  id: string,
  options: { readonly name: string; readonly after?: string | undefined; readonly upTo?: number },
): Sql {
  const { name, after, upTo } = options;
  const [from, column] = [raw(table), raw(key)];
  const first = after === undefined ? sql`` : sql`and s.${column} > ${after}`;
  const enough = upTo === undefined ? sql`` : sql`and known.n < ${upTo}`;
  return sql`${raw(name)}(k, n) as (
    select min(s.${column}), 1 from ${from} s where s.table_id = ${uuid(id)} ${first}
    union all
    select (select min(s.${column}) from ${from} s where s.table_id = ${uuid(id)} and s.${column} > known.k), known.n + 1
    from ${raw(name)} known where known.k is not null ${enough})`;
}

/**
 * Something of the newest row `x` of a key up to a version. A scalar subquery: for a join PostgreSQL might read all rows of the
 * version once for each key, while it has no statistics.
 */
function ofNewest({ table, key }: NamedActions<unknown>, id: string, version: number, what: Sql): Sql {
  return sql`(select ${what} from ${raw(table)} x where x.table_id = ${uuid(id)} and x.${raw(key)} = named.k
    and x.version <= ${version} order by x.version desc limit 1)`;
}

async function readNewest<T>(
  db: Queries,
  of: NamedActions<T>,
  at: { readonly tableId: string; readonly version: number; readonly counts: Sql },
  { cursor, limit, maxBytes = Number.MAX_SAFE_INTEGER }: ListOptions,
): Promise<ListPage<T>> {
  const id = storedUuid(at.tableId);
  if (id === undefined) throw tableNotFound(at.tableId);
  const bytes = sql`case when ${at.counts} then ${raw(rowBytes("x", of.texts))} end`;
  const { materialized } = db.dialect;
  const rows = await db.read(sql`
    with recursive ${keysOf(of, id, { name: "named", after: cursor, upTo: limit + 1 })},
    found ${materialized} (
      select named.k, ${ofNewest(of, id, at.version, bytes)} as bytes from named where named.k is not null and named.n <= ${limit}
    ), weighed ${materialized} (
      select k, bytes, sum(bytes) over (order by k rows unbounded preceding) - bytes as bytes_before
      from found where bytes is not null
    )
    select 'end' as kind, (select max(k) from named where n <= ${limit}) as k,
      exists (select 1 from named where n > ${limit} and k is not null) as more,
      (select count(*) from weighed) as found, null as fields
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    union all
    select 'item', named.k, false, 0, ${ofNewest(of, id, at.version, db.dialect.jsonOf("x", of.columns))}
    from weighed named where named.bytes_before < ${maxBytes}
    order by kind, k`);
  const end = rows.find((row) => row.kind === "end");
  if (end === undefined) throw tableNotFound(at.tableId);
  const found = rows.filter((row) => row.kind === "item");
  const all = found.length === integer(end, "found");
  const { cursorAfter, next } = pageThatGoesOn(found, {
    cursor: (row) => text(row, "k"),
    more: !all || flag(end, "more"),
  });
  const items = found.map((row) => of.itemOf(jsonObject(row, "fields")));
  // What was looked at and does not count is behind us, also where it was all of the page.
  const last = all && flag(end, "more") && !isNull(end, "k") ? text(end, "k") : next;
  return { items, cursorAfter, ...(last === undefined ? {} : { next: last }) };
}
