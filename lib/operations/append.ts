/**
 * Appends: files that are added to a table. Many small ones, of whoever asks at about the same time, become one version, since a log takes
 * some fifteen versions a second. Each is a transaction of its own, with its own id and answer; which add actions of the version
 * are whose is kept in SQL and in the log (`commitInfo.deltalakedb.appends`).
 */

import { NO_ACTIONS } from "../delta/actions.ts";
import { addRanges, addsFilesOnly } from "../delta/appends.ts";
import { canonicalPath } from "../delta/files/paths.ts";
import { planTable } from "../delta/plan-commit.ts";
import type { AppendRequest, CommitRequest, CommitResult, TableCommit, TableRef } from "../delta/request.ts";
import { timeOfId, undated } from "../delta/transaction-age.ts";
import { stringifyJson } from "../delta/values/json.ts";
import { invalid, isLakeError } from "../errors.ts";
import type { Catalog, Lake } from "../ports.ts";
import { type Attempt, commitAs, commitBatch } from "./commit.ts";
import { acknowledge } from "./committing/acknowledge.ts";
import type { By } from "./committing/author.ts";
import { hashRequest } from "./committing/request-hash.ts";
import { tableStates } from "./committing/table-states.ts";

/** How long an append waits for others, where it does not say: ten versions a second for a table. */
const DELAY_MS = 100;

/** A version is closed when it has so many, … */
const MAX_APPENDS = 256;
/** … or their files are so many: what has more goes alone. */
const MAX_ADDS = 1000;

/** Of an append that names no version: so often it is tried anew on a table whose schema or protocol changes meanwhile. */
const ROUNDS = 4;

/** Conflicts with a change of the table itself, which an append that names no version is free to follow. */
const REDEFINED: ReadonlySet<string> = new Set(["DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED"]);

/** What the hash of a request says of an append that names no version. */
const NO_VERSION = -1;

interface Member {
  readonly request: AppendRequest & By;
  readonly requestHash: string;
  /** Canonical. */
  readonly paths: readonly string[];
  resolve(result: CommitResult): void;
  reject(error: unknown): void;
}

interface OpenBatch {
  readonly members: Member[];
  readonly ids: Set<string>;
  readonly paths: Set<string>;
}

/** By what all of a batch must have alike. */
const open = new WeakMap<Catalog, Map<string, OpenBatch>>();

/**
 * Commits an append, with others if there are any within its time. Its transactionId is committed once, however often and to
 * whichever server it is sent. What is wrong with one append is told to its client alone.
 * @param request.asked how its client has named the table, where that has been decided since
 * @throws LakeError invalid APPEND_ADDS_ONLY, and as `commit` does
 */
export async function append(
  lake: Lake,
  { asked, ...request }: AppendRequest & By & { readonly asked?: TableRef },
): Promise<CommitResult> {
  const { table, maxDelayMs = DELAY_MS } = request;
  if (!addsFilesOnly(table.actions)) {
    throw invalid("an append has add actions, and no others", {
      at: `${table.at}/actions`,
      code: "APPEND_ADDS_ONLY",
      hint: "POST /v1/commits takes every action.",
    });
  }
  const sent = { ...request, table: { ...table, table: asked ?? table.table } };
  const hash = hashRequest(asCommit(sent, NO_VERSION));
  const isDated = table.readVersion !== undefined || timeOfId(request.transactionId) !== undefined;
  const requestHash = isDated ? hash : undated(hash);
  const member = { request, requestHash, paths: table.actions.adds.map(({ path }) => canonicalPath(path)) };
  const isSmall = member.paths.length <= MAX_ADDS && new Set(member.paths).size === member.paths.length;
  if (!lake.coalesces || !isSmall || !(await isSound(lake, request))) return alone(lake, member);
  return new Promise((resolve, reject) => join(lake, { ...member, resolve, reject }, maxDelayMs));
}

function asCommit(request: AppendRequest & By, readVersion: number): CommitRequest & By {
  const { table, maxDelayMs: _, ...rest } = request;
  return { ...rest, tables: [{ ...table, readVersion: table.readVersion ?? readVersion }] };
}

/** False where it is wrong, for the table as it is remembered: alone it learns what is wrong, or that the table has changed. */
async function isSound(lake: Lake, { transactionId, table }: AppendRequest): Promise<boolean> {
  try {
    const [state] = await tableStates(lake, [table.table]);
    if (state === undefined) return false;
    const { planned } = planTable(state, { ...table, readVersion: state.version }, transactionId, state.version);
    return planned.isBlindAppend;
  } catch (error) {
    if (isLakeError(error, "invalid") || isLakeError(error, "notFound")) return false;
    throw error;
  }
}

function join(lake: Lake, member: Member, maxDelayMs: number): void {
  const batches = open.get(lake.catalog) ?? new Map<string, OpenBatch>();
  open.set(lake.catalog, batches);
  const key = alike(member.request);
  const { transactionId } = member.request;
  const current = batches.get(key);
  // Whoever sends an append twice is answered when the first is committed; a file of two appends is for SQL to judge.
  const clashes = current?.ids.has(transactionId) || member.paths.some((path) => current?.paths.has(path));
  const isFull = current !== undefined && current.paths.size + member.paths.length > MAX_ADDS;
  if (current && (clashes || isFull)) close(lake, key, current);
  const batch = batches.get(key) ?? { members: [], ids: new Set(), paths: new Set() };
  batches.set(key, batch);
  batch.members.push(member);
  batch.ids.add(transactionId);
  for (const path of member.paths) batch.paths.add(path);
  if (batch.members.length >= MAX_APPENDS) close(lake, key, batch);
  else void lake.clock.sleep(maxDelayMs).then(() => close(lake, key, batch), member.reject);
}

/** One version has one author, one commitInfo, and one way in which its files are looked at. */
function alike({ table, by, acknowledge: wanted, verifyFiles }: AppendRequest & By): string {
  const { supportedFeatures, isolationLevel, newFilesOnly, actions } = table;
  return stringifyJson([
    table.table,
    by,
    newFilesOnly,
    wanted,
    verifyFiles,
    supportedFeatures,
    isolationLevel,
    actions.commitInfo,
  ]);
}

function close(lake: Lake, key: string, batch: OpenBatch): void {
  const batches = open.get(lake.catalog);
  if (batches?.get(key) !== batch) return;
  batches.delete(key);
  void commitAll(lake, batch.members);
}

/** Never throws: each member is told. */
async function commitAll(lake: Lake, members: readonly Member[]): Promise<void> {
  let waiting = members;
  for (let round = 1; waiting.length > 1; round += 1) {
    const result = await together(lake, waiting);
    if (result === "alone") break;
    if (result.status === "conflict") {
      // They are planned anew, on the table as it is now.
      const areFree = waiting.every(({ request }) => request.table.readVersion === undefined);
      if (areFree && isRedefinition(result) && round < ROUNDS) continue;
      break;
    }
    if (result.status === "unavailable") return refuse(waiting, result.error);
    if (result.status === "committed") return answer(lake, waiting, result);
    const known = new Set(result.transactionIds);
    const isKnown = ({ request }: Member) => known.has(request.transactionId.toLowerCase());
    await eachAlone(lake, waiting.filter(isKnown));
    waiting = waiting.filter((member) => !isKnown(member));
  }
  await eachAlone(lake, waiting);
}

/** `alone`: one of them is wrong, and it is not said which. What is unavailable may have been committed: each asks again. */
async function together(
  lake: Lake,
  members: readonly Member[],
): Promise<Attempt | "alone" | { readonly status: "unavailable"; readonly error: unknown }> {
  try {
    return await commitBatch(lake, await batchOf(lake, members));
  } catch (error) {
    return isLakeError(error, "unavailable") ? { status: "unavailable", error } : "alone";
  }
}

async function batchOf(lake: Lake, members: readonly Member[]): Promise<Parameters<typeof commitBatch>[1]> {
  const [first] = members as readonly [Member, ...Member[]];
  const [state] = await tableStates(lake, [first.request.table.table]);
  const readVersions = members.map(({ request }) => request.table.readVersion ?? state?.version ?? 0);
  const { places: __, ...table } = first.request.table;
  const commitInfo = table.actions.commitInfo;
  const adds = members.flatMap(({ request }) => request.table.actions.adds);
  const merged: TableCommit = {
    ...table,
    readVersion: Math.min(...readVersions),
    actions: { ...NO_ACTIONS, adds, ...(commitInfo && { commitInfo }) },
  };
  const ranges = addRanges(members.map(({ request }) => request.table.actions.adds.length));
  const appends = members.map(({ request: { transactionId, attempt }, requestHash }, i) => {
    const noted = attempt === undefined ? {} : { attempt: attempt() };
    return { transactionId, requestHash, adds: ranges[i] as (typeof ranges)[number], ...noted };
  });
  // Each of them has a row in the audit trail; the batch itself nobody has tried.
  const { attempt: _, ...request } = asCommit(first.request, 0);
  return { ...request, transactionId: lake.clock.newId(), tables: [merged], appends };
}

async function answer(
  lake: Lake,
  members: readonly Member[],
  result: Extract<Attempt, { status: "committed" }>,
): Promise<void> {
  const ranges = addRanges(members.map(({ request }) => request.table.actions.adds.length));
  const told = members.map(async ({ request, resolve, reject }, i) => {
    const tables = result.tables.map((table) => ({ ...table, adds: ranges[i] as (typeof ranges)[number] }));
    const own = { ...result, transactionId: request.transactionId, tables };
    await acknowledge(lake, request, own).then(resolve, reject);
  });
  await Promise.all(told);
}

function refuse(members: readonly Member[], error: unknown): void {
  for (const { reject } of members) reject(error);
}

async function eachAlone(lake: Lake, members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => alone(lake, member).then(member.resolve, member.reject)));
}

/** A version of its own, as any commit has. */
async function alone(
  lake: Lake,
  { request, requestHash }: Pick<Member, "request" | "requestHash">,
): Promise<CommitResult> {
  for (let round = 1; ; round += 1) {
    const readVersion = request.table.readVersion ?? (await headOf(lake, request, round > 1));
    const result = await commitAs(lake, asCommit(request, readVersion), requestHash);
    if (!isRedefinition(result) || request.table.readVersion !== undefined || round === ROUNDS) return result;
  }
}

function isRedefinition(result: Attempt | CommitResult): boolean {
  if (result.status !== "conflict" || result.conflicts.length === 0) return false;
  return result.conflicts.every(({ code }) => REDEFINED.has(code));
}

/** Of a table that is gone, any: a repeated append still gets its first answer. */
async function headOf(lake: Lake, { table }: AppendRequest, fresh: boolean): Promise<number> {
  try {
    const [state] = await tableStates(lake, [table.table], { fresh });
    return state?.version ?? 0;
  } catch (error) {
    if (isLakeError(error, "notFound")) return 0;
    throw error;
  }
}
