/** Parity checks: the clock's event puts every table into a queue, each message of which is the comparison of one table. */

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type { Context, SQSEvent } from "aws-lambda";
import { isLakeError } from "../lib/errors.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import { checkParity } from "../lib/operations/parity.ts";
import { allTables } from "../lib/operations/read.ts";
import { recordDrift } from "../lib/telemetry/emf.ts";
import { EVENT_METRICS } from "../lib/telemetry/metric-names.ts";
import { around, containerLake, logger } from "./middleware.ts";
import { type About, eachRecord, type Message } from "./records.ts";

const lakeOf = containerLake();

export const handler = around(async (event: SQSEvent | Record<string, unknown>, context: Context) => {
  const lake = await lakeOf();
  if (!("Records" in event)) return fanOut(lake);
  const options = { context, throwOnFullBatchFailure: false };
  const check = eachRecord((message, about) => checkTable(lake, message, about));
  return processPartialResponse(event as SQSEvent, check, new BatchProcessor(EventType.SQS), options);
});

async function fanOut(lake: AwsLake) {
  const tableIds: string[] = [];
  for await (const { tableId } of allTables(lake)) tableIds.push(tableId);
  await lake.parityQueue.send(tableIds);
  lake.metrics.record(EVENT_METRICS.parityRuns.cloudwatch, 1, "Count");
  return { tables: tableIds.length };
}

async function checkTable(lake: AwsLake, { tableId }: Message, about: About): Promise<void> {
  const { lagThresholdSeconds } = lake.settings;
  try {
    const report = await checkParity(lake, { tableId, lagThresholdSeconds, maxDriftFiles: 0 });
    about.table = report.table;
    recordDrift(lake.metrics, report);
    lake.metrics.record(EVENT_METRICS.parityChecks.cloudwatch, 1, "Count", { tableId, outcome: report.outcome });
    if (report.outcome !== "ok") logger.error("SQL and _delta_log differ: run dl diff", { report });
  } catch (error) {
    // Dropped since it was listed: nothing to compare any more.
    if (isLakeError(error, "notFound")) return;
    lake.metrics.record(EVENT_METRICS.parityFailures.cloudwatch, 1, "Count", { tableId });
    throw error;
  }
}
