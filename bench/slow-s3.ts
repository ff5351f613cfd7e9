/** An S3 server whose every answer takes a while, as from afar: the one of the tests, behind a proxy. */

import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { startFakeS3 } from "../test/support/fake-s3.ts";

/** Also tells the SDK of it. @param answerMs before each request goes on */
export async function startSlowS3(answerMs: number): Promise<{ close(): Promise<void> }> {
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
  process.env.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  Object.assign(process.env, { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" });
  return {
    async close() {
      proxy.close();
      proxy.closeAllConnections();
      agent.destroy();
      await s3.close();
    },
  };
}
