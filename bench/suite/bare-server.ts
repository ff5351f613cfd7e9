/**
 * What no server of HTTP in Node can beat: one that reads a body and answers with as many bytes as the answer to a commit has, in a process
 * of its own as ours is.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Call, openCalls } from "../calls.ts";

const SELF = fileURLToPath(import.meta.url);
const ANSWER = JSON.stringify({ answer: "x".repeat(300) });

export async function startBareServer(): Promise<{
  readonly call: Call;
  readonly pid: number;
  close(): Promise<void>;
}> {
  const child = fork(SELF);
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  const [port] = (await once(child, "message")) as [number];
  const { call, close: hangUp } = openCalls(`http://127.0.0.1:${port}`, 1);
  return {
    call,
    pid: child.pid ?? 0,
    async close() {
      hangUp();
      process.off("exit", end);
      end();
      await once(child, "exit");
    },
  };
}

function serve(): void {
  const server = createServer((asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => {
      const { length } = Buffer.concat(chunks);
      answer.writeHead(length > 0 ? 201 : 400, {
        "content-type": "application/json",
        "content-length": ANSWER.length,
      });
      answer.end(ANSWER);
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

if (process.argv[1] === SELF) serve();
