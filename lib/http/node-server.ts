/** Listens on a port and stops without cutting off requests. */

import { constants } from "node:crypto";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { deadlineMs } from "../deadlines.ts";
import { invalid, type LakeError } from "../errors.ts";
import type { TlsPair } from "./tls-files.ts";

const IDLE_CHECK_MS = 25;

/** What one client may take of the server: who dawdles is cut off. All have defaults. */
export interface ServerLimits {
  /** Milliseconds until the headers of a request are there. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds until all of a request is there, its body too. */
  readonly requestTimeoutMs?: number;
  /** Connections at once; the next is closed unanswered. 1 000 if absent. */
  readonly maxConnections?: number;
}

const MAX_CONNECTIONS = 1_000;
/** How exactly the times are kept. */
const CHECK_EVERY_MS = 1_000;
/** The address of a request is among them: a place of 4096 characters takes 12 bytes for each, percent-encoded. */
const MAX_HEADER_BYTES = 64 * 1024;

export interface HttpServer {
  readonly url: string;
  /** Goes on with another certificate: connections that are open keep theirs. */
  renew(pair: TlsPair): void;
  /** Stops accepting and waits for the requests under way, up to a limit. @returns how many were cut off */
  close(options?: { readonly withinMs?: number }): Promise<number>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** @throws LakeError invalid when the address cannot be had */
export async function listen(
  fetch: Fetch,
  address: { readonly host: string; readonly port: number },
  { tls, ...limits }: ServerLimits & { readonly tls?: TlsPair | undefined } = {},
): Promise<HttpServer> {
  const headersTimeoutMs = limits.headersTimeoutMs ?? deadlineMs("requestHeaders");
  const requestTimeoutMs = limits.requestTimeoutMs ?? deadlineMs("requestBody");
  const times = {
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, headersTimeoutMs),
  };
  const secure = tls && { ...contextOf(tls), ...times, handshakeTimeout: deadlineMs("tlsHandshake") };
  const server = createAdaptorServer(
    secure
      ? { fetch, createServer: createTlsServer, serverOptions: secure }
      : { fetch, createServer, serverOptions: times },
  ) as Server | TlsServer;
  server.maxConnections = limits.maxConnections ?? MAX_CONNECTIONS;
  let underWay = 0;
  server.on("request", (_, response) => {
    underWay += 1;
    response.once("close", () => {
      underWay -= 1;
    });
  });
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(error, address)));
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    renew(pair) {
      if ("setSecureContext" in server) server.setSecureContext(contextOf(pair));
    },
    async close({ withinMs = deadlineMs("requestsAtStop") } = {}) {
      let cutOff = 0;
      await close(server, withinMs, () => {
        cutOff = underWay;
      });
      return cutOff;
    },
  };
}

function contextOf({ cert, key, clientCa }: TlsPair) {
  const pair = { cert, key, minVersion: "TLSv1.2" } as const;
  // Whoever has no certificate may have a key or a token. A session that is resumed would not be looked at again.
  if (clientCa === undefined) return pair;
  const secureOptions = constants.SSL_OP_NO_TICKET;
  return { ...pair, ca: clientCa, secureOptions, requestCert: true, rejectUnauthorized: false } as const;
}

/** The options of `dl` that say where a server listens. */
export interface AddressOptions {
  readonly host: string;
  readonly port: string;
}

type Reason = readonly [why: string, hint: (options: AddressOptions) => string];
const NO_ADDRESS: Reason[1] = ({ host }) => `Choose another with ${host}, such as 127.0.0.1.`;
const REASONS: Readonly<Record<string, Reason>> = {
  EADDRINUSE: [
    "is in use",
    ({ port }) => `Stop what listens there, or choose another port with ${port} (0 takes a free one).`,
  ],
  EACCES: ["needs more rights", ({ port }) => `Choose a port above 1023 with ${port}.`],
  EADDRNOTAVAIL: ["is not an address of this machine", NO_ADDRESS],
  ENOTFOUND: ["is not known", NO_ADDRESS],
};

/** What a system's error says about an address that was to be listened on. */
export function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
  options: AddressOptions = { host: "--host", port: "--port" },
): LakeError {
  const [why, hintOf] = REASONS[error.code ?? ""] ?? [`cannot be listened on (${error.code})`, undefined];
  const hint = hintOf?.(options);
  return invalid(`${host}:${port} ${why}`, {
    code: "CANNOT_LISTEN",
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

async function close(server: Server | TlsServer, withinMs: number, onCut: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept-alive connection becomes idle only when its last answer is out: ask again until none is left.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => {
    onCut();
    server.closeAllConnections();
  }, withinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
