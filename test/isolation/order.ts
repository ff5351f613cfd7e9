/** Looks for one serial order of all transactions that explains every version and every snapshot that a reader saw. */

import { DependencyGraph } from "./graph.ts";
import type { History } from "./history.ts";

/** Versions of several tables that a reader was told belong together. */
export interface Observation {
  readonly name: string;
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * Every table that a transaction reads or writes gets a version of it, so the orders of versions and the snapshots are all there
 * is to know. A snapshot that cuts a transaction in two is a cycle, too.
 */
export function orderAnomalies(history: History, observations: readonly Observation[]): string[] {
  const graph = new DependencyGraph();
  for (const versions of history.values()) {
    for (const [i, version] of versions.entries()) {
      const next = versions[i + 1];
      if (next && i > 0) graph.add(version.transactionId, next.transactionId, "ww");
    }
  }
  for (const { name, versions } of observations) {
    for (const [table, version] of versions) {
      const seen = version > 0 ? history.get(table)?.[version] : undefined;
      const next = history.get(table)?.[version + 1];
      if (seen) graph.add(seen.transactionId, name, "wr");
      if (next) graph.add(name, next.transactionId, "rw");
    }
  }
  return graph.cycles();
}
