/** Several `dl serve` on one database of their own, in programs of their own, each behind a proxy that cuts connections. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDl } from "../../cli/run.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { type DatabaseChoice, openDatabase } from "./databases.ts";
import { pause } from "./lake-client.ts";

export interface Servers {
  /** Through the proxies. */
  readonly urls: readonly string[];
  readonly database: string;
  /** Where `_delta_log` of the tables lie, by table name with "/" for ".". */
  readonly storage: string;
  /** Ends the server at once, as a power cut would, and starts it again on its port. */
  kill(server: number): Promise<void>;
  /** Stops the process where it is, as a paused machine does, and lets it go on after a time. */
  pause(server: number, ms: number): Promise<void>;
  /** Crashes the database, where it is ours. */
  readonly crashDatabase?: () => Promise<void>;
  /** Connections that were cut so far. */
  cuts(): number;
  /** Ends all; answers how many deadlocks the database has had to end. */
  stop(): Promise<number>;
  /** Takes database and folder away. */
  drop(): Promise<void>;
}

/** SQLite's lock is between processes: more of them meet in it. */
const SERVERS = {
  postgres: 2,
  "data-api": 2,
  "data-api over mysql": 2,
  mysql: 2,
  "postgres that crashes": 2,
  "mysql that crashes": 2,
  sqlite: 3,
} as const;
/** The Data API's emulator asks for a signature, whoever signs. */
const SIGNED = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" } as const;
/** That the connection of a request, or of an answer, is cut. */
const CUT_CHANCE = 0.01;

export async function startServers(choice: DatabaseChoice, random: () => number): Promise<Servers> {
  const storage = mkdtempSync(join(tmpdir(), "dl-isolation-"));
  const database = await openDatabase(choice, storage);
  const running: ChildProcess[] = [];
  const proxies: CuttingProxy[] = [];
  const serve = async (port: string): Promise<{ readonly server: ChildProcess; readonly url: string }> => {
    const intervals = ["--sweep-interval-seconds", "1", "--parity-interval-seconds", "0"];
    const args = ["serve", "--database", database.url, "--storage", storage, "--port", port, ...intervals];
    const server = startDl(args, { stdio: ["ignore", "pipe", "pipe"], env: { LOG_LEVEL: "error", ...SIGNED } });
    return { server, url: await listening(server) };
  };
  let dropped = false;
  const ports: string[] = [];
  // One after the other: the first brings the schema.
  for (let i = 0; i < SERVERS[choice.engine]; i += 1) {
    const { server, url } = await serve("0");
    running[i] = server;
    ports[i] = new URL(url).port;
    proxies[i] = await startCuttingProxy(url, { chance: CUT_CHANCE, random });
  }
  const end = async (server: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGCONT");
    server.kill(signal);
    await exited;
  };
  return {
    urls: proxies.map(({ url }) => url),
    database: database.url,
    storage,
    async kill(i) {
      await end(running[i] as ChildProcess, "SIGKILL");
      // A database that has just crashed may still be at its recovery.
      for (let tries = 0; !dropped; tries += 1) {
        try {
          running[i] = (await serve(ports[i] as string)).server;
          return;
        } catch (error) {
          if (tries === 20) throw error;
          await pause(500);
        }
      }
    },
    async pause(i, ms) {
      const server = running[i] as ChildProcess;
      server.kill("SIGSTOP");
      await pause(ms);
      server.kill("SIGCONT");
    },
    ...(database.crash ? { crashDatabase: database.crash } : {}),
    cuts: () => proxies.reduce((sum, proxy) => sum + proxy.cuts(), 0),
    async stop() {
      for (const server of running) await end(server, "SIGTERM");
      return database.deadlocks();
    },
    async drop() {
      dropped = true;
      for (const server of running) await end(server, "SIGKILL");
      for (const proxy of proxies) await proxy.close();
      await database.drop();
      rmSync(storage, { recursive: true, force: true });
    },
  };
}

/** Waits for the line that names the address. */
function listening(server: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    server.stderr?.on("data", (data) => (said += data));
    server.stdout?.on("data", (data) => {
      said += data;
      const [url] = /http:\/\/[^\s"]+/.exec(said) ?? [];
      if (url) resolve(url);
    });
    server.once("exit", (code) => reject(new Error(`dl serve ended with ${code}: ${said}`)));
  });
}
