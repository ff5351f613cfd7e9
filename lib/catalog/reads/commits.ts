/** Versions with all their actions, rebuilt from rows in one round trip: what the mirror publishes and what conflict checks read. */

import type { Commit, CommitActions, StringMap } from "../../delta/actions.ts";
import type { Json } from "../../delta/values/json.ts";
import type { CommitRange } from "../../ports.ts";
import { columnsOf, empty, join, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import type { Dialect } from "../dialect.ts";
import { MAX_ACTIONS_READ, OPEN_VERSION, TABLES_READ_AT_ONCE } from "../limits.ts";
import { DOMAIN_COLUMNS, domainOf, metadataOf, protocolOf, removeOf, TXN_COLUMNS, txnOf } from "../rows/actions.ts";
import { ADD_COLUMNS, ADD_TEXTS, addOf } from "../rows/add.ts";
import { integer, jsonObject, optionalInteger, optionalJsonObject, storedUuid } from "../rows/values.ts";
import { tableNotFound } from "../tables.ts";
import { checkVersionHeld } from "./versions.ts";
import { rowBytes } from "./weighed.ts";

/**
 * At least one version, and as many as hold `maxActions` actions together; with `maxBytes` no more than have so many bytes of
 * texts, and none where the first has more.
 * @throws LakeError notFound: TABLE_NOT_FOUND; VERSION_NOT_RETAINED below the base version
 */
export async function readCommits(
  db: Queries,
  tableId: string,
  from: number,
  to: number,
  { maxActions = MAX_ACTIONS_READ, maxBytes }: { readonly maxActions?: number; readonly maxBytes?: number } = {},
): Promise<readonly Commit[]> {
  const range = { tableId, from, to };
  const rows = rangeRows(db.dialect, range, maxActions, maxBytes === undefined ? {} : { maxBytes });
  return commitsIn(range, await db.read(rows));
}

/** As {@link readCommits} for each of several tables, with what removed files had, and one round trip for every ten. */
export async function readCommitsOf(
  db: Queries,
  ranges: readonly CommitRange[],
  options: { readonly maxActions?: number } = {},
): Promise<readonly (readonly Commit[])[]> {
  const found: (readonly Commit[])[] = [];
  for (let first = 0; first < ranges.length; first += TABLES_READ_AT_ONCE) {
    const some = ranges.slice(first, first + TABLES_READ_AT_ONCE);
    const maxActions = options.maxActions ?? Math.ceil(MAX_ACTIONS_READ / some.length);
    const parts = some.map(
      (range, i) =>
        sql`select ${raw(String(i))} as part, c.* from (${rangeRows(db.dialect, range, maxActions, { removedValues: REMOVED_VALUES })}) c`,
    );
    const rows = await db.read(sql`${join(parts, " union all ")} order by part, version, ord`);
    const byRange = Map.groupBy(rows, (row) => integer(row, "part"));
    found.push(...some.map((range, i) => commitsIn(range, byRange.get(i) ?? [])));
  }
  return found;
}

export function commitsIn({ tableId, from }: CommitRange, rows: readonly Row[]): readonly Commit[] {
  const head = rows.find((row) => row.kind === "head");
  if (head === undefined) throw tableNotFound(tableId);
  const base = integer(jsonObject(head, "fields"), "base_version");
  if (from < base) checkVersionHeld(tableId, from, base, integer(head, "version"));
  return commitsOf(rows);
}

/**
 * The row of a removed file stays, closed at the version of its remove `r`. The order, and bounds in place of an equality that
 * would make it void, leave dl_files_former as the only way; else planners may walk through all files for each remove.
 */
const REMOVED_VALUES = `(select f.partition_values from dl_files f
  where f.table_id = r.table_id and f.path_key = r.path_key and f.dv_key = r.dv_key
    and f.removed_version >= r.version and f.removed_version <= r.version and f.removed_version < ${OPEN_VERSION}
  order by f.removed_version limit 1)`;

function rangeRows(
  dialect: Dialect,
  { tableId, from, to }: CommitRange,
  maxActions: number,
  options: Pick<CommitRows, "removedValues" | "maxBytes"> = {},
): Sql {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const range = { from: sql`${from}`, to: sql`${Math.min(to, from + maxActions)}` };
  return commitRows(dialect, id, { ...range, ...options }, maxActions);
}

export interface CommitRows {
  readonly from: Sql;
  readonly to: Sql;
  /** More common table expressions, to come before those of the range: each with a comma behind. */
  readonly before?: Sql;
  /** More branches of the union, with the same columns. */
  readonly also?: Sql;
  /** SQL of the partition values of a remove's file; NULL where nobody asks. */
  readonly removedValues?: string;
  /** No more versions than have so many bytes of texts. */
  readonly maxBytes?: number;
  /** Of one version only the actions of a kind that meet a condition; all if absent. @param alias of its rows */
  readonly only?: (kind: ActionKind, alias: string) => Sql;
}

/**
 * At least one version of the range, and as many as hold `maxActions` actions together. Files, which come in hundreds of
 * thousands, have their columns; all that other rows have to say is one JSON text, `fields`.
 */
export function commitRows(
  dialect: Dialect,
  id: string,
  { from, to, before = empty, also = empty, removedValues = "null", maxBytes, only = () => empty }: CommitRows,
  maxActions = MAX_ACTIONS_READ,
): Sql {
  const { jsonOf, cast, rangesByQueries } = dialect;
  const isWithin = (name: string): Sql => {
    const column = raw(name);
    const bound = rangesByQueries ? empty : sql` and ${column} <= ${to}`;
    return sql`${column} between ${from} and (select max(version) from chosen)${bound}`;
  };
  const versionColumns = ["timestamp", "in_commit_timestamp", "commit_info"];
  const removeColumns = { path: "r.path", partition_values: removedValues, data_change: "r.data_change" };
  return sql`
    with ${before} weighed as (
      select v.version, sum(1 + v.num_adds + v.num_removes) over (order by v.version) as actions from dl_versions v
      where v.table_id = ${uuid(id)} and v.version >= ${from} and v.version <= ${to}
    ), counted as (select version from weighed where actions <= ${maxActions} or version = ${from}),
    ${maxBytes === undefined ? sql`chosen as (select version from counted)` : chosenByBytes(id, maxBytes)}
    select 'add' as kind, f.added_version as version, f.ord as ord, ${columnsOf("f", ADD_COLUMNS)},
      ${cast(sql`null`, "int64")} as deletion_timestamp, ${cast(sql`null`, "text")} as fields
    from dl_files f where f.table_id = ${uuid(id)} and ${isWithin("f.added_version")} ${only("add", "f")}
    union all
    select 'remove', r.version, r.ord, ${fileColumns(removeColumns)}, r.deletion_timestamp, r.action
    from dl_removes r where r.table_id = ${uuid(id)} and ${isWithin("r.version")} ${only("remove", "r")}
    union all
    select 'head', t.version, 0, ${NO_FILE}, ${jsonOf("t", ["base_version"])}
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
    union all
    select 'version', v.version, 0, ${NO_FILE}, ${jsonOf("v", versionColumns)}
    from dl_versions v where v.table_id = ${uuid(id)} and ${isWithin("v.version")}
    union all
    select 'metadata', m.version, 0, ${NO_FILE}, m.action
    from dl_metadata m where m.table_id = ${uuid(id)} and ${isWithin("m.version")} ${only("metadata", "m")}
    union all
    select 'protocol', p.version, 0, ${NO_FILE}, p.action
    from dl_protocols p where p.table_id = ${uuid(id)} and ${isWithin("p.version")} ${only("protocol", "p")}
    union all
    select 'txn', x.version, x.ord, ${NO_FILE}, ${jsonOf("x", TXN_COLUMNS)}
    from dl_txns x where x.table_id = ${uuid(id)} and ${isWithin("x.version")} ${only("txn", "x")}
    union all
    select 'domain', d.version, d.ord, ${NO_FILE}, ${jsonOf("d", DOMAIN_COLUMNS)}
    from dl_domains d where d.table_id = ${uuid(id)} and ${isWithin("d.version")} ${only("domain", "d")}
    union all
    select 'other', o.version, o.ord, ${NO_FILE}, o.action
    from dl_other_actions o where o.table_id = ${uuid(id)} and ${isWithin("o.version")} ${only("other", "o")}
    ${also}
    order by version, ord`;
}

/** The kinds of actions, each with the rows that it has: in the order of the log, as `encodeCommitLines` writes them. */
export const ACTION_ROWS = [
  { kind: "commitInfo", table: "dl_versions", ordered: false, texts: ["commit_info"] },
  { kind: "protocol", table: "dl_protocols", ordered: false, texts: ["action"] },
  { kind: "metadata", table: "dl_metadata", ordered: false, texts: ["action"] },
  { kind: "txn", table: "dl_txns", ordered: true, texts: ["app_id", "unknown"] },
  { kind: "domain", table: "dl_domains", ordered: true, texts: ["domain", "configuration", "unknown"] },
  { kind: "remove", table: "dl_removes", ordered: true, texts: ["path", "action"] },
  { kind: "add", table: "dl_files", ordered: true, texts: ADD_TEXTS },
  { kind: "other", table: "dl_other_actions", ordered: true, texts: ["action"] },
] as const;

export type ActionKind = (typeof ACTION_ROWS)[number]["kind"];

/** Of the versions that were counted those whose actions together have at most so many bytes. */
function chosenByBytes(id: string, maxBytes: number): Sql {
  const sums = ACTION_ROWS.map(({ table, texts }) => {
    const version = raw(table === "dl_files" ? "a.added_version" : "a.version");
    return sql`coalesce((select sum(${raw(rowBytes("a", texts))}) from ${raw(table)} a
      where a.table_id = ${uuid(id)} and ${version} = c.version), 0)`;
  });
  return sql`summed as (
      select c.version, sum(${join(sums, " + ")}) over (order by c.version) as bytes from counted c
    ), chosen as (select version from summed where bytes <= ${maxBytes})`;
}

/** The columns of an add, by what is in them; NULL in the others. */
function fileColumns(known: Readonly<Record<string, string>>): Sql {
  return raw(ADD_COLUMNS.map((column) => known[column] ?? "null").join(", "));
}

/** What is in the columns of files for a row that is none. */
export const NO_FILE: Sql = sql`${fileColumns({})}, null`;

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

interface VersionRow {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly actions: Growing<CommitActions>;
}

export function commitsOf(rows: readonly Row[]): readonly Commit[] {
  const versions = rows.filter((row) => row.kind === "version").map(versionOf);
  const actions = new Map(versions.map((version) => [version.version, version.actions]));
  for (const row of rows) {
    const version = actions.get(integer(row, "version"));
    if (version !== undefined) collect(version, row);
  }
  const removes = Map.groupBy(rows, (row) => (row.kind === "remove" ? integer(row, "version") : -1));
  return versions.map((version) => withRemovedValues(version, removes.get(version.version) ?? []));
}

/** Whoever does not ask for them gets none. */
function withRemovedValues(version: Commit, removes: readonly Row[]): Commit {
  const values = removes.map((row) => optionalJsonObject(row, "partition_values") as StringMap | undefined);
  return values.some((value) => value !== undefined) ? { ...version, removedPartitionValues: values } : version;
}

function versionOf(row: Row): VersionRow {
  const fields = jsonObject(row, "fields");
  const commitInfo = optionalJsonObject(fields, "commit_info");
  const inCommitTimestamp = optionalInteger(fields, "in_commit_timestamp");
  const none = { txns: [], domains: [], removes: [], adds: [], others: [] };
  return {
    version: integer(row, "version"),
    timestamp: integer(fields, "timestamp"),
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    actions: commitInfo === undefined ? none : { ...none, commitInfo },
  };
}

function collect(to: Growing<CommitActions>, row: Row): void {
  switch (row.kind) {
    case "add":
      to.adds.push(addOf(row));
      return;
    case "remove":
      to.removes.push(removeOf(row, jsonObject(row, "fields")));
      return;
    case "metadata":
      to.metadata = metadataOf(row, "fields");
      return;
    case "protocol":
      to.protocol = protocolOf(row, "fields");
      return;
    case "txn":
      to.txns.push(txnOf(jsonObject(row, "fields")));
      return;
    case "domain":
      to.domains.push(domainOf(jsonObject(row, "fields")));
      return;
    case "other":
      to.others.push(jsonObject(row, "fields") as { readonly [action: string]: Json });
  }
}
