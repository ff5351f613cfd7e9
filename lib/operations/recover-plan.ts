/** How far each table of a recovery goes, and what holds it there: decided for all tables together, before anything is written. */

import { consistentCut, type TransactionGroup } from "../delta/consistent-cut.ts";
import { isLakeError, type LakeError } from "../errors.ts";
import type { Lake, TableHead } from "../ports.ts";
import { type LogAhead, tryLogAhead } from "./publishing/log-ahead.ts";

/** Why a table does not go up to the end of its log. */
export interface Stop {
  /** The first version that is not taken over. */
  readonly version: number;
  /**
   * `foreign`: it was written past the catalog. `incomplete`: its transaction was committed to a table whose log does not have it.
   * `waits`: its transaction is in a table that stops before it. `gone`: what the log still has begins above it, and is not taken whole.
   * `later`: it is later than the moment that was asked for.
   */
  readonly reason: "foreign" | "incomplete" | "waits" | "gone" | "later";
  readonly transactionId?: string;
}

/** A transaction that no log has for all of its tables. */
export interface IncompleteTransaction {
  readonly transactionId: string;
  /** Where it is, in SQL or in a log. */
  readonly known: readonly { readonly tableId: string; readonly version: number }[];
  /** Ids of tables of whose versions nothing is left, or that the catalog does not know. */
  readonly missing: readonly string[];
}

export interface TablePlan {
  readonly head: TableHead;
  readonly ahead: LogAhead;
  /** The last version that is taken over; that of the head, or −1, where nothing is. */
  readonly limit: number;
  readonly stop?: Stop;
}

export interface RecoveryPlan {
  /** By table id; an error where nothing can be done for the table. */
  readonly tables: ReadonlyMap<string, TablePlan | { readonly head: TableHead; readonly error: LakeError }>;
  readonly incomplete: readonly IncompleteTransaction[];
}

export interface PlanOptions {
  readonly foreign: boolean;
  readonly acceptIncomplete: boolean;
  /** Milliseconds: later versions are not taken over. */
  readonly until: number | undefined;
}

/**
 * Reads what the logs have more: of the given tables, and of those that share transactions with them.
 * @param inTurn runs the work on each table, some at once
 */
export async function planRecovery(
  lake: Lake,
  heads: readonly TableHead[],
  options: PlanOptions,
  inTurn: <T>(items: readonly T[], work: (item: T) => Promise<void>) => Promise<void>,
): Promise<RecoveryPlan> {
  const seen = new Map<string, { readonly head: TableHead; readonly ahead: LogAhead | LakeError }>();
  const unknown = new Set<string>();
  for (let next = heads; next.length > 0; ) {
    await inTurn(
      next,
      async (head) => void seen.set(head.tableId, { head, ahead: await tryLogAhead(lake, head, options.until) }),
    );
    next = await partnersOf(lake, seen, unknown);
  }
  const { groups, incomplete } = await groupsOf(lake, seen);
  return decide(seen, groups, incomplete, options);
}

type Seen = ReadonlyMap<string, { readonly head: TableHead; readonly ahead: LogAhead | LakeError }>;

function sharedOf({ ahead }: { readonly ahead: LogAhead | LakeError }): LogAhead["shared"] {
  return isLakeError(ahead) ? [] : ahead.shared;
}

/** Tables of the same transactions that have not been looked at. */
async function partnersOf(lake: Lake, seen: Seen, unknown: Set<string>): Promise<readonly TableHead[]> {
  const ids = new Set([...seen.values()].flatMap(sharedOf).flatMap(({ tables }) => tables));
  const heads: TableHead[] = [];
  for (const tableId of ids) {
    if (seen.has(tableId) || unknown.has(tableId)) continue;
    const head = await lake.catalog.findTable({ tableId }, { anyStatus: true });
    if (head === undefined || head.status === "DELETED") unknown.add(tableId);
    else heads.push(head);
  }
  return heads;
}

async function groupsOf(lake: Lake, seen: Seen) {
  const groups = new Map<string, TransactionGroup & { readonly tables: readonly string[] }>();
  for (const [tableId, table] of seen) {
    for (const { transactionId, version, tables } of sharedOf(table)) {
      const parts = groups.get(transactionId)?.parts ?? [];
      groups.set(transactionId, { transactionId, tables, parts: [...parts, { tableId, version }] });
    }
  }
  const incomplete: IncompleteTransaction[] = [];
  for (const { transactionId, parts, tables } of groups.values()) {
    const inLogs = new Set(parts.map(({ tableId }) => tableId));
    if (tables.every((tableId) => inLogs.has(tableId))) continue;
    const inSql = await lake.catalog.findTransactionParts(transactionId);
    const settled = new Set([
      ...(inSql?.known.map(({ tableId, origin = tableId }) => origin) ?? []),
      ...(inSql?.lost ?? []),
    ]);
    const absent = tables.filter((tableId) => !inLogs.has(tableId) && !settled.has(tableId));
    // Nobody knows what is in a log that cannot be read: whoever shares a transaction with it waits.
    const unread = absent.flatMap((tableId) => {
      const { head, ahead } = seen.get(tableId) ?? {};
      return head && isLakeError(ahead) ? [{ tableId, version: head.version + 1 }] : [];
    });
    groups.set(transactionId, { transactionId, tables, parts: [...parts, ...unread] });
    const missing = absent.filter((tableId) => !isLakeError(seen.get(tableId)?.ahead));
    if (missing.length === 0) continue;
    const known = (inSql?.known ?? []).map(({ tableId, version }) => ({ tableId, version }));
    incomplete.push({ transactionId, known: [...known, ...parts], missing });
  }
  return { groups: [...groups.values()], incomplete };
}

function decide(
  seen: Seen,
  groups: readonly TransactionGroup[],
  incomplete: readonly IncompleteTransaction[],
  { foreign, acceptIncomplete }: PlanOptions,
): RecoveryPlan {
  const limits = new Map<string, number>();
  const stops = new Map<string, Stop>();
  const stopAt = (tableId: string, stop: Stop): void => {
    if (stop.version > (limits.get(tableId) ?? -1)) return;
    limits.set(tableId, stop.version - 1);
    stops.set(tableId, stop);
  };
  for (const [tableId, { head, ahead }] of seen) {
    limits.set(tableId, isLakeError(ahead) ? head.version : ahead.logVersion);
    if (isLakeError(ahead)) continue;
    if (ahead.later !== undefined) stopAt(tableId, { version: ahead.later, reason: "later" });
    if (!foreign && !head.followed && ahead.foreign !== undefined)
      stopAt(tableId, { version: ahead.foreign, reason: "foreign" });
  }
  const isAbove = ({ tableId, version }: { tableId: string; version: number }) =>
    seen.has(tableId) && version > (seen.get(tableId)?.head.version ?? -1);
  for (const { transactionId, known } of acceptIncomplete ? [] : incomplete) {
    for (const { tableId, version } of known.filter(isAbove)) {
      stopAt(tableId, { version, reason: "incomplete", transactionId });
    }
  }
  const cut = consistentCut(limits, groups);
  for (const [tableId, transactionId] of cut.heldBy) {
    stops.set(tableId, { version: (cut.limits.get(tableId) ?? -1) + 1, reason: "waits", transactionId });
  }
  const tables = new Map<string, TablePlan | { readonly head: TableHead; readonly error: LakeError }>();
  for (const [tableId, { head, ahead }] of seen) {
    if (isLakeError(ahead)) tables.set(tableId, { head, error: ahead });
    else tables.set(tableId, planOf(ahead, cut.limits.get(tableId) ?? head.version, stops.get(tableId)));
  }
  return { tables, incomplete };
}

function planOf(ahead: LogAhead, limit: number, stop: Stop | undefined): TablePlan {
  const { head, restart } = ahead;
  // From a checkpoint there is a state at its version, or none.
  if (restart && limit < (restart.segment.checkpoint?.version ?? 0)) {
    return { head, ahead, limit: head.version, stop: { ...stop, version: head.version + 1, reason: "gone" } };
  }
  return { head, ahead, limit, ...(stop && { stop }) };
}
