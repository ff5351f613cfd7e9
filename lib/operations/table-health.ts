/** Health of tables, read from SQL: the derivation is lib/delta/health.ts, and everybody who shows a table asks here. */

import { HEALTH_STATES, type HealthState, healthOf, type MirrorFacts, type TableHealth } from "../delta/health.ts";
import type { Lake, MirrorRules } from "../ports.ts";

const PAGE_TABLES = 1000;

/** What holds where a lake says nothing. */
export const DEFAULT_MIRROR_RULES: MirrorRules = {
  lateAfterMs: 5_000,
  maxUnpublished: 10_000,
  commitsWhenStopped: "accept",
};

/** A table as health sees it. */
export interface CheckedTable {
  readonly facts: MirrorFacts;
  readonly health: TableHealth;
}

export function mirrorRules(lake: Pick<Lake, "mirrorRules">): MirrorRules {
  return lake.mirrorRules ?? DEFAULT_MIRROR_RULES;
}

/** By table id, in one round trip; a table that has been dropped since is missing. */
export async function healthOfTables(
  lake: Lake,
  tableIds: readonly string[],
): Promise<ReadonlyMap<string, CheckedTable>> {
  const facts = tableIds.length === 0 ? [] : await lake.catalog.mirrorFacts(tableIds);
  return new Map(facts.map((one) => [one.tableId, checkedTable(lake, one)]));
}

/** All tables, or the `unsettled` alone (see Outbox.listMirrorFacts), page by page. */
export async function* checkedTables(lake: Lake, which: "all" | "unsettled"): AsyncGenerator<CheckedTable> {
  let cursor: string | undefined;
  do {
    const page = await lake.catalog.listMirrorFacts({
      which,
      limit: PAGE_TABLES,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const facts of page.items) yield checkedTable(lake, facts);
    cursor = page.next;
  } while (cursor !== undefined);
}

export function checkedTable(lake: Pick<Lake, "mirrorRules">, facts: MirrorFacts): CheckedTable {
  return { facts, health: healthOf(facts, mirrorRules(lake)) };
}

/** How many of these tables are in each state; those without any are there with 0. */
export function countStates(tables: readonly CheckedTable[]): Record<HealthState, number> {
  const counts = { ok: 0, late: 0, failed: 0, quarantined: 0, behindLog: 0, gone: 0 };
  for (const { health } of tables) counts[health.state] += 1;
  return counts;
}

/** The tables of a lake that are not ok, as its health shows them. */
export interface LakeHealth {
  /** `degraded` where a table is not ok: the service works, and somebody should look. */
  readonly status: "healthy" | "degraded";
  /** Age of the oldest version that is not published; 0 when all are. */
  readonly lagSeconds: number;
  /** True where that is more than the mirror's rules allow. */
  readonly isLate: boolean;
  /** How many tables are in each state but ok. */
  readonly tables: Readonly<Record<Exclude<HealthState, "ok">, number>>;
  /** The worst of them, at most so many as are asked for. */
  readonly troubled: readonly (Pick<MirrorFacts, "tableId" | "table"> & TableHealth)[];
}

export async function lakeHealth(lake: Lake, limit: number): Promise<LakeHealth> {
  const all: CheckedTable[] = [];
  let lagSeconds = 0;
  for await (const table of checkedTables(lake, "unsettled")) {
    lagSeconds = Math.max(lagSeconds, table.health.lagSeconds);
    if (table.health.state !== "ok") all.push(table);
  }
  const { ok: _, ...tables } = countStates(all);
  const rank = ({ health }: CheckedTable) => HEALTH_STATES.indexOf(health.state);
  const troubled = all
    .sort((a, b) => rank(b) - rank(a) || b.health.lagSeconds - a.health.lagSeconds)
    .slice(0, limit)
    .map(({ facts: { tableId, table }, health }) => ({ tableId, table, ...health }));
  const isLate = lagSeconds * 1000 > mirrorRules(lake).lateAfterMs;
  return { status: all.length === 0 ? "healthy" : "degraded", lagSeconds, isLate, tables, troubled };
}
