/**
 * Wakes the mirror up for tables that are overdue, at every tick of a clock, and measures how all tables are. Where events of S3 are asked for, it
 * hears of each version that is put into a log as well, and wakes the mirror up for a table that others write.
 */

import { changeLine, openHealthWatch } from "../lib/operations/health-watch.ts";
import { sweepMirrors } from "../lib/operations/sweep.ts";
import { wakeFollower } from "../lib/operations/wake-follower.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";

/** Tables of one sweep; the next takes the rest. */
const LIMIT = 1000;

const lakeOf = containerLake({ sendsAgain: true });
/** For the life of a container: a new one speaks of each table that is not ok once more. */
const watch = openHealthWatch();

/** What EventBridge says of an object that was put; its key is not encoded. */
interface ObjectCreated {
  readonly source?: string;
  readonly detail?: { readonly bucket: { readonly name: string }; readonly object: { readonly key: string } };
}

export const handler = around(async ({ source, detail }: ObjectCreated) => {
  const lake = await lakeOf();
  if (source === "aws.s3" && detail !== undefined) {
    return { enqueued: Number(await wakeFollower(lake, `s3://${detail.bucket.name}/${detail.object.key}`)) };
  }
  const overdueMs = lake.settings.overdueSeconds * 1000;
  const { enqueued, unsettled } = await sweepMirrors(lake, { overdueMs, limit: LIMIT });
  lake.metrics.record(EVENT_METRICS.sweeps.cloudwatch, 1, "Count");
  for (const { level, message, fields } of watch.look(unsettled, lake.clock.now()).map(changeLine)) {
    logger[level](message, { ...fields });
  }
  if (enqueued.length > 0)
    logger.warn("woke the mirror up for overdue tables", { tables: enqueued.length, first: enqueued[0] });
  return { enqueued: enqueued.length };
});
