/** The queues on SQS against a stand-in: batches, groups and ids, what fails is sent again or reported, and nothing throws. */

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { openCheckpointQueue, openSqsMirrorQueue, openTableQueue } from "../../lib/queue/sqs.ts";
import { type FakeSqs, startFakeSqs } from "../support/fake-sqs.ts";

let sqs: FakeSqs;
before(async () => {
  sqs = await startFakeSqs();
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_SQS: sqs.url,
  });
});
after(() => sqs.close());
beforeEach(() => {
  sqs.sent.length = 0;
  sqs.calls = 0;
  sqs.busy = 0;
});

const messages = (count: number) => Array.from({ length: count }, (_, i) => ({ tableId: `t${i}`, version: i }));
const noLoss = (tableIds: readonly string[]) => assert.fail(`lost ${tableIds}`);

test("each table is a group, each version an id; ten messages a call", async () => {
  const queue = openSqsMirrorQueue({ queueUrl: sqs.queueUrl("mirror.fifo"), onError: noLoss });
  await queue.enqueue(messages(23));
  assert.equal(sqs.calls, 3);
  assert.deepEqual(
    sqs.sent
      .map(({ body, group, deduplication }) => [JSON.parse(body), group, deduplication])
      .toSorted((a, b) => a[0].version - b[0].version),
    messages(23).map(({ tableId, version }) => [{ tableId, version }, tableId, `${tableId}.${version}`]),
  );
});

test("the sweeper's messages are new ones, in groups that no killed worker holds", async () => {
  let n = 0;
  const nonce = () => String(++n);
  const queue = openSqsMirrorQueue({ queueUrl: sqs.queueUrl("mirror.fifo"), onError: noLoss, nonce });
  await queue.enqueue(messages(1));
  await queue.enqueue(messages(1));
  assert.deepEqual(
    sqs.sent.map(({ group, deduplication }) => [group, deduplication]),
    [
      ["t0.again", "t0.0.1"],
      ["t0.again", "t0.0.2"],
    ],
  );
});

test("a busy server is asked again, and so are the entries that it refused, alone", async () => {
  const queue = openSqsMirrorQueue({ queueUrl: sqs.queueUrl("mirror.fifo"), onError: noLoss });
  sqs.busy = 1;
  sqs.refused = [1, 2];
  await queue.enqueue(messages(4));
  assert.equal(sqs.calls, 3);
  assert.deepEqual(sqs.sent.map(({ group }) => group).sort(), ["t0", "t1", "t2", "t3"]);
});

test("a message that is not sent is reported, not thrown: the commit is final", async () => {
  const lost: string[] = [];
  const queue = openSqsMirrorQueue({
    queueUrl: sqs.queueUrl("mirror.fifo"),
    onError: (tableIds) => void lost.push(...tableIds),
  });
  sqs.busyWith = "t0";
  await queue.enqueue(messages(12));
  sqs.busyWith = "";
  assert.deepEqual(
    lost,
    messages(10).map(({ tableId }) => tableId),
  );
  assert.deepEqual(
    sqs.sent.map(({ group }) => group),
    ["t10", "t11"],
    "the second batch has come through",
  );
});

test("a checkpoint is asked for by table and version, and says when it could not be", async () => {
  const queue = openCheckpointQueue({ queueUrl: sqs.queueUrl("checkpoint") });
  await queue.ask("a", 10);
  assert.deepEqual(
    sqs.sent.map(({ body, group }) => [body, group]),
    [['{"tableId":"a","version":10}', undefined]],
  );
  sqs.busy = 3;
  await assert.rejects(queue.ask("a", 20), (error) => isLakeError(error, "unavailable"));
});

test("the list of tables to compare says when it could not be sent", async () => {
  const queue = openTableQueue({ queueUrl: sqs.queueUrl("parity") });
  await queue.send(["a", "b"]);
  assert.deepEqual(
    sqs.sent.map(({ body, group }) => [body, group]),
    [
      ['{"tableId":"a"}', undefined],
      ['{"tableId":"b"}', undefined],
    ],
  );
  sqs.busy = 3;
  await assert.rejects(queue.send(["c"]), (error) => isLakeError(error, "unavailable"));
});
