/** Writes the whole log of a table elsewhere, from SQL alone: for a copy, a move, or a rebuild. */

import type { Commit } from "../delta/actions.ts";
import { isDueInWholeLog } from "../delta/checkpoint-cadence.ts";
import { encodeCommit } from "../delta/encode.ts";
import type { PathsFrom } from "../delta/files/absolute-paths.ts";
import type { TableRef } from "../delta/request.ts";
import { LakeError } from "../errors.ts";
import type { DeltaLog, Lake } from "../ports.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { OnProgress } from "./import-rows.ts";
import { inTurn } from "./in-turn.ts";
import { findHead } from "./read.ts";

export interface ExportResult {
  readonly tableId: string;
  readonly location: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly versions: number;
  readonly checkpoints: readonly number[];
}

export interface ExportOptions {
  /** How files are named there; as they are if absent. */
  readonly paths?: PathsFrom;
  /** The first version that is not there yet; all if absent. */
  readonly from?: number;
  /** As the table wants them; `newest`: the last of these alone; `none`: what readers cannot do without. */
  readonly checkpoints?: "all" | "newest" | "none";
  /** Where nobody reads the log before it is whole: so many versions at once, and not in order. One if absent. */
  readonly atOnce?: number;
}

/**
 * Publishes every version that SQL holds to another log, in order, with its checkpoints. Where SQL begins after version 0,
 * the log begins with a checkpoint. Repeating an interrupted export finishes it; another table's log is never overwritten.
 * @throws LakeError conflict FOREIGN_COMMIT
 */
export async function exportTable(
  lake: Lake,
  ref: TableRef,
  log: DeltaLog,
  onProgress: OnProgress = () => {},
  { paths, from, checkpoints: wanted = "all", atOnce = 1 }: ExportOptions = {},
): Promise<ExportResult> {
  const head = await findHead(lake, ref);
  const { tableId, baseVersion } = head;
  const checkpoints: number[] = [];
  const first = Math.max(baseVersion, from ?? baseVersion);
  let { metadata } = await lake.catalog.readHeader(tableId, Math.min(first, head.version));
  let next = first;
  let due: number | undefined;
  const checkpoint = async (version: number) => {
    await writeCheckpoint(lake, log, tableId, version, { paths });
    checkpoints.push(version);
  };
  while (next <= head.version) {
    const commits = await lake.catalog.readCommits(tableId, next, head.version);
    await inTurn(commits, atOnce, async (own) => {
      const commit = paths ? { ...own, actions: paths.actions(own.actions) } : own;
      const { version } = commit;
      await putNew(log, commit);
      metadata = commit.actions.metadata ?? metadata;
      const isDue = isDueInWholeLog(version, head.version, metadata);
      if (isDue) due = Math.max(due ?? 0, version);
      if ((version === baseVersion && baseVersion > 0) || (isDue && wanted === "all")) await checkpoint(version);
      next = Math.max(next, version + 1);
      onProgress({ phase: "versions", done: next - first, total: head.version - first + 1 });
    });
  }
  if (due !== undefined && wanted === "newest" && !checkpoints.includes(due)) await checkpoint(due);
  return {
    tableId,
    location: log.location,
    fromVersion: first,
    toVersion: head.version,
    versions: next - first,
    checkpoints,
  };
}

async function putNew(log: DeltaLog, commit: Commit): Promise<void> {
  if ((await log.putCommit(commit.version, encodeCommit(commit), commit)) === "published") return;
  throw new LakeError("conflict", `${log.location} holds another commit ${commit.version}`, {
    code: "FOREIGN_COMMIT",
    hint: "Export into an empty folder.",
  });
}
