/** What a commit depends on: what its writer has read, at which isolation level, and so which winners could hurt it. Pure. */

import { invalid } from "../errors.ts";
import type { CommitActions, Metadata } from "./actions.ts";
import type { Intent } from "./conflicts.ts";
import { placesOf } from "./fields/action-places.ts";
import { canonicalPath } from "./files/paths.ts";
import { compilePredicate } from "./predicates.ts";
import type { IsolationLevel, TableCommit } from "./request.ts";
import type { MarkerName } from "./table.ts";
import type { TableConfiguration } from "./table-configuration.ts";

/**
 * @param options.looksAtAllFiles true when the commit is right or wrong by which files are in the table
 * @param options.location of the table
 * @throws LakeError invalid
 */
export function readIntent(
  table: TableConfiguration,
  request: TableCommit,
  { looksAtAllFiles, location }: { readonly looksAtAllFiles: boolean; readonly location: string },
): Intent {
  const { actions, reads } = request;
  const unknownReads = reads === undefined && !mayHaveReadNothing(actions);
  const addsOne = addsConstraint(table.metadata, actions.metadata);
  return {
    actions,
    isolation: effectiveIsolation(table, request),
    readsWholeTable: unknownReads || reads?.wholeTable === true || addsOne || looksAtAllFiles,
    readPartitions: (reads?.predicates ?? []).map((predicate, i) =>
      compilePredicate(predicate, table, `${request.at}/reads/predicates/${i}`),
    ),
    readFiles: new Set((reads?.files ?? []).map((path) => canonicalPath(path, location))),
    location,
    appIds: new Set([...(reads?.appIds ?? []), ...actions.txns.map((txn) => txn.appId)]),
  };
}

/** What a writer can do that says nothing about its reads, and still be taken for a blind one . */
function mayHaveReadNothing(actions: CommitActions): boolean {
  const { adds, removes, txns, domains, others, metadata, protocol, commitInfo } = actions;
  const onlyAdds = removes.length === 0 && domains.length === 0 && others.length === 0 && !metadata && !protocol;
  return onlyAdds && adds.length + txns.length > 0 && commitInfo?.isBlindAppend !== false;
}

/** Whoever adds a CHECK constraint has looked at every row (docs/delta-rules.md §3, checkConstraints), whatever it says. */
function addsConstraint(before: Metadata, after: Metadata | undefined): boolean {
  return Object.entries(after?.configuration ?? {}).some(
    ([key, value]) => key.startsWith("delta.constraints.") && before.configuration[key] !== value,
  );
}

/**
 * The table's level, or the one that the request asks for; lowered to SnapshotIsolation when nothing in the commit changes
 * data (Spark's canDowngradeToSnapshotIsolation).
 */
function effectiveIsolation(table: TableConfiguration, request: TableCommit): IsolationLevel {
  const { adds, removes, metadata, protocol, txns, domains, others } = request.actions;
  const files = [...adds, ...removes];
  const rearranges =
    files.length > 0 &&
    files.every((file) => !file.dataChange) &&
    !metadata &&
    !protocol &&
    txns.length === 0 &&
    others.length === 0 &&
    domains.length === 0;
  if (rearranges) return "SnapshotIsolation";
  const wanted = request.isolationLevel;
  const { "delta.isolationLevel": ofTable } = table.properties;
  const isChosen = Object.hasOwn(table.metadata.configuration, "delta.isolationLevel");
  if (wanted === "SnapshotIsolation") {
    throw invalid("SnapshotIsolation is for commits that change no data (every add and remove with dataChange false)", {
      at: `${request.at}/isolationLevel`,
    });
  }
  if (wanted === "WriteSerializable" && isChosen && ofTable === "Serializable") {
    throw invalid("the table demands Serializable (delta.isolationLevel); a commit cannot ask for less", {
      at: `${request.at}/isolationLevel`,
    });
  }
  return wanted ?? (isChosen ? ofTable : (request.isolationElse ?? ofTable));
}

function readsFiles(intent: Intent): boolean {
  return intent.readsWholeTable || intent.readPartitions.length > 0 || intent.readFiles.size > 0;
}

/** Only adds of new data, nothing read (Spark's isBlindAppend; kernel-rs asks for data change, too). */
export function isBlindAppend(request: TableCommit, intent: Intent): boolean {
  const { adds, removes, others, commitInfo } = request.actions;
  const readsNothing = !readsFiles(intent) && commitInfo?.isBlindAppend !== false;
  const onlyAdds = adds.length > 0 && removes.length === 0 && others.length === 0;
  return readsNothing && onlyAdds && adds.every((add) => add.dataChange);
}

/** A claim that other writers will rely on must be true. */
export function checkBlindClaim(request: TableCommit, intent: Intent): void {
  const reads = request.reads !== undefined && readsFiles(intent);
  if (request.actions.commitInfo?.isBlindAppend === true && (request.actions.removes.length > 0 || reads)) {
    throw invalid("commitInfo.isBlindAppend is true, but the commit removes or has read files", {
      at: placesOf(request)("commitInfo", 0, "isBlindAppend"),
    });
  }
}

/** Exactly the markers whose move could conflict; the statement compares them and nothing else. */
export function watchedMarkers(intent: Intent): MarkerName[] {
  const watch: MarkerName[] = ["metadata", "protocol"];
  if (intent.readsWholeTable || intent.readPartitions.length > 0) {
    watch.push("remove");
    if (intent.isolation === "Serializable" || (intent.isolation !== "SnapshotIsolation" && intent.actions.metadata)) {
      watch.push("add");
    } else if (intent.isolation === "WriteSerializable") watch.push("nonBlindAdd");
  } else if (intent.readFiles.size > 0) watch.push("remove");
  if (intent.appIds.size > 0) watch.push("txn");
  if (intent.actions.domains.length > 0) watch.push("domain");
  return watch;
}
