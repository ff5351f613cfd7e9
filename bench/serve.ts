/** A `dl serve` of its own for a benchmark, and calls of it over connections that are kept. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Call, openCalls } from "./calls.ts";
import { PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const MAIN = fileURLToPath(new URL("../lib/cli/main.ts", import.meta.url));

export interface Server {
  readonly url: string;
  readonly pid: number;
  readonly call: Call;
  /** Their ids. */
  createTables(count: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @param options.connections kept at most */
export async function startServer(options: {
  readonly database: string;
  readonly folder: string;
  readonly connections: number;
  /** Where tables are; in the folder if absent. */
  readonly storage?: string;
  /** More options of `dl serve`. */
  readonly args?: readonly string[];
}): Promise<Server> {
  const { database, folder, connections, storage = join(folder, "tables") } = options;
  const args = [MAIN, "serve", "--port", "0", "--database", database, "--storage", storage, "--format"];
  const env = {
    ...process.env,
    LOG_LEVEL: "error",
    VERIFY_FILES: "false",
    LOGGING_ACCESS: "false",
    // A load of some seconds is ahead of the mirror by more than a server would let it be for good.
    MAX_UNPUBLISHED: "1000000",
  };
  const child: ChildProcess = spawn(
    process.execPath,
    [...args, "json", "--parity-interval-seconds", "0", ...(options.args ?? [])],
    {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  if (child.stdout === null) throw new Error("the server has no output");
  // Whatever becomes of us, it does not stay behind.
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the server ended with ${code} before it listened`);
  });
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), failed])) as [string];
  failed.catch(() => undefined);
  const { url } = JSON.parse(line) as { url: string };
  const { call, close: hangUp } = openCalls(url, connections);
  return {
    url,
    pid: child.pid ?? 0,
    call,
    async createTables(count) {
      const ids: string[] = [];
      for (let n = 0; n < count; n += 1) {
        const name = `bench.t${randomUUID().replaceAll("-", "")}`;
        const { status, text } = await call("POST", "/v1/tables", {
          name,
          schema: SCHEMA,
          partitionColumns: PARTITION_COLUMNS,
        });
        if (status !== 201) throw new Error(`no table: ${status} ${text}`);
        ids.push((JSON.parse(text) as { tableId: string }).tableId);
      }
      return ids;
    },
    async close() {
      // Several processes end with the one that has started them.
      process.off("exit", end);
      if (child.exitCode === null && child.signalCode === null) {
        end();
        await once(child, "exit");
      }
      hangUp();
    },
  };
}
