/** The answer to a commit that was made, and how far the mirror has followed it. */

import { deadlineMs } from "../deadlines.ts";
import type { CommitRequest, CommitResult } from "../delta/request.ts";
import { isLakeError } from "../errors.ts";
import type { CommitOutcome, CommittedTable, Lake } from "../ports.ts";

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

export type Committed = Extract<CommitOutcome, { status: "committed" }>;

/** Waits for the mirror where the request asks for it. What it waited for in vain is committed all the same. */
export async function acknowledge(lake: Lake, request: CommitRequest, outcome: Committed): Promise<CommitResult> {
  const { transactionId, committedAt, replayed } = outcome;
  const wait = request.acknowledge === "mirrored" ? deadlineMs("mirroredAnswer") : 0;
  const until = lake.clock.now() + wait;
  const tables = [];
  for (const table of outcome.tables) {
    // A commit of this moment cannot be published yet; asking would cost a round trip.
    const isWorthAsking = wait > 0 || replayed;
    tables.push({
      tableId: table.tableId,
      version: table.version,
      inCommitTimestamp: table.timestamp,
      mirror:
        isWorthAsking && (await isMirroredUntil(lake, table, until)) ? ("COMPLETE" as const) : ("IN_FLIGHT" as const),
    });
  }
  return { status: "committed", replayed, transactionId, committedAt, tables };
}

/** Asks once at least, and at growing intervals until the time is over. */
async function isMirroredUntil(lake: Lake, table: CommittedTable, until: number): Promise<boolean> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (await isMirrored(lake, table)) return true;
    if (lake.clock.now() + pause > until) return false;
    await lake.clock.sleep(pause);
  }
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
