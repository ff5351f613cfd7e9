/** Fences a table against foreign writers, or lifts the fence: a commit of the protocol alone. */

import { type FenceState, isFenced, withFence } from "../delta/fence.ts";
import { withOrigins } from "../delta/origin.ts";
import { planProtocolChange } from "../delta/plan-commit.ts";
import type { TableRef } from "../delta/request.ts";
import { canonicalJson } from "../delta/values/json.ts";
import { LakeError } from "../errors.ts";
import type { Lake, PlannedCommit, TableState } from "../ports.ts";
import { lookAtLogs } from "./committing/first-sight.ts";
import { sha256 } from "./committing/request-hash.ts";
import { sendCommit } from "./committing/send-commit.ts";
import { forgetTable, tableStates } from "./committing/table-states.ts";

export interface FenceResult {
  readonly tableId: string;
  readonly table: string;
  readonly fenced: boolean;
  /** The version of the change; absent when the table was so already. */
  readonly version?: number;
}

/** Other commits may come in between; each round starts from the newest protocol. */
const ROUNDS = 20;

/**
 * @throws LakeError notFound; conflict when other commits come first again and again
 */
export async function fenceTable(lake: Lake, ref: TableRef, fence: FenceState): Promise<FenceResult> {
  const fenced = fence === "on";
  const transactionId = lake.clock.newId();
  for (let round = 0; round < ROUNDS; round += 1) {
    const [state] = await tableStates(lake, [ref], { fresh: true });
    if (state === undefined) break;
    const { tableId, name: table } = state;
    if (isFenced(state.protocol) === fenced) return { tableId, table, fenced };
    const epoch = await lookAtLogs(lake, [state]);
    const outcome = await sendCommit(lake, [state], plannedFence(state, fence, transactionId, epoch));
    if (outcome.status !== "committed") continue;
    forgetTable(lake, state);
    await lake.queue.enqueue(outcome.tables);
    const version = outcome.tables[0]?.version;
    return { tableId, table, fenced, ...(version === undefined ? {} : { version }) };
  }
  throw new LakeError("conflict", "other commits came first again and again", {
    code: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED",
    hint: "Try again when fewer writers are at work.",
  });
}

function plannedFence(state: TableState, fence: FenceState, transactionId: string, epoch: string): PlannedCommit {
  const protocol = withFence(state.protocol, fence);
  return withOrigins({
    transactionId,
    epoch,
    requestHash: sha256(canonicalJson({ fence: fence === "on", tableId: state.tableId })),
    tables: [planProtocolChange(state, protocol, fence === "on" ? "FENCE" : "UNFENCE", transactionId)],
  });
}
