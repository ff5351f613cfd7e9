/**
 * Group commit: commits that come while others are under way go to the database together. They share a round trip and a SQL
 * COMMIT, not a fate: each has its own answer, and where a group fails as a whole each of its commits is tried alone.
 */

import { deadlineMs } from "../../deadlines.ts";
import { isLakeError, LakeError } from "../../errors.ts";
import type { CommitOutcome } from "../../ports.ts";
import type { CommitGroup, CommitRows, GroupAnswer } from "./planned-rows.ts";

/**
 * @param options.concurrency groups under way at once
 * @param options.turnMs how long a commit waits for its turn; then it is refused, and nothing of it has been sent
 */
export function groupCommits(
  run: (group: Omit<CommitGroup, "database">) => Promise<readonly GroupAnswer[]>,
  { concurrency, turnMs = deadlineMs("commitTurn") }: { readonly concurrency: number; readonly turnMs?: number },
): (request: CommitRows) => Promise<CommitOutcome> {
  const waiting: Waiting[] = [];
  /** Locks that our own groups hold: who needs one of these joins a later group, and does not wait in the database. */
  const held = new Set<string>();
  let underWay = 0;

  let isWatched = false;
  /** One timer for all: they wait in the order in which they came, but for those that come again. */
  const refuseOverdue = () => {
    isWatched = false;
    const before = performance.now() - turnMs;
    for (const member of waiting.filter(({ since }) => since <= before)) {
      waiting.splice(waiting.indexOf(member), 1);
      member.reject(overloaded());
    }
    if (waiting.length > 0) watchOverdue();
  };
  const watchOverdue = () => {
    if (isWatched) return;
    isWatched = true;
    setTimeout(refuseOverdue, turnMs / 10).unref();
  };

  let isScheduled = false;
  /** In the next turn of the event loop: what comes in this one goes together. */
  const schedule = () => {
    if (isScheduled || underWay >= concurrency) return;
    isScheduled = true;
    setImmediate(startAll);
  };
  const startAll = () => {
    isScheduled = false;
    while (underWay < concurrency) {
      const members = nextGroup(waiting, held);
      if (members.length === 0) return;
      void start(members);
    }
  };
  const start = async (members: readonly Waiting[]) => {
    const locks = members.flatMap(({ request }) => request.locks);
    for (const lock of locks) held.add(lock);
    underWay += 1;
    try {
      await answer(members);
    } finally {
      for (const lock of locks) held.delete(lock);
      underWay -= 1;
      if (waiting.length > 0) schedule();
    }
  };
  const answer = async (members: readonly Waiting[]) => {
    const requests = members.map(({ request }) => request);
    const waits = members.every(({ tables }) => tables === members[0]?.tables);
    try {
      const answers = await run({ requests, waits });
      for (const [i, member] of members.entries()) {
        const given = answers[i] as GroupAnswer;
        if (given.status === "busy") waiting.push({ ...member, mode: "waits" });
        else member.resolve(given);
      }
    } catch (error) {
      // Whoever could not be reached, or gave no answer, may have committed: the client asks again.
      const mayBeAnyones = members.length > 1 && !isLakeError(error, "unavailable");
      for (const member of members) {
        if (mayBeAnyones) waiting.push({ ...member, mode: "alone" });
        else member.reject(error);
      }
    }
  };

  return (request) =>
    new Promise((resolve, reject) => {
      const isLarge = rowsOf(request) > MAX_ROWS;
      const mode = isLarge ? "alone" : "joins";
      waiting.push({ request, tables: tablesOf(request), mode, since: performance.now(), resolve, reject });
      schedule();
      watchOverdue();
    });
}

function overloaded(): LakeError {
  return new LakeError("unavailable", "too many commits wait for the database", {
    code: "DATABASE_OVERLOADED",
    hint: "Nothing was written. Send the same request again.",
  });
}

/** Rows of one group; a request that has more goes alone, and holds up nobody else. */
const MAX_ROWS = 1000;
const MAX_REQUESTS = 64;

interface Waiting {
  readonly request: CommitRows;
  /** Equal for requests of the same tables. */
  readonly tables: string;
  /** `waits`: its locks were not free, and it goes only with others of the same tables. */
  readonly mode: "joins" | "waits" | "alone";
  /** By the monotonic clock, in milliseconds. */
  readonly since: number;
  resolve(outcome: CommitOutcome): void;
  reject(error: unknown): void;
}

/**
 * Takes the next group out of the waiting ones: in the order in which they came, none before an earlier one of its own tables.
 * @param held locks that must not be asked for
 */
function nextGroup(waiting: Waiting[], held: ReadonlySet<string>): readonly Waiting[] {
  const group: Waiting[] = [];
  const passed = new Set<string>();
  let rows = 0;
  for (const candidate of waiting) {
    const { locks } = candidate.request;
    const size = rowsOf(candidate.request);
    const fits = group.length < MAX_REQUESTS && rows + size <= MAX_ROWS;
    const isFree = !locks.some((lock) => held.has(lock) || passed.has(lock));
    if (isFree && (group.length === 0 || (fits && goesWith(candidate, group[0] as Waiting)))) {
      group.push(candidate);
      rows += size;
      if (candidate.mode === "alone") break;
    } else {
      for (const lock of locks) passed.add(lock);
    }
  }
  for (const member of group) waiting.splice(waiting.indexOf(member), 1);
  return group;
}

function goesWith(candidate: Waiting, first: Waiting): boolean {
  if (candidate.mode === "alone") return false;
  return candidate.mode === "waits" || first.mode === "waits" ? candidate.tables === first.tables : true;
}

function rowsOf({ tables }: CommitRows): number {
  let rows = 0;
  for (const { adds, removes, txns, domains, others } of tables) {
    rows += adds.length + removes.length + txns.length + domains.length + others.length;
  }
  return rows;
}

function tablesOf({ tables }: CommitRows): string {
  return tables
    .map(({ tableId }) => tableId)
    .sort()
    .join();
}
