/**
 * Where a version comes from, in `commitInfo`: what SQL needs to know a transaction again when all that is left of it is the log.
 * Readers of Delta take fields of commitInfo that they do not know as the writer's own.
 */

import type { CommitInfo } from "./actions.ts";
import type { Append } from "./appends.ts";
import type { PlannedCommit } from "./table.ts";
import { isJsonObject } from "./values/json.ts";

/** Of commitInfo. Ours alone: whatever a client sends there is replaced. */
export const ORIGIN = "deltalakedb";

/** The transaction that wrote a version, as the log tells it. */
export interface Origin {
  readonly transactionId: string;
  /** SHA-256 (hex) of the request. */
  readonly requestHash: string;
  /** Of the table that it was committed to. */
  readonly tableId: string;
  /** All tables of the transaction, in the order of the request. */
  readonly tables: readonly string[];
  /** Milliseconds: the commit's timestamp, where the version has no in-commit timestamp. */
  readonly timestamp?: number;
  /** The appends that it was made of, in the order of their adds; absent where it is one commit. */
  readonly appends?: readonly Append[];
}

/** The same transaction; each of its versions says which one it is a part of. `commitInfo.txnId` is its id. */
export function withOrigins(planned: PlannedCommit): PlannedCommit {
  const { requestHash } = planned;
  const ids = planned.tables.map(({ tableId }) => tableId);
  const group = ids.length > 1 ? { tables: ids } : {};
  const shares = planned.appends ? { appends: planned.appends.map(loggedAppend) } : {};
  const tables = planned.tables.map((table) => {
    const origin = { tableId: table.tableId, requestHash, ...group, ...shares };
    return { ...table, actions: { ...table.actions, commitInfo: { ...table.actions.commitInfo, [ORIGIN]: origin } } };
  });
  return { ...planned, tables };
}

/** The first of its adds is known from those before it. */
function loggedAppend({ transactionId: txnId, requestHash, adds }: Append) {
  return { txnId, requestHash, adds: adds.count };
}

/** Undefined where one of them is not as we write them: then none is believed. */
function appendsOf(logged: unknown): readonly Append[] | undefined {
  if (!Array.isArray(logged)) return undefined;
  const appends: Append[] = [];
  let first = 0;
  for (const entry of logged) {
    if (!isJsonObject(entry)) return undefined;
    const { txnId, requestHash, adds: count } = entry;
    if (!isUuid(txnId) || !isHash(requestHash) || typeof count !== "number" || !Number.isSafeInteger(count)) {
      return undefined;
    }
    appends.push({ transactionId: txnId.toLowerCase(), requestHash, adds: { first, count } });
    first += count;
  }
  return appends;
}

/**
 * `timestamp` is known under the lock only, so it is added when the version is written. A version with an in-commit timestamp
 * has it there.
 */
export function withOriginTime(info: CommitInfo, timestamp: number): CommitInfo {
  const origin = info[ORIGIN];
  return isJsonObject(origin) ? { ...info, [ORIGIN]: { ...origin, timestamp } } : info;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const SHA256 = /^[0-9a-f]{64}$/;

/** Undefined where the version is not of ours, or of a release that wrote no origin. */
export function originOf(info: CommitInfo | undefined): Origin | undefined {
  const origin = info?.[ORIGIN];
  if (info === undefined || !isJsonObject(origin)) return undefined;
  const { txnId: transactionId } = info;
  const { tableId, requestHash, tables = [tableId], timestamp } = origin;
  if (!isUuid(transactionId) || !isUuid(tableId)) return undefined;
  if (!isHash(requestHash)) return undefined;
  if (!Array.isArray(tables) || !tables.every(isUuid) || !tables.includes(tableId)) return undefined;
  const appends = appendsOf(origin.appends);
  return {
    transactionId: transactionId.toLowerCase(),
    requestHash,
    tableId: tableId.toLowerCase(),
    tables: tables.map((id) => id.toLowerCase()),
    ...(typeof timestamp === "number" && Number.isSafeInteger(timestamp) ? { timestamp } : {}),
    ...(appends === undefined ? {} : { appends }),
  };
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && SHA256.test(value);
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}
