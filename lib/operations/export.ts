/** Writes the whole log of a table elsewhere, from SQL alone: for a copy, a move, or a rebuild. */

import { encodeCommit } from "../delta/encode.ts";
import type { PathsFrom } from "../delta/files/absolute-paths.ts";
import { isCheckpointDue } from "../delta/properties/properties.ts";
import type { TableRef } from "../delta/request.ts";
import { LakeError } from "../errors.ts";
import type { DeltaLog, Lake } from "../ports.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { OnProgress } from "./import-rows.ts";
import { findHead } from "./read.ts";

export interface ExportResult {
  readonly tableId: string;
  readonly location: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly versions: number;
  readonly checkpoints: readonly number[];
}

/**
 * Publishes every version that SQL holds to another log, in order, with its checkpoints. Where SQL begins after version 0,
 * the log begins with a checkpoint. Repeating an interrupted export finishes it; another table's log is never overwritten.
 * @param options.paths how files are named there; as they are if absent
 * @throws LakeError conflict FOREIGN_COMMIT
 */
export async function exportTable(
  lake: Lake,
  ref: TableRef,
  log: DeltaLog,
  onProgress: OnProgress = () => {},
  { paths }: { readonly paths?: PathsFrom } = {},
): Promise<ExportResult> {
  const head = await findHead(lake, ref);
  const { tableId, baseVersion } = head;
  const checkpoints: number[] = [];
  let { metadata } = await lake.catalog.readHeader(tableId, baseVersion);
  let next = baseVersion;
  while (next <= head.version) {
    for (const own of await lake.catalog.readCommits(tableId, next, head.version)) {
      const commit = paths ? { ...own, actions: paths.actions(own.actions) } : own;
      const { version } = commit;
      metadata = commit.actions.metadata ?? metadata;
      if ((await log.putCommit(version, encodeCommit(commit), commit)) === "exists") {
        throw new LakeError("conflict", `${log.location} holds another commit ${version}`, {
          code: "FOREIGN_COMMIT",
          hint: "Export into an empty folder.",
        });
      }
      if ((version === baseVersion && baseVersion > 0) || isCheckpointDue(version, metadata)) {
        await writeCheckpoint(lake, log, tableId, version, { paths });
        checkpoints.push(version);
      }
      next = version + 1;
      onProgress({ phase: "versions", done: next - baseVersion, total: head.version - baseVersion + 1 });
    }
  }
  return {
    tableId,
    location: log.location,
    fromVersion: baseVersion,
    toVersion: head.version,
    versions: head.version - baseVersion + 1,
    checkpoints,
  };
}
