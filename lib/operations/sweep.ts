/** Rings again for tables whose mirror is overdue: doorbells get lost, workers get killed (ARCHITECTURE.md D6). */

import type { Lake } from "../ports.ts";

/**
 * @param options.overdueMs how long a version may be unpublished, or untried, before its table is rung for
 * @param options.limit at most so many tables
 */
export async function sweepMirrors(
  lake: Lake,
  options: { readonly overdueMs: number; readonly limit: number },
): Promise<{ readonly rung: readonly { readonly tableId: string; readonly version: number }[] }> {
  const now = lake.clock.now();
  const overdue = await lake.catalog.overdueTables(now - options.overdueMs, options.limit);
  if (overdue.length > 0) {
    lake.metrics.record("OverdueTables", overdue.length, "Count");
    const oldest = Math.min(...overdue.map((table) => table.committedAt));
    lake.metrics.record("OldestUnpublished", now - oldest, "Milliseconds");
    await lake.queue.ring(overdue);
  }
  return { rung: overdue.map(({ tableId, version }) => ({ tableId, version })) };
}
