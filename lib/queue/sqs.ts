/** Queues on SQS: wake-ups of the mirror (FIFO, one group a table), tables to compare, checkpoints to write. Holds nothing that matters. */

import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { deadlineMs } from "../deadlines.ts";
import { errorText, unavailable } from "../errors.ts";
import type { CheckpointQueue, MirrorQueue } from "../ports.ts";
import { type RetryPolicy, retry } from "../retry.ts";
import { timeLeft } from "../time-left.ts";

/** Messages of one call, as SQS permits. */
const BATCH = 10;
const BATCHES_AT_ONCE = 10;
const SENDING: RetryPolicy = {
  attempts: 3,
  firstPauseMs: 100,
  longestPauseMs: 200,
  withinMs: deadlineMs("sqsRepeats"),
};

export interface SqsOptions {
  readonly queueUrl: string;
  /** Region, endpoint and credentials from the SDK's own environment if absent. */
  readonly client?: SQSClient;
}

export interface SqsMirrorQueueOptions extends SqsOptions {
  /** Wake-ups that were lost; the sweeper sends them again. */
  readonly onError: (tableIds: readonly string[], error: unknown) => void;
  /**
   * Makes each message a new one: for the sweeper. SQS swallows a message with the id of one sent in the last five minutes, and
   * holds back a group whose worker was killed until its visibility timeout ends; so these messages have ids and groups of
   * their own. Two workers of one table are harmless (ARCHITECTURE.md D7).
   */
  readonly nonce?: () => string;
}

/** A client that tries once: how often, and for how long, is decided here. */
export function newSqsClient(): SQSClient {
  return new SQSClient({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: deadlineMs("sqsConnection"),
      requestTimeout: deadlineMs("sqsAnswer"),
      throwOnRequestTimeout: true,
    },
  });
}

/** The mirror's queue. A message that cannot be sent is reported, never thrown: the commit is final (ARCHITECTURE.md D1, D6). */
export function openSqsMirrorQueue(options: SqsMirrorQueueOptions): MirrorQueue {
  const { queueUrl, client = newSqsClient(), onError, nonce } = options;
  return {
    async enqueue(tables) {
      const once = nonce?.();
      // A client waits for the answer to its commit meanwhile; whoever sends again has all the time that it takes.
      const signal = once === undefined ? AbortSignal.timeout(deadlineMs("wakeUp")) : undefined;
      const entries = tables.map(({ tableId, version }) => ({
        MessageBody: JSON.stringify({ tableId, version }),
        MessageGroupId: once === undefined ? tableId : `${tableId}.again`,
        MessageDeduplicationId: [tableId, version, ...(once === undefined ? [] : [once])].join("."),
      }));
      await sendAll(
        client,
        queueUrl,
        entries,
        (lost, error) =>
          onError(
            lost.map(({ MessageBody = "{}" }) => (JSON.parse(MessageBody) as { tableId: string }).tableId),
            error,
          ),
        signal,
      );
    },
  };
}

export interface TableQueue {
  /** @throws LakeError unavailable when not all could be sent; those that were are not taken back */
  send(tableIds: readonly string[]): Promise<void>;
}

/** A standard queue with one message a table. */
export function openTableQueue({ queueUrl, client = newSqsClient() }: SqsOptions): TableQueue {
  return {
    async send(tableIds) {
      const entries = tableIds.map((tableId) => ({ MessageBody: JSON.stringify({ tableId }) }));
      await sendAll(client, queueUrl, entries, (lost, error) => {
        throw unavailable(`${lost.length} of ${tableIds.length} messages could not be sent: ${errorText(error)}`, {
          hint: "Try again.",
          cause: error,
        });
      });
    },
  };
}

/** A standard queue with one message a checkpoint that is due. */
export function openCheckpointQueue({ queueUrl, client = newSqsClient() }: SqsOptions): CheckpointQueue {
  return {
    async ask(tableId, version) {
      const entry = { MessageBody: JSON.stringify({ tableId, version }) };
      await sendAll(client, queueUrl, [entry], (_, error) => {
        throw unavailable(`a checkpoint could not be asked for: ${errorText(error)}`, { cause: error });
      });
    },
  };
}

/** A message that was received and could not be done. */
export interface FailedMessage {
  readonly receiptHandle: string;
  /** How often it has been received. */
  readonly receives: number;
}

export interface Nack {
  /** Lets messages come again after some seconds, twice as many each time. Never throws: then they come after the visibility timeout. */
  nack(messages: readonly FailedMessage[]): Promise<void>;
}

const FIRST_RETRY_SECONDS = 2;
const LONGEST_RETRY_SECONDS = 60;

/** A message holds back all later ones of its group, so a table whose mirror failed must not wait for six times the function's time. */
export function openNack({ queueUrl, client = newSqsClient() }: SqsOptions): Nack {
  return {
    async nack(messages) {
      const nackBatch = async (batch: readonly FailedMessage[]) => {
        const Entries = batch.map(({ receiptHandle, receives }, i) => ({
          Id: String(i),
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** Math.max(0, receives - 1)),
        }));
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries });
        const abortSignal = AbortSignal.timeout(deadlineMs("wakeUp"));
        await client.send(command, { abortSignal }).catch(() => undefined);
      };
      await Promise.all(batchesOf(messages).map(nackBatch));
    },
  };
}

function batchesOf<T>(messages: readonly T[]): (readonly T[])[] {
  return Array.from({ length: Math.ceil(messages.length / BATCH) }, (_, i) =>
    messages.slice(i * BATCH, (i + 1) * BATCH),
  );
}

type Message = Omit<SendMessageBatchRequestEntry, "Id">;

async function sendAll(
  client: SQSClient,
  queueUrl: string,
  messages: readonly Message[],
  onLost: (lost: readonly Message[], error: unknown) => void,
  within?: AbortSignal,
): Promise<void> {
  const signal = timeLeft(within);
  const batches = batchesOf(messages);
  let given: { readonly error: unknown } | undefined;
  const sendNext = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      // A queue that did not answer is not asked again: a commit of many tables would wait for each ten of them.
      const left = given ? { messages: batch, ...given } : await sendBatch(client, queueUrl, batch, signal);
      if (left === undefined) continue;
      if (!wasAnswered(left.error)) given ??= { error: left.error };
      onLost(left.messages, left.error);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, sendNext));
}

/** The queue answered, and did not take some messages. */
class Refused extends Error {}

function wasAnswered(error: unknown): boolean {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return error instanceof Refused || $metadata?.httpStatusCode !== undefined;
}

/** Sends up to ten messages, those that failed again a few times; answers what is left then. */
async function sendBatch(
  client: SQSClient,
  queueUrl: string,
  batch: readonly Message[],
  signal: AbortSignal | undefined,
): Promise<{ readonly messages: readonly Message[]; readonly error: unknown } | undefined> {
  let messages = batch;
  const send = async (): Promise<void> => {
    const Entries = messages.map((message, i) => ({ ...message, Id: String(i) }));
    const { Failed = [] } = await client.send(
      new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }),
      signal && { abortSignal: signal },
    );
    if (Failed.length === 0) return;
    const refused = new Set(Failed.map(({ Id }) => Id));
    messages = messages.filter((_, i) => refused.has(String(i)));
    throw new Refused(Failed.map(({ Code, Message }) => `${Code}: ${Message}`).join("; "));
  };
  try {
    await retry(signal === undefined ? SENDING : { ...SENDING, signal }, send, () => signal?.aborted !== true);
    return undefined;
  } catch (error) {
    return { messages, error };
  }
}
