/** Reads for clients: which version is meant, tables and snapshots (docs/delta-rules.md §5). Lists are in lists.ts, versions in history.ts. */

import type { DomainMetadata, Txn } from "../delta/actions.ts";
import { mirroredVersionOf, type TableHealth } from "../delta/health.ts";

import type { TableRef } from "../delta/request.ts";
import { txnsExpireAt } from "../delta/txns.ts";
import { invalid, notFound } from "../errors.ts";

import type { Lake, ListPage, PageLimits, SnapshotSummary, TableHead, TableState } from "../ports.ts";
import { healthOfTables } from "./table-health.ts";
import { missingTable } from "./tables/missing-table.ts";

const TABLES_PAGE = 500;

/** Which state of a table: of a version, of a moment, or the newest. */
export interface AsOf {
  readonly version?: number;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
}

export interface ResolvedVersion {
  readonly head: TableHead;
  readonly version: number;
  /** Milliseconds. */
  readonly timestamp: number;
}

/** @throws LakeError notFound */
export async function findHead(lake: Lake, ref: TableRef): Promise<TableHead> {
  const head = await lake.catalog.findTable(ref);
  if (head === undefined) throw await missingTable(lake, ref);
  return head;
}

/**
 * The version meant by `at`: as given, or the latest whose timestamp is not after the given one.
 * @throws LakeError notFound DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION, VERSION_NOT_FOUND or VERSION_NOT_RETAINED
 */
export async function resolveVersion(lake: Lake, ref: TableRef, at: AsOf): Promise<ResolvedVersion> {
  if (at.version !== undefined && at.timestamp !== undefined) {
    throw invalid("give a version or a timestamp, not both");
  }
  const head = await findHead(lake, ref);
  if (at.timestamp !== undefined) return resolveTimestamp(lake, head, at.timestamp);
  const version = at.version ?? head.version;
  if (version > head.version || version < head.baseVersion) {
    throw notFound(
      `"${head.name}" has no version ${version}: the catalog holds ${head.baseVersion} to ${head.version}`,
      {
        code: version < head.baseVersion ? "VERSION_NOT_RETAINED" : "VERSION_NOT_FOUND",
        facts: { oldest: head.baseVersion, newest: head.version },
      },
    );
  }
  if (version === head.version) return { head, version, timestamp: head.timestamp };
  const { timestamp } = await lake.catalog.readSummary(head.tableId, version);
  return { head, version, timestamp };
}

/**
 * The latest version that is not after a moment. Nothing is after the head, so any later moment means the head, also one that
 * is still to come: what is committed until then will be seen by who asks again.
 */
async function resolveTimestamp(lake: Lake, head: TableHead, timestamp: number): Promise<ResolvedVersion> {
  if (timestamp >= head.timestamp) return { head, version: head.version, timestamp: head.timestamp };
  const found = await lake.catalog.versionAt(head.tableId, timestamp);
  if (found === undefined) {
    throw notFound(
      `${iso(timestamp)} is before the oldest version of "${head.name}" that the catalog holds, ${head.baseVersion}`,
      {
        code: "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
      },
    );
  }
  return { head, ...found };
}

function iso(timestamp: number): string {
  return new Date(timestamp).toISOString();
}

/** All tables of the catalog, page by page. */
export async function* allTables(lake: Lake): AsyncGenerator<TableHead> {
  let cursor: string | undefined;
  do {
    const page = await lake.catalog.listTables({ limit: TABLES_PAGE, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** A table as lists show it. */
export interface ListedTable {
  readonly head: TableHead;
  readonly health: TableHealth;
}

/** The newest state of a table, without its files. */
export interface DescribedTable extends ListedTable {
  readonly summary: SnapshotSummary;
  readonly mirroredVersion: number;
  readonly numTxns: number;
  readonly numDomains: number;
  /** All of them, where they are few; undefined otherwise: then they are a list of their own. */
  readonly txns: readonly Txn[] | undefined;
  readonly domains: readonly DomainMetadata[] | undefined;
}

/** @param few at most so many applications, and domains, are part of the description */
export async function describeTable(lake: Lake, ref: TableRef, few: PageLimits): Promise<DescribedTable> {
  const head = await findHead(lake, ref);
  const { tableId, version } = head;
  const [summary, checked, domains] = await Promise.all([
    lake.catalog.readSummary(tableId, version),
    healthOfTables(lake, [tableId]),
    lake.catalog.readDomains(tableId, version, few),
  ]);
  const seen = checked.get(tableId);
  if (seen === undefined) throw await missingTable(lake, ref);
  const expiry = txnsExpireAt(summary.metadata, lake.clock.now());
  const updatedAfter = expiry === undefined ? {} : { updatedAfter: expiry };
  const txns = await lake.catalog.readTxns(tableId, version, { ...few, ...updatedAfter });
  const whole = <T>({ items, next }: ListPage<T>): readonly T[] | undefined => (next === undefined ? items : undefined);
  const all = { txns: whole(txns), domains: whole(domains) };
  const sizes = all.txns && all.domains ? undefined : await lake.catalog.stateSizes(tableId, version, updatedAfter);
  return {
    head,
    health: seen.health,
    summary,
    mirroredVersion: mirroredVersionOf(seen.facts),
    numTxns: all.txns?.length ?? sizes?.txns ?? 0,
    numDomains: all.domains?.length ?? sizes?.domains ?? 0,
    ...all,
  };
}

export interface TableVersion {
  readonly tableId: string;
  readonly table: string;
  readonly version: number;
  readonly timestamp: number;
  /** Of the table now; absent where it was dropped meanwhile. */
  readonly health?: TableHealth;
}

/**
 * One version per table, consistent across tables: of one moment, or as a transaction left them. All tables of a
 * transaction carry one timestamp (ARCHITECTURE.md D4), so a timestamp never cuts a transaction in two.
 */
export async function snapshots(
  lake: Lake,
  request: { readonly tables: readonly TableRef[]; readonly timestamp?: number; readonly transactionId?: string },
): Promise<{ readonly timestamp?: number; readonly tables: readonly TableVersion[] }> {
  if (request.tables.length === 0) throw invalid("name at least one table", { at: "/tables" });
  if (request.timestamp !== undefined && request.transactionId !== undefined) {
    throw invalid("give a timestamp or a transactionId, not both");
  }
  const timestamp = request.timestamp ?? (await transactionTime(lake, request.transactionId));
  const now = await heads(lake, request.tables);
  const checked = await healthOfTables(
    lake,
    now.map(({ tableId }) => tableId),
  );
  const versionOf = ({ tableId, name, version, timestamp: at }: TableState): TableVersion => {
    const seen = checked.get(tableId);
    return { tableId, table: name, version, timestamp: at, ...(seen && { health: seen.health }) };
  };
  if (timestamp === undefined) return { tables: now.map(versionOf) };
  const tables: TableVersion[] = [];
  for (const head of now) {
    // A table that has been quiet since is still at its head then. That is the head of the one moment at which all were read:
    // what has been committed meanwhile may carry an earlier timestamp, but is in none of the tables.
    const at = await resolveTimestamp(lake, head, timestamp);
    tables.push({ ...versionOf(head), version: at.version, timestamp: at.timestamp });
  }
  return { timestamp, tables };
}

async function transactionTime(lake: Lake, transactionId: string | undefined): Promise<number | undefined> {
  if (transactionId === undefined) return undefined;
  const transaction = await lake.catalog.findTransaction(transactionId);
  if (transaction === undefined) {
    throw notFound(`there is no transaction ${transactionId}`, { code: "TRANSACTION_NOT_FOUND", at: "/transactionId" });
  }
  return transaction.committedAt;
}

/** All heads in one statement, hence of one moment. */
async function heads(lake: Lake, refs: readonly TableRef[]): Promise<TableState[]> {
  const states = await lake.catalog.readStates(refs);
  const found: TableState[] = [];
  for (const ref of refs) {
    const state = states.find((s) =>
      "tableId" in ref ? s.tableId === ref.tableId.toLowerCase() : s.name === ref.name,
    );
    if (state === undefined) throw await missingTable(lake, ref);
    found.push(state);
  }
  return found;
}
