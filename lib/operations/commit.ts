/** The move from a client to SQL: plan, commit in one statement, check winners only when a marker says so (ARCHITECTURE.md D1–D4, D8). */

import type { Append } from "../delta/appends.ts";
import { namesAbsoluteRemoves } from "../delta/checks/own-paths.ts";
import { COUNT } from "../delta/limits.ts";
import { withOrigins } from "../delta/origin.ts";
import type { CommitRequest, CommitResult, TableConflict } from "../delta/request.ts";
import { ageMs } from "../delta/values/age.ts";
import { invalid, isLakeError, unavailable } from "../errors.ts";
import type { CommitOutcome, Lake, PlannedCommit, TableState, Transaction } from "../ports.ts";
import { acknowledge, type Committed } from "./committing/acknowledge.ts";
import { type Allowed, type By, signed } from "./committing/author.ts";
import { BEHIND_LOG, noteHeads } from "./committing/behind-log.ts";
import { checkChange } from "./committing/check-change.ts";
import { lookAtLogs } from "./committing/first-sight.ts";
import { idForgotten } from "./committing/forgotten.ts";
import { type Limits, openLimits } from "./committing/limits.ts";
import { mirrorDemand } from "./committing/mirror-demand.ts";
import { checkPlaces } from "./committing/new-parts.ts";
import {
  checkedUpToHead,
  conflictOf,
  conflictsOf,
  type Part,
  type PlannedPart,
  partsOf,
  planParts,
  publishHeads,
  refreshed,
} from "./committing/parts.ts";
import { rejected } from "./committing/rejections.ts";
import { hashRequest } from "./committing/request-hash.ts";
import { databaseReplaced, type Sent, sendCommit, sendLocked } from "./committing/send-commit.ts";
import { forgetTable } from "./committing/table-states.ts";
import { type Verified, verifyFiles } from "./committing/verify-files.ts";
import { tableNotFound } from "./tables/missing-table.ts";

/** After so many rounds on hot tables the last check is made with the locks held, so that no writer starves. */
const OPTIMISTIC_ROUNDS = 4;
/** So often it is made: SQLite cannot tell the checkpoint of another process from a file that was copied over (lib/catalog/engines/sqlite/epoch.ts). */
const LOCKED_TIMES = 3;

/**
 * Commits actions to one or many tables: all of them, or none. The same transactionId gives the first answer, and once that
 * is forgotten, none: what may be a repetition is refused (ARCHITECTURE.md D8).
 * A conflict is a value; nothing has been written then.
 * @param request.allow asked about the tables as they are, in every round: a name may have changed hands
 * @param request.by who commits: in `commitInfo`, whatever the writer says there. The same request by another is a repetition
 * @throws LakeError invalid, notFound, unavailable (send the same request again)
 */
export async function commit(lake: Lake, request: CommitRequest & By & Allowed): Promise<CommitResult> {
  checkRequest(request);
  return commitAs(lake, request, hashRequest(request));
}

/** @param requestHash of what the client asked for, which tells a repeated request: the rest of it may have been decided since */
export async function commitAs(
  lake: Lake,
  request: CommitRequest & By & Allowed,
  requestHash: string,
): Promise<CommitResult> {
  const startedAt = lake.clock.now();
  const limits = openLimits(request);
  const result = await attemptSpellings(lake, signedRequest(lake, request), requestHash, limits).then(
    // The winner may be the same request, sent before: it is not told that it lost to itself. A conflict with anyone else is
    // final, for versions are only ever added, and rows of files that are gone still tell; so no twin of this request can
    // commit after this look.
    async (result) => {
      if (result.status !== "conflict") return result;
      return (await findReplay(lake, request, requestHash)) ?? (await findSame(lake, request, requestHash)) ?? result;
    },
    async (error: unknown) => {
      // Whoever may not do it is not told whether somebody else has.
      if (limits.hasRefused(error)) throw error;
      // A replay must get its first answer even where the request would no longer be valid: the table may have changed or gone.
      const isUnknown = isLakeError(error, "unavailable") && error.code !== BEHIND_LOG;
      const replay = isUnknown ? undefined : await findReplay(lake, request, requestHash);
      if (replay === undefined) throw error;
      return replay;
    },
  );
  if (result.status === "appendsKnown") throw new Error("a commit without appends was refused for one");
  await announce(lake, request, result, startedAt);
  return result.status === "conflict" ? result : acknowledge(lake, request, result);
}

/**
 * Commits appends to a table as one version, each as a transaction of its own; the batch has one, too, that nobody repeats. What goes
 * wrong may be the fault of any of them: nothing was written then, unless it is unavailable.
 * @throws LakeError as {@link commit}
 */
export async function commitBatch(lake: Lake, request: CommitRequest & By & Batch): Promise<Attempt> {
  const startedAt = lake.clock.now();
  const result = await attemptSpellings(lake, signedRequest(lake, request), hashRequest(request), openLimits({}));
  await announce(lake, request, result, startedAt);
  return result;
}

function signedRequest<R extends CommitRequest & By>({ commitRules }: Lake, request: R): R {
  const isolationElse = commitRules?.isolation;
  const tables = request.tables.map((table) => ({
    ...table,
    ...(isolationElse && { isolationElse }),
    actions: signed(table.actions, request),
  }));
  return { ...request, tables };
}

async function announce(lake: Lake, request: CommitRequest, result: Attempt, startedAt: number): Promise<void> {
  const { transactionId } = request;
  lake.metrics.record("CommitDuration", ageMs(lake.clock.now(), startedAt), "Milliseconds", {
    transactionId,
    tables: request.tables.length,
    status: result.status,
  });
  if (result.status === "conflict") lake.metrics.record("CommitConflicts", 1, "Count", { transactionId });
  if (result.status !== "committed") return;
  if (!result.replayed) lake.metrics.record("Commits", 1, "Count", { transactionId });
  // From here on the commit is final, whatever happens: waking the mirror up is only a hint (ARCHITECTURE.md D1, D6).
  await lake.queue.enqueue(result.tables);
}

/** Of one table: its adds are theirs, in their order. */
interface Batch {
  readonly appends: readonly Append[];
}

type Asked = CommitRequest & Partial<Batch> & Pick<By, "attempt">;

export type Attempt =
  | Committed
  | { readonly status: "conflict"; readonly conflicts: readonly TableConflict[] }
  | Extract<CommitOutcome, { status: "appendsKnown" }>;

/** A table that was imported may have absolute paths below its own root, which a remove must repeat. */
async function attemptSpellings(lake: Lake, request: Asked, requestHash: string, limits: Limits): Promise<Attempt> {
  try {
    return await attempt(lake, request, requestHash, limits);
  } catch (error) {
    const misspelled = isLakeError(error, "invalid") && error.code === "PATH_SPELLED_DIFFERENTLY";
    if (!misspelled || !request.tables.some(({ actions }) => namesAbsoluteRemoves(actions))) throw error;
    const tables = request.tables.map((table) => ({ ...table, spelling: "asSent" as const }));
    return attempt(lake, { ...request, tables }, requestHash, limits);
  }
}

async function attempt(lake: Lake, request: Asked, requestHash: string, limits: Limits): Promise<Attempt> {
  const { transactionId } = request;
  let parts = await limits.within(await partsOf(lake, request));
  let planned = planOnRemembered(transactionId, parts);
  let verified: ReadonlyMap<string, Verified> | undefined;
  const { rounds = OPTIMISTIC_ROUNDS, withinMs = Number.POSITIVE_INFINITY } = lake.commitRules ?? {};
  const startedAt = lake.clock.now();
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0 && ageMs(lake.clock.now(), startedAt) > withinMs) throw tookTooLong(request, round, withinMs);
    if (planned) {
      const looked = planned;
      const [epoch, files] = await Promise.all([
        lookAtLogs(lake, statesOf(parts)),
        verified ?? verifyFiles(lake, request, looked).catch((error: unknown) => unlessStale(looked, round, error)),
      ]);
      verified = files;
      const outcome = files && (await sendPlanned(lake, request, requestHash, parts, planned, files, epoch));
      if (outcome?.status === "committed") return committed(lake, parts, outcome);
      if (outcome?.status === "appendsKnown") return outcome;
      if (outcome?.status === "otherRequest") throw keyReused(request);
      if (outcome?.status === "forgotten") throw idForgotten(request.transactionId, outcome.before);
      if (outcome?.status === "rejected") {
        const missing = outcome.rejections.some((r) => r.reason === "tableNotFound" || r.reason === "nameTaken");
        checkPlaces(parts, outcome.rejections);
        if (!missing || round > 0) limits.checkNewFiles(parts, outcome.rejections);
        if (!missing || round > 0) return rejected(lake, parts, outcome.rejections);
      }
    }
    for (const { state } of parts) forgetTable(lake, state);
    parts = await limits.within(await refreshed(lake, parts));
    const conflicts = await conflictsOf(lake, transactionId, parts);
    if (conflicts.length > 0) return { status: "conflict", conflicts };
    parts = parts.map(checkedUpToHead);
    planned = planParts(transactionId, parts);
  }
  // Each of its appends has a turn of its own; it would have to hold the locks of all.
  if (request.appends) return { status: "conflict", conflicts: [] };
  verified ??= await verifyFiles(lake, request, planned ?? []);
  return attemptLocked(lake, request, requestHash, parts, verified, limits);
}

async function sendPlanned(
  lake: Lake,
  request: Asked,
  requestHash: string,
  parts: readonly Part[],
  planned: readonly PlannedPart[],
  verified: ReadonlyMap<string, Verified>,
  epoch: string,
): Promise<Sent> {
  await publishHeads(lake, planned);
  await checkChange(lake, planned);
  return sendCommit(lake, statesOf(parts), plannedCommit(lake, request, requestHash, planned, verified, epoch));
}

/** The writer has seen a later version than is remembered here: the table may have moved, and its files be at another place. */
function unlessStale(parts: readonly PlannedPart[], round: number, error: unknown): undefined {
  const isStale = round === 0 && parts.some(({ state, checkedVersion }) => state.version < checkedVersion);
  if (!isStale || !isLakeError(error, "invalid")) throw error;
  return undefined;
}

/** Of the tables that are there. */
function statesOf(parts: readonly Part[]): readonly TableState[] {
  return parts.flatMap(({ state, place }) => (place ? [] : [state]));
}

/**
 * undefined where the remembered states may be too old for it: they refuse the request, or the plan depends on which files are
 * in the table and its writer has seen a later version.
 */
function planOnRemembered(transactionId: string, parts: readonly Part[]): readonly PlannedPart[] | undefined {
  try {
    const planned = planParts(transactionId, parts);
    const isTooOld = ({ plan, state, checkedVersion }: PlannedPart) =>
      plan.dependsOnFiles && state.version < checkedVersion;
    return planned.some(isTooOld) ? undefined : planned;
  } catch (error) {
    if (isLakeError(error, "invalid")) return undefined;
    throw error;
  }
}

function plannedCommit(
  lake: Lake,
  request: Asked,
  requestHash: string,
  parts: readonly PlannedPart[],
  verified: ReadonlyMap<string, Verified>,
  epoch: string,
): PlannedCommit {
  const tables = parts.map(({ plan: { planned } }) => {
    const filesVerified = verified.get(planned.tableId);
    if (filesVerified === undefined) return planned;
    const commitInfo = { ...planned.actions.commitInfo, filesVerified };
    return { ...planned, actions: { ...planned.actions, commitInfo } };
  });
  const { transactionId, appends } = request;
  const mirror = mirrorDemand(lake, request);
  const attempt = request.attempt?.();
  const noted = attempt === undefined ? {} : { attempt };
  return withOrigins({ transactionId, requestHash, epoch, tables, mirror, ...(appends && { appends }), ...noted });
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
  request: Asked,
  requestHash: string,
  parts: readonly Part[],
  verified: ReadonlyMap<string, Verified>,
  limits: Limits,
  times = LOCKED_TIMES,
): Promise<Attempt> {
  const { transactionId } = request;
  const epoch = await lookAtLogs(lake, statesOf(parts));
  await checkChange(lake, planParts(transactionId, parts));
  const tables = parts
    .filter(({ place }) => place === undefined)
    .map(({ state, checkedVersion }) => ({ tableId: state.tableId, after: checkedVersion }));
  try {
    const outcome = await sendLocked(lake, statesOf(parts), transactionId, tables, (states, winners) => {
      const locked = parts.map((part) => {
        if (part.place) return part;
        const state = states.find(({ tableId }) => tableId === part.state.tableId);
        if (!state) throw tableNotFound({ tableId: part.state.tableId });
        return { ...part, state };
      });
      const conflicts = locked.flatMap((part) =>
        conflictOf(transactionId, part, winners.get(part.state.tableId) ?? []),
      );
      if (conflicts.length > 0) throw new ConflictUnderLock(conflicts);
      const planned = planParts(transactionId, locked.map(checkedUpToHead));
      return plannedCommit(lake, request, requestHash, planned, verified, epoch);
    });
    if (outcome.status === "committed") return committed(lake, parts, outcome);
    if (outcome.status === "otherRequest") throw keyReused(request);
    if (outcome.status === "forgotten") throw idForgotten(request.transactionId, outcome.before);
    if (outcome.status === "again") {
      if (times <= 1) throw databaseReplaced();
      for (const { state } of parts) forgetTable(lake, state);
      return await attemptLocked(lake, request, requestHash, await refreshed(lake, parts), verified, limits, times - 1);
    }
    if (outcome.status === "rejected") {
      checkPlaces(parts, outcome.rejections);
      limits.checkNewFiles(parts, outcome.rejections);
      return rejected(lake, parts, outcome.rejections);
    }
    throw new Error("a marker moved although the tables were locked");
  } catch (error) {
    if (error instanceof ConflictUnderLock) return { status: "conflict", conflicts: error.conflicts };
    throw error;
  }
}

function committed(lake: Lake, parts: readonly Part[], outcome: Committed): Committed {
  noteHeads(lake, outcome.tables);
  for (const { asked, state } of parts) {
    if (asked.actions.metadata || asked.actions.protocol) forgetTable(lake, state);
  }
  return outcome;
}

async function findReplay(lake: Lake, request: CommitRequest, requestHash: string): Promise<Committed | undefined> {
  const transaction = await lake.catalog.findTransaction(request.transactionId);
  if (transaction === undefined) return undefined;
  if (transaction.requestHash !== requestHash) throw keyReused(request);
  return replayOf(transaction);
}

function replayOf({ requestHash: _, ...answer }: Transaction): Committed {
  return { status: "committed", replayed: true, ...answer };
}

/**
 * A strict writer that got no answer sends its bytes again, maybe under another transactionId: what has become of the version that it
 * asks for tells whether it was this very request.
 */
async function findSame(lake: Lake, request: CommitRequest, requestHash: string): Promise<Committed | undefined> {
  const [first] = request.tables;
  if (first === undefined || request.tables.some(({ expectedVersion }) => expectedVersion === undefined))
    return undefined;
  const { expectedVersion: version = 0 } = first;
  const state = await lake.catalog.findTable(first.table);
  if (state === undefined) return undefined;
  const [commit] = await lake.catalog.readCommits(state.tableId, version, version);
  const transactionId = commit?.actions.commitInfo?.txnId;
  const transaction = typeof transactionId === "string" ? await lake.catalog.findTransaction(transactionId) : undefined;
  return transaction?.requestHash === requestHash ? replayOf(transaction) : undefined;
}

function checkRequest(request: CommitRequest): void {
  if (request.tables.length === 0) throw invalid("a commit names at least one table", { at: "/tables" });
  if (request.tables.length > COUNT.tables) {
    throw invalid(`a commit names at most ${COUNT.tables} tables`, { at: "/tables" });
  }
  for (const table of request.tables) {
    const first = table.create === undefined ? 0 : -1;
    if (!Number.isSafeInteger(table.readVersion) || table.readVersion < first) {
      throw invalid("readVersion is the version that the writer read: 0 or more", {
        at: `${table.at}/readVersion`,
        hint: "POST /v1/tables creates a table at version 0.",
      });
    }
  }
}

function tookTooLong({ transactionId }: CommitRequest, rounds: number, withinMs: number): Error {
  return unavailable(
    `the commit ${transactionId} met others in ${rounds} rounds, and ${withinMs} ms are over; nothing is written`,
    {
      code: "COMMIT_TIMEOUT",
      hint: "Send the same request again. Longer ones: transactions.timeout_seconds; fewer rounds before one that holds the locks: transactions.retry_attempts.",
    },
  );
}

function keyReused(request: CommitRequest): Error {
  return invalid(`the transactionId ${request.transactionId} was used for a different request`, {
    at: "/transactionId",
    code: "IDEMPOTENCY_KEY_REUSED",
    hint: "Make a new UUID for a new transaction; repeat the very same body to ask for the first answer again.",
  });
}
