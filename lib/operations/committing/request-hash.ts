/** Tells a repeated request from another one under the same transactionId (ARCHITECTURE.md D8). */

import { hash } from "node:crypto";
import { actionObjects } from "../../delta/encode.ts";
import type { CommitRequest } from "../../delta/request.ts";
import { stringifyJson } from "../../delta/values/json.ts";

/** SHA-256 (hex) of everything that the commit depends on. */
export function hashRequest(request: CommitRequest): string {
  const text = stringifyJson(
    request.tables.map((t) => [
      ...[t.table, t.readVersion, t.isolationLevel, t.reads, actionObjects(t.actions)],
      ...(t.expectedVersion === undefined ? [] : [t.expectedVersion]),
      ...(t.create === undefined ? [] : [t.create]),
    ]),
  );
  return sha256(text);
}

/** In hex. At once: the way to a thread and back would cost a commit more than the hash. */
export function sha256(text: string): string {
  return hash("sha256", text);
}
