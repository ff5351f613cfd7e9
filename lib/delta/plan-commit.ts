/** The planner: turns one table's part of a request into what the commit statement needs, and says what it depends on. Pure. */

import type { CommitActions, CommitInfo, Metadata, Protocol, Txn } from "./actions.ts";
import { canonicalActions } from "./checks/canonical-actions.ts";
import { withOwnPaths } from "./checks/own-paths.ts";
import { withoutAssignedDomains } from "./checks/system-domains.ts";
import { checkActions } from "./checks/validate.ts";
import type { Intent } from "./conflicts.ts";
import { placesOf } from "./fields/action-places.ts";
import { checkActionSizes } from "./fields/action-sizes.ts";
import { lateValues, turnsTimestampsOn, withEnablement } from "./in-commit-timestamps.ts";
import { checkProtocolShape } from "./protocol.ts";
import { checkBlindClaim, isBlindAppend, readIntent, watchedMarkers } from "./read-intent.ts";
import type { TableCommit } from "./request.ts";
import { newPhysicalNames } from "./schema/change.ts";
import { dependsOnFiles, type FileRequirement, fileRequirements, keptFiles } from "./schema/metadata-change.ts";
import { withCanonicalPartitionValues } from "./schema/partition-values.ts";
import { MARKER_NAMES, type PlannedTable, type TableState } from "./table.ts";
import {
  assignsRowIds,
  hasInCommitTimestamps,
  type TableConfiguration,
  tableConfiguration,
} from "./table-configuration.ts";

export interface TablePlan {
  readonly planned: PlannedTable;
  readonly intent: Intent;
  /** The table's head must be published before this is committed, and stay the head (PROTOCOL.md, "In-Commit Timestamps"). */
  readonly afterPublication: boolean;
  /** True when the plan is right only for the files of exactly the state that it was made from. */
  readonly dependsOnFiles: boolean;
  /** What the files that stay must have; rows of SQL tell. */
  readonly fileRequirements: readonly FileRequirement[];
  /** Physical names of new columns: no column of an earlier schema may have had them. */
  readonly newPhysicalNames: readonly string[];
}

/**
 * Validates a table's actions against its state and plans them.
 * @param checkedVersion the winners up to here have been checked; readVersion at first
 * @throws LakeError invalid
 */
export function planTable(
  state: TableState,
  asked: TableCommit,
  transactionId: string,
  checkedVersion: number,
): TablePlan {
  const { at } = asked;
  const before = tableConfiguration(state.protocol, state.metadata);
  const place = placesOf(asked);
  const read = canonicalActions(before, asked.actions, place);
  const isStrict = asked.expectedVersion !== undefined;
  const isAnother = isStrict && read.metadata !== undefined && read.metadata.id !== state.metadata.id;
  const readable =
    isAnother && keptFiles(state.numFiles, read) > 0 ? withId(read, read.metadata, state.metadata.id) : read;
  const after = tableConfiguration(
    readable.protocol ?? state.protocol,
    readable.metadata ?? state.metadata,
    place("metadata", 0, "schemaString"),
  );
  checkActionSizes(readable, place);
  const { location } = state;
  const given = withOwnPaths(readable, { table: after, location, spelling: asked.spelling ?? "relative" }, place);
  // Where winners may have changed the files, they are judged first: whoever lost to them made no mistake.
  const filesMoved = Math.max(state.markers.add, state.markers.remove) > checkedVersion;
  const change = {
    before,
    after,
    keptFiles: filesMoved ? 0 : keptFiles(state.numFiles, given),
    at: place("metadata"),
  };
  checkActions(given, {
    before,
    after,
    keptFiles: change.keptFiles,
    isStrict,
    declared: new Set([...(asked.supportedFeatures?.writer ?? []), ...(asked.supportedFeatures?.reader ?? [])]),
    at,
    ...(asked.places === undefined ? {} : { places: asked.places }),
  });
  const actions = withoutAssignedDomains(given);
  const request = { ...asked, actions };
  const looksAtAllFiles = actions.metadata !== undefined && (isAnother || dependsOnFiles(change));
  const intent = readIntent(before, request, { looksAtAllFiles, location });
  const canonical = { ...request, actions: withCanonicalPartitionValues(actions, after, place) };
  const blind = isBlindAppend(request, intent);
  // Of a strict commit nobody relies on it: its writer judges conflicts itself, and what we write is what is so.
  if (!isStrict) checkBlindClaim(request, intent);
  const afterPublication = turnsTimestampsOn(before, after);
  return {
    intent,
    afterPublication,
    dependsOnFiles: looksAtAllFiles,
    fileRequirements: looksAtAllFiles ? fileRequirements(change) : [],
    newPhysicalNames: actions.metadata && change.keptFiles > 0 ? newPhysicalNames(before, after) : [],
    planned: {
      ...onState(state),
      ...("name" in asked.table ? { name: asked.table.name } : {}),
      readVersion: request.readVersion,
      // Every file that any version has had counts as somebody else's.
      ...(asked.newFilesOnly === true ? { filesUpTo: -1 } : {}),
      checkedVersion,
      ...strictly(request, after),
      watch: afterPublication ? MARKER_NAMES : watchedMarkers(intent),
      actions: plannedActions(before, after, withCommitInfo(canonical, intent, blind, transactionId), transactionId),
      isBlindAppend: blind,
      inCommitTimestamps: hasInCommitTimestamps(after),
      assignRowIds: assignsRowIds(after),
    },
  };
}

/** delta-rs gives a table a new id where a MERGE adds columns, and means the same table: while files of it stay, its id does (ARCHITECTURE.md D92). */
function withId(actions: CommitActions, metadata: Metadata, id: string): CommitActions {
  return { ...actions, metadata: { ...metadata, id } };
}

function strictly({ expectedVersion, actions }: TableCommit, after: TableConfiguration) {
  if (expectedVersion === undefined) return {};
  const given = actions.commitInfo?.inCommitTimestamp;
  if (!hasInCommitTimestamps(after) || typeof given !== "number") return { expectedVersion };
  return { expectedVersion, givenTimestamp: given };
}

function onState(state: TableState) {
  return {
    tableId: state.tableId,
    location: state.location,
    metadataVersion: state.markers.metadata,
    protocolVersion: state.markers.protocol,
  };
}

/** Version 0 of a table that is not there yet. */
export function planCreation(
  table: { readonly tableId: string; readonly name: string; readonly location: string },
  actions: Required<Pick<CommitActions, "protocol" | "metadata">> & CommitActions,
  transactionId: string,
): PlannedTable {
  return {
    tableId: table.tableId,
    location: table.location,
    create: { name: table.name, location: table.location },
    readVersion: -1,
    checkedVersion: -1,
    metadataVersion: -1,
    protocolVersion: -1,
    watch: [],
    actions: { ...actions, commitInfo: { ...actions.commitInfo, txnId: transactionId } },
    isBlindAppend: true,
    inCommitTimestamps: hasInCommitTimestamps(tableConfiguration(actions.protocol, actions.metadata)),
    assignRowIds: false,
  };
}

/**
 * A commit of ours that changes the protocol and nothing else; it fits on any head with the same metadata and protocol.
 * @throws LakeError invalid when the protocol is malformed
 */
export function planProtocolChange(
  state: TableState,
  protocol: Protocol,
  operation: string,
  transactionId: string,
): PlannedTable {
  checkProtocolShape(protocol, "");
  return planOwnChange(state, { protocol }, { operation, operationParameters: {} }, transactionId);
}

/**
 * A commit of ours that says the metadata again: nothing changes, but whoever has planned on an earlier version finds out, as by any
 * change of metadata.
 */
export function planMetadataAgain(
  state: TableState,
  commitInfo: Pick<CommitInfo, "operation" | "operationParameters">,
  transactionId: string,
): PlannedTable {
  return planOwnChange(state, { metadata: state.metadata }, commitInfo, transactionId);
}

function planOwnChange(
  state: TableState,
  change: Pick<CommitActions, "protocol" | "metadata">,
  about: Pick<CommitInfo, "operation" | "operationParameters">,
  transactionId: string,
): PlannedTable {
  const { protocol = state.protocol, metadata = state.metadata } = change;
  return {
    ...onState(state),
    readVersion: state.version,
    checkedVersion: state.version,
    watch: [],
    actions: {
      commitInfo: {
        ...about,
        readVersion: state.version,
        isolationLevel: "Serializable",
        isBlindAppend: false,
        engineInfo: "deltalakedb",
        txnId: transactionId,
      },
      ...change,
      txns: [],
      domains: [],
      removes: [],
      adds: [],
      others: [],
    },
    isBlindAppend: false,
    inCommitTimestamps: hasInCommitTimestamps(tableConfiguration(protocol, metadata)),
    assignRowIds: false,
  };
}

/** Every version has a commitInfo, with what we know to be true; the writer's own fields stay. */
function withCommitInfo(request: TableCommit, intent: Intent, blind: boolean, transactionId: string): CommitActions {
  const { actions } = request;
  const { inCommitTimestamp: _, ...given } = actions.commitInfo ?? {};
  const commitInfo: CommitInfo = {
    ...given,
    operation: given.operation ?? defaultOperation(actions),
    operationParameters: given.operationParameters ?? {},
    readVersion: request.readVersion,
    isolationLevel: intent.isolation,
    isBlindAppend: blind,
    engineInfo: given.engineInfo ?? "deltalakedb",
    txnId: transactionId,
  };
  return { ...actions, commitInfo, txns: withoutRepeats(actions.txns) };
}

/** The actions with what follows from the table's features; the rest is known only under the lock. */
function plannedActions(
  before: TableConfiguration,
  after: TableConfiguration,
  actions: CommitActions,
  transactionId: string,
): CommitActions {
  const withIds = withoutSuspendedIds(actions, after);
  if (!actions.metadata) return withIds;
  return { ...withIds, metadata: withEnablement(before, after, lateValues(transactionId)) };
}

/** PROTOCOL.md, "Row Tracking": while it is suspended no row ids are written. */
function withoutSuspendedIds(actions: CommitActions, table: TableConfiguration): CommitActions {
  if (!table.features.has("rowTracking") || assignsRowIds(table)) return actions;
  const adds = actions.adds.map(({ baseRowId: _, defaultRowCommitVersion: __, ...add }) => add);
  return { ...actions, adds };
}

function defaultOperation(actions: CommitActions): string {
  if (actions.adds.length > 0 || actions.removes.length > 0) return "WRITE";
  return actions.metadata || actions.protocol ? "SET TBLPROPERTIES" : "Manual Update";
}

/** The same txn twice is one. */
function withoutRepeats(txns: readonly Txn[]): readonly Txn[] {
  return [...new Map(txns.map((txn) => [txn.appId, txn])).values()];
}
