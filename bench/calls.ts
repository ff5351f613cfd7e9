/** Calls of a server over connections that are kept. */

import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly text: string;
}

/** @param body a text as it is, all else as JSON */
export type Call = (
  method: "GET" | "POST",
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** @param connections kept at most */
export function openCalls(url: string, connections: number): { readonly call: Call; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call: Call = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        url + path,
        { method, agent, headers: { "content-type": "application/json", ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const whole = Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, bytes: whole.length, text: whole.toString() });
          });
          response.on("error", reject);
        },
      );
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // The server closes connections that have rested: one may be taken up at that moment. It has not been read then.
        if (sent.reusedSocket && error.code === "ECONNRESET") resolve(call(method, path, body, headers));
        else reject(error);
      });
      sent.end(body === undefined || typeof body === "string" ? body : JSON.stringify(body));
    });
  return { call, close: () => agent.destroy() };
}
