/**
 * Wakes the mirror up for tables that are overdue, at every tick of a clock, and measures how all tables are. Where events of S3 are asked for, it
 * hears of each version that is put into a log as well, and wakes the mirror up for a table that others write. What is left of its minute
 * the indexes of scans get: they follow the commits, and nobody waits for them.
 */

import type { Context } from "aws-lambda";
import { errorText } from "../lib/errors.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import { changeLine, openHealthWatch } from "../lib/operations/health-watch.ts";
import { grantWishes, indexScans } from "../lib/operations/index-scans.ts";
import { sweepMirrors } from "../lib/operations/sweep.ts";
import { wakeFollower } from "../lib/operations/wake-follower.ts";
import type { Signal } from "../lib/ports.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, deadlineOf, failureFields, logger } from "./middleware.ts";

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

/** Milliseconds before the time is over at which indexing ends; the next tick goes on. */
const RESERVE_MS = 15_000;

export const handler = around(async ({ source, detail }: ObjectCreated, context: Context) => {
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
  await index(lake, deadlineOf(context, RESERVE_MS));
  return { enqueued: enqueued.length };
});

/** An index is a hint: that it fails is counted and logged, and is no failure of the sweep. */
async function index(lake: AwsLake, signal: Signal): Promise<void> {
  try {
    const begun = await grantWishes(lake, {
      signal,
      onFailure: (wish, error) => logger.warn("no index is made for scans", { ...wish, ...failureFields(error) }),
    });
    for (const wish of begun) logger.info("scans ask for this column: an index is being made", { ...wish });
    const files = await indexScans(lake, { signal });
    if (files > 0) logger.info("indexed", { files, interrupted: signal.aborted });
  } catch (error) {
    lake.metrics.record("ScanIndexFailures", 1, "Count", { error: errorText(error) });
    logger.error(`indexing of scans failed: ${errorText(error)}`, failureFields(error));
  }
}
