/** The fence by the log alone, where SQL does not write the table: not any more, or not yet (ARCHITECTURE.md D81). */

import { type Metadata, NO_ACTIONS, type Protocol } from "../../delta/actions.ts";
import { encodeCommit } from "../../delta/encode.ts";
import { type FenceState, withFence } from "../../delta/fence.ts";
import { tableProperties } from "../../delta/properties/properties.ts";
import type { DeltaLog } from "../../ports.ts";

/** The newest state of a log, and what is to be put on top of it. */
export interface FenceChange {
  readonly tableId: string;
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly fence: FenceState;
  /** Milliseconds: later than that of the version. */
  readonly timestamp: number;
}

/**
 * Puts the version that changes the fence, as any writer of the log would: if nobody else has put it. The bytes follow from the arguments
 * alone. @returns false where somebody else was faster
 * @throws LakeError unavailable; invalid where this process may not write the log
 */
export async function putFence(log: DeltaLog, change: FenceChange): Promise<boolean> {
  const { tableId, version, protocol, metadata, fence, timestamp } = change;
  const isTimed = tableProperties(metadata)["delta.enableInCommitTimestamps"] === true;
  const commit = {
    version: version + 1,
    timestamp,
    ...(isTimed ? { inCommitTimestamp: timestamp } : {}),
    actions: {
      ...NO_ACTIONS,
      commitInfo: {
        timestamp,
        operation: fence === "on" ? "FENCE" : "UNFENCE",
        operationParameters: {},
        readVersion: version,
        isBlindAppend: false,
        engineInfo: "deltalakedb",
        txnId: tableId,
      },
      protocol: withFence(protocol, fence),
    },
  };
  return (await log.putCommit(commit.version, encodeCommit(commit), { timestamp })) === "published";
}
