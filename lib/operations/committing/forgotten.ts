/** A request that may be the repetition of one whose answer is forgotten: it is refused, since nobody can tell (ARCHITECTURE.md D8). */

import type { TableRef } from "../../delta/request.ts";
import { LakeError } from "../../errors.ts";

const HINT =
  "Nothing was written now. Look into the history of the table: what the request was to write is there, or never was committed. Then read the newest version, and commit as a new request with a new transactionId.";

export function idForgotten(transactionId: string, before: number): LakeError {
  const time = new Date(before).toISOString();
  return new LakeError(
    "conflict",
    `the transactionId ${transactionId} was made before ${time}, and transactions from before may be forgotten: whether it was committed cannot be told`,
    { at: "/transactionId", code: FORGOTTEN, hint: HINT, facts: { forgottenBefore: before } },
  );
}

/** @param read the version that the request says it read @param version up to which transactions may be forgotten */
export function readForgotten(
  table: TableRef,
  { at, read, version }: { readonly at: string; readonly read: number; readonly version: number },
): LakeError {
  const name = "name" in table ? table.name : table.tableId;
  return new LakeError(
    "conflict",
    `the request read version ${read} of "${name}", and transactions that made versions up to ${version} may be forgotten: whether it was committed cannot be told`,
    { at: `${at}/readVersion`, code: FORGOTTEN, hint: HINT, facts: { table: name, forgottenVersion: version } },
  );
}

const FORGOTTEN = "TRANSACTION_FORGOTTEN";
