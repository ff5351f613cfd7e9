/** Tries the service from outside, as a client does, at every tick of a clock. Its role may call the API, and read the log of its own table. */

import { deadlineMs } from "../lib/deadlines.ts";
import { openAwsCanary } from "../lib/lake/canary.ts";
import { runCanary } from "../lib/operations/canary.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, logger } from "./middleware.ts";

/** @throws Error when anything was not as it should be, so that Lambda counts it */
export const handler = around(async () => {
  const canary = openAwsCanary(process.env);
  const { metrics, table } = canary;
  const report = await runCanary(canary, { table, mirroredWithinMs: deadlineMs("canaryMirror") });
  const { commitMs, mirrorMs, failures } = report;
  if (commitMs !== undefined) metrics.record(EVENT_METRICS.canaryCommit.cloudwatch, commitMs, "Milliseconds");
  if (mirrorMs !== undefined) metrics.record(EVENT_METRICS.canaryMirror.cloudwatch, mirrorMs, "Milliseconds");
  metrics.record(EVENT_METRICS.canaryRuns.cloudwatch, 1, "Count");
  metrics.flush();
  for (const failure of failures) logger.error("the canary failed", { code: "CANARY_FAILED", table, reason: failure });
  if (failures.length > 0) throw new Error(`the canary failed: ${failures.join("; ")}`);
  logger.info("the canary is well", { table, ...report });
  return report;
});
