/**
 * The commit in one call: dl_try_commit_2 (migrations/0061-noted-commits.ts) writes what plainly can be committed. What it leaves, and what
 * is not even sent to it, goes the way of the steps, which know every case: so no rule of a refusal is said a second time here.
 */

import { deadlineMs } from "../../../deadlines.ts";
import { addFingerprint, type Fingerprint } from "../../../delta/fingerprint.ts";
import { NEVER_FORGOTTEN_MS } from "../../../delta/transaction-age.ts";
import { addInt64, type Int64 } from "../../../delta/values/int64.ts";
import { isJsonObject, type Json, parseJson, stringifyJson } from "../../../delta/values/json.ts";
import { corrupt, isLakeError } from "../../../errors.ts";
import type { CommittedTable } from "../../../ports.ts";
import type { CommitGroup, CommitRows, GroupAnswer, TableRequest } from "../../commit/planned-rows.ts";
import { type Queries, type Row, type Sql, sql } from "../../database.ts";
import { MAX_TIMESTAMP_AHEAD_MS } from "../../limits.ts";
import { factsAfter, mirrorFactsOf } from "../../rows/mirror-facts.ts";
import { text } from "../../rows/values.ts";
import { slotsOf } from "./slots.ts";

/** Above it the steps are faster, whose rows are not taken out of JSON. */
const MAX_ROWS = 1000;
/** What is longer the steps send in parts: a packet of the server may not hold it. */
const MAX_CHARACTERS = 1_000_000;

/** How the text of a commit gets to the database, and what is locked by what. */
export interface CommitCall {
  /** The routine, as a statement with one row of one column `answers`. */
  call(group: string): Sql;
  /** What the routine locks for these names, in the order in which all lock. */
  locks(names: readonly string[]): readonly (string | number)[];
  /** Bytes that an answer may have; what may have more is sent in several calls. */
  readonly answerBytes: number;
}

const BY_NAMES: CommitCall = {
  call: (group) => sql`call dl_try_commit_2(${group})`,
  locks: (names) => [...new Set(names)].sort(),
  answerBytes: Number.POSITIVE_INFINITY,
};

/** A row of the Data API may have 64 KB. Nothing of a transaction can be in a function, and its statement is one by itself. */
const BY_SLOTS: CommitCall = {
  call: (group) => sql`select dl_try_commit_by_slots(${group}) as answers`,
  locks: slotsOf,
  answerBytes: 60_000,
};

export const tryCommit = tryCommitBy(BY_NAMES);
export const tryCommitBySlots = tryCommitBy(BY_SLOTS);

type Answers = readonly (GroupAnswer | undefined)[];

/** By the places of the requests; undefined: nothing of it was written, and the steps are to decide. */
function tryCommitBy(how: CommitCall): (db: Queries, group: CommitGroup) => Promise<Answers> {
  /** Where the routine could not be made, the steps commit all. */
  const without = new WeakSet<Queries>();
  return async (db, { database, requests, waits }) => {
    const plain = requests.filter(isPlain);
    const given = new Map<CommitRows, GroupAnswer | undefined>();
    for (const sent of without.has(db) ? [] : answerable(plain, how.answerBytes)) {
      const answers = await sentBy(how, db, { database, requests: sent, waits });
      if (answers === "missing") without.add(db);
      else for (const [i, request] of sent.entries()) given.set(request, answers[i]);
    }
    return requests.map((request) => given.get(request));
  };
}

/** What a table's answer takes beside its name, which is in it once, and of which a character takes six bytes at most. */
const ANSWER_OF_TABLE = 800;

function* answerable(requests: readonly CommitRows[], maxBytes: number): Generator<readonly CommitRows[]> {
  let together: CommitRows[] = [];
  let bytes = 0;
  for (const request of requests) {
    const own = request.tables.reduce((sum, { name = "" }) => sum + ANSWER_OF_TABLE + name.length * 6, 100);
    if (own > maxBytes) continue;
    if (bytes + own > maxBytes) {
      yield together;
      together = [];
      bytes = 0;
    }
    together.push(request);
    bytes += own;
  }
  if (together.length > 0) yield together;
}

async function sentBy(
  how: CommitCall,
  db: Queries,
  { database, requests, waits }: CommitGroup,
): Promise<Answers | "missing"> {
  const nothing = requests.map(() => undefined);
  const locks = waits ? how.locks(requests.flatMap((request) => request.locks)) : [];
  const of = {
    database,
    waits: Number(waits),
    locks,
    numLocks: locks.length,
    lockSeconds: Math.ceil(deadlineMs("databaseLock") / 1000),
    numRequests: requests.length,
  };
  const group = stringifyJson({ of, requests: requests.map((request) => requestOf(request, how)) });
  if (group.length > MAX_CHARACTERS) return nothing;
  const rows = await db.writeReturning(how.call(group)).catch((error: unknown) => {
    // A server with small packets, or a text that no column holds: the steps find out which.
    if (isLakeError(error) && error.code === "TOO_LARGE") return undefined;
    if (isLakeError(error) && error.code === "ROUTINE_MISSING") return "missing" as const;
    throw error;
  });
  if (rows === undefined) return nothing;
  if (rows === "missing") return rows;
  const answers = rows[0] && parseJson(text(rows[0], "answers"));
  if (!Array.isArray(answers) || answers.length !== requests.length) throw corrupt("dl_try_commit_2 gave no answers");
  return requests.map((request, i) => answerOf(answers[i], request.transactionId));
}

/** No table is made, no row id is looked up, and there are not too many rows. */
function isPlain({ tables }: CommitRows): boolean {
  let rows = 0;
  for (const { adds, removes, txns, domains, others } of tables) {
    rows += adds.length + removes.length + txns.length + domains.length + others.length;
  }
  return rows <= MAX_ROWS && tables.every((table) => table.create === undefined && !takesRowIds(table));
}

function takesRowIds({ rowIds, removes, adds }: TableRequest): boolean {
  return rowIds && (removes.length > 0 || adds.some((add) => add.base_row_id !== undefined));
}

function requestOf(
  { mirror, tables, appends = [], dated = false, locks, ...request }: CommitRows,
  how: CommitCall,
): object {
  const ordered = how.locks(locks);
  const of = {
    ...request,
    dated: Number(dated),
    neverForgottenMs: NEVER_FORGOTTEN_MS,
    maxAhead: MAX_TIMESTAMP_AHEAD_MS,
    maxUnpublished: mirror.maxUnpublished,
    givenTimestamp: tables.length === 1 ? tables[0]?.givenTimestamp : undefined,
    locks: ordered,
    numLocks: ordered.length,
    tables: tables.map(({ tableId }) => ({ id: tableId })),
    numTables: tables.length,
    numAppends: appends.length,
  };
  return {
    of,
    appends: appends.map((append) => ({ ...append, adds: JSON.stringify(append.adds) })),
    tables: tables.map(tableOf),
  };
}

/** With what its adds bring to the sums of the head. */
function tableOf({ filesUpTo, adds, removes, txns, domains, others, ...table }: TableRequest): object {
  let size: Int64 = 0;
  let records: Int64 = 0;
  let lanes: Fingerprint = [0, 0, 0, 0];
  for (const add of adds) {
    size = addInt64(size, add.size);
    records = addInt64(records, add.num_records ?? 0);
    lanes = addFingerprint(lanes, [add.h0, add.h1, add.h2, add.h3]);
  }
  const [lane0, lane1, lane2, lane3] = lanes;
  const of = {
    ...table,
    upTo: filesUpTo ?? table.readVersion,
    inCommitTimestamps: Number(table.inCommitTimestamps),
    isBlindAppend: Number(table.isBlindAppend),
    rowIds: Number(table.rowIds),
    userDomains: Number(table.userDomains),
    numAdds: adds.length,
    numRemoves: removes.length,
    numTxns: txns.length,
    numDomains: domains.length,
    numOthers: others.length,
    ...{ size, records, lane0, lane1, lane2, lane3 },
  };
  return { of, adds, removes, txns, domains, others };
}

function answerOf(answer: Json | undefined, transactionId: string): GroupAnswer | undefined {
  if (!isJsonObject(answer)) throw corrupt("dl_try_commit_2 gave an answer that is no object");
  if (answer.status === "left") return undefined;
  if (answer.status !== "committed") return answer as unknown as GroupAnswer;
  const tables = answer.tables as unknown as readonly CommittedTable[];
  const mirrors = (answer.mirrors as unknown as readonly Row[]).map((row) => mirrorFactsOf(row, answer.now as number));
  return {
    status: "committed",
    replayed: false,
    transactionId,
    committedAt: answer.committedAt as number,
    tables,
    mirrors: factsAfter(mirrors, tables),
  };
}
