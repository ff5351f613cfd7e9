/** What a compaction says of itself in `commitInfo`, in the words of Spark's OPTIMIZE, which tools read. Pure. */

import type { AddFile, CommitInfo } from "./actions.ts";

type Sized = Pick<AddFile, "size" | "deletionVector">;

export function compactionInfo(removed: readonly Sized[], added: readonly Sized[]): CommitInfo {
  const sizes = added.map(({ size }) => BigInt(size)).sort((a, b) => (a < b ? -1 : 1));
  const at = (share: number) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * share))] ?? 0n;
  const total = (files: readonly Sized[]) => files.reduce((sum, { size }) => sum + BigInt(size), 0n);
  const metrics = {
    numRemovedFiles: removed.length,
    numRemovedBytes: total(removed),
    p25FileSize: at(0.25),
    numDeletionVectorsRemoved: removed.filter(({ deletionVector }) => deletionVector !== undefined).length,
    minFileSize: at(0),
    numAddedFiles: added.length,
    maxFileSize: at(1),
    p75FileSize: at(0.75),
    p50FileSize: at(0.5),
    numAddedBytes: total(added),
  };
  return {
    operation: "OPTIMIZE",
    operationParameters: { predicate: "[]", auto: "false", clusterBy: "[]", zOrderBy: "[]" },
    operationMetrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, String(value)])),
  };
}
