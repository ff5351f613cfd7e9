/** Enqueues tables whose mirror is overdue: messages get lost, workers get killed (ARCHITECTURE.md D6). */

import type { Lake } from "../ports.ts";

/**
 * @param options.overdueMs how long a version may be unpublished, or untried, before its table is enqueued
 * @param options.limit at most so many tables
 */
export async function sweepMirrors(
  lake: Lake,
  options: { readonly overdueMs: number; readonly limit: number },
): Promise<{ readonly enqueued: readonly { readonly tableId: string; readonly version: number }[] }> {
  const now = lake.clock.now();
  const overdue = await lake.catalog.overdueTables(now - options.overdueMs, options.limit);
  if (overdue.length > 0) {
    lake.metrics.record("OverdueTables", overdue.length, "Count");
    const oldest = Math.min(...overdue.map((table) => table.committedAt));
    lake.metrics.record("OldestUnpublished", now - oldest, "Milliseconds");
    await lake.queue.enqueue(overdue);
  }
  return { enqueued: overdue.map(({ tableId, version }) => ({ tableId, version })) };
}
