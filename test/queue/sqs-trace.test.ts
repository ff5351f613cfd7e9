/** What wakes up the mirror goes on with the trace of the function that sent it: X-Ray shows commit, queue and mirror as one. */

import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { SQSClient } from "@aws-sdk/client-sqs";
import { openSqsMirrorQueue } from "../../lib/queue/sqs.ts";

const TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

test("a message carries the trace of its function to SQS", async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    request.resume();
    request.on("end", () =>
      response.setHeader("content-type", "application/x-amz-json-1.0").end('{"Successful":[],"Failed":[]}'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const names = { AWS_LAMBDA_FUNCTION_NAME: "commit", _X_AMZN_TRACE_ID: TRACE };
  const before = Object.fromEntries(Object.keys(names).map((name) => [name, process.env[name]]));
  Object.assign(process.env, names);
  t.after(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const { port } = server.address() as AddressInfo;
  const client = new SQSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  t.after(() => client.destroy());
  const queueUrl = `http://127.0.0.1:${port}/1/mirror.fifo`;
  const queue = openSqsMirrorQueue({ queueUrl, client, onError: (_, error) => assert.fail(String(error)) });
  await queue.enqueue([{ tableId: "t", version: 1 }]);
  assert.deepEqual(
    seen.map((headers) => headers["x-amzn-trace-id"]),
    [TRACE],
  );
});
