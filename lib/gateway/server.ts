/** The S3 face over HTTP: reads a request, lets the gateway answer it, and sends the answer as it comes. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { deadlineMs } from "../deadlines.ts";
import { addressOf } from "./address.ts";
import { unframed } from "./aws-chunked.ts";
import { verified } from "./checksums.ts";
import type { S3Door } from "./door.ts";
import { errorAnswer, isServerError, S3Error } from "./errors.ts";
import type { S3Answer, S3Request } from "./exchange.ts";

export interface GatewayServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly door: S3Door;
  /** Beside `localhost`: `bucket.DOMAIN` is a bucket. */
  readonly domains?: readonly string[];
  readonly now: () => number;
  readonly newId: () => string;
  readonly answer: (request: S3Request) => Promise<S3Answer>;
  /** Is told of what only we can have caused. */
  readonly onIncident?: (error: unknown, requestId: string) => void;
}

export interface GatewayServer {
  readonly url: string;
  /** Stops accepting, and waits for what is under way, up to a limit. @returns how many requests were cut off */
  close(options?: { readonly withinMs?: number }): Promise<number>;
}

/** @throws the system's error when the address cannot be had */
export async function listenS3(options: GatewayServerOptions): Promise<GatewayServer> {
  const underWay = new Set<ServerResponse>();
  const server = createServer(
    // A large object takes what it takes: who sends nothing is cut off, not who sends much.
    { requestTimeout: 0, headersTimeout: deadlineMs("requestHeaders"), keepAliveTimeout: deadlineMs("gatewayIdle") },
    (request, response) => {
      underWay.add(response);
      response.once("close", () => underWay.delete(response));
      void respond(request, response, options);
    },
  );
  server.setTimeout(deadlineMs("gatewaySilence"));
  await listening(server, options);
  const { host } = options;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    async close({ withinMs = 0 } = {}) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref());
      await Promise.race([closed, timer]);
      const left = underWay.size;
      server.closeAllConnections();
      await closed;
      return left;
    },
  };
}

function listening(server: Server, { host, port }: GatewayServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}

async function respond(incoming: IncomingMessage, response: ServerResponse, options: GatewayServerOptions) {
  const requestId = options.newId();
  const target = targetOf(incoming.url ?? "/");
  try {
    const answer = await answerTo(incoming, target, options);
    await send(incoming, response, answer, requestId);
  } catch (error) {
    // A client that has gone needs no answer, and is nobody's fault.
    if (incoming.destroyed && !incoming.complete) return void response.destroy();
    if (response.destroyed) return;
    if (isServerError(error)) options.onIncident?.(error, requestId);
    // Half an answer must not pass for a whole one.
    if (response.headersSent) return void response.destroy();
    await send(incoming, response, errorAnswer(error, { resource: target.path, requestId }), requestId).catch(() =>
      response.destroy(),
    );
  }
}

async function answerTo(
  incoming: IncomingMessage,
  { path, query }: Target,
  options: GatewayServerOptions,
): Promise<S3Answer> {
  const headers = headersOf(incoming);
  const { method = "GET" } = incoming;
  const { door, now, domains = [] } = options;
  const { caller, check } = await door.enter({ method, path, query, headers }, now());
  const address = addressOf(headers.host ?? "", path, ["localhost", ...domains]);
  if (address.bucket === "") throw new S3Error("MethodNotAllowed", "the gateway lists no buckets: name one");
  const isFramed = isAwsChunked(headers);
  const length = lengthOf(headers, isFramed, method);
  const source = isFramed ? unframed(incoming, check) : { body: incoming, trailers: () => ({}) };
  const body = exactly(verified(source.body, headers, source.trailers), length);
  return options.answer({ caller, method, ...address, query, headers: passedOn(headers), body, length });
}

interface Target {
  /** As it was sent: `URL` would take dot segments away, which are keys. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A plus is a plus, as S3's clients send it; `URLSearchParams` would make it a space. */
function targetOf(url: string): Target {
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return { path, query: new URLSearchParams(at < 0 ? "" : url.slice(at + 1).replaceAll("+", "%2B")) };
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const texts = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(",") : value] as const],
  );
  return Object.fromEntries(texts);
}

function isAwsChunked(headers: Readonly<Record<string, string>>): boolean {
  return (
    (headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-") ||
    /aws-chunked/.test(headers["content-encoding"] ?? "")
  );
}

function lengthOf(headers: Readonly<Record<string, string>>, isFramed: boolean, method: string): number {
  const told = isFramed ? headers["x-amz-decoded-content-length"] : headers["content-length"];
  if (told === undefined && (method === "PUT" || headers["transfer-encoding"] !== undefined)) {
    throw new S3Error("MissingContentLength", "the request does not say how long its body is");
  }
  return Number(told ?? 0);
}

/** A connection that ends early, or goes on, is no body. */
async function* exactly(body: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of body) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new S3Error("IncompleteBody", `the body has not the ${length} bytes that the request says`);
}

/** Of the connection, of the signature and of the framing. */
const OF_THE_WAY =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|authorization|content-length|user-agent|amz-sdk-.*|x-amz-(?:date|security-token|content-sha256|decoded-content-length|trailer|te|user-agent|sdk-checksum-algorithm))$/;

function passedOn(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_WAY.test(name));
  return Object.fromEntries(
    kept.flatMap(([name, value]) => {
      if (name !== "content-encoding") return [[name, value]];
      const others = value.split(",").filter((coding) => coding.trim() !== "aws-chunked");
      return others.length === 0 ? [] : [[name, others.join(",")]];
    }),
  );
}

async function send(incoming: IncomingMessage, response: ServerResponse, answer: S3Answer, requestId: string) {
  const { status, headers = {}, body } = answer;
  const isBytes = body instanceof Uint8Array;
  const length = isBytes
    ? { "content-length": String(body.length) }
    : body === undefined && headers["content-length"] === undefined && status !== 204 && status !== 304
      ? { "content-length": "0" }
      : {};
  response.writeHead(status, { "x-amz-request-id": requestId, server: "deltalakedb", ...length, ...headers });
  if (incoming.method === "HEAD" || body === undefined) response.end();
  else if (isBytes) response.end(body);
  else await pipeline(Readable.from(body, { objectMode: false, highWaterMark: 1 << 20 }), response);
  // What the client still sends is of no use to anyone.
  if (!incoming.complete) incoming.resume();
}
