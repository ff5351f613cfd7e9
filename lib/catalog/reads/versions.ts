/** dl_versions and the small actions: history, time travel, and the state of a table at one version without its files. */

import type { Fingerprint } from "../../delta/fingerprint.ts";
import { notFound } from "../../errors.ts";
import type { Page, SnapshotHeader, VersionSummary } from "../../ports.ts";
import { type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import {
  domainOf,
  integer,
  LANE_NAMES,
  long,
  metadataOf,
  optionalInteger,
  protocolOf,
  storedUuid,
  summaryOf,
  text,
  txnOf,
} from "../rows.ts";
import { isActive, page, tableNotFound } from "../tables.ts";

/** Newest first. */
export async function history(
  db: Queries,
  tableId: string,
  options: { readonly before?: number; readonly limit: number },
): Promise<Page<VersionSummary>> {
  const id = storedUuid(tableId);
  if (id === undefined) return { items: [] };
  const before = options.before === undefined ? sql`true` : sql`v.version < ${options.before}`;
  const rows = await db.all(sql`
    select v.version, v.timestamp, v.in_commit_timestamp, v.transaction_id, v.commit_info, v.num_adds, v.num_removes,
      v.num_files, v.size_in_bytes, v.is_blind_append
    from dl_versions v where v.table_id = ${uuid(id)} and ${isActive(id)} and ${before} order by v.version desc limit ${options.limit + 1}`);
  return page(rows.map(summaryOf), options.limit, (version) => String(version.version));
}

export async function versionAt(
  db: Queries,
  tableId: string,
  timestamp: number,
): Promise<{ readonly version: number; readonly timestamp: number } | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const newest = async (among: Sql): Promise<Row | undefined> => {
    const rows = await db.all(sql`
      select v.version, v.timestamp, v.in_commit_timestamp from dl_versions v
      where v.table_id = ${uuid(id)} and ${isActive(id)} and v.timestamp <= ${timestamp} and ${among}
      order by v.timestamp desc, v.version desc limit 1`);
    return rows[0];
  };
  const latest = await newest(sql`true`);
  // File times from before in-commit timestamps were turned on may be later than these: a copy of a log has new ones. The
  // latest version counts then, not the latest time (delta-rules.md §5, "Mixed").
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

/** One round trip. @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND */
export async function readHeader(db: Queries, tableId: string, version: number): Promise<SnapshotHeader> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const newest = (table: Sql) =>
    sql`(select max(x.version) from ${table} x where x.table_id = ${uuid(id)} and x.version <= ${version})`;
  const newestOf = (table: Sql, column: Sql) =>
    sql`(select max(x.version) from ${table} x where x.table_id = ${uuid(id)} and x.${column} = keys.k and x.version <= ${version})`;
  // One text, as the other kinds have no four numbers.
  const lanes = raw(LANE_NAMES.map((lane) => `cast(v.fingerprint_${lane} as text)`).join(" || ',' || "));
  const rows = await db.all(sql`
    with recursive ${distinctKeys("apps", sql`dl_txns`, sql`app_id`, id)},
    ${distinctKeys("domain_names", sql`dl_domains`, sql`domain`, id)}
    select 'head' as kind, cast(null as text) as action, t.version as a, t.base_version as b, cast(null as bigint) as c,
      cast(null as bigint) as d, cast(null as text) as app_id, cast(null as text) as domain,
      cast(null as text) as configuration, cast(null as boolean) as removed, cast(null as text) as unknown
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    union all
    select 'version', ${lanes}, v.timestamp, v.num_files, v.size_in_bytes, v.in_commit_timestamp, null, null, null, null, null
    from dl_versions v where v.table_id = ${uuid(id)} and v.version = ${version}
    union all
    select 'metadata', m.action, null, null, null, null, null, null, null, null, null
    from dl_metadata m where m.table_id = ${uuid(id)} and m.version = ${newest(sql`dl_metadata`)}
    union all
    select 'protocol', p.action, null, null, null, null, null, null, null, null, null
    from dl_protocols p where p.table_id = ${uuid(id)} and p.version = ${newest(sql`dl_protocols`)}
    union all
    select 'txn', null, x.txn_version, x.last_updated, null, null, x.app_id, null, null, null, x.unknown
    from apps keys join dl_txns x on x.table_id = ${uuid(id)} and x.app_id = keys.k
      and x.version = ${newestOf(sql`dl_txns`, sql`app_id`)}
    union all
    select 'domain', null, null, null, null, null, null, x.domain, x.configuration, x.removed, x.unknown
    from domain_names keys join dl_domains x on x.table_id = ${uuid(id)} and x.domain = keys.k
      and x.version = ${newestOf(sql`dl_domains`, sql`domain`)}`);
  return headerOf(rows, tableId, version);
}

function headerOf(rows: readonly Row[], tableId: string, version: number): SnapshotHeader {
  const ofKind = (kind: string) => rows.filter((row) => text(row, "kind") === kind);
  const [head] = ofKind("head");
  if (head === undefined) throw tableNotFound(tableId);
  const [state] = ofKind("version");
  const [metadata] = ofKind("metadata");
  const [protocol] = ofKind("protocol");
  checkVersionHeld(tableId, version, integer(head, "b"), integer(head, "a"));
  if (state === undefined || metadata === undefined || protocol === undefined) {
    throw versionNotFound(tableId, version, integer(head, "b"), integer(head, "a"));
  }
  const inCommitTimestamp = optionalInteger(state, "d");
  return {
    version,
    timestamp: integer(state, "a"),
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    protocol: protocolOf(protocol, "action"),
    metadata: metadataOf(metadata, "action"),
    txns: byKey(
      ofKind("txn").map((row) => txnOf({ ...row, txn_version: row.a, last_updated: row.b })),
      (txn) => txn.appId,
    ),
    domains: byKey(ofKind("domain").map(domainOf), (domain) => domain.domain).filter((domain) => !domain.removed),
    numFiles: integer(state, "b"),
    sizeInBytes: long(state, "c"),
    fingerprint: fingerprintOf(text(state, "action")),
  };
}

function fingerprintOf(lanes: string): Fingerprint {
  const [a, b, c, d] = lanes.split(",").map(Number) as [number, number, number, number];
  return [a, b, c, d];
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
    code: "VERSION_NOT_FOUND",
    ...(version < base ? { hint: "Older versions were left out when the table was imported." } : {}),
    facts: { tableId, version, baseVersion: base, headVersion: head },
  });
}
