/** A stage for the functions: SQLite and tables in a temporary folder, a stand-in for SQS, and the environment that a deployment gives. */

import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context, SQSEvent } from "aws-lambda";
import { openCatalog } from "../../lib/catalog/open.ts";
import { systemClock } from "../../lib/lake/clock.ts";
import type { Catalog } from "../../lib/ports.ts";
import { type FakeSqs, type SentMessage, startFakeSqs } from "../support/fake-sqs.ts";
import { assertNoSecret } from "../support/secrets.ts";

export interface Stage {
  readonly folder: string;
  readonly sqs: FakeSqs;
  /** On the functions' database, to look at. */
  readonly catalog: Catalog;
  /** Takes the messages out of a queue, as a Lambda gets them. */
  take(queue: "mirror.fifo" | "parity" | "checkpoint"): SQSEvent;
  close(): Promise<void>;
}

/** Sets the environment; functions are imported after it. */
export async function openStage(): Promise<Stage> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-functions-")));
  const sqs = await startFakeSqs();
  const database = join(folder, "catalog.sqlite");
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_SQS: sqs.url,
    POWERTOOLS_LOG_LEVEL: "SILENT",
    DATABASE_URL: database,
    STAGE: "development",
    MIRROR_QUEUE_URL: sqs.queueUrl("mirror.fifo"),
    PARITY_QUEUE_URL: sqs.queueUrl("parity"),
    CHECKPOINT_QUEUE_URL: sqs.queueUrl("checkpoint"),
    STORAGE: join(folder, "tables"),
    OVERDUE_SECONDS: "0",
    // What these tests commit is never read.
    VERIFY_FILES: "false",
  });
  const catalog = await openCatalog(database, systemClock);
  return {
    folder,
    sqs,
    catalog,
    take(queue) {
      const of = (message: SentMessage) => message.queueUrl === sqs.queueUrl(queue);
      const messages = sqs.sent.filter(of);
      sqs.sent.splice(0, sqs.sent.length, ...sqs.sent.filter((message) => !of(message)));
      return sqsEvent(messages.map(({ body, group }) => ({ body, group })));
    },
    async close() {
      await catalog.close();
      await sqs.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** An event in the form of events/aws/sqs.mirror.json. */
export function sqsEvent(
  messages: readonly { readonly body: string; readonly group?: string | undefined }[],
): SQSEvent {
  const [sample] = event<SQSEvent>("sqs.mirror").Records;
  if (sample === undefined) throw new Error("the sample has no record");
  return {
    Records: messages.map(({ body, group = "" }, i) => ({
      ...sample,
      messageId: `m${i}`,
      receiptHandle: `r${i}`,
      body,
      attributes: { ...sample.attributes, MessageGroupId: group },
    })),
  };
}

/** A sample of events/aws, as AWS sends it. */
export function event<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../events/aws/${name}.json`, import.meta.url), "utf8")) as T;
}

/** @param remainingMs what is left of the time, asked again and again */
export function contextOf(name: string, remainingMs: () => number = () => 60_000): Context {
  return {
    functionName: name,
    functionVersion: "1",
    invokedFunctionArn: `arn:aws:lambda:eu-central-1:111122223333:function:${name}`,
    memoryLimitInMB: "1024",
    awsRequestId: crypto.randomUUID(),
    logGroupName: name,
    logStreamName: "1",
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: remainingMs,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

/** Everything that is printed while `work` runs, line by line: what goes to standard output, where metrics do. */
export function printed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly lines: string[] }> {
  return caught([process.stdout], work);
}

/** As {@link printed}, with standard error, where errors go. */
export function printedAll<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly lines: string[] }> {
  return caught([process.stdout, process.stderr], work);
}

async function caught<T>(streams: readonly NodeJS.WriteStream[], work: () => Promise<T>) {
  const lines: string[] = [];
  const before = streams.map((stream) => [stream, stream.write] as const);
  for (const [stream, write] of before) {
    stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      const text = String(chunk);
      if (!text.startsWith("{")) return write.call(stream, chunk, ...rest);
      assertNoSecret(text, "what a function prints");
      lines.push(...text.trimEnd().split("\n"));
      return true;
    }) as typeof write;
  }
  try {
    return { result: await work(), lines };
  } finally {
    for (const [stream, write] of before) stream.write = write;
  }
}
