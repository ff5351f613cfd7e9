/** The commit point of the product: one statement where the engine has one for it, else one transaction; for a group of commits. */

import { deadlineMs } from "../../deadlines.ts";
import type { Commit } from "../../delta/actions.ts";
import { placeTaken } from "../../delta/files/locations.ts";
import type { PlannedCommit, TableState } from "../../delta/table.ts";
import { timeOfId } from "../../delta/transaction-age.ts";
import { invalid, LakeError } from "../../errors.ts";
import type { Clock, CommitOutcome, Move } from "../../ports.ts";
import { type CheckedDatabase, checkIdentity, readEpoch } from "../checked-database.ts";
import { touch } from "../claims.ts";
import { type Database, type SqlTransaction, sql, uuid } from "../database.ts";
import { creationLocks, locksAbove, tableLock, takeLocks, transactionLock, tryLocks } from "../dialect.ts";
import { timeOf } from "../lifecycle.ts";
import { placeLocks, sharedPlaceLocks, takePlace } from "../places.ts";
import { readCommitsOf } from "../reads/commits.ts";
import { requireUuid } from "../rows/values.ts";
import { readStates, tableNotFound } from "../tables.ts";
import { wholeOutcome } from "./answers.ts";
import { groupCommits } from "./groups.ts";
import {
  type CommitGroup,
  type CommitRows,
  type GroupAnswer,
  mirrorRequest,
  type TableRequest,
  tableRequest,
} from "./planned-rows.ts";
import { commitInTransaction } from "./steps.ts";

export function committer(db: CheckedDatabase, clock: Clock): (planned: PlannedCommit) => Promise<CommitOutcome> {
  const { functions, singleWriter, tryCommit } = db.dialect;
  const concurrency = singleWriter ? 1 : GROUPS_AT_ONCE;
  const grouped = groupCommits(
    async (group) => {
      const whole = { ...group, database: await db.identity() };
      if (functions) return functions.commit(db, whole);
      return tryCommit ? commitInOneCall(db, clock, whole, tryCommit) : commitInOneTransaction(db, clock, whole);
    },
    { concurrency },
  );
  return async (planned) => wholeOutcome(noted(db, await grouped(requestOf(planned))));
}

function noted(db: CheckedDatabase, outcome: CommitOutcome): CommitOutcome {
  if (outcome.status === "otherEpoch") db.noteEpoch(outcome.epoch);
  return outcome;
}

/** One writes while the other waits for the disk. More would be smaller groups: the same work in more calls. */
const GROUPS_AT_ONCE = 2;

/** What the call leaves goes by a transaction, as if it had come a moment later. */
async function commitInOneCall(
  db: Database,
  clock: Clock,
  group: CommitGroup,
  tryCommit: NonNullable<Database["dialect"]["tryCommit"]>,
): Promise<readonly GroupAnswer[]> {
  const answers = await tryCommit(db, group);
  const left = group.requests.filter((_, i) => answers[i] === undefined);
  if (left.length === 0) return answers as readonly GroupAnswer[];
  const decided = (await commitInOneTransaction(db, clock, { ...group, requests: left })).values();
  return answers.map((answer) => answer ?? (decided.next().value as GroupAnswer));
}

function commitInOneTransaction(
  db: Database,
  clock: Clock,
  { database, requests, waits }: CommitGroup,
): Promise<readonly GroupAnswer[]> {
  return db.transaction(async (tx) => {
    await checkIdentity(tx, database);
    const epoch = await readEpoch(tx);
    // All at once and in order, so that no two groups wait for each other.
    if (waits) await takeLocks(tx, requests.flatMap(lockNames), requests.flatMap(sharedLockNames));
    const answers: GroupAnswer[] = [];
    for (const request of requests) {
      const isFree = waits || (await tryLocks(tx, lockNames(request), sharedLockNames(request)));
      answers.push(isFree ? await commitInEpoch(tx, epoch, request, clock) : { status: "busy" });
    }
    return answers;
  });
}

const lockNames = ({ locks }: CommitRows): readonly string[] => locks;
const sharedLockNames = ({ sharedLocks = [] }: CommitRows): readonly string[] => sharedLocks;

/** Under the locks of the request. */
async function commitInEpoch(
  tx: SqlTransaction,
  epoch: string,
  request: CommitRows,
  clock: Clock,
): Promise<CommitOutcome> {
  const isOther = request.epoch !== undefined && request.epoch !== epoch;
  return isOther ? { status: "otherEpoch", epoch } : commitInTransaction(tx, request, await timeOf(tx, clock));
}

/** As {@link committer}, with the locks held while `plan` decides. */
export async function commitLocked(
  db: CheckedDatabase,
  clock: Clock,
  transactionId: string,
  tables: readonly { readonly tableId: string; readonly after: number }[],
  plan: (states: readonly TableState[], winners: ReadonlyMap<string, readonly Commit[]>) => PlannedCommit,
): Promise<CommitOutcome> {
  const database = await db.identity();
  const round = async (tx: SqlTransaction) => {
    const ids = tables.map(({ tableId }) => requireUuid(tableId, "table id"));
    // All that dl_commit locks, at once: a twin of this transaction that held the rest would wait for us, and we for it.
    await takeLocks(tx, [transactionLock(requireUuid(transactionId, "transaction id")), ...ids.map(tableLock)]);
    const states = await readStates(
      tx,
      ids.map((tableId) => ({ tableId })),
    );
    return commitUnderLocks(tx, clock, database, plan(states, await readWinners(tx, tables, states)));
  };
  const outcome = await db.transaction(round, { withinMs: deadlineMs("lockedRound") });
  return wholeOutcome(noted(db, outcome));
}

async function commitUnderLocks(
  tx: SqlTransaction,
  clock: Clock,
  database: string,
  planned: PlannedCommit,
): Promise<CommitOutcome> {
  const request = requestOf(planned);
  if (tx.dialect.functions === undefined) {
    await checkIdentity(tx, database);
    await takeLocks(tx, lockNames(request), sharedLockNames(request));
    return commitInEpoch(tx, await readEpoch(tx), request, clock);
  }
  const [outcome] = await tx.dialect.functions.commit(tx, { database, requests: [request], waits: true });
  return outcome as CommitOutcome;
}

/** Leaves the transaction without writing. */
class NotCommitted extends Error {
  readonly outcome: CommitOutcome;
  constructor(outcome: CommitOutcome) {
    super(outcome.status);
    this.outcome = outcome;
  }
}

/** The new place and a version of the table, or neither. */
export async function commitMove(
  db: CheckedDatabase,
  clock: Clock,
  transactionId: string,
  { tableId, from, to, plan }: Move,
): Promise<CommitOutcome> {
  const database = await db.identity();
  const id = requireUuid(tableId, "table id");
  const locks = [transactionLock(requireUuid(transactionId, "transaction id")), tableLock(id), ...placeLocks(to)];
  const round = async (tx: SqlTransaction): Promise<CommitOutcome> => {
    await takeLocks(tx, locks, sharedPlaceLocks(to));
    const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(id)} and status = 'ACTIVE'`);
    const [head] = row === undefined ? [] : await readStates(tx, [{ tableId: id }]);
    if (row === undefined || head === undefined) throw tableNotFound(id);
    if (head.location !== from) throw movedOn(head);
    const planned = await plan(head);
    if (planned === undefined) return { status: "moved", tableIds: [id] };
    const by = await takePlace(tx, row, to, await timeOf(tx, clock));
    if (by !== undefined) throw placeTaken(to, by);
    const outcome = await commitUnderLocks(tx, clock, database, planned);
    if (outcome.status !== "committed") throw new NotCommitted(outcome);
    return outcome;
  };
  const outcome = await db.transaction(round, { withinMs: deadlineMs("lockedRound") }).catch((error: unknown) => {
    if (error instanceof NotCommitted) return error.outcome;
    throw error;
  });
  return wholeOutcome(noted(db, outcome));
}

function movedOn({ tableId, name, location }: TableState): LakeError {
  return new LakeError("conflict", `"${name}" has moved to ${location} meanwhile`, {
    code: "TABLE_MOVED",
    hint: "Somebody else moves it, too. Look where it shall be, and run it again.",
    facts: { tableId, location },
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

function locksOf({ tableId, create }: TableRequest): readonly string[] {
  return create === undefined ? [tableLock(tableId)] : [tableLock(tableId), ...creationLocks(create)];
}

function requestOf(planned: PlannedCommit): CommitRows {
  const transactionId = requireUuid(planned.transactionId, "transaction id");
  const tables = planned.tables.map(tableRequest);
  const created = tables.flatMap(({ create }) => create ?? []);
  const appends = (planned.appends ?? []).map((append) => {
    return { ...append, transactionId: requireUuid(append.transactionId, "transaction id") };
  });
  // The id of a batch is made for it: those of its appends may have been sent before.
  const ids = appends.length === 0 ? [transactionId] : appends.map((append) => append.transactionId);
  const times = ids.flatMap((id) => timeOfId(id) ?? []);
  const request: CommitRows = {
    transactionId,
    ...(times.length === 0 ? {} : { madeAt: Math.min(...times), dated: times.length === ids.length }),
    requestHash: planned.requestHash,
    ...(planned.epoch === undefined ? {} : { epoch: planned.epoch }),
    locks: [
      ...[transactionId, ...appends.map((append) => append.transactionId)].map(transactionLock),
      ...tables.flatMap(locksOf),
    ],
    ...(created.length === 0 ? {} : { sharedLocks: created.flatMap(locksAbove) }),
    mirror: mirrorRequest(planned.mirror),
    tables,
    ...(appends.length === 0 ? {} : { appends }),
    ...(planned.attempt === undefined ? {} : { attempt: planned.attempt }),
  };
  if (new Set(request.tables.map((table) => table.tableId)).size < request.tables.length) {
    throw invalid("a table occurs twice in one transaction");
  }
  const names = new Set(created.map(({ name }) => name.toLowerCase()));
  if (names.size < created.length) throw invalid("two new tables of one transaction have the same name");
  if (touch(created.map(({ location }) => location))) {
    throw invalid("of two new tables of one transaction one lies within the other", { code: "LOCATION_OVERLAPS" });
  }
  return request;
}
