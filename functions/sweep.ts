/** Rings again for tables that are overdue, at every tick of a clock. One statement when there is none. */

import { sweepMirrors } from "../lib/operations/sweep.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";

/** Tables of one sweep; the next takes the rest. */
const LIMIT = 1000;

const lakeOf = containerLake({ ringsAgain: true });

export const handler = around(async () => {
  const lake = await lakeOf();
  const { rung } = await sweepMirrors(lake, { overdueMs: lake.settings.overdueSeconds * 1000, limit: LIMIT });
  lake.metrics.record(EVENT_METRICS.sweeps.cloudwatch, 1, "Count");
  if (rung.length > 0) logger.warn("rang again for overdue tables", { tables: rung.length, first: rung[0] });
  return { rung: rung.length };
});
