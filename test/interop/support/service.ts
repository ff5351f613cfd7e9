/** The service under test, as a user runs it: `dl serve` on SQLite in a folder of its own, spoken to over HTTP. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseJson, stringifyJson } from "../../../lib/delta/values/json.ts";

const DL = fileURLToPath(new URL("../../../lib/cli/main.ts", import.meta.url));

/** A live file, as the API lists it. */
export interface LiveFile {
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly deletionVector?: object;
}

/** The members of answers that tests look at; which of them are there depends on the route. */
export interface Body {
  readonly version: number;
  readonly files: readonly LiveFile[];
  readonly tables: readonly { readonly version: number; readonly mirror: string }[];
  readonly metadata: { readonly id: string; readonly configuration: Readonly<Record<string, string>> };
  readonly protocol: Readonly<Record<string, unknown>>;
  readonly quarantine?: string;
}

/** An answer of the API, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly body: Body;
}

export interface Service {
  /** `host:port` */
  readonly address: string;
  /** Where the service puts its tables. */
  readonly storage: string;
  /** A text goes out as it is. */
  request(method: string, path: string, body?: object | string): Promise<Answer>;
  /** As {@link request}, for what must succeed. @throws Error with the problem */
  call(method: string, path: string, body?: object): Promise<Body>;
  /** Runs a command of `dl` on the same database. */
  dl(...args: string[]): Promise<{ readonly code: number; readonly output: string }>;
  close(): Promise<void>;
}

/** @param folder a temporary one: database and tables live in it */
export async function startService(folder: string): Promise<Service> {
  const database = join(folder, "catalog.sqlite");
  const storage = join(folder, "tables");
  const quiet = ["--parity-interval-seconds", "0"];
  const server = node(["serve", "--database", database, "--storage", storage, "--root", "/", "--port", "0", ...quiet]);
  let log = "";
  server.stderr?.on("data", (data) => (log = `${log}${data}`.slice(-4000)));
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout?.on("data", (data) => {
      const found = /http:\/\/[^\s"]+/.exec(String(data));
      if (found) resolve(found[0].replace(/\/$/, ""));
    });
    server.once("exit", (code) => reject(new Error(`dl serve ended with ${code}: ${log}`)));
  });
  const request: Service["request"] = async (method, path, body) => {
    const init: RequestInit = { method, headers: { "content-type": "application/json" } };
    if (body !== undefined) init.body = typeof body === "string" ? body : stringifyJson(body as never);
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, body: parseJson(await response.text()) as unknown as Body };
  };
  return {
    address: url.replace("http://", ""),
    storage,
    request,
    async call(method, path, body) {
      const answer = await request(method, path, body);
      if (answer.status < 300) return answer.body;
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    },
    async dl(...args) {
      const child = node(["--database", database, ...args]);
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
      const [code] = await once(child, "close");
      return { code, output };
    },
    async close() {
      if (server.exitCode !== null) return;
      server.kill("SIGINT");
      await once(server, "exit");
    },
  };
}

function node(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [DL, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}
