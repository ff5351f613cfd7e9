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
import { type Queries, type Row, sql } from "../../database.ts";
import { MAX_TIMESTAMP_AHEAD_MS } from "../../limits.ts";
import { factsAfter, mirrorFactsOf } from "../../rows/mirror-facts.ts";
import { text } from "../../rows/values.ts";

/** Above it the steps are faster, whose rows are not taken out of JSON. */
const MAX_ROWS = 1000;
/** What is longer the steps send in parts: a packet of the server may not hold it. */
const MAX_CHARACTERS = 1_000_000;

/** By the places of the requests; undefined: nothing of it was written, and the steps are to decide. */
export async function tryCommit(
  db: Queries,
  { database, requests, waits }: CommitGroup,
): Promise<readonly (GroupAnswer | undefined)[]> {
  const sent = requests.filter(isPlain);
  const nothing = requests.map(() => undefined);
  if (sent.length === 0) return nothing;
  const locks = waits ? inOrder(sent.flatMap((request) => request.locks)) : [];
  const of = {
    database,
    waits: Number(waits),
    locks,
    numLocks: locks.length,
    lockSeconds: Math.ceil(deadlineMs("databaseLock") / 1000),
    numRequests: sent.length,
  };
  const group = stringifyJson({ of, requests: sent.map(requestOf) });
  if (group.length > MAX_CHARACTERS) return nothing;
  const rows = await db.writeReturning(sql`call dl_try_commit_2(${group})`).catch((error: unknown) => {
    // A server with small packets, or a text that no column holds: the steps find out which.
    if (isLakeError(error) && error.code === "TOO_LARGE") return undefined;
    throw error;
  });
  if (rows === undefined) return nothing;
  const answers = rows[0] && parseJson(text(rows[0], "answers"));
  if (!Array.isArray(answers) || answers.length !== sent.length) throw corrupt("dl_try_commit_2 gave no answers");
  const given = new Map(sent.map((request, i) => [request, answerOf(answers[i], request.transactionId)]));
  return requests.map((request) => given.get(request));
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

/** As all who take locks take them. */
const inOrder = (locks: readonly string[]): readonly string[] => [...new Set(locks)].sort();

function requestOf({ mirror, tables, appends = [], dated = false, locks, ...request }: CommitRows): object {
  const ordered = inOrder(locks);
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
