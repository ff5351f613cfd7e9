/** Others that keep Delta or lake tables, in a Python process of theirs (`peers.py`): one question a line, one answer a line. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { progress } from "../support.ts";

export const PEERS = ["delta-rs", "ducklake", "spark"] as const;
export type PeerName = (typeof PEERS)[number];

export interface Peers {
  readonly names: readonly PeerName[];
  /** @param what a function of `peers.py`. @throws what it threw there */
  ask(peer: PeerName, what: string, asked: Readonly<Record<string, unknown>>): Promise<number>;
  close(): Promise<void>;
}

/** Installs them into a folder of the user's cache, where later runs find them again. */
export async function openPeers(names: readonly PeerName[]): Promise<Peers> {
  const setUp = fileURLToPath(new URL("setup.sh", import.meta.url));
  progress(`installing ${names.join(", ")}, unless they are there`);
  const python = execFileSync("bash", [setUp, ...names], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
  const child = spawn(python, [fileURLToPath(new URL("peers.py", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    names,
    async ask(peer, what, asked) {
      child.stdin.write(`${JSON.stringify({ peer, what, ...asked })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the peers ended while ${peer} was to ${what}`);
      const answer = JSON.parse(value) as { readonly figure?: number; readonly error?: string };
      if (answer.figure === undefined) throw new Error(`${peer}, ${what}: ${answer.error}`);
      return answer.figure;
    },
    async close() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}
