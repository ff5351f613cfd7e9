/** Requests that are made to hurt, and what they do to a server: how long others wait meanwhile, and how much memory it takes. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import type { Load } from "./hostile-server.ts";

export interface Wound extends Load {
  readonly attack: string;
  /** Of the answer; 0 where the connection ended without one. */
  readonly status: number;
  readonly code: string;
  readonly ms: number;
}

interface Attack {
  readonly name: string;
  readonly send: (url: string) => Promise<{ readonly status: number; readonly text: string }>;
}

async function post(url: string, path: string, body: string | Uint8Array | ReadableStream<Uint8Array>) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" } as RequestInit;
  const response = await fetch(url + path, init);
  return { status: response.status, text: await response.text() };
}

/** @param bytes of the large bodies */
function attacks(bytes: number): readonly Attack[] {
  const commits =
    (body: string): Attack["send"] =>
    (url) =>
      post(url, "/v1/commits", body);
  const filled = (text: string): string => text.repeat(Math.floor(bytes / text.length));
  const commit = (actions: string): string =>
    `{"transactionId":"${crypto.randomUUID()}","tables":[{"table":"h.t","readVersion":0,"actions":[${actions}]}]}`;
  const add = (i: number, more: string): string =>
    `{"add":{"path":"p${i}","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true${more}}}`;
  const many = Math.min(90_000, Math.floor(bytes / 600));
  const stats = JSON.stringify(JSON.stringify({ numRecords: 1, minValues: { id: 1 }, maxValues: { id: 2 } }));
  const nested = (depth: number, inside: string): string => `${'{"and":['.repeat(depth)}${inside}${"]}".repeat(depth)}`;
  return [
    { name: "brackets, nested without end", send: commits(filled("[")) },
    { name: "objects, nested without end", send: commits(filled('{"a":')) },
    { name: "one text", send: commits(`{"transactionId":"${filled("x")}"}`) },
    { name: "one text of escapes", send: commits(`{"transactionId":"${filled("\\u0000")}"}`) },
    { name: "one number", send: commits(`{"transactionId":${filled("9")}}`) },
    { name: "numbers", send: commits(`[${filled("1.0,")}1]`) },
    { name: "members of one object", send: commits(`{${filled('"a":1,')}"a":1}`) },
    { name: "blanks", send: commits(`${filled(" ")}x`) },
    { name: "quotation marks that never close", send: commits(filled('"\\')) },
    { name: "a body beyond the limit, streamed", send: (url) => post(url, "/v1/commits", endless(bytes)) },
    {
      name: "a predicate, nested deep",
      send: commits(
        commit("").replace(
          '"actions"',
          `"reads":{"predicates":[${nested(100, '{"column":"day","op":"isNull"}')}]},"actions"`,
        ),
      ),
    },
    {
      name: "a commit of many files",
      send: commits(commit(Array.from({ length: many }, (_, i) => add(i, `,"stats":${stats}`)).join())),
    },
    { name: "the same file, many times", send: commits(commit(Array.from({ length: many }, () => add(1, "")).join())) },
    { name: "a long query", send: async (url) => get(url, `/v1/tables/h.t/files?cursor=${"files.".repeat(2000)}`) },
    { name: "slow bodies", send: slowBodies },
  ];
}

async function get(url: string, path: string) {
  const response = await fetch(url + path);
  return { status: response.status, text: await response.text() };
}

/** Twice the server's limit, piece by piece. */
function endless(bytes: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(1 << 20).fill(0x20);
  const pieces = Math.ceil((2 * Math.max(bytes, 64 << 20)) / piece.length);
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      sent += 1;
      if (sent > pieces) controller.close();
      else controller.enqueue(piece);
    },
  });
}

const SLOW_CONNECTIONS = 200;
const SLOW_MS = 1500;

/** Many connections, each of which sends a body byte by byte; meanwhile another client is answered. */
async function slowBodies(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, port } = new URL(url);
  const head =
    "POST /v1/commits HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
  const sockets = Array.from({ length: SLOW_CONNECTIONS }, () => {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write(head);
    return socket;
  });
  const dripping = setInterval(() => {
    for (const socket of sockets) socket.write(" ");
  }, 50);
  await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  const answer = await get(url, "/v1/health");
  clearInterval(dripping);
  for (const socket of sockets) socket.destroy();
  return answer;
}

/** Attacks a new server with everything, one after the other. @param bytes of the large bodies */
export async function hurt(bytes: number): Promise<readonly Wound[]> {
  const server = fork(fileURLToPath(new URL("hostile-server.ts", import.meta.url)), { execArgv: [] });
  const answer = async <T>(): Promise<T> => (await once(server, "message"))[0] as T;
  const ask = <T>(question: string): Promise<T> => {
    const answered = answer<T>();
    server.send(question);
    return answered;
  };
  const url = await answer<string>();
  const wounds: Wound[] = [];
  try {
    await post(
      url,
      "/v1/tables",
      JSON.stringify({ name: "h.t", schema: { type: "struct", fields: [{ name: "id", type: "long" }] } }),
    );
    for (const { name, send } of attacks(bytes)) {
      await ask<Load>("load");
      const began = performance.now();
      const { status, text } = await send(url).catch((error: unknown) => ({ status: 0, text: String(error) }));
      const ms = performance.now() - began;
      const code = /"code":"(\w+)"/.exec(text)?.[1] ?? "";
      wounds.push({ attack: name, status, code, ms, ...(await ask<Load>("load")) });
    }
  } finally {
    const gone = once(server, "exit");
    if (server.connected) server.send("end");
    else server.kill("SIGKILL");
    await gone;
  }
  return wounds;
}
