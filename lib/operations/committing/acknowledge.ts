/** The answer to a commit that was made: how far the mirror has followed it, and how its tables are. */

import { deadlineMs } from "../../deadlines.ts";
import { isStopped, mirroredVersionOf, mirrorStateOf } from "../../delta/health.ts";
import type { CommitRequest, CommitResult } from "../../delta/request.ts";
import { pauseMs } from "../../delta/values/age.ts";
import type { CommitOutcome, CommittedTable, Lake } from "../../ports.ts";
import { type CheckedTable, checkedTable, healthOfTables } from "../table-health.ts";

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

export type Committed = Extract<CommitOutcome, { status: "committed" }>;
type Checked = ReadonlyMap<string, CheckedTable>;

/** Waits for the mirror where the request asks for it. What it waited for in vain is committed all the same. */
export async function acknowledge(
  lake: Lake,
  request: Pick<CommitRequest, "acknowledge">,
  outcome: Committed,
): Promise<CommitResult> {
  const { transactionId, committedAt, replayed, lost } = outcome;
  const first = await firstLook(lake, outcome);
  const checked = request.acknowledge === "mirrored" ? await lookUntilMirrored(lake, outcome.tables, first) : first;
  const tables = outcome.tables.map((table) => {
    const { tableId, version, timestamp, adds } = table;
    const seen = checked.get(tableId);
    return {
      tableId,
      version,
      inCommitTimestamp: timestamp,
      ...(adds && { adds }),
      mirror: mirrorOf(table, seen),
      ...(seen && { health: seen.health }),
    };
  });
  return { status: "committed", replayed, transactionId, committedAt, tables, ...(lost && { lost }) };
}

/** The statement that made the commit has seen the mirrors, except of tables that it has made; a replay has to ask. */
async function firstLook(lake: Lake, { mirrors = [], tables }: Committed): Promise<Checked> {
  const seen = new Map(mirrors.map((facts) => [facts.tableId, checkedTable(lake, facts)]));
  const others = tables.flatMap(({ tableId }) => (seen.has(tableId) ? [] : [tableId]));
  return others.length === 0 ? seen : new Map([...seen, ...(await healthOfTables(lake, others))]);
}

/** Asks at growing intervals until all is published, the time is over, or the rest cannot be published. */
async function lookUntilMirrored(lake: Lake, tables: readonly CommittedTable[], first: Checked): Promise<Checked> {
  let waitedMs = 0;
  const seen = new Map(first);
  let open = tables.filter((table) => !isSettled(table, seen.get(table.tableId), first));
  for (let pause = FIRST_PAUSE_MS; open.length > 0; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (waitedMs + pause > deadlineMs("mirroredAnswer")) break;
    const before = lake.clock.now();
    await lake.clock.sleep(pause);
    const now = await healthOfTables(
      lake,
      open.map(({ tableId }) => tableId),
    );
    for (const { tableId } of open) {
      const table = now.get(tableId);
      if (table) seen.set(tableId, table);
      else seen.delete(tableId);
    }
    open = open.filter((table) => !isSettled(table, seen.get(table.tableId), first));
    waitedMs += pauseMs(lake.clock.now(), before, pause);
  }
  return seen;
}

/**
 * True when waiting longer is of no use: the version is published, its table is gone, nothing can be published to it, or
 * the mirror has failed again since the commit, after many failures.
 */
function isSettled(table: CommittedTable, now: CheckedTable | undefined, first: Checked): boolean {
  if (now === undefined || mirrorOf(table, now) === "COMPLETE" || isStopped(now.health.state)) return true;
  const { oldest } = now.facts;
  const before = first.get(table.tableId)?.facts.oldest;
  const isTriedSince = oldest?.version !== before?.version || (oldest?.attempts ?? 0) > (before?.attempts ?? 0);
  return oldest?.status === "FAILED" && isTriedSince;
}

/** Of one version. What was published and is gone since is not claimed any more. */
function mirrorOf({ version }: CommittedTable, seen: CheckedTable | undefined): "IN_FLIGHT" | "COMPLETE" | "FAILED" {
  if (seen === undefined) return "IN_FLIGHT";
  const { facts, health } = seen;
  if (mirroredVersionOf(facts) >= version && health.state !== "gone") return "COMPLETE";
  return mirrorStateOf(facts) === "FAILED" ? "FAILED" : "IN_FLIGHT";
}
