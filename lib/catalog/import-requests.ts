/** Batches of an import as rows: what goes to SQL, or to the thread that sends it there. */

import type { Commit, CommitActions } from "../delta/actions.ts";
import type { Append } from "../delta/appends.ts";
import { invalid } from "../errors.ts";
import type { ImportBatch, ImportPosition, LoggedTransaction } from "../ports.ts";
import { knownPart, pendingPart, pendingResult } from "./commit/answers.ts";
import { type ImportRows, tableWrite } from "./commit/planned-rows.ts";
import { requireUuid } from "./rows/values.ts";

/** The rows of batches from `at` on, and how far the import is with them. */
export function requestsOf(tableId: string, batches: readonly ImportBatch[], at: ImportPosition) {
  let next = at;
  const requests = batches.map((batch) => {
    const request = importRows(tableId, batch, next);
    next = request.next;
    return request;
  });
  return { requests, next };
}

/** @param at how far the table is */
export function importRows(tableId: string, batch: ImportBatch, at: ImportPosition): ImportRows {
  const { actions, version } = batch.commit;
  const isCheckpoint = batch.kind === "checkpoint";
  const fits = isCheckpoint ? at.version === -1 : version === at.version + 1 && batch.complete;
  if (!fits) throw invalid(`a ${batch.kind} batch of version ${version} does not follow version ${at.version}`);
  const write = tableWrite(withoutAssignedTime(batch.commit), {
    ...(batch.location === undefined ? {} : { location: batch.location }),
    isBlindAppend: actions.commitInfo?.isBlindAppend === true,
    assignRowIds: false,
    firstOrd: isCheckpoint ? at.checkpointActions : 0,
  });
  return {
    ...write,
    tableId: requireUuid(tableId, "table id"),
    at,
    next: {
      version: batch.complete ? version : at.version,
      checkpointActions: at.checkpointActions + (isCheckpoint ? actions.adds.length + actions.removes.length : 0),
    },
    version,
    timestamp: batch.commit.timestamp,
    inCommitTimestamp: batch.commit.inCommitTimestamp ?? null,
    complete: batch.complete,
    isCheckpoint,
    ...(batch.transaction === undefined ? {} : transactionRows(tableId, batch, batch.transaction)),
  };
}

/** The in-commit timestamp has a column of its own, from which it comes back when the version is written. */
function withoutAssignedTime({ actions, inCommitTimestamp }: Commit): CommitActions {
  if (inCommitTimestamp === undefined || actions.commitInfo === undefined) return actions;
  const { inCommitTimestamp: _, ...commitInfo } = actions.commitInfo;
  return { ...actions, commitInfo };
}

function transactionRows(
  tableId: string,
  { commit: { version, timestamp } }: ImportBatch,
  { tables, tableId: origin, sameBytes, appends, ...transaction }: LoggedTransaction,
): Pick<ImportRows, "transaction" | "appends"> {
  const part = { tableId: requireUuid(tableId, "table id"), version, timestamp };
  const rowOf = (share: Pick<Append, "transactionId" | "requestHash"> & Partial<Append>, owns: boolean) => ({
    transactionId: requireUuid(share.transactionId, "transaction id"),
    requestHash: share.requestHash,
    committedAt: timestamp,
    result: pendingResult(tables),
    pending: pendingPart(origin),
    known: knownPart({ ...part, ...(share.adds && { adds: share.adds }) }, origin),
    origin: requireUuid(origin, "table id"),
    owns,
  });
  return {
    transaction: rowOf(transaction, sameBytes),
    ...(appends === undefined ? {} : { appends: appends.map((append) => rowOf(append, false)) }),
  };
}
