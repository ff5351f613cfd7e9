/** Listens on a port and stops without cutting off requests. */

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { invalid } from "../errors.ts";

/** Requests that still run so long after the server was told to stop are cut off. */
const GRACE_MS = 30_000;
const IDLE_CHECK_MS = 25;

export interface HttpServer {
  readonly url: string;
  /** Stops accepting, waits for the requests under way. */
  close(): Promise<void>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** @throws LakeError invalid when the address cannot be had */
export async function listen(
  fetch: Fetch,
  address: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch }) as Server;
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    close: () => close(server),
  };
}

const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EADDRINUSE: ["is in use", "Stop what listens there, or choose another port with --port (0 takes a free one)."],
  EACCES: ["needs more rights", "Choose a port above 1023 with --port."],
  EADDRNOTAVAIL: ["is not an address of this machine", "Choose another with --host, such as 127.0.0.1."],
  ENOTFOUND: ["is not known", "Choose another with --host, such as 127.0.0.1."],
};

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const [why, hint] = REASONS[error.code ?? ""] ?? [`cannot be listened on (${error.code})`, undefined];
  return invalid(`${host}:${port} ${why}`, {
    code: "CANNOT_LISTEN",
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept-alive connection becomes idle only when its last answer is out: ask again until none is left.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
