/** A commit request, table by table: what was asked, the table as it is, how far its winners are checked, and the plan. */

import { type Commit, NO_ACTIONS } from "../../delta/actions.ts";
import { type Conflict, findConflict, type Intent } from "../../delta/conflicts.ts";
import { planTable, type TablePlan } from "../../delta/plan-commit.ts";
import { type NewPlace, planFirstVersion } from "../../delta/plan-first-version.ts";
import type { CommitRequest, TableCommit, TableConflict } from "../../delta/request.ts";
import { invalid } from "../../errors.ts";
import type { Lake, MarkerName, TableState } from "../../ports.ts";
import { newPlace, stateBefore } from "./new-parts.ts";
import { publishHead } from "./publish-head.ts";
import { tableConflict, versionTaken } from "./rejections.ts";
import { tableStates } from "./table-states.ts";
import { readWinners } from "./winners.ts";

/** One table's part of a request. */
export interface Part {
  readonly asked: TableCommit;
  /** May be behind the database. */
  readonly state: TableState;
  /** Winners up to this version contradict nothing: readVersion at first. */
  readonly checkedVersion: number;
  /** Where the table is made by this commit: it is not there yet. */
  readonly place?: NewPlace;
}

export interface PlannedPart extends Part {
  readonly plan: TablePlan;
}

/** @throws LakeError notFound; invalid for a table that is named twice */
export async function partsOf(lake: Lake, request: CommitRequest): Promise<readonly Part[]> {
  const found = await foundTables(lake, request.tables);
  const parts = found.map(({ asked: table, ...rest }) => ({
    asked: table,
    ...rest,
    // A strict writer has looked at every version below the one that it asks for.
    checkedVersion: table.expectedVersion === undefined ? table.readVersion : table.expectedVersion - 1,
  }));
  checkDistinct(parts);
  return parts;
}

/** The same parts by the tables as they are now. */
export async function refreshed(lake: Lake, parts: readonly Part[]): Promise<readonly Part[]> {
  const found = await foundTables(
    lake,
    parts.map(({ asked }) => asked),
    { fresh: true, places: new Map(parts.map(({ asked, place }) => [asked, place])) },
  );
  return paired(parts, found).map(([{ asked, checkedVersion }, now]) => ({ ...now, asked, checkedVersion }));
}

type Found = Pick<Part, "asked" | "state" | "place">;

/** Tables as they are, and as they will be made. @throws LakeError notFound */
async function foundTables(
  lake: Lake,
  asked: readonly TableCommit[],
  { fresh = false, places = new Map<TableCommit, NewPlace | undefined>() } = {},
): Promise<readonly Found[]> {
  const made = new Map<TableCommit, NewPlace>();
  for (const table of asked) {
    const place = table.create && (await newPlace(lake, table, places.get(table)));
    if (place) made.set(table, place);
  }
  const there = asked.filter((table) => !made.has(table));
  const refs = there.map(({ table }) => table);
  const states = new Map(paired(there, refs.length === 0 ? [] : await tableStates(lake, refs, { fresh })));
  const found: Found[] = [];
  for (const table of asked) {
    const state = states.get(table);
    const place = made.get(table);
    if (state) found.push({ asked: table, state });
    else if (place) found.push({ asked: table, place, state: stateBefore(lake, place, table) });
  }
  return found;
}

/** Both lists have the same order; the second one answers the first. */
function paired<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  return left.map((item, i) => [item, right[i] as B]);
}

/** Plans every part by its state, which may be newer than what was remembered. @throws LakeError invalid */
export function planParts(transactionId: string, parts: readonly Part[]): readonly PlannedPart[] {
  return parts.map((part) => ({ ...part, plan: planPart(transactionId, part) }));
}

function planPart(transactionId: string, { asked, state, checkedVersion, place }: Part): TablePlan {
  return place ? planFirstVersion(place, asked, transactionId) : planTable(state, asked, transactionId, checkedVersion);
}

/** Tables whose plan says so are published up to their heads first. @throws LakeError unavailable */
export async function publishHeads(lake: Lake, parts: readonly PlannedPart[]): Promise<void> {
  for (const { plan, state } of parts) {
    if (plan.afterPublication) await publishHead(lake, state);
  }
}

/** Reads and checks the winners of every table whose watched markers moved. None: all are checked up to their heads. */
export async function conflictsOf(
  lake: Lake,
  transactionId: string,
  parts: readonly Part[],
): Promise<readonly TableConflict[]> {
  const taken = parts.flatMap(({ asked, state }) =>
    isTaken(asked, state) ? [tableConflict(state, asked.readVersion, versionTaken(state.version))] : [],
  );
  if (taken.length > 0) return taken;
  const moved = parts.filter((part) => hasMoved(transactionId, part));
  const winners = await readWinners(
    lake,
    moved.map(({ state, checkedVersion }) => ({ state, after: checkedVersion })),
  );
  return paired(moved, winners).flatMap(([part, commits]) => conflictOf(transactionId, part, commits));
}

function isTaken({ expectedVersion }: TableCommit, state: TableState): boolean {
  return expectedVersion !== undefined && state.version >= expectedVersion;
}

export function checkedUpToHead(part: Part): Part {
  return { ...part, checkedVersion: Math.max(part.checkedVersion, part.state.version) };
}

function hasMoved(transactionId: string, part: Part): boolean {
  const { version, markers } = part.state;
  const after = part.checkedVersion;
  if (version <= after) return false;
  const isNewer = (marker: MarkerName) => markers[marker] > after;
  const isRedefined = isNewer("metadata") || isNewer("protocol");
  return isRedefined || planPart(transactionId, part).planned.watch.some(isNewer);
}

/** At most one conflict, as the client is told it. */
export function conflictOf(
  transactionId: string,
  part: Part,
  winners: readonly Commit[] | "forgotten",
): readonly TableConflict[] {
  const { asked, state } = part;
  if (isTaken(asked, state)) return [tableConflict(state, asked.readVersion, versionTaken(state.version))];
  const conflict = winners === "forgotten" ? forgottenHistory(state) : firstConflict(transactionId, part, winners);
  return conflict ? [tableConflict(state, asked.readVersion, conflict)] : [];
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

/**
 * A change of the table itself comes before all else: the request may not be valid any more, or mean something else, but that
 * is no mistake of its writer.
 */
function firstConflict(transactionId: string, part: Part, winners: readonly Commit[]): Conflict | undefined {
  return findConflict(BARE_INTENT, winners) ?? findConflict(planPart(transactionId, part).intent, winners);
}

function forgottenHistory(state: TableState): Conflict {
  return {
    code: "DELTA_CONCURRENT_WRITE",
    version: state.baseVersion,
    message: `the catalog keeps this table from version ${state.baseVersion} on and cannot check what came before`,
  };
}

function checkDistinct(parts: readonly Part[]): void {
  const seen = new Set<string>();
  for (const [i, { state }] of parts.entries()) {
    if (seen.has(state.tableId)) {
      throw invalid(`the table "${state.name}" is named twice in one commit`, {
        at: `/tables/${i}`,
        hint: "Put all actions of a table into one entry.",
      });
    }
    seen.add(state.tableId);
  }
}
