/** Is between the Lambdas and the emulator's S3 and SQS: passes everything on, unless a test has told it to fail. */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Operation of SQS, such as `AmazonSQS.SendMessageBatch`; empty for S3. */
  readonly target: string;
}

/** `pass` lets a call through, `busy` answers 503, `hang` keeps it open until the rule changes. */
export type Rule = (call: Call) => "pass" | "busy" | "hang";

export interface FaultProxy {
  readonly url: string;
  /** How many calls did not pass. */
  readonly failed: () => number;
  set(rule: Rule | undefined): void;
  /** Resolves when a call hangs. */
  hanging(): Promise<Call>;
  close(): Promise<void>;
}

/** @param upstream address of the emulator */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  let rule: Rule | undefined;
  let failed = 0;
  let hung: ServerResponse[] = [];
  let waiting: ((call: Call) => void)[] = [];
  const server = createServer((incoming, outgoing) => {
    const call = {
      method: incoming.method ?? "GET",
      url: incoming.url ?? "/",
      target: String(incoming.headers["x-amz-target"] ?? ""),
    };
    const verdict = rule?.(call) ?? "pass";
    if (verdict === "pass") return forward(upstream, incoming, outgoing);
    failed += 1;
    incoming.resume();
    if (verdict === "hang") {
      hung.push(outgoing);
      for (const resolve of waiting.splice(0)) resolve(call);
      return;
    }
    incoming.on("end", () => {
      outgoing.writeHead(503, { "content-type": "application/xml" });
      outgoing.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const release = () => {
    for (const response of hung) response.destroy();
    hung = [];
  };
  return {
    url: `http://127.0.0.1:${port}`,
    failed: () => failed,
    set(next) {
      rule = next;
      release();
    },
    hanging: () => new Promise((resolve) => waiting.push(resolve)),
    async close() {
      waiting = [];
      release();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(upstream: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { hostname, port } = new URL(upstream);
  const { method, headers, url: path } = incoming;
  const passed = request({ hostname, port, path, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  outgoing.on("close", () => passed.destroy());
  incoming.pipe(passed);
}
