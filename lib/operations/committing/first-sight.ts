/**
 * Before a process first commits to a table it looks at the table's log: SQL may be older (ARCHITECTURE.md D57). What it saw holds in
 * one epoch of the database, which the commit's own statement compares, so that a warm commit looks at nothing.
 */

import { BoundedMap } from "../../bounded-map.ts";
import { isPast } from "../../delta/values/age.ts";
import { isLakeError } from "../../errors.ts";
import type { Catalog, Lake, TableState } from "../../ports.ts";
import { BEHIND_LOG, checkNotBehind } from "./behind-log.ts";
import { forgetTables } from "./table-states.ts";

/** After this a log is looked at again, for what no epoch tells: rows of one table put back by hand, a machine set back with all its memory. */
const TRUSTED_MS = 10 * 60_000;
/** Bounds the memory of a long life: what is dropped is looked at once more. */
const MAX_TABLES = 100_000;

interface Sights {
  readonly epoch: string;
  /** When the log of a table was found not to be ahead, by the clock of this process. */
  readonly seenAt: BoundedMap<string, number>;
  /** Looks under way, so that writers of one table look once. */
  readonly looking: Map<string, Promise<void>>;
}

const known = new WeakMap<Catalog, Sights>();

/**
 * Makes sure that none of these tables is behind its log: one LIST of the store for each that this process has not looked at in this
 * epoch, all at once, and nothing for the others.
 * @returns the epoch in which this holds, for the plan of the commit
 * @throws LakeError unavailable: CATALOG_BEHIND_LOG, or where the store does not answer
 */
export async function lookAtLogs(lake: Lake, tables: readonly TableState[]): Promise<string> {
  const epoch = await lake.catalog.epoch();
  const sights = sightsIn(lake, epoch);
  await Promise.all(tables.map((table) => lookOnce(lake, sights, table)));
  return epoch;
}

function sightsIn(lake: Lake, epoch: string): Sights {
  const before = known.get(lake.catalog);
  if (before?.epoch === epoch) return before;
  const sights: Sights = { epoch, seenAt: new BoundedMap(MAX_TABLES), looking: new Map() };
  known.set(lake.catalog, sights);
  if (before !== undefined) forgetTables(lake);
  return sights;
}

function lookOnce(lake: Lake, sights: Sights, table: TableState): Promise<void> | undefined {
  const { seenAt, looking } = sights;
  const { tableId } = table;
  const last = seenAt.get(tableId);
  const now = lake.clock.now();
  if (last !== undefined && !isPast(now, last, TRUSTED_MS)) return undefined;
  const underWay = looking.get(tableId);
  if (underWay !== undefined) return underWay;
  const look = checkNotBehind(lake, table)
    .catch((error: unknown) => {
      // What was seen before in this epoch is good enough while the store does not answer.
      if (last === undefined || !isLakeError(error, "unavailable") || error.code === BEHIND_LOG) throw error;
    })
    .then(() => seenAt.set(tableId, now))
    .finally(() => looking.delete(tableId));
  looking.set(tableId, look);
  return look;
}
