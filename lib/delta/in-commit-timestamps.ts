/** In-commit timestamps (PROTOCOL.md, "In-Commit Timestamps"; docs/delta-rules.md §3.2): enabling them on a table that is there. */

import type { Metadata } from "./actions.ts";
import { hasInCommitTimestamps, type TableConfiguration } from "./table-configuration.ts";

const ENABLEMENT_VERSION = "delta.inCommitTimestampEnablementVersion";
const ENABLEMENT_TIMESTAMP = "delta.inCommitTimestampEnablementTimestamp";

/**
 * Stand for values that are known only under the lock (ARCHITECTURE.md D4); the commit statement puts these in their place. They
 * carry the transaction's id, so that no text of a writer can hold them by chance.
 */
export interface LateValues {
  readonly version: string;
  readonly timestamp: string;
}

export function lateValues(transactionId: string): LateValues {
  const id = transactionId.toLowerCase();
  return { version: `dl:version:${id}`, timestamp: `dl:timestamp:${id}` };
}

/** True when a commit turns in-commit timestamps on in a table that had none. */
export function turnsTimestampsOn(before: TableConfiguration, after: TableConfiguration): boolean {
  return hasInCommitTimestamps(after) && !hasInCommitTimestamps(before);
}

/**
 * The metadata to store. Where this commit turns in-commit timestamps on, it gets the enablement version and timestamp: the
 * commit's own, whatever the writer sent. Where they were on before, the enablement stays as it was.
 */
export function withEnablement(before: TableConfiguration, after: TableConfiguration, late: LateValues): Metadata {
  const { metadata } = after;
  if (!hasInCommitTimestamps(after)) return metadata;
  const { [ENABLEMENT_VERSION]: _v, [ENABLEMENT_TIMESTAMP]: _t, ...configuration } = metadata.configuration;
  if (turnsTimestampsOn(before, after)) {
    return {
      ...metadata,
      configuration: { ...configuration, [ENABLEMENT_VERSION]: late.version, [ENABLEMENT_TIMESTAMP]: late.timestamp },
    };
  }
  const kept = Object.entries(before.metadata.configuration).filter(
    ([key]) => key === ENABLEMENT_VERSION || key === ENABLEMENT_TIMESTAMP,
  );
  return { ...metadata, configuration: { ...configuration, ...Object.fromEntries(kept) } };
}

/** Puts what the lock has decided into a text that was made before it. */
export function fillLateValues(text: string, transactionId: string, version: number, timestamp: number): string {
  const late = lateValues(transactionId);
  return text.replaceAll(late.version, String(version)).replaceAll(late.timestamp, String(timestamp));
}
