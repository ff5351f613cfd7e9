/** The one road from a plan to SQL: nothing is committed on top of a database that is older than a log (ARCHITECTURE.md D57). */

import { stopOf } from "../../delta/health.ts";
import { type LakeError, unavailable } from "../../errors.ts";
import type { CommitOutcome, Commits, Lake, PlannedCommit, Rejection, TableState } from "../../ports.ts";
import { checkNotBehind, checkStillBehind, newestSeen, wentBack } from "./behind-log.ts";

/** `again`: what the plan was made of holds no more. Nothing was written: look at the logs, read the tables, and plan again. */
export type Sent = Exclude<CommitOutcome, { status: "otherEpoch" }> | { readonly status: "again" };

/**
 * @param states of the tables that are there already; their logs were looked at in the epoch of the plan (lookAtLogs)
 * @throws LakeError unavailable: CATALOG_BEHIND_LOG, or what the catalog throws
 */
export async function sendCommit(lake: Lake, states: readonly TableState[], planned: PlannedCommit): Promise<Sent> {
  return judged(lake, states, await lake.catalog.commit(withSeen(lake, planned)));
}

/** As {@link sendCommit}, by Commits.commitLocked. */
export async function sendLocked(
  lake: Lake,
  states: readonly TableState[],
  ...[transactionId, tables, plan]: Parameters<Commits["commitLocked"]>
): Promise<Sent> {
  const outcome = await lake.catalog.commitLocked(transactionId, tables, (...read) => withSeen(lake, plan(...read)));
  return judged(lake, states, outcome);
}

/** As {@link sendCommit}, by Commits.commitMove. */
export async function sendMove(
  lake: Lake,
  states: readonly TableState[],
  ...[transactionId, { plan, ...move }]: Parameters<Commits["commitMove"]>
): Promise<Sent> {
  const outcome = await lake.catalog.commitMove(transactionId, {
    ...move,
    async plan(head) {
      const planned = await plan(head);
      return planned && withSeen(lake, planned);
    },
  });
  return judged(lake, states, outcome);
}

function withSeen(lake: Lake, planned: PlannedCommit): PlannedCommit {
  const tables = planned.tables.map((table) => {
    return table.create ? table : { ...table, seenVersion: newestSeen(lake, table.tableId) };
  });
  return { ...planned, tables };
}

async function judged(lake: Lake, states: readonly TableState[], outcome: CommitOutcome): Promise<Sent> {
  if (outcome.status === "otherEpoch") return { status: "again" };
  if (outcome.status !== "rejected") return outcome;
  return (await checkTime(lake, states, outcome.rejections)) ? { status: "again" } : outcome;
}

/**
 * A head below what was read of it: the writer is wrong, or SQL has gone back in time. A log that was said to be ahead is looked at.
 * @returns true where it is not ahead any more
 */
async function checkTime(
  lake: Lake,
  states: readonly TableState[],
  rejections: readonly Rejection[],
): Promise<boolean> {
  let hasCaughtUp = false;
  for (const { tableId, reason, mirror, version = -1 } of rejections) {
    const table = states.find((state) => state.tableId === tableId);
    if (table === undefined) continue;
    if (reason === "headWentBack" || reason === "readVersionAhead") await checkNotBehind(lake, { ...table, version });
    if (reason === "headWentBack") throw await wentBack(lake, table, version);
    if (reason !== "mirrorStopped" || mirror === undefined || stopOf(mirror)?.code !== "LOG_AHEAD") continue;
    await checkStillBehind(lake, table, mirror);
    hasCaughtUp = true;
  }
  return hasCaughtUp;
}

/** For whoever cannot plan again. */
export function databaseReplaced(): LakeError {
  return unavailable("the database was started again or replaced while the commit was under way", {
    hint: "Nothing was written. Send the same request again.",
  });
}
