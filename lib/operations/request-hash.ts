/** Tells a repeated request from another one under the same transactionId (ARCHITECTURE.md D8). */

import { actionObjects } from "../delta/encode.ts";
import { stringifyJson } from "../delta/json.ts";
import type { CommitRequest } from "../delta/request.ts";

/** SHA-256 (hex) of everything that the commit depends on. */
export async function hashRequest(request: CommitRequest): Promise<string> {
  const text = stringifyJson(
    request.tables.map((t) => [t.table, t.readVersion, t.isolationLevel, t.reads, actionObjects(t.actions)]),
  );
  return sha256(text);
}

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
