/** Requests and what they were answered, to be sent again: after a loss each must get its first answer. */

import assert from "node:assert/strict";
import type { CommitRequest, CommitResult } from "../../lib/delta/request.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Lake } from "../../lib/ports.ts";

export interface Sent {
  readonly request: CommitRequest;
  /** As {@link lasting}. */
  readonly answer: unknown;
}

/** An answer without what is of the moment. */
export function lasting(result: CommitResult): unknown {
  assert.ok(result.status === "committed");
  const { transactionId, committedAt, tables, lost } = result;
  const parts = tables.map(({ tableId, version, inCommitTimestamp }) => ({ tableId, version, inCommitTimestamp }));
  return { transactionId, committedAt, tables: parts, ...(lost && { lost }) };
}

/** Commits and writes down the answer. */
export async function send(lake: Lake, sent: Sent[], request: CommitRequest): Promise<void> {
  sent.push({ request, answer: lasting(await commit(lake, request)) });
}

/** Sends each of them again. */
export async function assertReplays(lake: Lake, sent: readonly Sent[]): Promise<void> {
  for (const { request, answer } of sent) {
    const again = await commit(lake, request);
    assert.ok(again.status === "committed" && again.replayed, "it was committed before");
    assert.deepEqual(lasting(again), answer);
  }
}
