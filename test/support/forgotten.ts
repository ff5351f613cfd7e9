/** What tests of forgotten transactions share: a request is sent again, and gets its answer, a refusal, or is committed anew. */

import assert from "node:assert/strict";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { commit } from "../../lib/operations/commit.ts";
import { trimTransactions } from "../../lib/operations/trim-transactions.ts";
import { addOf, request, type TestLake } from "./lake.ts";

export const DAY = 86_400_000;

/** Its first answer again, that it is refused or not whole and so not answered, or that it was committed now. */
export async function repeated(lake: TestLake, wanted: CommitRequest): Promise<"answered" | "refused" | "committed"> {
  try {
    const result = await commit(lake, wanted);
    if (result.status === "conflict") return "refused";
    return result.replayed ? "answered" : "committed";
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "TRANSACTION_FORGOTTEN" || code === "TRANSACTION_INCOMPLETE") return "refused";
    throw error;
  }
}

export const trim = (lake: TestLake, retentionMs = 30 * DAY) => trimTransactions(lake, { retentionMs, remove: true });

export async function appended(
  lake: TestLake,
  tableId: string,
  readVersion: number,
  id?: string,
): Promise<CommitRequest> {
  const made = request({ tableId, readVersion, actions: [addOf(`f${readVersion}`)] });
  const wanted = id === undefined ? made : { ...made, transactionId: id };
  assert.equal((await commit(lake, wanted)).status, "committed");
  return wanted;
}
