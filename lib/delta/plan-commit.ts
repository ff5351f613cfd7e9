/** The planner: turns one table's part of a request into what the commit statement needs, and says what it depends on (design D3). Pure. */

import { invalid } from "../errors.ts";
import { placesOf } from "./action-places.ts";
import type { CommitActions, CommitInfo, Metadata, Protocol, Txn } from "./actions.ts";
import type { Intent } from "./conflicts.ts";
import { isActive, supportedFeatures } from "./features.ts";
import { lateValues, turnsTimestampsOn, withEnablement } from "./in-commit-timestamps.ts";
import { isJsonObject, type Json, type JsonObject, stringifyJson } from "./json.ts";
import { canonicalPath } from "./paths.ts";
import { compilePredicate, type PartitionPredicate } from "./predicates.ts";
import type { IsolationLevel, TableCommit } from "./request.ts";
import { parseSchema } from "./schema.ts";
import { MARKER_NAMES, type MarkerName, type PlannedTable, type TableState } from "./table.ts";
import { assignsRowIds, checkActions } from "./validate.ts";

export interface TablePlan {
  readonly planned: PlannedTable;
  readonly intent: Intent;
  /** The table's head must be published before this is committed, and stay the head (delta-rules.md §3.2). */
  readonly afterPublication: boolean;
}

/**
 * Validates a table's actions against its state and plans them.
 * @param checkedVersion the winners up to here have been checked; readVersion at first
 * @throws LakeError invalid
 */
export function planTable(
  state: TableState,
  request: TableCommit,
  transactionId: string,
  checkedVersion: number,
): TablePlan {
  checkActions(request.actions, {
    protocol: state.protocol,
    metadata: state.metadata,
    declared: new Set([...(request.supportedFeatures?.writer ?? []), ...(request.supportedFeatures?.reader ?? [])]),
    at: request.at,
    ...(request.places === undefined ? {} : { places: request.places }),
  });
  const intent = readIntent(state, request);
  const blind = isBlindAppend(request, intent);
  checkBlindClaim(request, intent);
  const protocol = request.actions.protocol ?? state.protocol;
  const metadata = request.actions.metadata ?? state.metadata;
  const afterPublication = turnsTimestampsOn(state.metadata, metadata, protocol);
  return {
    intent,
    afterPublication,
    planned: {
      tableId: state.tableId,
      readVersion: request.readVersion,
      checkedVersion,
      metadataVersion: state.markers.metadata,
      protocolVersion: state.markers.protocol,
      watch: afterPublication ? MARKER_NAMES : watchedMarkers(intent),
      actions: plannedActions(state, request, withCommitInfo(request, intent, blind, transactionId), transactionId),
      isBlindAppend: blind,
      inCommitTimestamps: isActive("inCommitTimestamp", protocol, metadata, []),
      assignRowIds: assignsRowIds(protocol, metadata),
    },
  };
}

function readIntent(state: TableState, request: TableCommit): Intent {
  const { actions, reads } = request;
  const unknownReads = reads === undefined && !mayHaveReadNothing(actions);
  return {
    actions,
    isolation: effectiveIsolation(state, request),
    readsWholeTable: unknownReads || reads?.wholeTable === true || addsConstraint(state.metadata, actions.metadata),
    readPartitions: compilePredicates(state.metadata, request),
    readFiles: new Set((reads?.files ?? []).map(canonicalPath)),
    appIds: new Set([...(reads?.appIds ?? []), ...actions.txns.map((txn) => txn.appId)]),
  };
}

function compilePredicates(metadata: Metadata, { reads, at }: TableCommit): PartitionPredicate[] {
  if (!reads?.predicates?.length) return [];
  const schema = parseSchema(metadata.schemaString ?? '{"type":"struct","fields":[]}', at);
  return reads.predicates.map((predicate, i) =>
    compilePredicate(predicate, { metadata, schema }, `${at}/reads/predicates/${i}`),
  );
}

/** What a writer can do that says nothing about its reads, and still be taken for a blind one (design §4.1). */
function mayHaveReadNothing(actions: CommitActions): boolean {
  const { adds, removes, txns, domains, others, metadata, protocol, commitInfo } = actions;
  const onlyAdds = removes.length === 0 && domains.length === 0 && others.length === 0 && !metadata && !protocol;
  return onlyAdds && adds.length + txns.length > 0 && commitInfo?.isBlindAppend !== false;
}

/** Whoever adds a CHECK constraint has looked at every row (delta-rules.md §3, checkConstraints), whatever it says. */
function addsConstraint(before: Metadata, after: Metadata | undefined): boolean {
  return Object.entries(after?.configuration ?? {}).some(
    ([key, value]) => key.startsWith("delta.constraints.") && before.configuration[key] !== value,
  );
}

/**
 * The table's level, or the one that the request asks for; lowered to SnapshotIsolation when nothing in the commit changes
 * data (Spark's canDowngradeToSnapshotIsolation).
 */
function effectiveIsolation(state: TableState, request: TableCommit): IsolationLevel {
  const { adds, removes, metadata, protocol, txns, domains, others } = request.actions;
  const files = [...adds, ...removes];
  const rearranges =
    files.length > 0 &&
    files.every((file) => !file.dataChange) &&
    !metadata &&
    !protocol &&
    txns.length === 0 &&
    others.length === 0 &&
    domains.every((d) => d.domain === "delta.rowTracking");
  if (rearranges) return "SnapshotIsolation";
  const wanted = request.isolationLevel;
  const ofTable = state.metadata.configuration["delta.isolationLevel"]?.toLowerCase();
  if (wanted === "SnapshotIsolation") {
    throw invalid("SnapshotIsolation is for commits that change no data (every add and remove with dataChange false)", {
      at: `${request.at}/isolationLevel`,
    });
  }
  if (wanted === "WriteSerializable" && ofTable === "serializable") {
    throw invalid("the table demands Serializable (delta.isolationLevel); a commit cannot ask for less", {
      at: `${request.at}/isolationLevel`,
    });
  }
  if (wanted) return wanted;
  return ofTable === "writeserializable" ? "WriteSerializable" : "Serializable";
}

function readsFiles(intent: Intent): boolean {
  return intent.readsWholeTable || intent.readPartitions.length > 0 || intent.readFiles.size > 0;
}

/** Only adds of new data, nothing read (Spark's isBlindAppend; kernel-rs asks for data change, too). */
function isBlindAppend(request: TableCommit, intent: Intent): boolean {
  const { adds, removes, others, commitInfo } = request.actions;
  const readsNothing = !readsFiles(intent) && commitInfo?.isBlindAppend !== false;
  const onlyAdds = adds.length > 0 && removes.length === 0 && others.length === 0;
  return readsNothing && onlyAdds && adds.every((add) => add.dataChange);
}

/** delta-rules.md §8.50: a claim that other writers will rely on must be true. */
function checkBlindClaim(request: TableCommit, intent: Intent): void {
  const reads = request.reads !== undefined && readsFiles(intent);
  if (request.actions.commitInfo?.isBlindAppend === true && (request.actions.removes.length > 0 || reads)) {
    throw invalid("commitInfo.isBlindAppend is true, but the commit removes or has read files", {
      at: placesOf(request)("commitInfo", 0, "isBlindAppend"),
    });
  }
}

/** Exactly the markers whose move could conflict; the statement compares them and nothing else. */
function watchedMarkers(intent: Intent): MarkerName[] {
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

/** commitInfo always stands, with what we know to be true; the writer's own fields stay (delta-rules.md §1, commitInfo). */
function withCommitInfo(request: TableCommit, intent: Intent, blind: boolean, transactionId: string): CommitActions {
  const { actions } = request;
  const { inCommitTimestamp: _, ...given } = actions.commitInfo ?? {};
  const commitInfo: CommitInfo = {
    ...given,
    operation: given.operation ?? defaultOperation(actions),
    operationParameters: stringValues(given.operationParameters),
    readVersion: request.readVersion,
    isolationLevel: intent.isolation,
    isBlindAppend: blind,
    engineInfo: given.engineInfo ?? "deltalakedb",
    txnId: transactionId,
  };
  return { ...actions, commitInfo, txns: withoutRepeats(actions.txns) };
}

/** Readers take operationParameters for a map of strings and fail on anything else (delta-io/delta#3888). */
function stringValues(parameters: Json | undefined): JsonObject {
  if (!isJsonObject(parameters)) return {};
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(
    given.map(([key, value]) => [key, typeof value === "string" ? value : stringifyJson(value)]),
  );
}

/** The actions with what follows from the table's features; the rest is known only under the lock (design D4). */
function plannedActions(
  state: TableState,
  request: TableCommit,
  actions: CommitActions,
  transactionId: string,
): CommitActions {
  const protocol = request.actions.protocol ?? state.protocol;
  const withIds = withoutSuspendedIds(actions, protocol, request.actions.metadata ?? state.metadata);
  if (!actions.metadata) return withIds;
  const late = lateValues(transactionId);
  return { ...withIds, metadata: withEnablement(state.metadata, actions.metadata, protocol, late) };
}

/** P§Row Tracking: while it is suspended no row ids are written. */
function withoutSuspendedIds(actions: CommitActions, protocol: Protocol, metadata: Metadata): CommitActions {
  if (!supportedFeatures(protocol).has("rowTracking") || assignsRowIds(protocol, metadata)) return actions;
  const adds = actions.adds.map(({ baseRowId: _, defaultRowCommitVersion: __, ...add }) => add);
  return { ...actions, adds };
}

function defaultOperation(actions: CommitActions): string {
  if (actions.adds.length > 0 || actions.removes.length > 0) return "WRITE";
  return actions.metadata || actions.protocol ? "SET TBLPROPERTIES" : "Manual Update";
}

/** The same txn twice is one (delta-rules.md §8.39). */
function withoutRepeats(txns: readonly Txn[]): readonly Txn[] {
  return [...new Map(txns.map((txn) => [txn.appId, txn])).values()];
}
