/**
 * The move from `_delta_log` to SQL where the database is older than the log: takes over what the log has more, with the transactions that
 * wrote it (ARCHITECTURE.md D58). Resumable, harmless beside a running server and beside itself.
 */

import { encodeCommit } from "../delta/encode.ts";
import type { TableRef } from "../delta/request.ts";
import { isLakeError, type LakeError } from "../errors.ts";
import type { ImportBatch, Lake, LogCommit, RecoveredVersion, TableHead } from "../ports.ts";
import { batching, endedBy } from "./batching.ts";
import { recallVacuum } from "./cleaning/recall-vacuum.ts";
import { noteHeads } from "./committing/behind-log.ts";
import { forgetTable } from "./committing/table-states.ts";
import { importCommits, importSegment, type OnProgress } from "./import-rows.ts";
import { inTurn } from "./in-turn.ts";
import { checkLog } from "./publishing/check-log.ts";
import { allTables } from "./read.ts";
import { type IncompleteTransaction, planRecovery, type Stop, type TablePlan } from "./recover-plan.ts";
import { adoptIdentities, type IdentityChange, newerIdentities } from "./tables/identities.ts";
import { tableNotFound } from "./tables/missing-table.ts";

export type { IncompleteTransaction, Stop } from "./recover-plan.ts";
export type { IdentityChange } from "./tables/identities.ts";

export interface RecoverOptions {
  /** Take over also what others have written past the catalog, as an import does. */
  readonly foreign?: boolean;
  /** Take over also the parts of transactions whose other parts are lost; they are answered with what stands. */
  readonly acceptIncomplete?: boolean;
  /** Milliseconds: versions with a later timestamp stay in the logs. */
  readonly until?: number;
}

export interface RecoveredTable {
  readonly tableId: string;
  readonly table: string;
  /** The head before, … */
  readonly from: number;
  /** … and after. */
  readonly to: number;
  readonly logVersion: number;
  /** Set where the table has moved there after the moment of the database. */
  readonly movedTo?: string;
  /** Set where the log had been cleaned above the head: SQL begins with this version now, older ones cannot be read any more. */
  readonly baseVersion?: number;
  /**
   * Versions that SQL had not marked as published, and whose files clean-up has taken as well: whether the log ever had these or others
   * nobody can tell.
   */
  readonly unproven?: readonly number[];
  readonly stop?: Stop;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface RecoverResult {
  /** Those whose log was ahead, and those that nothing could be done for, by name. */
  readonly tables: readonly RecoveredTable[];
  /** Tables that were looked at. */
  readonly seen: number;
  /** What the logs know of names and drops: taken over, unless something is in the way or has to come first. */
  readonly identities: readonly IdentityChange[];
  /** Transactions of which a part is lost. With `acceptIncomplete` they have been taken over as they are. */
  readonly incomplete: readonly IncompleteTransaction[];
}

/** Tables that are read and written at once. */
const AT_ONCE = 4;
/** Another recovery, or a mirror, may move a head meanwhile. */
const ROUNDS = 20;
const TRANSACTIONS_PAGE = 1000;

/**
 * Brings one table up to its log.
 * @throws LakeError notFound; conflict LOG_FORKED, where nothing is changed; corrupt when the log cannot be read
 */
export async function recoverTable(
  lake: Lake,
  ref: TableRef,
  options: RecoverOptions = {},
  onProgress: OnProgress = () => {},
): Promise<RecoverResult> {
  const { result, errors } = await recoverSome(lake, [await findHead(lake, ref)], options, onProgress);
  for (const error of errors) throw error;
  return result;
}

/** Brings some tables up to their logs. A table that fails holds up no other. @throws LakeError notFound */
export async function recoverTables(
  lake: Lake,
  refs: readonly TableRef[],
  options: RecoverOptions = {},
  onProgress: OnProgress = () => {},
): Promise<RecoverResult> {
  const heads = new Map<string, TableHead>();
  for (const ref of refs) {
    const head = await findHead(lake, ref);
    heads.set(head.tableId, head);
  }
  return (await recoverSome(lake, [...heads.values()], options, onProgress)).result;
}

/** Also of a table whose recovery was begun and not finished. @throws LakeError notFound */
async function findHead(lake: Lake, ref: TableRef): Promise<TableHead> {
  const active = await lake.catalog.findTable(ref);
  if (active) return active;
  const head = await lake.catalog.findTable(ref, { anyStatus: true });
  const open = head && (await lake.catalog.openRecoveries()).find(({ tableId }) => tableId === head.tableId);
  if (open === undefined) throw tableNotFound(ref);
  return open;
}

/** Brings all tables up to their logs, some at once. A table that fails holds up no other. */
export async function recoverAll(
  lake: Lake,
  options: RecoverOptions = {},
  onProgress: OnProgress = () => {},
): Promise<RecoverResult> {
  const allHeads = async () => {
    const heads: TableHead[] = [...(await lake.catalog.openRecoveries())];
    for await (const head of allTables(lake)) heads.push(head);
    return heads;
  };
  const { result } = await withIdentities(lake, undefined, options, async () =>
    recover(lake, await allHeads(), options, onProgress),
  );
  const left = await leftOver(lake, result, options.acceptIncomplete ?? false);
  return { ...result, incomplete: [...result.incomplete, ...left] };
}

async function recoverSome(
  lake: Lake,
  heads: readonly TableHead[],
  options: RecoverOptions,
  onProgress: OnProgress,
): Promise<Recovered> {
  const ids = new Set(heads.map(({ tableId }) => tableId));
  return withIdentities(lake, ids, options, async () => {
    const now = await Promise.all([...ids].map((tableId) => lake.catalog.findTable({ tableId }, { anyStatus: true })));
    const there = now.flatMap((head) => (head === undefined || head.status === "DELETED" ? [] : [head]));
    return recover(lake, there, options, onProgress);
  });
}

interface Recovered {
  readonly result: RecoverResult;
  readonly errors: readonly LakeError[];
}

/**
 * What logs know of names and drops as well. Tables that came back are first, so that they are rolled forward, too; drops
 * are last, when the versions before them are there. Of a moment in the past only versions are wanted.
 */
async function withIdentities(
  lake: Lake,
  only: ReadonlySet<string> | undefined,
  { until }: RecoverOptions,
  roll: () => Promise<Recovered>,
): Promise<Recovered> {
  if (until !== undefined) return roll();
  const first = await newerIdentities(lake, only);
  const early = await adoptIdentities(lake, first, () => false);
  const rolled = await roll();
  const isWhole = (tableId: string) =>
    rolled.result.tables.every((one) => one.tableId !== tableId || !(one.stop || one.error));
  const now = await newerIdentities(lake, only);
  const late = await adoptIdentities(lake, [...now, ...first.filter(({ isMoved }) => isMoved)], isWhole, first);
  const isDone = ({ blockedBy, waits }: IdentityChange) => blockedBy === undefined && waits === undefined;
  const identities = [...early.filter(isDone), ...late];
  // A name was free only when its owner had been dropped: the table that came back with it has waited for that.
  const isBack = late.some((one) => isDone(one) && one.changes.includes("undropped"));
  const { result, errors } = isBack ? joined(rolled, await roll()) : rolled;
  return { result: { ...result, identities }, errors };
}

function joined(first: Recovered, second: Recovered): Recovered {
  const before = first.result.tables.filter(({ stop, error }) => !(stop || error));
  const tables = [...before, ...second.result.tables];
  return { result: { ...second.result, tables }, errors: second.errors };
}

async function recover(
  lake: Lake,
  heads: readonly TableHead[],
  { foreign = false, acceptIncomplete = false, until }: RecoverOptions,
  onProgress: OnProgress,
): Promise<Recovered> {
  let read = 0;
  const plan = await planRecovery(lake, heads, { foreign, acceptIncomplete, until }, async (items, work) =>
    inTurn(items, AT_ONCE, async (item) => {
      await work(item);
      read += 1;
      onProgress({ phase: "logs read", done: read });
    }),
  );
  const errors: LakeError[] = [];
  const done: RecoveredTable[] = [];
  const versions = progressOver(plan.tables, heads, onProgress);
  await inTurn(heads, AT_ONCE, async ({ tableId }) => {
    const planned = plan.tables.get(tableId);
    if (planned === undefined) return;
    try {
      if ("error" in planned) throw planned.error;
      const table = await recoverPlanned(lake, planned, versions);
      if (table) done.push(table);
    } catch (error) {
      if (!isLakeError(error)) throw error;
      errors.push(error);
      done.push(failed(planned.head, error));
    }
  });
  if (acceptIncomplete) await settle(lake, plan.incomplete);
  done.sort((a, b) => (a.table < b.table ? -1 : 1));
  return { result: { tables: done, seen: plan.tables.size, identities: [], incomplete: plan.incomplete }, errors };
}

/** Counts versions over all tables. */
function progressOver(
  tables: ReadonlyMap<string, TablePlan | { readonly error: LakeError }>,
  heads: readonly TableHead[],
  onProgress: OnProgress,
): () => void {
  let total = 0;
  for (const { tableId } of heads) {
    const planned = tables.get(tableId);
    if (planned && "ahead" in planned) total += planned.ahead.commits.length;
  }
  let done = 0;
  return () => {
    done += 1;
    onProgress({ phase: "versions", done: Math.min(done, total), total });
  };
}

function failed({ tableId, name, version }: TableHead, { code, message, hint }: LakeError): RecoveredTable {
  const error = { code, message, ...(hint === undefined ? {} : { hint }) };
  return { tableId, table: name, from: version, to: version, logVersion: version, error };
}

/** undefined where there was nothing to do. */
async function recoverPlanned(
  lake: Lake,
  planned: TablePlan,
  onVersion: () => void,
): Promise<RecoveredTable | undefined> {
  const { ahead, limit, stop } = planned;
  const { head, moved } = ahead;
  const { tableId, name: table, version: from } = head;
  if (moved) await lake.catalog.followMove(tableId, moved);
  if (ahead.logVersion <= head.version) return moved && withoutMore(await afterwards(lake, head, stop), moved);
  if (ahead.published.length > 0) await lake.catalog.markPublished(tableId, ahead.published, lake.clock.now());
  const isMoved = limit > from;
  const base = isMoved && ahead.restart ? await restart(lake, planned, onVersion) : undefined;
  if (isMoved && !ahead.restart) await rollForward(lake, planned, onVersion);
  const now = isMoved || moved ? await afterwards(lake, head, stop) : head;
  return {
    tableId,
    table,
    from,
    to: now.version,
    logVersion: ahead.logVersion,
    ...(moved && { movedTo: moved.to }),
    ...(base === undefined ? {} : { baseVersion: base }),
    ...(base === undefined || ahead.unproven.length === 0 ? {} : { unproven: ahead.unproven }),
    ...(stop && { stop }),
  };
}

function withoutMore({ tableId, name, version }: TableHead, { to }: { readonly to: string }): RecoveredTable {
  return { tableId, table: name, from: version, to: version, logVersion: version, movedTo: to };
}

/** Some versions at a time; each is in SQL with its transaction, or not at all. Beside others that do the same. */
export async function rollForward(
  lake: Lake,
  { ahead, limit }: Pick<TablePlan, "ahead" | "limit">,
  onVersion: () => void,
): Promise<void> {
  const { head } = ahead;
  const { tableId, location } = head;
  const files = ahead.commits.filter((commit) => commit.version <= limit);
  let { version, timestamp } = head;
  for (let round = 0; ; round += 1) {
    const batches = batching<RecoveredVersion>((some) => lake.catalog.recoverVersions(tableId, some));
    const add = ({ kind: _, ...batch }: ImportBatch, file: LogCommit): Promise<void> =>
      batches.add({ kind: "commit", ...batch, publishedAt: Math.floor(file.modifiedAt) }, file);
    try {
      return await endedBy(batches.flush, () =>
        importCommits(ahead.log, files, { version, timestamp, location }, add, onVersion),
      );
    } catch (error) {
      // Another recovery does the same. Whoever committed meanwhile has made a fork, and then the next call says so.
      const isMoved = isLakeError(error, "conflict") && error.code === "RECOVERY_MOVED";
      const now = isMoved ? await lake.catalog.findTable({ tableId }) : undefined;
      if (!now || round === ROUNDS || now.version <= version || !(await isInLog(lake, ahead, now))) throw error;
      ({ version, timestamp } = now);
    }
  }
}

/** A version without a transaction is one of others, which was taken over. */
async function isInLog(lake: Lake, { log }: TablePlan["ahead"], { tableId, version }: TableHead): Promise<boolean> {
  const { items } = await lake.catalog.history(tableId, { before: version + 1, limit: 1 });
  const [commit] = await lake.catalog.readCommits(tableId, version, version);
  const bytes = await log.readCommitBytes(version);
  if (commit === undefined || bytes === undefined) return false;
  return items[0]?.transactionId === undefined || Buffer.compare(encodeCommit(commit), bytes) === 0;
}

/** Makes the table's rows again from the checkpoint on. Answers the oldest version that it has then. */
async function restart(lake: Lake, { head, ahead, limit }: TablePlan, onVersion: () => void): Promise<number> {
  const { tableId, location, version } = head;
  const { segment, header } = ahead.restart ?? {};
  if (segment === undefined) throw new Error("a recovery begins anew without a start");
  const commits = segment.commits.filter((commit) => commit.version <= limit);
  const names = segment.checkpoint?.files.map(({ name }) => name).join("+") ?? "commit 0";
  const progress = await lake.catalog.beginRecovery(tableId, { head: version, plan: `from ${names}` });
  await importSegment(
    lake,
    ahead.log,
    { segment: { ...segment, commits }, ...(header && { header }) },
    { ...progress, location },
    onVersion,
  );
  const keepFrom = segment.checkpoint?.version ?? 0;
  return (await lake.catalog.finishImport(tableId, { keepFrom })).baseVersion;
}

/** What is remembered of the table, its quarantine and what is written down about its log are of before; the mirror goes on. */
async function afterwards(
  lake: Lake,
  { tableId, name, version }: TableHead,
  stop: Stop | undefined,
): Promise<TableHead> {
  forgetTable(lake, { tableId, name });
  const head = await lake.catalog.findTable({ tableId });
  if (head === undefined) throw tableNotFound({ tableId });
  if (head.quarantine !== undefined && !stop) await lake.catalog.setQuarantine(tableId, undefined);
  await lake.catalog.markLogFault(tableId, version, undefined);
  await recallVacuum(lake, head, version);
  await checkLog(lake, head);
  noteHeads(lake, [head]);
  await lake.queue.enqueue([head]);
  return head;
}

async function settle(lake: Lake, incomplete: readonly IncompleteTransaction[]): Promise<void> {
  for (const { transactionId, missing } of incomplete) await lake.catalog.settleTransaction(transactionId, missing);
}

/** Transactions that were incomplete before: imports or recoveries of some of their tables only. */
async function leftOver(
  lake: Lake,
  { tables, incomplete }: RecoverResult,
  accept: boolean,
): Promise<readonly IncompleteTransaction[]> {
  const seen = new Set(incomplete.map(({ transactionId }) => transactionId));
  // Parts of tables that stop may still come.
  const waiting = new Set(tables.filter(({ stop, error }) => stop || error).map(({ tableId }) => tableId));
  const left: IncompleteTransaction[] = [];
  for (let after: string | undefined; ; ) {
    const options = { limit: TRANSACTIONS_PAGE, ...(after === undefined ? {} : { after }) };
    const page = await lake.catalog.incompleteTransactions(options);
    for (const { transactionId, known, pending } of page) {
      const missing = pending.filter((tableId) => !waiting.has(tableId));
      if (!seen.has(transactionId) && missing.length > 0) left.push({ transactionId, known, missing });
    }
    after = page.at(-1)?.transactionId;
    if (page.length < TRANSACTIONS_PAGE) break;
  }
  if (accept) await settle(lake, left);
  return left;
}

/** True when nothing is left to do or to decide. */
export function isRecovered(
  { tables, identities, incomplete }: RecoverResult,
  { acceptIncomplete }: RecoverOptions,
): boolean {
  return (
    identities.every(({ blockedBy, waits }) => blockedBy === undefined && waits === undefined) &&
    tables.every(({ stop, error }) => (!stop || stop.reason === "later") && !error) &&
    (incomplete.length === 0 || acceptIncomplete === true)
  );
}
