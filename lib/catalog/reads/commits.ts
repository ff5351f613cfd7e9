/** Versions with all their actions, rebuilt from rows in one round trip: what the mirror publishes and what conflict checks read. */

import type { Commit, CommitActions } from "../../delta/actions.ts";
import { isJsonObject, type Json, parseJson } from "../../delta/json.ts";
import { corrupt } from "../../errors.ts";
import type { CommitRange } from "../../ports.ts";
import { empty, join, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import {
  ADD_COLUMNS,
  addOf,
  columns,
  domainOf,
  integer,
  metadataOf,
  optionalInteger,
  optionalJsonObject,
  protocolOf,
  removeOf,
  storedUuid,
  text,
  txnOf,
} from "../rows.ts";
import { tableNotFound } from "../tables.ts";
import { checkVersionHeld } from "./versions.ts";

const MAX_ACTIONS = 100_000;
/** Tables whose commits one statement reads: the Data API takes 64 KB of text. */
const TABLES_AT_ONCE = 10;

/**
 * At least one version, and as many as hold `maxActions` actions together.
 * @throws LakeError notFound: TABLE_NOT_FOUND; VERSION_NOT_FOUND below the base version
 */
export async function readCommits(
  db: Queries,
  tableId: string,
  from: number,
  to: number,
  options: { readonly maxActions?: number } = {},
): Promise<readonly Commit[]> {
  const range = { tableId, from, to };
  return commitsIn(range, await db.all(rangeRows(range, options.maxActions ?? MAX_ACTIONS)));
}

/** As {@link readCommits} for each of several tables, with one round trip for every ten. */
export async function readCommitsOf(
  db: Queries,
  ranges: readonly CommitRange[],
  options: { readonly maxActions?: number } = {},
): Promise<readonly (readonly Commit[])[]> {
  const found: (readonly Commit[])[] = [];
  for (let first = 0; first < ranges.length; first += TABLES_AT_ONCE) {
    const some = ranges.slice(first, first + TABLES_AT_ONCE);
    const maxActions = options.maxActions ?? Math.ceil(MAX_ACTIONS / some.length);
    const parts = some.map(
      (range, i) => sql`select ${raw(String(i))} as part, c.* from (${rangeRows(range, maxActions)}) c`,
    );
    const rows = await db.all(sql`${join(parts, " union all ")} order by part, version, ord`);
    const byRange = Map.groupBy(rows, (row) => integer(row, "part"));
    found.push(...some.map((range, i) => commitsIn(range, byRange.get(i) ?? [])));
  }
  return found;
}

function commitsIn({ tableId, from }: CommitRange, rows: readonly Row[]): readonly Commit[] {
  const head = rows.find((row) => row.kind === "head");
  if (head === undefined) throw tableNotFound(tableId);
  const base = integer(head, "size");
  if (from < base) checkVersionHeld(tableId, from, base, integer(head, "version"));
  return commitsOf(rows);
}

function rangeRows({ tableId, from, to }: CommitRange, maxActions: number): Sql {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  return commitRows(id, { from: sql`${from}`, to: sql`${Math.min(to, from + maxActions)}` }, maxActions);
}

export interface CommitRows {
  readonly from: Sql;
  readonly to: Sql;
  /** More common table expressions, to stand before those of the range: each with a comma behind. */
  readonly before?: Sql;
  /** More branches of the union, with the same columns. */
  readonly also?: Sql;
}

/**
 * At least one version of the range, and as many as hold `maxActions` actions together. The columns of an add come under
 * their own names; other kinds borrow them: what is in which is written beside each branch.
 */
export function commitRows(
  id: string,
  { from, to, before = empty, also = empty }: CommitRows,
  maxActions = MAX_ACTIONS,
): Sql {
  const upTo = sql`between ${from} and (select max(version) from picked)`;
  const text = sql`cast(null as text)`;
  const long = sql`cast(null as bigint)`;
  const boolean = sql`cast(null as boolean)`;
  // path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, base_row_id,
  // default_row_commit_version, clustering_provider, unknown
  return sql`
    with ${before} weighed as (
      select version, sum(1 + num_adds + num_removes) over (order by version) as actions from dl_versions
      where table_id = ${uuid(id)} and version >= ${from} and version <= ${to}
    ), picked as (select version from weighed where actions <= ${maxActions} or version = ${from})
    select 'add' as kind, f.added_version as version, f.ord as ord, ${columns(ADD_COLUMNS, "f")}
    from dl_files f where f.table_id = ${uuid(id)} and f.added_version ${upTo}
    union all -- size: base version
    select 'head', t.version, 0, ${text}, ${text}, t.base_version, ${long}, ${boolean}, ${text}, ${text}, ${text},
      ${long}, ${long}, ${text}, ${text}
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    union all -- stats: commitInfo; size: timestamp; modification_time: in-commit timestamp
    select 'version', v.version, 0, ${text}, ${text}, v.timestamp, v.in_commit_timestamp, ${boolean}, v.commit_info,
      ${text}, ${text}, ${long}, ${long}, ${text}, ${text}
    from dl_versions v where v.table_id = ${uuid(id)} and v.version ${upTo}
    union all -- stats: the other fields; modification_time: deletion timestamp
    select 'remove', r.version, r.ord, r.path, ${text}, ${long}, r.deletion_timestamp, r.data_change, r.action,
      ${text}, ${text}, ${long}, ${long}, ${text}, ${text}
    from dl_removes r where r.table_id = ${uuid(id)} and r.version ${upTo}
    union all
    select 'metadata', m.version, 0, ${text}, ${text}, ${long}, ${long}, ${boolean}, m.action, ${text}, ${text},
      ${long}, ${long}, ${text}, ${text}
    from dl_metadata m where m.table_id = ${uuid(id)} and m.version ${upTo}
    union all
    select 'protocol', p.version, 0, ${text}, ${text}, ${long}, ${long}, ${boolean}, p.action, ${text}, ${text},
      ${long}, ${long}, ${text}, ${text}
    from dl_protocols p where p.table_id = ${uuid(id)} and p.version ${upTo}
    union all -- path: application; size: its version; modification_time: last update
    select 'txn', x.version, x.ord, x.app_id, ${text}, x.txn_version, x.last_updated, ${boolean}, ${text}, ${text},
      ${text}, ${long}, ${long}, ${text}, x.unknown
    from dl_txns x where x.table_id = ${uuid(id)} and x.version ${upTo}
    union all -- path: domain; stats: configuration; data_change: removed
    select 'domain', d.version, d.ord, d.domain, ${text}, ${long}, ${long}, d.removed, d.configuration, ${text},
      ${text}, ${long}, ${long}, ${text}, d.unknown
    from dl_domains d where d.table_id = ${uuid(id)} and d.version ${upTo}
    union all
    select 'other', o.version, o.ord, ${text}, ${text}, ${long}, ${long}, ${boolean}, o.action, ${text}, ${text},
      ${long}, ${long}, ${text}, ${text}
    from dl_other_actions o where o.table_id = ${uuid(id)} and o.version ${upTo}
    ${also}
    order by version, ord`;
}

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

export function commitsOf(rows: readonly Row[]): readonly Commit[] {
  const actions = new Map<number, Growing<CommitActions>>();
  const versions = rows.filter((row) => row.kind === "version");
  for (const row of versions) {
    const commitInfo = optionalJsonObject(row, "stats");
    const empty = { txns: [], domains: [], removes: [], adds: [], others: [] };
    actions.set(integer(row, "version"), commitInfo === undefined ? empty : { ...empty, commitInfo });
  }
  for (const row of rows) {
    const version = actions.get(integer(row, "version"));
    if (version !== undefined) collect(version, row);
  }
  return versions.map((row) => {
    const version = integer(row, "version");
    const inCommitTimestamp = optionalInteger(row, "modification_time");
    return {
      version,
      timestamp: integer(row, "size"),
      ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
      actions: actions.get(version) as CommitActions,
    };
  });
}

function collect(to: Growing<CommitActions>, row: Row): void {
  switch (row.kind) {
    case "add":
      to.adds.push(addOf(row));
      return;
    case "remove":
      to.removes.push(removeOf({ ...row, deletion_timestamp: row.modification_time, action: row.stats }));
      return;
    case "metadata":
      to.metadata = metadataOf(row, "stats");
      return;
    case "protocol":
      to.protocol = protocolOf(row, "stats");
      return;
    case "txn":
      to.txns.push(txnOf({ ...row, app_id: row.path, txn_version: row.size, last_updated: row.modification_time }));
      return;
    case "domain":
      to.domains.push(domainOf({ ...row, domain: row.path, configuration: row.stats, removed: row.data_change }));
      return;
    case "other":
      to.others.push(otherOf(row));
  }
}

function otherOf(row: Row): { readonly [action: string]: Json } {
  const action = parseJson(text(row, "stats"));
  if (!isJsonObject(action)) throw corrupt("an action in dl_other_actions is not a JSON object");
  return action as { readonly [action: string]: Json };
}
