/** Services of AWS that take connections and never answer: each call ends in its time, however much there is to say. */

import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { deadlineMs } from "../../lib/deadlines.ts";
import { readLogin } from "../../lib/lake/secrets.ts";
import { openCheckpointQueue, openSqsMirrorQueue, openTableQueue } from "../../lib/queue/sqs.ts";

const sockets = new Set<Socket>();
const silent = createServer((socket) => {
  sockets.add(socket);
  socket.resume();
});
let queueUrl = "";
before(async () => {
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  queueUrl = `${url}/000000000000/mirror.fifo`;
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_SQS: url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
  });
});
after(() => {
  for (const socket of sockets) socket.destroy();
  silent.close();
});

async function within(ms: number, call: Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await call;
  const spent = performance.now() - startedAt;
  assert.ok(spent < ms, `${Math.round(spent)} ms, and not ${ms}`);
}

/** One try that begins just before no more may begin, and a second for a busy machine. */
const sqsMs = () => deadlineMs("sqsRepeats") + deadlineMs("sqsAnswer") + 1_000;
const tables = Array.from({ length: 1000 }, (_, i) => ({ tableId: `t${i}`, version: 1 }));

test("SQS is silent: a commit of a thousand tables waits no longer than one of one table, and each is reported once", async () => {
  const lost: string[] = [];
  const queue = openSqsMirrorQueue({ queueUrl, onError: (ids) => void lost.push(...ids) });
  // And a moment for a busy machine, in which a thousand messages are written.
  await within(deadlineMs("wakeUp") + 1_500, queue.enqueue(tables));
  assert.deepEqual(lost.toSorted(), tables.map(({ tableId }) => tableId).toSorted());
});

test("SQS is silent: parity and checkpoints are told so in time", async () => {
  await within(sqsMs(), assert.rejects(openTableQueue({ queueUrl }).send(tables.map(({ tableId }) => tableId))));
  await within(sqsMs(), assert.rejects(openCheckpointQueue({ queueUrl }).ask("t", 10)));
});

test("Secrets Manager is silent: the deployment is told so in time", async () => {
  await within(
    2 * deadlineMs("secretsAnswer") + 2_000,
    assert.rejects(readLogin("arn:aws:secretsmanager:eu-west-1:1:secret:x")),
  );
});
