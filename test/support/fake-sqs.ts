/** A stand-in for SQS on a loopback port: takes batches of messages, keeps them, and fails when a test says so. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SentMessage {
  readonly queueUrl: string;
  readonly body: string;
  readonly group?: string;
  readonly deduplication?: string;
}

export interface FakeSqs {
  readonly url: string;
  readonly sent: SentMessage[];
  /** Number of calls, failed ones included. */
  calls: number;
  /** So many of the next calls answer 503. */
  busy: number;
  /** Calls with a message of this group answer 503. */
  busyWith?: string;
  /** Refuses these places of the next batch, and takes the others. */
  refused: number[];
  /** Seconds after which messages come again, by receipt handle. */
  readonly givenBack: Map<string, number>;
  queueUrl(name: string): string;
  close(): Promise<void>;
}

interface Batch {
  readonly QueueUrl: string;
  readonly Entries: readonly {
    readonly Id: string;
    readonly MessageBody: string;
    readonly MessageGroupId?: string;
    readonly MessageDeduplicationId?: string;
  }[];
}

interface VisibilityBatch {
  readonly Entries: readonly {
    readonly Id: string;
    readonly ReceiptHandle: string;
    readonly VisibilityTimeout: number;
  }[];
}

export async function startFakeSqs(): Promise<FakeSqs> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    fake.calls += 1;
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify(body));
    };
    if (request.headers["x-amz-target"] === "AmazonSQS.ChangeMessageVisibilityBatch") {
      const { Entries } = JSON.parse(Buffer.concat(chunks).toString()) as VisibilityBatch;
      for (const { ReceiptHandle, VisibilityTimeout } of Entries) fake.givenBack.set(ReceiptHandle, VisibilityTimeout);
      return answer(200, { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] });
    }
    if (request.headers["x-amz-target"] !== "AmazonSQS.SendMessageBatch") return answer(400, { __type: "Unsupported" });
    if (fake.busy > 0) {
      fake.busy -= 1;
      return answer(503, { __type: "ServiceUnavailable", message: "busy" });
    }
    const { QueueUrl, Entries } = JSON.parse(Buffer.concat(chunks).toString()) as Batch;
    if (fake.busyWith !== undefined && Entries.some((entry) => entry.MessageGroupId === fake.busyWith)) {
      return answer(503, { __type: "ServiceUnavailable", message: "busy" });
    }
    if (Entries.length > 10) return answer(400, { __type: "TooManyEntriesInBatchRequest" });
    const refused = new Set(fake.refused.splice(0).map((i) => Entries[i]?.Id));
    const taken = Entries.filter(({ Id }) => !refused.has(Id));
    for (const { MessageBody, MessageGroupId, MessageDeduplicationId } of taken) {
      fake.sent.push({
        queueUrl: QueueUrl,
        body: MessageBody,
        ...(MessageGroupId === undefined ? {} : { group: MessageGroupId }),
        ...(MessageDeduplicationId === undefined ? {} : { deduplication: MessageDeduplicationId }),
      });
    }
    answer(200, {
      Successful: taken.map(({ Id, MessageBody }) => ({
        Id,
        MessageId: crypto.randomUUID(),
        MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex"),
      })),
      Failed: [...refused].map((Id) => ({ Id, Code: "InternalError", SenderFault: false })),
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeSqs = {
    url,
    sent: [],
    calls: 0,
    busy: 0,
    refused: [],
    givenBack: new Map(),
    queueUrl: (name) => `${url}/000000000000/${name}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return fake;
}
