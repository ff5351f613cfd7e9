/** The move from a client to SQL: plan, commit in one statement, check winners only when a marker says so (design D1–D4, D8). */

import { type Commit, NO_ACTIONS } from "../delta/actions.ts";
import { type Conflict, findConflict, type Intent } from "../delta/conflicts.ts";
import { planTable, type TablePlan } from "../delta/plan-commit.ts";
import type { CommitRequest, CommitResult, TableCommit, TableConflict } from "../delta/request.ts";
import { invalid, isLakeError } from "../errors.ts";
import type { CommitOutcome, CommittedTable, Lake, MarkerName, PlannedCommit, TableState } from "../ports.ts";
import { publishHead } from "./publish-head.ts";
import { rejected, tableConflict } from "./rejections.ts";
import { hashRequest } from "./request-hash.ts";
import { forgetTable, tableNotFound, tableStates } from "./table-states.ts";
import { readWinners } from "./winners.ts";

/** After so many rounds on hot tables the last check is made with the locks held, so that no writer starves. */
const OPTIMISTIC_ROUNDS = 4;
/** Longest wait for `acknowledge: "mirrored"`; API Gateway cuts at 30 s. */
const MIRRORED_WAIT_MS = 20_000;
const MAX_TABLES = 1000;

type Committed = Extract<CommitOutcome, { status: "committed" }>;

/**
 * Commits actions to one or many tables: all of them, or none. The same transactionId gives the first answer for ever.
 * A conflict is a value; nothing has been written then.
 * @throws LakeError invalid, notFound, unavailable (send the same request again)
 */
export async function commit(lake: Lake, request: CommitRequest): Promise<CommitResult> {
  checkRequest(request);
  const startedAt = lake.clock.now();
  const requestHash = await hashRequest(request);
  const result = await attempt(lake, request, requestHash).then(
    // The winner may be the same request, sent before: it is not told that it lost to itself. A conflict with anyone else is
    // final, for versions are only ever added, and rows of files that are gone still tell; so no twin of this request can
    // commit after this look.
    async (result) => (result.status === "conflict" && (await findReplay(lake, request, requestHash))) || result,
    async (error: unknown) => {
      // A replay must get its first answer even where the request would no longer be valid: the table may have changed or gone.
      const replay = isLakeError(error, "unavailable") ? undefined : await findReplay(lake, request, requestHash);
      if (replay === undefined) throw error;
      return replay;
    },
  );
  lake.metrics.record("CommitDuration", lake.clock.now() - startedAt, "Milliseconds", {
    transactionId: request.transactionId,
    tables: request.tables.length,
    status: result.status,
  });
  if (result.status === "conflict") {
    lake.metrics.record("CommitConflicts", 1, "Count", { transactionId: request.transactionId });
    return result;
  }
  if (!result.replayed) lake.metrics.record("Commits", 1, "Count", { transactionId: request.transactionId });
  // From here on the commit stands, whatever happens: the doorbell is only a hint (design D1, D6).
  await lake.queue.ring(result.tables);
  return acknowledge(lake, request, result);
}

type Attempt = Committed | { readonly status: "conflict"; readonly conflicts: readonly TableConflict[] };

async function attempt(lake: Lake, request: CommitRequest, requestHash: string): Promise<Attempt> {
  const refs = request.tables.map((t) => t.table);
  let states = await tableStates(lake, refs);
  checkDistinct(states);
  const checked = request.tables.map((table) => table.readVersion);
  let plans = planOnRemembered(request, states, checked);
  for (let round = 0; round < OPTIMISTIC_ROUNDS; round += 1) {
    if (plans) {
      await publishHeads(lake, states, plans);
      const outcome = await lake.catalog.commit(plannedCommit(request, requestHash, plans));
      if (outcome.status === "committed") return committed(lake, request, states, outcome);
      if (outcome.status === "otherRequest") throw keyReused(request);
      if (outcome.status === "rejected") {
        const missing = outcome.rejections.some((r) => r.reason === "tableNotFound");
        if (!missing || round > 0) return rejected(request, states, outcome.rejections);
      }
    }
    for (const state of states) forgetTable(lake, state);
    states = await tableStates(lake, refs, { fresh: true });
    const conflicts = await checkWinners(lake, request, states, checked);
    if (conflicts.length > 0) return { status: "conflict", conflicts };
    plans = planAll(request, states, checked);
  }
  return attemptLocked(lake, request, requestHash, states, checked);
}

/** undefined where the remembered states refuse the request: they may be older than what its writer has read. */
function planOnRemembered(
  request: CommitRequest,
  states: readonly TableState[],
  checked: readonly number[],
): TablePlan[] | undefined {
  try {
    return planAll(request, states, checked);
  } catch (error) {
    if (isLakeError(error, "invalid")) return undefined;
    throw error;
  }
}

function planAll(request: CommitRequest, states: readonly TableState[], checked: readonly number[]): TablePlan[] {
  return states.map((state, i) => planOne(request, i, state, checked[i] as number));
}

async function publishHeads(lake: Lake, states: readonly TableState[], plans: readonly TablePlan[]): Promise<void> {
  for (const [i, plan] of plans.entries()) {
    if (plan.afterPublication) await publishHead(lake, states[i] as TableState);
  }
}

function plannedCommit(request: CommitRequest, requestHash: string, plans: readonly TablePlan[]): PlannedCommit {
  return { transactionId: request.transactionId, requestHash, tables: plans.map((plan) => plan.planned) };
}

/** Conflicts with any change of metadata or protocol, and with nothing else. */
const BARE_INTENT: Intent = {
  actions: NO_ACTIONS,
  isolation: "SnapshotIsolation",
  readsWholeTable: false,
  readPartitions: [],
  readFiles: new Set(),
  appIds: new Set(),
};

/** A plan of one table's part, by the table as it stands now: its isolation level may be newer than what was remembered. */
function planOne(request: CommitRequest, i: number, state: TableState, checked: number): TablePlan {
  return planTable(state, request.tables[i] as TableCommit, request.transactionId, checked);
}

/**
 * A change of the table itself comes before all else: the request may not be valid any more, or mean something else, but that
 * is no mistake of its writer.
 */
function firstConflict(
  request: CommitRequest,
  i: number,
  state: TableState,
  after: number,
  winners: readonly Commit[],
): Conflict | undefined {
  return findConflict(BARE_INTENT, winners) ?? findConflict(planOne(request, i, state, after).intent, winners);
}

function isRedefined({ markers }: TableState, after: number): boolean {
  return Math.max(markers.metadata, markers.protocol) > after;
}

/** Reads and checks the winners of every table whose watched markers moved, and raises `checked` where none hurts. */
async function checkWinners(
  lake: Lake,
  request: CommitRequest,
  states: readonly TableState[],
  checked: number[],
): Promise<TableConflict[]> {
  const moved = states.flatMap((state, i) => {
    const after = checked[i] as number;
    if (state.version <= after) return [];
    const hasMoved = (marker: MarkerName) => state.markers[marker] > after;
    const watched = isRedefined(state, after) || planOne(request, i, state, after).planned.watch.some(hasMoved);
    return watched ? [{ state, after, i }] : [];
  });
  const winnersOf = await readWinners(lake, moved);
  const conflicts = moved.flatMap(({ state, after, i }, k) => {
    const winners = winnersOf[k] ?? "forgotten";
    const conflict =
      winners === "forgotten" ? forgottenHistory(state) : firstConflict(request, i, state, after, winners);
    return conflict ? [tableConflict(state, request.tables[i]?.readVersion ?? after, conflict)] : [];
  });
  for (const [i, state] of states.entries()) checked[i] = Math.max(checked[i] as number, state.version);
  return conflicts;
}

/** Thrown out of the locked callback, to leave the transaction without writing. */
class ConflictUnderLock extends Error {
  readonly conflicts: readonly TableConflict[];
  constructor(conflicts: readonly TableConflict[]) {
    super("conflict");
    this.conflicts = conflicts;
  }
}

async function attemptLocked(
  lake: Lake,
  request: CommitRequest,
  requestHash: string,
  known: readonly TableState[],
  checked: readonly number[],
): Promise<Attempt> {
  const tables = known.map((state, i) => ({ tableId: state.tableId, after: checked[i] as number }));
  try {
    const outcome = await lake.catalog.commitLocked(request.transactionId, tables, (locked, winners) => {
      const states = known.map((state) => {
        const found = locked.find((l) => l.tableId === state.tableId);
        if (!found) throw tableNotFound({ tableId: state.tableId });
        return found;
      });
      const conflicts = states.flatMap((state, i) => {
        const conflict = firstConflict(request, i, state, checked[i] as number, winners.get(state.tableId) ?? []);
        return conflict ? [tableConflict(state, request.tables[i]?.readVersion ?? 0, conflict)] : [];
      });
      if (conflicts.length > 0) throw new ConflictUnderLock(conflicts);
      const versions = states.map((state) => state.version);
      return plannedCommit(request, requestHash, planAll(request, states, versions));
    });
    if (outcome.status === "committed") return committed(lake, request, known, outcome);
    if (outcome.status === "otherRequest") throw keyReused(request);
    if (outcome.status === "rejected") return rejected(request, known, outcome.rejections);
    throw new Error("a marker moved although the tables were locked");
  } catch (error) {
    if (error instanceof ConflictUnderLock) return { status: "conflict", conflicts: error.conflicts };
    throw error;
  }
}

function committed(lake: Lake, request: CommitRequest, states: readonly TableState[], outcome: Committed): Committed {
  for (const [i, table] of request.tables.entries()) {
    if (table.actions.metadata || table.actions.protocol) forgetTable(lake, states[i] as TableState);
  }
  return outcome;
}

function forgottenHistory(state: TableState): Conflict {
  return {
    code: "DELTA_CONCURRENT_WRITE",
    version: state.baseVersion,
    message: `the catalog keeps this table from version ${state.baseVersion} on and cannot check what came before`,
  };
}

async function findReplay(lake: Lake, request: CommitRequest, requestHash: string): Promise<Committed | undefined> {
  const transaction = await lake.catalog.findTransaction(request.transactionId);
  if (transaction === undefined) return undefined;
  if (transaction.requestHash !== requestHash) throw keyReused(request);
  const { transactionId, committedAt, tables } = transaction;
  return { status: "committed", replayed: true, transactionId, committedAt, tables };
}

async function acknowledge(lake: Lake, request: CommitRequest, outcome: Committed): Promise<CommitResult> {
  const { transactionId, committedAt, replayed } = outcome;
  const wait = request.acknowledge === "mirrored" ? MIRRORED_WAIT_MS : 0;
  const until = lake.clock.now() + wait;
  const tables = [];
  for (const table of outcome.tables) {
    let mirrored = false;
    // A commit of this moment cannot be published yet; asking would cost a round trip.
    for (let pause = 10; wait > 0 || replayed; pause = Math.min(pause * 2, 500)) {
      mirrored = await isMirrored(lake, table);
      if (mirrored || lake.clock.now() + pause > until) break;
      await lake.clock.sleep(pause);
    }
    tables.push({
      tableId: table.tableId,
      version: table.version,
      inCommitTimestamp: table.timestamp,
      mirror: mirrored ? ("COMPLETE" as const) : ("IN_FLIGHT" as const),
    });
  }
  return { status: "committed", replayed, transactionId, committedAt, tables };
}

/** False, too, for a table that has been dropped since. */
async function isMirrored(lake: Lake, table: CommittedTable): Promise<boolean> {
  try {
    return (await lake.catalog.mirroredVersion(table.tableId)) >= table.version;
  } catch (error) {
    if (isLakeError(error, "notFound")) return false;
    throw error;
  }
}

function checkRequest(request: CommitRequest): void {
  if (request.tables.length === 0) throw invalid("a commit names at least one table", { at: "/tables" });
  if (request.tables.length > MAX_TABLES) {
    throw invalid(`a commit names at most ${MAX_TABLES} tables`, { at: "/tables" });
  }
  for (const table of request.tables) {
    if (!Number.isSafeInteger(table.readVersion) || table.readVersion < 0) {
      throw invalid("readVersion is the version that the writer read: 0 or more", {
        at: `${table.at}/readVersion`,
        hint: "POST /v1/tables creates a table at version 0.",
      });
    }
  }
}

function checkDistinct(states: readonly TableState[]): void {
  const seen = new Set<string>();
  for (const [i, state] of states.entries()) {
    if (seen.has(state.tableId)) {
      throw invalid(`the table "${state.name}" is named twice in one commit`, {
        at: `/tables/${i}`,
        hint: "Put all actions of a table into one entry.",
      });
    }
    seen.add(state.tableId);
  }
}

function keyReused(request: CommitRequest): Error {
  return invalid(`the transactionId ${request.transactionId} was used for a different request`, {
    at: "/transactionId",
    code: "IDEMPOTENCY_KEY_REUSED",
    hint: "Make a new UUID for a new transaction; repeat the very same body to ask for the first answer again.",
  });
}
