/**
 * Enqueues tables whose mirror is overdue: messages get lost, workers get killed (ARCHITECTURE.md D6). Measures all that is
 * not settled, whether anybody can do something about it now or not.
 */

import { type HealthState, isDue } from "../delta/health.ts";
import type { Lake } from "../ports.ts";
import { type CheckedTable, checkedTables, countStates } from "./table-health.ts";

export interface Sweep {
  readonly enqueued: readonly { readonly tableId: string; readonly version: number }[];
  /** Tables that are not settled: something is unpublished, the mirror has stopped, the log differs from SQL, or others write it. */
  readonly unsettled: readonly CheckedTable[];
}

/** Metrics of the states in which somebody should look; how many are well is not known here. */
const STATE_METRICS = {
  late: "TablesLate",
  failed: "TablesFailed",
  quarantined: "TablesQuarantined",
  behindLog: "TablesBehindLog",
  gone: "TablesGone",
} as const satisfies Record<Exclude<HealthState, "ok">, string>;

/** Logs that are told their names in one sweep; the next takes more. */
const MANIFESTS_AT_ONCE = 100;

/**
 * Also enqueues tables whose logs do not know their names yet: one more round trip; and those that others write, to look at their logs.
 * @param options.overdueMs how long a version may be unpublished, or untried, before its table is enqueued; a table whose
 * mirror fails is enqueued at growing intervals
 * @param options.limit at most so many tables are enqueued, the longest waiting first
 */
export async function sweepMirrors(
  lake: Lake,
  options: { readonly overdueMs: number; readonly limit: number },
): Promise<Sweep> {
  const unsettled: CheckedTable[] = [];
  for await (const table of checkedTables(lake, "unsettled")) unsettled.push(table);
  const due = unsettled
    .filter(({ facts }) => isDue(facts, options.overdueMs))
    .sort((a, b) => b.health.lagSeconds - a.health.lagSeconds);
  recordSweep(lake, unsettled, due.length);
  const enqueued = due
    .slice(0, options.limit)
    .map(({ facts }) => ({ tableId: facts.tableId, version: facts.oldest?.version ?? facts.version }));
  const followed = unsettled
    .filter(({ facts }) => facts.followed)
    .map(({ facts: { tableId, version } }) => ({ tableId, version }));
  const untold = await lake.catalog.dueManifests(MANIFESTS_AT_ONCE);
  const all = [...enqueued, ...untold, ...followed];
  if (all.length > 0) await lake.queue.enqueue(all);
  return { enqueued, unsettled };
}

/** Differences that the last comparison of each table found, as the comparisons name them; the flags are 0 or 1. */
const DRIFT_METRICS = [
  ["files", "FileDriftCount", Number.POSITIVE_INFINITY],
  ["metadata", "MetadataDrift", 1],
  ["protocol", "ProtocolDrift", 1],
] as const;

/**
 * What lasts is measured by every sweep for as long as it lasts, over all tables, whether anybody tries to mend them or not. Zeros, too,
 * so that an alarm ends.
 */
function recordSweep(lake: Lake, unsettled: readonly CheckedTable[], due: number): void {
  const most = (of: (table: CheckedTable) => number) => unsettled.reduce((max, table) => Math.max(max, of(table)), 0);
  lake.metrics.record("OverdueTables", due, "Count");
  lake.metrics.record(
    "OldestUnpublished",
    most(({ health }) => health.lagSeconds * 1000),
    "Milliseconds",
  );
  lake.metrics.record(
    "UnpublishedVersions",
    most(({ health }) => health.unpublishedVersions),
    "Count",
  );
  const isRetried = ({ facts }: CheckedTable) => (facts.oldest?.attempts ?? 0) > 0;
  lake.metrics.record("RetriedTables", unsettled.filter(isRetried).length, "Count");
  for (const [kind, metric, atMost] of DRIFT_METRICS) {
    const drift = most(({ facts }) => facts.parity?.drift[kind] ?? 0);
    lake.metrics.record(metric, Math.min(drift, atMost), "Count");
  }
  const followed = unsettled.flatMap(({ health }) => health.followed ?? []);
  lake.metrics.record("FollowedTables", followed.length, "Count");
  lake.metrics.record("FollowedBehind", Math.max(0, ...followed.map(({ behindVersions }) => behindVersions)), "Count");
  const counts = countStates(unsettled);
  for (const [state, metric] of Object.entries(STATE_METRICS)) {
    lake.metrics.record(metric, counts[state as HealthState], "Count");
  }
}
