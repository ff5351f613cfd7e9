/** Publishes what is unpublished of each table that a message names. A table that fails holds up its own group, and no other. */

import { processPartialResponse, SqsFifoPartialProcessorAsync } from "@aws-lambda-powertools/batch";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { AwsLake, FailedMessage } from "../lib/lake/aws.ts";
import { checkCommitted } from "../lib/operations/committing/behind-log.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import type { Signal } from "../lib/ports.ts";
import { around, containerLake, deadlineOf, failureFields, logger } from "./middleware.ts";
import { type About, eachRecord, type Message, messageOf } from "./records.ts";

/** Milliseconds before the time is over at which no more work begins: marking what was published takes a moment. */
const RESERVE_MS = 5_000;
/** Milliseconds after which a table gives way to those that share its batch, as SQS keeps their next messages until the batch is over. */
const SHARED_MS = 2_000;

const lakeOf = containerLake();

export const handler = around(async (event: SQSEvent, context: Context) => {
  const lake = await lakeOf();
  const drained = new Set<string>();
  const newest = newestOf(event);
  const groups = [...Map.groupBy(event.Records, ({ attributes }) => attributes.MessageGroupId).values()];
  const signal = groups.length > 1 ? givingWay(context) : deadlineOf(context, RESERVE_MS);
  const publish = eachRecord((message, about) => drain(lake, message, about, { drained, newest, signal }));
  const options = { context, skipGroupOnError: true, throwOnFullBatchFailure: false };
  // All tables at once: none waits for another.
  const answers = await Promise.all(
    groups.map((Records) => processPartialResponse({ Records }, publish, new SqsFifoPartialProcessorAsync(), options)),
  );
  const result = { batchItemFailures: answers.flatMap(({ batchItemFailures }) => batchItemFailures) };
  await lake.mirrorMessages.nack(failedOf(event, result));
  return result;
});

function givingWay(context: Context): Signal {
  const own = deadlineOf(context, RESERVE_MS);
  const startedWith = context.getRemainingTimeInMillis();
  return {
    get aborted() {
      return own.aborted || startedWith - context.getRemainingTimeInMillis() > SHARED_MS;
    },
  };
}

function failedOf({ Records }: SQSEvent, { batchItemFailures }: SQSBatchResponse): FailedMessage[] {
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return Records.filter(({ messageId }) => failed.has(messageId)).map(({ receiptHandle, attributes }) => ({
    receiptHandle,
    receives: Number(attributes.ApproximateReceiveCount),
  }));
}

interface Batch {
  /** Tables that are done, or that a new message goes on with. */
  readonly drained: Set<string>;
  /** Of each table the newest version that a message names. */
  readonly newest: ReadonlyMap<string, number>;
  readonly signal: Signal;
}

function newestOf({ Records }: SQSEvent): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const record of Records) {
    const { tableId, version = 0 } = readable(record) ?? {};
    if (tableId !== undefined) newest.set(tableId, Math.max(newest.get(tableId) ?? 0, version));
  }
  return newest;
}

/** What is none of ours fails as a record of its own, and holds up no other. */
function readable(record: SQSRecord): Message | undefined {
  try {
    return messageOf(record);
  } catch {
    return undefined;
  }
}

/** @throws LakeError when the table is not at its head afterwards, and nobody goes on: the message comes again */
async function drain(
  lake: AwsLake,
  { tableId }: Message,
  about: About,
  { drained, newest, signal }: Batch,
): Promise<void> {
  // All messages of this batch were sent before it came here, so one run answers all of a table.
  if (drained.has(tableId)) return;
  const { table, published, error, interrupted, quarantined } = await mirrorTable(lake, tableId, { signal });
  if (table !== undefined) about.table = table;
  // A person must look at a foreign commit; no message can do anything about it.
  if (error !== undefined && quarantined === undefined) throw error;
  if (error !== undefined) logger.error(error.message, { ...failureFields(error), ...about });
  else
    logger[interrupted || quarantined !== undefined ? "info" : "debug"]("mirrored", {
      table,
      tableId,
      published: published.length,
      quarantined,
      interrupted,
    });
  const version = newest.get(tableId) ?? 0;
  if (interrupted) {
    // A long way is no failure: a new message goes on, and has not been tried before.
    await lake.goOn([{ tableId, version }]);
    drained.add(tableId);
    return;
  }
  if ((published.at(-1) ?? -1) < version) await checkCommitted(lake, { tableId, version });
  drained.add(tableId);
}
