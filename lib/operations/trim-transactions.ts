/**
 * Ends the catalog's memory of transactions: beyond a retention nobody is answered any more, and what may be a repetition is refused
 * (ARCHITECTURE.md D8).
 */

import {
  CLOCK_MARGIN_MS,
  SHORTEST_TRANSACTION_RETENTION_MS,
  TRANSACTION_RETENTION_MS,
} from "../delta/transaction-age.ts";
import { momentBefore } from "../delta/values/age.ts";
import { invalid } from "../errors.ts";
import type { Lake, OldTransaction, Signal, TransactionTable } from "../ports.ts";
import { isSound } from "./publishing/sound-mirror.ts";
import { healthOfTables } from "./table-health.ts";

/** Transactions that go in one SQL transaction. */
const BATCH = 500;
/** Of the tables that hold transactions back, so many are named. */
const NAMED = 5;

export interface TrimTransactionsOptions {
  /** Milliseconds that answers are kept; 30 days if absent, 7 at least. */
  readonly retentionMs?: number;
  readonly remove: boolean;
  readonly signal?: Signal;
}

export interface TrimmedTransactions {
  readonly removed: boolean;
  /** Milliseconds: those that were committed before have expired. */
  readonly before: number;
  /** Transactions that go, or have gone. */
  readonly transactions: number;
  /** That have expired, and stay all the same: SQL may be the only place that has them. */
  readonly kept: number;
  /** Names of tables that they stay for. */
  readonly keptFor: readonly string[];
  readonly interrupted?: true;
}

/**
 * A transaction goes when all of its tables have it in their logs and are sound; one of a dropped table when that is purged. Tables
 * note first how far they have forgotten, in the SQL transaction that takes the rows away: killed anywhere, the next run goes on.
 * @throws LakeError invalid RETENTION_TOO_SHORT
 */
export async function trimTransactions(
  lake: Lake,
  { retentionMs = TRANSACTION_RETENTION_MS, remove, signal }: TrimTransactionsOptions,
): Promise<TrimmedTransactions> {
  if (retentionMs < SHORTEST_TRANSACTION_RETENTION_MS) throw tooShort(retentionMs);
  const before = momentBefore(lake.clock.now(), retentionMs);
  const keptFor = new Set<string>();
  const known: Known = new Map();
  let [transactions, kept] = [0, 0];
  let cursor: string | undefined;
  do {
    if (signal?.aborted)
      return { removed: remove, before, transactions, kept, keptFor: [...keptFor], interrupted: true };
    const options = { before, limit: BATCH, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await lake.catalog.oldTransactions(options);
    await learn(lake, known, items);
    const free = items.filter((one) => isFree(one, known, keptFor));
    if (remove && free.length > 0) await forget(lake, free, known, before);
    transactions += free.length;
    kept += items.length - free.length;
    cursor = next;
  } while (cursor !== undefined);
  return { removed: remove, before, transactions, kept, keptFor: [...keptFor] };
}

/** A table, and whether its log is what SQL takes it for. */
type Known = Map<string, TransactionTable & { readonly isSound: boolean }>;

async function learn(lake: Lake, known: Known, items: readonly OldTransaction[]): Promise<void> {
  const ids = new Set(items.flatMap(({ tables }) => tables.map(({ tableId }) => tableId)));
  const unknown = [...ids].filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  const tables = await lake.catalog.transactionTables(unknown);
  const active = tables.filter(({ status }) => status === "ACTIVE").map(({ tableId }) => tableId);
  const health = await healthOfTables(lake, active);
  for (const table of tables) {
    const found = health.get(table.tableId);
    known.set(table.tableId, { ...table, isSound: found !== undefined && isSound(found.health) });
  }
}

function isFree({ isWhole, tables }: OldTransaction, known: Known, keptFor: Set<string>): boolean {
  if (!isWhole) return false;
  const holding = tables.find(({ tableId, version }) => {
    const table = known.get(tableId);
    if (table === undefined || table.isPurged) return false;
    return !table.isSound || version > table.publishedVersion;
  });
  if (holding === undefined) return true;
  const name = known.get(holding.tableId)?.name ?? holding.tableId;
  if (keptFor.size < NAMED) keptFor.add(name);
  return false;
}

async function forget(lake: Lake, free: readonly OldTransaction[], known: Known, before: number): Promise<void> {
  const newest = new Map<string, number>();
  for (const { tableId, version } of free.flatMap(({ tables }) => tables)) {
    if (known.has(tableId)) newest.set(tableId, Math.max(newest.get(tableId) ?? -1, version));
  }
  await lake.catalog.forgetTransactions({
    transactionIds: free.map(({ transactionId }) => transactionId),
    tables: [...newest].map(([tableId, version]) => ({ tableId, version })),
    madeBefore: before + CLOCK_MARGIN_MS,
  });
  lake.metrics.record("TransactionsForgotten", free.length, "Count");
}

function tooShort(retentionMs: number): Error {
  const days = SHORTEST_TRANSACTION_RETENTION_MS / 86_400_000;
  return invalid(
    `transactions are kept for ${days} days at least, and ${retentionMs / 86_400_000} days are asked for`,
    {
      code: "RETENTION_TOO_SHORT",
      hint: "A request that waited in a queue is sent again for days, and is to get its first answer.",
    },
  );
}
