/** dl_versions and the small actions: history, time travel, and the state of a table at one version without its files. */

import { notFound } from "../../errors.ts";
import type { ListPage, PageLimits, SnapshotHeader, SnapshotSummary, VersionSummary } from "../../ports.ts";
import { type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { DOMAIN_COLUMNS, domainOf, metadataOf, protocolOf, TXN_COLUMNS, txnOf } from "../rows/actions.ts";
import { FINGERPRINT_COLUMNS, lanesOf } from "../rows/heads.ts";
import {
  flag,
  integer,
  jsonObject,
  long,
  optionalInteger,
  optionalJsonObject,
  optionalText,
  storedUuid,
  text,
} from "../rows/values.ts";
import { pageThatGoesOn, tableNotFound } from "../tables.ts";
import { LISTED, pickedRows, rowBytes } from "./weighed.ts";

/** True for a version `v` of an ACTIVE table that is not below its base: rows that are may be there for a while. */
function isHeld(id: string): Sql {
  return sql`v.version >= (select h.base_version from dl_tables h where h.table_id = ${uuid(id)} and h.status = 'ACTIVE')`;
}

/** Newest first. */
export async function history(
  db: Queries,
  tableId: string,
  options: PageLimits & { readonly before?: number },
): Promise<ListPage<VersionSummary>> {
  const id = storedUuid(tableId);
  const cursor = ({ version }: VersionSummary): string => String(version);
  if (id === undefined) return pageThatGoesOn([], { cursor, more: false });
  const before = options.before === undefined ? sql`true` : sql`v.version < ${options.before}`;
  const { limit, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  const listed = sql`select v.version, ${raw(rowBytes("v", ["commit_info"]))} as bytes
    from dl_versions v where v.table_id = ${uuid(id)} and ${isHeld(id)} and ${before} order by v.version desc limit ${limit + 1}`;
  const rows = await db.read(sql`
    with ${pickedRows(db.dialect, listed, sql`version desc`, maxBytes)}
    select v.version, v.timestamp, v.in_commit_timestamp, v.transaction_id, v.commit_info, v.num_adds, v.num_removes,
      v.num_files, v.size_in_bytes, v.is_blind_append, ${LISTED} as listed
    from picked p join dl_versions v on v.table_id = ${uuid(id)} and v.version = p.version order by v.version desc`);
  const items = rows.slice(0, limit).map(summaryOf);
  const [first] = rows;
  return pageThatGoesOn(items, { cursor, more: first !== undefined && integer(first, "listed") > items.length });
}

function summaryOf(row: Row): VersionSummary {
  const inCommitTimestamp = optionalInteger(row, "in_commit_timestamp");
  const transactionId = optionalText(row, "transaction_id");
  const commitInfo = optionalJsonObject(row, "commit_info");
  return {
    version: integer(row, "version"),
    timestamp: integer(row, "timestamp"),
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    ...(transactionId === undefined ? {} : { transactionId }),
    ...(commitInfo === undefined ? {} : { commitInfo }),
    numAdds: integer(row, "num_adds"),
    numRemoves: integer(row, "num_removes"),
    numFiles: integer(row, "num_files"),
    sizeInBytes: long(row, "size_in_bytes"),
    isBlindAppend: flag(row, "is_blind_append"),
  };
}

export async function firstOwnVersion(db: Queries, tableId: string): Promise<number | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const [row] = await db.read(sql`
    select v.version from dl_versions v
    where v.table_id = ${uuid(id)} and ${isHeld(id)} and v.transaction_id is not null and v.version > coalesce(
      (select max(w.version) from dl_versions w where w.table_id = ${uuid(id)} and w.transaction_id is null), -1)
    order by v.version limit 1`);
  return row && integer(row, "version");
}

export async function versionAt(
  db: Queries,
  tableId: string,
  timestamp: number,
): Promise<{ readonly version: number; readonly timestamp: number } | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const newest = async (among: Sql): Promise<Row | undefined> => {
    const rows = await db.read(sql`
      select v.version, v.timestamp, v.in_commit_timestamp from dl_versions v
      where v.table_id = ${uuid(id)} and ${isHeld(id)} and v.timestamp <= ${timestamp} and ${among}
      order by v.timestamp desc, v.version desc limit 1`);
    return rows[0];
  };
  const latest = await newest(sql`true`);
  // File times from before in-commit timestamps were turned on may be later than these: a copy of a log has new ones. The
  // latest version counts then, not the latest time.
  const inCommit =
    latest && latest.in_commit_timestamp === null ? await newest(sql`v.in_commit_timestamp is not null`) : undefined;
  const row = inCommit && latest && integer(inCommit, "version") > integer(latest, "version") ? inCommit : latest;
  return row && { version: integer(row, "version"), timestamp: integer(row, "timestamp") };
}

/** The distinct values of a key column, one index descent each: tables of streams have millions of txn actions of few apps. */
function distinctKeys(name: string, table: Sql, column: Sql, id: string): Sql {
  return sql`${raw(name)}(k) as (
    select min(${column}) from ${table} where table_id = ${uuid(id)}
    union all
    select (select min(x.${column}) from ${table} x where x.table_id = ${uuid(id)} and x.${column} > known.k)
    from ${raw(name)} known where known.k is not null)`;
}

/** One round trip. @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export async function readSummary(db: Queries, tableId: string, version: number): Promise<SnapshotSummary> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  return summaryFrom(await db.read(summaryRows(db, id, version)), tableId, version);
}

function summaryRows({ dialect: { jsonOf } }: Queries, id: string, version: number): Sql {
  const newest = (table: Sql) =>
    sql`(select max(x.version) from ${table} x where x.table_id = ${uuid(id)} and x.version <= ${version})`;
  return sql`
    select 'head' as kind, ${jsonOf("t", ["version", "base_version"])} as fields
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    union all
    select 'version', ${jsonOf("v", VERSION_COLUMNS)}
    from dl_versions v where v.table_id = ${uuid(id)} and v.version = ${version}
    union all
    select 'metadata', m.action
    from dl_metadata m where m.table_id = ${uuid(id)} and m.version = ${newest(sql`dl_metadata`)}
    union all
    select 'protocol', p.action
    from dl_protocols p where p.table_id = ${uuid(id)} and p.version = ${newest(sql`dl_protocols`)}`;
}

/** With all txns and domains. One round trip. @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export async function readHeader(db: Queries, tableId: string, version: number): Promise<SnapshotHeader> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const newestOf = (table: Sql, column: Sql) =>
    sql`(select max(x.version) from ${table} x where x.table_id = ${uuid(id)} and x.${column} = named.k and x.version <= ${version})`;
  const { jsonOf } = db.dialect;
  const rows = await db.read(sql`
    with recursive ${distinctKeys("apps", sql`dl_txns`, sql`app_id`, id)},
    ${distinctKeys("domain_names", sql`dl_domains`, sql`domain`, id)}
    ${summaryRows(db, id, version)}
    union all
    select 'txn', ${jsonOf("x", TXN_COLUMNS)}
    from apps named join dl_txns x on x.table_id = ${uuid(id)} and x.app_id = named.k
      and x.version = ${newestOf(sql`dl_txns`, sql`app_id`)}
    union all
    select 'domain', ${jsonOf("x", DOMAIN_COLUMNS)}
    from domain_names named join dl_domains x on x.table_id = ${uuid(id)} and x.domain = named.k
      and x.version = ${newestOf(sql`dl_domains`, sql`domain`)}`);
  const listed = (kind: string): readonly Row[] =>
    rows.filter((row) => row.kind === kind).map((row) => jsonObject(row, "fields"));
  return {
    ...summaryFrom(rows, tableId, version),
    txns: byKey(listed("txn").map(txnOf), (txn) => txn.appId),
    domains: byKey(listed("domain").map(domainOf), (domain) => domain.domain).filter((domain) => !domain.removed),
  };
}

const VERSION_COLUMNS = ["timestamp", "in_commit_timestamp", "num_files", "size_in_bytes", ...FINGERPRINT_COLUMNS];

function summaryFrom(rows: readonly Row[], tableId: string, version: number): SnapshotSummary {
  const ofKind = (kind: string) => rows.filter((row) => text(row, "kind") === kind);
  const fieldsOf = (kind: string): readonly Row[] => ofKind(kind).map((row) => jsonObject(row, "fields"));
  const [head] = fieldsOf("head");
  if (head === undefined) throw tableNotFound(tableId);
  const [state] = fieldsOf("version");
  const [metadata] = ofKind("metadata");
  const [protocol] = ofKind("protocol");
  const held = { base: integer(head, "base_version"), head: integer(head, "version") };
  checkVersionHeld(tableId, version, held.base, held.head);
  if (state === undefined || metadata === undefined || protocol === undefined) {
    throw versionNotFound(tableId, version, held.base, held.head);
  }
  const inCommitTimestamp = optionalInteger(state, "in_commit_timestamp");
  return {
    version,
    timestamp: integer(state, "timestamp"),
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    protocol: protocolOf(protocol, "fields"),
    metadata: metadataOf(metadata, "fields"),
    numFiles: integer(state, "num_files"),
    sizeInBytes: long(state, "size_in_bytes"),
    fingerprint: lanesOf(state, FINGERPRINT_COLUMNS),
  };
}

function byKey<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** @throws LakeError notFound unless base ≤ version ≤ head */
export function checkVersionHeld(tableId: string, version: number, base: number, head: number): void {
  if (version < base || version > head) throw versionNotFound(tableId, version, base, head);
}

function versionNotFound(tableId: string, version: number, base: number, head: number): Error {
  return notFound(`the catalog holds versions ${base} to ${head} of this table, not ${version}`, {
    code: version < base ? "VERSION_NOT_RETAINED" : "VERSION_NOT_FOUND",
    ...(version < base
      ? {
          hint: "Older ones were left out when the table was imported, or have left the history since (docs/operations.md).",
        }
      : {}),
    facts: { tableId, version, baseVersion: base, headVersion: head },
  });
}
