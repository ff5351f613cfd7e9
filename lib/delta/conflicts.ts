/** Conflict rules (docs/delta-rules.md §4, after Spark's ConflictChecker): what a winner may have done without hurting mine. One function a rule. */

import type { Commit, CommitActions, StringMap } from "./actions.ts";
import { ROW_TRACKING_DOMAIN } from "./checks/system-domains.ts";
import { canonicalPath } from "./files/paths.ts";
import type { PartitionPredicate } from "./predicates.ts";
import type { IsolationLevel } from "./request.ts";

/** My commit, as far as conflicts go. */
export interface Intent {
  readonly actions: CommitActions;
  /** After the automatic lowering to SnapshotIsolation. */
  readonly isolation: IsolationLevel;
  readonly readsWholeTable: boolean;
  /** Which partitions were read, where the writer has said it; any of them may match. */
  readonly readPartitions: readonly PartitionPredicate[];
  /** Canonical paths of the files that were read. */
  readonly readFiles: ReadonlySet<string>;
  /** Of the table, which decides what is one file; absent where paths are compared as they are spelled. */
  readonly location?: string;
  /** Applications whose txn was read or is written. */
  readonly appIds: ReadonlySet<string>;
}

export interface Conflict {
  /** Delta's error class. */
  readonly code:
    | "DELTA_PROTOCOL_CHANGED"
    | "DELTA_METADATA_CHANGED"
    | "DELTA_CONCURRENT_TRANSACTION"
    | "DELTA_CONCURRENT_APPEND"
    | "DELTA_CONCURRENT_DELETE_READ"
    | "DELTA_CONCURRENT_DELETE_DELETE"
    | "DELTA_CONCURRENT_WRITE"
    /** Of a strict commit; ours, as Delta has no class for it. */
    | "VERSION_TAKEN";
  /** The version that won. */
  readonly version: number;
  readonly message: string;
  readonly path?: string;
}

type Rule = (mine: Intent, winner: Commit) => Omit<Conflict, "version"> | undefined;

/** In the order in which Spark checks them. */
const RULES: readonly Rule[] = [
  protocolChanged,
  metadataChanged,
  sameDomain,
  sameApplication,
  concurrentAppend,
  deletedWhatIRead,
  deletedWhatIDelete,
];

/** The first conflict with any of the winners, which are ascending; undefined when mine may go on top of them. */
export function findConflict(mine: Intent, winners: readonly Commit[]): Conflict | undefined {
  for (const winner of winners) {
    for (const rule of RULES) {
      const found = rule(mine, winner);
      if (found) return { ...found, version: winner.version };
    }
  }
  return undefined;
}

function protocolChanged(_mine: Intent, winner: Commit): ReturnType<Rule> {
  if (!winner.actions.protocol) return undefined;
  return { code: "DELTA_PROTOCOL_CHANGED", message: "another commit changed the protocol" };
}

function metadataChanged(_mine: Intent, winner: Commit): ReturnType<Rule> {
  if (!winner.actions.metadata) return undefined;
  return { code: "DELTA_METADATA_CHANGED", message: "another commit changed the metadata" };
}

function sameDomain(mine: Intent, winner: Commit): ReturnType<Rule> {
  const written = new Set(winner.actions.domains.map((d) => d.domain));
  const both = mine.actions.domains.find((d) => d.domain !== ROW_TRACKING_DOMAIN && written.has(d.domain));
  if (!both) return undefined;
  return { code: "DELTA_CONCURRENT_TRANSACTION", message: `another commit wrote the domain "${both.domain}"` };
}

function sameApplication(mine: Intent, winner: Commit): ReturnType<Rule> {
  const both = winner.actions.txns.find((txn) => mine.appIds.has(txn.appId));
  if (!both) return undefined;
  return {
    code: "DELTA_CONCURRENT_TRANSACTION",
    message: `another commit of the application "${both.appId}" (txn version ${both.version}) came first`,
  };
}

/** Files that I would have had to read. WriteSerializable lets blind appends pass, unless I change the metadata. */
function concurrentAppend(mine: Intent, winner: Commit): ReturnType<Rule> {
  if (mine.isolation === "SnapshotIsolation") return undefined;
  const blind = winner.actions.commitInfo?.isBlindAppend === true;
  if (mine.isolation === "WriteSerializable" && blind && !mine.actions.metadata) return undefined;
  const added = winner.actions.adds.find((add) => readsPartition(mine, add.partitionValues));
  if (!added) return undefined;
  return {
    code: "DELTA_CONCURRENT_APPEND",
    message: "another commit added files that this one should have read",
    path: added.path,
  };
}

/** By partition values alone, as Spark does: statistics and predicates over data columns decide nothing. */
function readsPartition(mine: Intent, partitionValues: StringMap | undefined): boolean {
  if (mine.readsWholeTable) return true;
  return mine.readPartitions.some((matches) => partitionValues === undefined || matches(partitionValues));
}

/** Any remove counts, with or without data change. Who names partitions but no files has read all files of these. */
function deletedWhatIRead(mine: Intent, winner: Commit): ReturnType<Rule> {
  const byPartition = mine.readsWholeTable || mine.readFiles.size === 0;
  const removed = winner.actions.removes.find((remove, i) => {
    const partitionValues = winner.removedPartitionValues?.[i] ?? remove.partitionValues;
    return (
      mine.readFiles.has(canonicalPath(remove.path, mine.location)) ||
      (byPartition && readsPartition(mine, partitionValues))
    );
  });
  if (!removed) return undefined;
  return {
    code: "DELTA_CONCURRENT_DELETE_READ",
    message: "another commit removed a file that this one read",
    path: removed.path,
  };
}

/** By path alone: two writers that change the deletion vector of one file both remove it. */
function deletedWhatIDelete(mine: Intent, winner: Commit): ReturnType<Rule> {
  if (winner.actions.removes.length === 0 || mine.actions.removes.length === 0) return undefined;
  const mineRemoved = new Set(mine.actions.removes.map((remove) => canonicalPath(remove.path, mine.location)));
  const both = winner.actions.removes.find((remove) => mineRemoved.has(canonicalPath(remove.path, mine.location)));
  if (!both) return undefined;
  return {
    code: "DELTA_CONCURRENT_DELETE_DELETE",
    message: "another commit removed a file that this one removes",
    path: both.path,
  };
}
