/** The commit point of the product (design D1, D2): one statement where the engine has dl_commit, else one transaction. */

import type { Commit } from "../../delta/actions.ts";
import { isJsonObject, parseJson } from "../../delta/json.ts";
import type { PlannedCommit, TableState } from "../../delta/table.ts";
import { corrupt, invalid } from "../../errors.ts";
import type { Clock, CommitOutcome, CommittedTable } from "../../ports.ts";
import type { Database, Queries, SqlTransaction } from "../database.ts";
import { readCommitsOf } from "../reads/commits.ts";
import { requireUuid, text } from "../rows.ts";
import { readStates } from "../tables.ts";
import { requestJson, tableRequest } from "./planned-rows.ts";
import { type CommitRequestRows, commitInTransaction } from "./steps.ts";

export async function commit(db: Database, clock: Clock, planned: PlannedCommit): Promise<CommitOutcome> {
  const request = requestOf(planned);
  if (db.dialect.functions) return commitByFunction(db, db.dialect.functions, request);
  return db.transaction((tx) => commitInTransaction(tx, request, clock.now()));
}

/** As {@link commit}, with the locks held while `plan` decides. */
export async function commitLocked(
  db: Database,
  clock: Clock,
  transactionId: string,
  tables: readonly { readonly tableId: string; readonly after: number }[],
  plan: (states: readonly TableState[], winners: ReadonlyMap<string, readonly Commit[]>) => PlannedCommit,
): Promise<CommitOutcome> {
  return db.transaction(async (tx) => {
    const ids = tables.map(({ tableId }) => requireUuid(tableId, "table id"));
    // All that dl_commit locks, at once: a twin of this transaction that held the rest would wait for us, and we for it.
    const locks = [`transaction:${requireUuid(transactionId, "transaction id")}`, ...ids.map((id) => `table:${id}`)];
    if (db.dialect.lock) await tx.all(db.dialect.lock(locks));
    const states = await readStates(
      tx,
      ids.map((tableId) => ({ tableId })),
    );
    const request = requestOf(plan(states, await readWinners(tx, tables, states)));
    if (db.dialect.functions) return commitByFunction(tx, db.dialect.functions, request);
    return commitInTransaction(tx, request, clock.now());
  });
}

/** All commits after the given versions; the key is the table id as the caller wrote it. */
async function readWinners(
  tx: SqlTransaction,
  tables: readonly { readonly tableId: string; readonly after: number }[],
  states: readonly TableState[],
): Promise<ReadonlyMap<string, readonly Commit[]>> {
  const ranges = tables.flatMap(({ tableId, after }) => {
    const state = states.find((s) => s.tableId === tableId.toLowerCase());
    return state && state.version > after ? [{ tableId, from: after + 1, to: state.version }] : [];
  });
  const commits = await readCommitsOf(tx, ranges, { maxActions: Number.MAX_SAFE_INTEGER });
  return new Map(ranges.map(({ tableId }, i) => [tableId, commits[i] ?? []]));
}

function requestOf(planned: PlannedCommit): CommitRequestRows {
  const request = {
    transactionId: requireUuid(planned.transactionId, "transaction id"),
    requestHash: planned.requestHash,
    tables: planned.tables.map(tableRequest),
  };
  if (new Set(request.tables.map((table) => table.tableId)).size < request.tables.length) {
    throw invalid("a table stands twice in one transaction");
  }
  return request;
}

type Functions = NonNullable<Database["dialect"]["functions"]>;

async function commitByFunction(db: Queries, functions: Functions, request: CommitRequestRows): Promise<CommitOutcome> {
  const [row] = await db.all(functions.commit(requestJson(request)));
  const answer = row && parseJson(text(row, "answer"));
  if (!isJsonObject(answer)) throw corrupt("dl_commit gave no answer");
  if (answer.status !== "committed") return answer as unknown as CommitOutcome;
  return {
    status: "committed",
    replayed: answer.replayed === true,
    transactionId: request.transactionId,
    committedAt: answer.committedAt as number,
    tables: answer.tables as unknown as readonly CommittedTable[],
  };
}
