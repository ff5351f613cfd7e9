/** The queues on a server that speaks SQS: order within a table, no message twice, the sweeper's messages arrive, what failed comes again. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { CreateQueueCommand, DeleteMessageCommand, type Message, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { newSqsClient, openNack, openSqsMirrorQueue, openTableQueue } from "../../lib/queue/sqs.ts";
import { needs, sqsUrl } from "../support/skip.ts";

const SUITE = "queues on SQS";
describe(SUITE, needs(SUITE, sqsUrl, "TEST_SQS_URL is not set"), () => {
  Object.assign(process.env, { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  if (sqsUrl) process.env.AWS_ENDPOINT_URL_SQS = sqsUrl;
  const client = newSqsClient();
  let queues = 0;
  const onError = (tableIds: readonly string[], error: unknown) => assert.fail(`lost ${tableIds}: ${error}`);
  const nonce = () => crypto.randomUUID();

  async function newQueue(fifo: boolean): Promise<string> {
    queues += 1;
    const QueueName = `dl-${process.pid}-${Date.now()}-${queues}${fifo ? ".fifo" : ""}`;
    const Attributes = fifo
      ? { FifoQueue: "true", DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }
      : {};
    const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    return QueueUrl;
  }

  async function receive(QueueUrl: string, count = 10): Promise<Message[]> {
    const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: count, VisibilityTimeout: 30 });
    return (await client.send(command)).Messages ?? [];
  }

  /** Everything in the queue, in the order in which it comes. */
  async function drain(QueueUrl: string): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const messages = await receive(QueueUrl);
      if (messages.length === 0) return bodies;
      for (const { Body = "", ReceiptHandle } of messages) {
        bodies.push(Body);
        await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  }

  let queueUrl = "";
  before(async () => {
    queueUrl = await newQueue(true);
  });

  test("messages of 25 tables arrive, each table's in the order of its versions", async () => {
    const queue = openSqsMirrorQueue({ queueUrl, client, onError });
    const tables = Array.from({ length: 25 }, (_, i) => `t${i}`);
    for (const version of [1, 2, 3]) await queue.enqueue(tables.map((tableId) => ({ tableId, version })));
    const heard = (await drain(queueUrl)).map((body) => JSON.parse(body) as { tableId: string; version: number });
    assert.equal(heard.length, 75);
    for (const table of tables) {
      assert.deepEqual(
        heard.filter(({ tableId }) => tableId === table).map(({ version }) => version),
        [1, 2, 3],
      );
    }
  });

  test("a version has one message, however often it is enqueued; the sweeper's arrive all the same", async () => {
    const messages = [{ tableId: "twice", version: 7 }];
    const queue = openSqsMirrorQueue({ queueUrl, client, onError });
    await queue.enqueue(messages);
    await queue.enqueue(messages);
    assert.equal((await drain(queueUrl)).length, 1);
    const sweeper = openSqsMirrorQueue({ queueUrl, client, onError, nonce });
    await sweeper.enqueue(messages);
    assert.equal((await drain(queueUrl)).length, 1);
    await sweeper.enqueue(messages);
    assert.equal((await drain(queueUrl)).length, 1);
  });

  test("a worker that was killed holds its group back, not the sweeper's message", async () => {
    const queue = openSqsMirrorQueue({ queueUrl, client, onError });
    await queue.enqueue([{ tableId: "held", version: 1 }]);
    assert.equal((await receive(queueUrl)).length, 1);
    await queue.enqueue([{ tableId: "held", version: 2 }]);
    assert.deepEqual(await receive(queueUrl), [], "the group waits for its first message");
    await openSqsMirrorQueue({ queueUrl, client, onError, nonce }).enqueue([{ tableId: "held", version: 1 }]);
    assert.deepEqual(
      (await receive(queueUrl)).map(({ Body }) => Body),
      ['{"tableId":"held","version":1}'],
    );
  });

  test("what failed comes again after seconds, not after the visibility timeout", async () => {
    const url = await newQueue(true);
    await openSqsMirrorQueue({ queueUrl: url, client, onError }).enqueue([{ tableId: "again", version: 1 }]);
    const [first] = await receive(url);
    await openNack({ queueUrl: url, client }).nack([{ receiptHandle: first?.ReceiptHandle ?? "", receives: 1 }]);
    assert.deepEqual(await receive(url), []);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal((await receive(url)).length, 1);
  });

  test("tables to compare: each a message of a standard queue", async () => {
    const url = await newQueue(false);
    await openTableQueue({ queueUrl: url, client }).send(Array.from({ length: 12 }, (_, i) => `t${i}`));
    assert.equal(new Set(await drain(url)).size, 12);
  });
});
