/**
 * Stands in front of a server and cuts connections: after a request has gone through and before its answer comes, or in the midst
 * of the answer. What was sent may have been done; the client is not told.
 */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { pause } from "./lake-client.ts";

export interface CuttingProxy {
  readonly url: string;
  readonly cuts: () => number;
  close(): Promise<void>;
}

/** @param options.chance that a request, and again that an answer, meets its end */
export async function startCuttingProxy(
  target: string,
  { chance, random }: { readonly chance: number; readonly random: () => number },
): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let cuts = 0;
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    const both = [client, server];
    const cut = (): void => {
      for (const socket of both) socket.destroy();
    };
    for (const socket of both) {
      open.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    client.on("data", (data) => {
      server.write(data);
      if (random() >= chance) return;
      cuts += 1;
      // The request is on its way: long enough for a commit, or not.
      void pause(random() * 40).then(cut);
    });
    server.on("data", (data) => {
      if (random() >= chance) return void client.write(data);
      cuts += 1;
      client.write(data.subarray(0, Math.floor(random() * data.length)), cut);
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address() as { readonly port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cuts: () => cuts,
    async close() {
      for (const socket of open) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
