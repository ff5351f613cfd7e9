/** The planner of version 0 that a writer has made itself: protocol, metaData and maybe files in one strict commit. Pure. */

import { invalid } from "../errors.ts";
import type { CommitActions, Metadata, Protocol } from "./actions.ts";
import { canonicalActions } from "./checks/canonical-actions.ts";
import { withOwnPaths } from "./checks/own-paths.ts";
import { withoutAssignedDomains } from "./checks/system-domains.ts";
import { checkActions } from "./checks/validate.ts";
import { placesOf } from "./fields/action-places.ts";
import { checkActionSizes } from "./fields/action-sizes.ts";
import { planCreation, type TablePlan } from "./plan-commit.ts";
import { readIntent } from "./read-intent.ts";
import type { TableCommit } from "./request.ts";
import { withCanonicalPartitionValues } from "./schema/partition-values.ts";
import { assignsRowIds, hasInCommitTimestamps, tableConfiguration } from "./table-configuration.ts";

/** A table that is not there yet. */
export interface NewPlace {
  readonly tableId: string;
  /** `namespace.name`. */
  readonly name: string;
  /** Canonical. */
  readonly location: string;
}

/**
 * Validates the actions of a table's first version as any commit's, and what they make of the table as a creation's: nothing
 * was there before that could be let be.
 * @throws LakeError invalid
 */
export function planFirstVersion(place: NewPlace, asked: TableCommit, transactionId: string): TablePlan {
  const at = placesOf(asked);
  const readable = canonicalActions(undefined, asked.actions, at);
  const { protocol, metadata } = readable;
  if (protocol === undefined) throw missing("protocol", asked);
  if (metadata === undefined) throw missing("metaData", asked);
  const table = tableConfiguration(protocol, metadata, at("metadata", 0, "schemaString"));
  checkActionSizes(readable, at);
  if (readable.removes.length > 0) {
    throw invalid("version 0 removes a file, and nothing was there before", {
      at: at("removes", 0),
      code: "REMOVE_OF_UNKNOWN_FILE",
    });
  }
  const { location } = place;
  const given = withOwnPaths(readable, { table, location, spelling: asked.spelling ?? "relative" }, at);
  checkActions(given, {
    before: undefined,
    after: table,
    keptFiles: 0,
    isStrict: true,
    declared: new Set([...(asked.supportedFeatures?.writer ?? []), ...(asked.supportedFeatures?.reader ?? [])]),
    at: asked.at,
    ...(asked.places === undefined ? {} : { places: asked.places }),
  });
  const actions = withCanonicalPartitionValues(withoutAssignedDomains(given), table, at);
  const timestamp = given.commitInfo?.inCommitTimestamp;
  const isTimed = hasInCommitTimestamps(table) && typeof timestamp === "number";
  return {
    intent: readIntent(table, { ...asked, actions }, { looksAtAllFiles: false, location }),
    afterPublication: false,
    dependsOnFiles: false,
    fileRequirements: [],
    newPhysicalNames: [],
    planned: {
      ...planCreation(place, withFirstCommitInfo(actions, protocol, metadata), transactionId),
      expectedVersion: 0,
      ...(isTimed ? { givenTimestamp: timestamp } : {}),
      assignRowIds: assignsRowIds(table),
    },
  };
}

function withFirstCommitInfo(actions: CommitActions, protocol: Protocol, metadata: Metadata) {
  const { inCommitTimestamp: _, ...given } = actions.commitInfo ?? {};
  const commitInfo = {
    ...given,
    operation: given.operation ?? (actions.adds.length > 0 ? "CREATE TABLE AS SELECT" : "CREATE TABLE"),
    operationParameters: given.operationParameters ?? {},
    isolationLevel: "Serializable" as const,
    isBlindAppend: true,
    engineInfo: given.engineInfo ?? "deltalakedb",
  };
  return { ...actions, protocol, metadata, commitInfo };
}

function missing(action: "protocol" | "metaData", { at }: TableCommit): Error {
  return invalid(`version 0 has no ${action} action: no reader could make a table of it`, {
    at: `${at}/actions`,
    code: action === "protocol" ? "MISSING_PROTOCOL" : "MISSING_METADATA",
    hint: "Send protocol, metaData and the files of the table in one commit; or let POST /v1/tables make the table.",
  });
}
