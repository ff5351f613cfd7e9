/**
 * The end of rows of the audit trail whose time is over. First a row of the trail says which are taken away, with the hash of the last of
 * each chain: so a chain goes on from there, and can be followed.
 */

import { momentBefore } from "../delta/values/age.ts";
import { errorText } from "../errors.ts";
import type { Audit, AuditRow, AuditShard, Clock, Metrics, Signal } from "../ports.ts";
import { type Anchor, type AuditTrailOptions, OF_ITSELF, openAuditTrail, pagesOf, TRIM } from "./audit.ts";
import { goesOn } from "./audit-row.ts";

const DAY_MS = 86_400_000;
/** Chains that one row speaks of: some 60 KB. */
const CHAINS_AT_ONCE = 500;
/** Rows that one statement takes away. */
const ROWS_AT_ONCE = 5_000;

export interface TrimOptions extends AuditTrailOptions {
  /** Milliseconds since the epoch: rows from then on stay. */
  readonly before: number;
  /** Aborted, what is left is for the next run. */
  readonly signal?: Signal | undefined;
}

/** Takes rows away whose time is over, once a row says so: a chain goes on from there. @returns how many there were */
export async function trimAudit(catalog: Audit, options: TrimOptions): Promise<number> {
  const { shard, now, onError, before, signal } = options;
  const failures: unknown[] = [];
  const failed = (error: unknown) => {
    failures.push(error);
    onError(error, []);
  };
  const trail = openAuditTrail(catalog, { shard, now, onError: failed });
  let count = 0;
  let ending: { readonly first: number; readonly end: Anchor }[] = [];
  const endThem = async () => {
    const removed = ending.map(({ end }) => end);
    trail.note({ ...OF_ITSELF, at: now(), operation: TRIM, effect: JSON.stringify({ before, removed }) });
    await trail.flush();
    if (failures.length > 0) throw failures[0];
    for (const { first, end } of ending) {
      for (let upTo = first + ROWS_AT_ONCE - 1; upTo < end.seq; upTo += ROWS_AT_ONCE)
        await catalog.trimAudit(end.shard, upTo);
      await catalog.trimAudit(end.shard, end.seq);
      count += end.seq - first + 1;
    }
    ending = [];
  };
  for (const one of await catalog.auditShards()) {
    if (signal?.aborted) break;
    const end = await lastBefore(catalog, one, before);
    if (end === undefined) continue;
    ending.push({ first: one.first, end: { shard: one.shard, seq: end.seq, hash: end.hash } });
    if (ending.length === CHAINS_AT_ONCE) await endThem();
  }
  if (ending.length > 0) await endThem();
  return count;
}

/**
 * Rows that say what was taken away stay: without them no chain that begins later could be followed. Of a chain that goes on the last one stays,
 * which the next one follows.
 */
async function lastBefore(catalog: Audit, { shard, last }: AuditShard, before: number): Promise<AuditRow | undefined> {
  let end: AuditRow | undefined;
  for await (const page of pagesOf(catalog, shard)) {
    for (const row of page) {
      if (row.at >= before || row.operation === TRIM || (goesOn(shard) && row.seq >= last)) return end;
      end = row;
    }
  }
  return end;
}

/** What a scheduled end of rows needs of a lake. */
export interface Keeping {
  readonly catalog: Audit;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * Rows of whole days (UTC) go, so that however often it runs, one row a day says so; where none is old enough it costs one small question.
 * A failure is counted, and comes again with the next run.
 * @param retentionMs milliseconds that rows stay at least; 0 for ever
 */
export async function keepRetention(
  { catalog, clock, metrics }: Keeping,
  retentionMs: number,
  { signal }: { readonly signal?: Signal } = {},
): Promise<{ readonly removed: number; readonly failure?: string }> {
  if (retentionMs === 0) return { removed: 0 };
  try {
    const oldest = await catalog.oldestAudit(TRIM);
    const before = Math.floor(momentBefore(clock.now(), retentionMs) / DAY_MS) * DAY_MS;
    if (oldest === undefined || oldest >= before) return { removed: 0 };
    const options = { shard: clock.newId(), now: () => clock.now(), onError: () => undefined };
    return { removed: await trimAudit(catalog, { ...options, before, signal }) };
  } catch (error) {
    const failure = errorText(error);
    metrics.record("MaintenanceFailures", 1, "Count", { error: failure });
    return { removed: 0, failure };
  }
}
