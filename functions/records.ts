/** Records of a queue, one by one: what goes wrong with one is logged once, with all that is known of it, and the record comes again. */

import type { Logger } from "@aws-lambda-powertools/logger";
import type { SQSRecord } from "aws-lambda";
import { errorText, invalid } from "../lib/errors.ts";
import { failureFields, logger } from "./middleware.ts";

/** What the messages of all queues say. */
export interface Message {
  readonly tableId: string;
  /** Absent in the queue of parity. */
  readonly version?: number;
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** @throws LakeError invalid MESSAGE_UNREADABLE */
export function messageOf({ body }: SQSRecord): Message {
  let message: Partial<Message> | undefined;
  try {
    message = JSON.parse(body) as Partial<Message>;
  } catch {
    // Said below.
  }
  const { tableId, version } = message ?? {};
  const isMessage = typeof tableId === "string" && UUID.test(tableId);
  if (isMessage && (version === undefined || Number.isSafeInteger(version))) return message as Message;
  throw invalid(`the message is none of ours: ${JSON.stringify(body.slice(0, 100))}`, {
    code: "MESSAGE_UNREADABLE",
    hint: 'It should be {"tableId": UUID, "version": number}. Nothing is lost with it: when it has been tried often enough, purge it from the dead-letter queue, and find out who sends such.',
  });
}

/** Of a record, for the line of its failure. */
export interface About extends Partial<Message> {
  /** `namespace.name`, once the work has learnt it. */
  table?: string;
  readonly attempt: number;
  readonly messageId: string;
  readonly queue: string | undefined;
}

/** @returns a handler of records for processPartialResponse; what it throws has been logged */
export function eachRecord(
  work: (message: Message, about: About) => Promise<void>,
  log: Pick<Logger, "error"> = logger,
): (record: SQSRecord) => Promise<void> {
  return async (record) => {
    const { messageId, attributes, eventSourceARN } = record;
    const queue = eventSourceARN.split(":").at(-1);
    let about: About = { attempt: Number(attributes.ApproximateReceiveCount), messageId, queue };
    try {
      const message = messageOf(record);
      about = { ...message, ...about };
      await work(message, about);
    } catch (error) {
      log.error(errorText(error), { ...failureFields(error), ...about });
      throw error;
    }
  };
}
