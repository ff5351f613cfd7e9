/**
 * An S3 server whose every answer takes a while, as from afar: the one of the tests, behind a proxy. On a thread of its own, so that
 * what it does itself does not hold up those who are measured.
 */

import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { startFakeS3 } from "../test/support/fake-s3.ts";

/** Also tells the SDK of it. @param answerMs before each request goes on */
export async function startSlowS3(answerMs: number): Promise<{ close(): Promise<void> }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { slowS3AnswerMs: answerMs } });
  const [port] = (await once(worker, "message")) as [number];
  process.env.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${port}`;
  Object.assign(process.env, { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" });
  return { close: async () => void (await worker.terminate()) };
}

/** @returns its port */
async function serve(answerMs: number): Promise<number> {
  const s3 = await startFakeS3();
  const { hostname, port } = new URL(s3.url);
  const agent = new Agent({ keepAlive: true });
  const proxy = createServer((asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => setTimeout(send, answerMs));
    const send = () => {
      const { method, url: path, headers } = asked;
      const sent = request({ hostname, port, method, path, headers, agent }, (response) => {
        answer.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(answer);
      });
      sent.on("error", (error) => answer.destroy(error));
      sent.end(Buffer.concat(chunks));
    };
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return (proxy.address() as AddressInfo).port;
}

const { slowS3AnswerMs } = (workerData ?? {}) as { readonly slowS3AnswerMs?: number };
if (slowS3AnswerMs !== undefined) parentPort?.postMessage(await serve(slowS3AnswerMs));
