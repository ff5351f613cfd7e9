/** Two `dl serve` on one PostgreSQL database of their own, in programs of their own, that can be killed and started again. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { raw } from "../../../lib/catalog/database.ts";
import { openPostgres } from "../../../lib/catalog/engines/postgres/driver.ts";
import { startDl } from "../../cli/run.ts";

export interface Servers {
  readonly urls: readonly string[];
  readonly database: string;
  /** Where `_delta_log` of the tables lie, by table name with "/" for ".". */
  readonly storage: string;
  /** Ends the server at once, as a power cut would, and starts it again on its port. */
  kill(server: number): Promise<void>;
  /** Ends both; answers how many deadlocks the database has had to end. */
  stop(): Promise<number>;
  /** Takes database and folder away. */
  drop(): Promise<void>;
}

/** @param base address of a PostgreSQL server on which databases may be made */
export async function startServers(base: string): Promise<Servers> {
  const name = `dl_isolation_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres(base, { poolSize: 1 });
  await admin.define(`create database ${name}`);
  const url = new URL(base);
  url.pathname = `/${name}`;
  const database = url.href;
  const storage = mkdtempSync(join(tmpdir(), "dl-isolation-"));
  const running: ChildProcess[] = [];
  const serve = async (port: string): Promise<{ readonly server: ChildProcess; readonly url: string }> => {
    const intervals = ["--sweep-interval-seconds", "1", "--parity-interval-seconds", "0"];
    const args = ["serve", "--database", database, "--storage", storage, "--port", port, ...intervals];
    const server = startDl(args, { stdio: ["ignore", "pipe", "pipe"], env: { LOG_LEVEL: "error" } });
    return { server, url: await listening(server) };
  };
  // One after the other: the first brings the schema.
  const urls: string[] = [];
  let dropped = false;
  for (const i of [0, 1]) {
    const { server, url } = await serve("0");
    running[i] = server;
    urls[i] = url;
  }
  return {
    urls,
    database,
    storage,
    async kill(i) {
      const server = running[i] as ChildProcess;
      server.kill("SIGKILL");
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
      if (!dropped) running[i] = (await serve(new URL(urls[i] as string).port)).server;
    },
    async stop() {
      for (const server of running) {
        if (server.exitCode !== null || server.signalCode !== null) continue;
        server.kill("SIGTERM");
        await once(server, "exit");
      }
      // A session hands in its statistics when it ends, a moment after its connection has.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const [row] = await admin.read(raw(`select deadlocks from pg_stat_database where datname = '${name}'`));
      return Number(row?.deadlocks);
    },
    async drop() {
      dropped = true;
      for (const server of running) server.kill("SIGKILL");
      await admin.define(`drop database if exists ${name} with (force)`);
      await admin.close();
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
