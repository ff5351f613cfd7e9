/** Reads for clients: tables, files, history and snapshots, by version or by timestamp (docs/delta-rules.md §5). */

import type { AddFile, Commit } from "../delta/actions.ts";
import { mirroredVersionOf, type TableHealth } from "../delta/health.ts";
import type { TableRef } from "../delta/request.ts";
import { invalid, notFound } from "../errors.ts";
import type { Lake, MirrorState, Page, SnapshotHeader, TableHead, TableState, VersionSummary } from "../ports.ts";
import { foreignCursor, readFilesCursor, readTablesCursor, writeFilesCursor, writeTablesCursor } from "./cursors.ts";
import { healthOfTables } from "./table-health.ts";
import { tableNotFound } from "./table-states.ts";

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
  if (head === undefined) throw tableNotFound(ref);
  return head;
}

/**
 * The version meant by `at`: as given, or the latest whose timestamp is not after the given one.
 * @throws LakeError notFound DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION or VERSION_NOT_FOUND
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
        code: "VERSION_NOT_FOUND",
        facts: { oldest: head.baseVersion, newest: head.version },
      },
    );
  }
  if (version === head.version) return { head, version, timestamp: head.timestamp };
  const header = await lake.catalog.readHeader(head.tableId, version);
  return { head, version, timestamp: header.timestamp };
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

/** One page of the tables of the catalog with their health, in the order of their names. @throws LakeError invalid for a cursor of another list */
export async function listTables(
  lake: Lake,
  options: { readonly namespace?: string; readonly cursor?: string; readonly limit: number },
): Promise<Page<ListedTable>> {
  const { cursor, limit } = options;
  const begun = cursor === undefined ? undefined : readTablesCursor(cursor);
  const namespace = options.namespace ?? (begun?.namespace || undefined);
  if (cursor !== undefined && begun?.namespace !== (namespace ?? "")) throw foreignCursor(cursor);
  const page = await lake.catalog.listTables({
    ...(namespace === undefined ? {} : { namespace }),
    ...(begun === undefined ? {} : { cursor: begun.place }),
    limit,
  });
  const items = await withHealth(lake, page.items);
  if (page.next === undefined) return { items };
  return { items, next: writeTablesCursor({ namespace: namespace ?? "", place: page.next }) };
}

/** One round trip for all; a table that has been dropped since is missing. */
async function withHealth(lake: Lake, heads: readonly TableHead[]): Promise<readonly ListedTable[]> {
  const checked = await healthOfTables(
    lake,
    heads.map(({ tableId }) => tableId),
  );
  return heads.flatMap((head) => {
    const health = checked.get(head.tableId)?.health;
    return health === undefined ? [] : [{ head, health }];
  });
}

/**
 * One page of the files that are live in a table. All pages of a list show the version of the first one, whatever is committed
 * meanwhile: the cursor carries it.
 * @throws LakeError notFound; invalid for a cursor of another list, table or version
 */
export async function listFiles(
  lake: Lake,
  ref: TableRef,
  options: AsOf & { readonly cursor?: string; readonly limit: number },
): Promise<{
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
  readonly page: Page<AddFile>;
}> {
  const { cursor, limit } = options;
  const begun = cursor === undefined ? undefined : readFilesCursor(cursor);
  const asked = begun !== undefined && options.timestamp === undefined ? { version: begun.version } : {};
  const { head, version, timestamp } = await resolveVersion(lake, ref, { ...asked, ...options });
  const { tableId } = head;
  if (cursor !== undefined && (begun?.tableId !== tableId || begun.version !== version)) throw foreignCursor(cursor);
  return { tableId, version, timestamp, page: await readPage(lake, { tableId, version, place: begun?.place }, limit) };
}

/** The page of files that a cursor of {@link listFiles} stands for; one round trip. @throws LakeError invalid, notFound */
export function nextFiles(lake: Lake, cursor: string, limit: number): Promise<Page<AddFile>> {
  return readPage(lake, readFilesCursor(cursor), limit);
}

async function readPage(
  lake: Lake,
  at: { readonly tableId: string; readonly version: number; readonly place: string | undefined },
  limit: number,
): Promise<Page<AddFile>> {
  const { tableId, version, place } = at;
  const { items, next } = await lake.catalog.readFiles(tableId, version, {
    ...(place === undefined ? {} : { cursor: place }),
    limit,
  });
  return next === undefined ? { items } : { items, next: writeFilesCursor({ tableId, version, place: next }) };
}

export type HistoryEntry = VersionSummary & { readonly mirror: MirrorState };

/** Versions, newest first, each with the state of its mirror. */
export async function tableHistory(
  lake: Lake,
  ref: TableRef,
  options: { readonly before?: number; readonly limit: number },
): Promise<Page<HistoryEntry> & { readonly tableId: string }> {
  const head = await findHead(lake, ref);
  const page = await lake.catalog.history(head.tableId, options);
  const oldest = page.items.at(-1)?.version ?? 0;
  const statuses = await lake.catalog.mirrorStatuses(head.tableId, { after: oldest - 1, limit: page.items.length });
  const byVersion = new Map(statuses.items.map((status) => [status.version, status.status]));
  // Versions that came with an import have no status of their own: they were in the log before we were.
  return {
    ...page,
    tableId: head.tableId,
    items: page.items.map((v) => ({ ...v, mirror: byVersion.get(v.version) ?? "COMPLETE" })),
  };
}

/** Versions after `after` with all their actions, ascending. */
export async function tableCommits(
  lake: Lake,
  ref: TableRef,
  options: { readonly after: number; readonly limit: number },
): Promise<{ readonly tableId: string; readonly commits: readonly Commit[] }> {
  const head = await findHead(lake, ref);
  const from = Math.max(options.after + 1, head.baseVersion);
  const to = Math.min(head.version, from + options.limit - 1);
  const { tableId } = head;
  return { tableId, commits: from > to ? [] : await lake.catalog.readCommits(tableId, from, to) };
}

export async function describeTable(
  lake: Lake,
  ref: TableRef,
): Promise<ListedTable & { readonly header: SnapshotHeader; readonly mirroredVersion: number }> {
  const head = await findHead(lake, ref);
  const [header, checked] = await Promise.all([
    lake.catalog.readHeader(head.tableId, head.version),
    healthOfTables(lake, [head.tableId]),
  ]);
  const seen = checked.get(head.tableId);
  if (seen === undefined) throw tableNotFound(ref);
  return { head, header, health: seen.health, mirroredVersion: mirroredVersionOf(seen.facts) };
}

export interface TableVersion {
  readonly tableId: string;
  readonly table: string;
  readonly version: number;
  readonly timestamp: number;
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

function versionOf({ tableId, name, version, timestamp }: TableState): TableVersion {
  return { tableId, table: name, version, timestamp };
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
  return refs.map((ref) => {
    const state = states.find((s) =>
      "tableId" in ref ? s.tableId === ref.tableId.toLowerCase() : s.name === ref.name,
    );
    if (state === undefined) throw tableNotFound(ref);
    return state;
  });
}
