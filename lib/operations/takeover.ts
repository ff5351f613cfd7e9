/**
 * Takes a followed table over: first its log says that nobody else may write it, then SQL has all that stands there, and only then SQL
 * takes commits: so there is no moment in which both could be written (ARCHITECTURE.md D85). Repeatable after a kill at any point.
 */

import { checkImportable } from "../delta/checks/importable.ts";
import { isFenced } from "../delta/fence.ts";
import type { TableRef } from "../delta/request.ts";
import { ageMs } from "../delta/values/age.ts";
import { LakeError } from "../errors.ts";
import type { Lake, TableHead, TableState } from "../ports.ts";
import { forgetTable } from "./committing/table-states.ts";
import { followTable } from "./follow.ts";
import { putFence } from "./publishing/log-fence.ts";
import { findHead } from "./read.ts";
import { missingTable } from "./tables/missing-table.ts";

export interface TakenOver {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  /** The head, from which on commits are made here. */
  readonly version: number;
  /** Versions that SQL lacked when it began; 0 where the table had been taken over already. */
  readonly behind: number;
  /** How long nobody could write the table, in milliseconds: from the fence in the log until SQL took commits. */
  readonly pauseMs: number;
  /** `there`: it had been taken over before, or was never followed. */
  readonly status: "taken" | "there";
}

export interface TakeoverOptions {
  /** More versions than this behind its log, the table is not taken over; {@link MAX_BEHIND} if absent. */
  readonly maxBehind?: number;
}

/** What is left to catch up is read while writers go on, but they should not outrun it. */
export const MAX_BEHIND = 100;

/** Writers may be faster with their versions so often. */
const ROUNDS = 200;

/**
 * Fences a followed table and makes it one that is written here. Writers that go on find the fence where their version belongs, and refuse the
 * table; what they had committed before is taken over first.
 * @throws LakeError notFound; conflict: TAKEOVER_BEHIND, LOG_GAP, LOG_WENT_BACK, DELTA_MAX_COMMIT_RETRIES_EXCEEDED; invalid, corrupt where
 *   the table cannot be served; unavailable. Whatever it was, the same call goes on where it was.
 */
export async function takeOverTable(
  lake: Lake,
  ref: TableRef,
  { maxBehind = MAX_BEHIND }: TakeoverOptions = {},
): Promise<TakenOver> {
  const before = await findHead(lake, ref);
  if (before.followed === undefined) return answerOf(before, { behind: 0, pauseMs: 0, status: "there" });
  const { tableId } = before;
  const behind = await checkNotFarBehind(lake, before, maxBehind);
  const { at } = await fence(lake, before);
  for (let round = 0; round < ROUNDS; round += 1) {
    // A writer that does not know the fence may go on; what it has written is taken over as well.
    const { to } = await followTable(lake, { tableId });
    if (!(await lake.catalog.takeOver(tableId, to))) continue;
    const pauseMs = ageMs(lake.clock.now(), at);
    const head = await findHead(lake, { tableId });
    forgetTable(lake, head);
    // A hint: the log is told which table this is.
    await lake.queue.enqueue([head]);
    return answerOf(head, { behind, pauseMs, status: "taken" });
  }
  throw contended(before);
}

async function checkNotFarBehind(lake: Lake, head: TableHead, maxBehind: number): Promise<number> {
  const { tableId, name, location, version } = head;
  const { commits } = await lake.openLog(location).listFrom(version);
  const logVersion = commits.at(-1)?.version ?? version;
  const behind = Math.max(0, logVersion - version);
  if (behind <= maxBehind) return behind;
  throw new LakeError(
    "conflict",
    `"${name}" is ${behind} versions behind its log: at most ${maxBehind} are caught up while it is taken over`,
    {
      code: "TAKEOVER_BEHIND",
      hint: "Nothing was changed. Let it be followed first (`dl mirror`, or a server that runs), or allow more.",
      facts: { tableId, version, logVersion, behind, maxBehind },
    },
  );
}

/** @returns when the first writer may have been refused, in milliseconds */
async function fence(lake: Lake, { tableId, name, location }: TableHead): Promise<{ readonly at: number }> {
  const log = lake.openLog(location);
  for (let round = 0; round < ROUNDS; round += 1) {
    await followTable(lake, { tableId });
    const state = await stateOf(lake, tableId);
    if (state === undefined) throw await missingTable(lake, { tableId });
    // A call that was killed has put it, or it was fenced before.
    if (isFenced(state.protocol)) {
      const isNewest = state.markers.protocol === state.version;
      return { at: isNewest ? Math.min(state.timestamp, lake.clock.now()) : lake.clock.now() };
    }
    checkImportable(state.metadata);
    const { version, protocol, metadata } = state;
    const at = lake.clock.now();
    const timestamp = Math.max(at, state.timestamp + 1);
    if (await putFence(log, { tableId, version, protocol, metadata, fence: "on", timestamp })) return { at };
  }
  throw contended({ tableId, name });
}

async function stateOf(lake: Lake, tableId: string): Promise<TableState | undefined> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  return state;
}

function contended({ tableId, name }: Pick<TableHead, "tableId" | "name">): LakeError {
  return new LakeError("conflict", `others wrote "${name}" first again and again`, {
    code: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED",
    hint: "Run it again: it goes on where it was.",
    facts: { tableId },
  });
}

function answerOf(
  { tableId, name, location, version }: TableHead,
  rest: Pick<TakenOver, "behind" | "pauseMs" | "status">,
): TakenOver {
  return { tableId, name, location, version, ...rest };
}
