/** `dl serve` for tests of silence: its settings, its answers with the time they took, and its end. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type Finished, finish, startDl } from "../cli/run.ts";

export interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, never>;
  readonly retryAfter: string | null;
  readonly ms: number;
}

export const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

export async function startServing(
  configFile: string,
  settings: object,
  env: NodeJS.ProcessEnv = {},
  args: readonly string[] = [],
): Promise<Running> {
  writeFileSync(configFile, JSON.stringify(settings));
  return running(startDl(["serve", "--config", configFile, "--port", "0", ...args], { env }));
}

export async function running(child: ChildProcess): Promise<Running> {
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then(({ stderr }) => assert.fail(stderr)),
  ]);
  const url = /http:\/\/\S+/.exec(String(line))?.[0];
  assert.ok(url, String(line));
  return { url, child, finished };
}

export async function call(url: string, path: string, body?: object): Promise<Answer> {
  const startedAt = performance.now();
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, init);
  const text = await response.text();
  const ms = performance.now() - startedAt;
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : {}, retryAfter, ms };
}

export function commitOf(table: string, path: string, more: object = {}) {
  const add = { path, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true };
  return { transactionId: crypto.randomUUID(), tables: [{ table, readVersion: 0, actions: [{ add }] }], ...more };
}

/** Asks it to stop. @returns how it ended, and after how many milliseconds */
export async function stopped({ child, finished }: Running): Promise<Finished & { readonly ms: number }> {
  const startedAt = performance.now();
  child.kill("SIGTERM");
  const end = await finished;
  return { ...end, ms: performance.now() - startedAt };
}
