/**
 * Which applications a snapshot still knows, by the table property `delta.setTransactionRetentionDuration`. As in Spark: one
 * whose txn action was last updated longer ago, or does not say when, has expired, and neither snapshots nor checkpoints have it.
 * Commits and conflicts do not ask: an expired application that commits again conflicts as any other does. Pure.
 */

import type { Metadata, Txn } from "./actions.ts";
import { tableProperties } from "./properties/properties.ts";
import { momentBefore } from "./values/age.ts";

/** Milliseconds: only what was last updated after this moment has not expired; undefined where nothing expires. */
export function txnsExpireAt(metadata: Metadata, now: number): number | undefined {
  const retention = tableProperties(metadata)["delta.setTransactionRetentionDuration"];
  return retention === undefined ? undefined : momentBefore(now, retention);
}

/** The txn actions that have not expired. @param now milliseconds */
export function unexpiredTxns(txns: readonly Txn[], metadata: Metadata, now: number): readonly Txn[] {
  const expiry = txnsExpireAt(metadata, now);
  if (expiry === undefined) return txns;
  return txns.filter(({ lastUpdated }) => lastUpdated !== undefined && lastUpdated > expiry);
}
