/** Wakes the mirror up for tables that are overdue, at every tick of a clock. One statement when there is none. */

import { sweepMirrors } from "../lib/operations/sweep.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";

/** Tables of one sweep; the next takes the rest. */
const LIMIT = 1000;

const lakeOf = containerLake({ sendsAgain: true });

export const handler = around(async () => {
  const lake = await lakeOf();
  const { enqueued } = await sweepMirrors(lake, { overdueMs: lake.settings.overdueSeconds * 1000, limit: LIMIT });
  lake.metrics.record(EVENT_METRICS.sweeps.cloudwatch, 1, "Count");
  if (enqueued.length > 0)
    logger.warn("woke the mirror up for overdue tables", { tables: enqueued.length, first: enqueued[0] });
  return { enqueued: enqueued.length };
});
