/** Writes the checkpoints that would hold the mirror up: of large tables, and those that failed there. One message a checkpoint. */

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type { Context, SQSEvent } from "aws-lambda";
import { writeDueCheckpoint } from "../lib/operations/checkpoint.ts";
import { around, containerLake, deadlineOf, logger } from "./middleware.ts";
import { eachRecord } from "./records.ts";

/** Milliseconds before the time is over at which it gives up: the upload has to be taken back. */
const RESERVE_MS = 20_000;

const lakeOf = containerLake();

export const handler = around(async (event: SQSEvent, context: Context) => {
  const lake = await lakeOf();
  const signal = deadlineOf(context, RESERVE_MS);
  const write = eachRecord(async ({ tableId, version = 0 }) => {
    const due = { tableId, version };
    const written = await writeDueCheckpoint(lake, due, { signal });
    logger.info("checkpoint", { ...due, written });
  });
  const options = { context, throwOnFullBatchFailure: false };
  return processPartialResponse(event, write, new BatchProcessor(EventType.SQS), options);
});
