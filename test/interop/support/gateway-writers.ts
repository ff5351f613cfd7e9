/** A process of its own with an engine that writes through the gateway: `python/gateway_writers.py`. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../python/gateway_writers.py", import.meta.url));

export interface Writer {
  /** @returns whether the engine knows the operation, and what it counted. @throws Error with what it says */
  ask(request: {
    readonly engine: string;
    readonly what: string;
    readonly table: string;
    readonly with?: readonly unknown[];
  }): Promise<{ readonly done: boolean; readonly count?: number }>;
  close(): Promise<void>;
}

/** @param place.endpoint `host:port` of the gateway; `document` has the settings of each engine; `key` is an access key, any if absent */
export function openWriter(place: {
  readonly cache: string;
  readonly endpoint: string;
  readonly document: string;
  readonly key?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}): Writer {
  const { accessKeyId = "any", secretAccessKey = "any" } = place.key ?? {};
  const args = [SCRIPT, place.endpoint, place.document, accessKeyId, secretAccessKey];
  const child = spawn(join(place.cache, "venv/bin/python"), args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, INTEROP_CACHE: place.cache, PYTHONDONTWRITEBYTECODE: "1", TZ: "UTC" },
  });
  let said = "";
  child.stderr.on("data", (data) => (said = `${said}${data}`.slice(-2000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the process ended: ${said}`);
        // Engines print as they like.
        if (!value.startsWith("{")) continue;
        const answer = JSON.parse(value) as {
          readonly done?: boolean;
          readonly count?: number;
          readonly error?: string;
        };
        if (answer.error !== undefined) throw new Error(`${request.engine}, ${request.what}: ${answer.error}`);
        const { done: isDone = false, count } = answer;
        return { done: isDone, ...(count !== undefined && { count }) };
      }
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin.end();
      await once(child, "exit");
    },
  };
}
