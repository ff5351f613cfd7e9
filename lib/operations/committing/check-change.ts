/** What only SQL's rows can say of a change of metadata, asked before the commit: about the files that stay, and the past. */

import type { Metadata } from "../../delta/actions.ts";
import { placesOf } from "../../delta/fields/action-places.ts";
import { canonicalPath } from "../../delta/files/paths.ts";
import type { TableCommit } from "../../delta/request.ts";
import { collectPhysicalNames } from "../../delta/schema/change.ts";
import type { FileRequirement } from "../../delta/schema/metadata-change.ts";
import type { SchemaField } from "../../delta/schema/schema.ts";
import { tableDescription } from "../../delta/table-configuration.ts";
import { invalid, isLakeError } from "../../errors.ts";
import type { Lake } from "../../ports.ts";
import type { PlannedPart } from "./parts.ts";

const MESSAGES: Readonly<Record<FileRequirement, string>> = {
  rowIds: "row tracking can be enabled only when every file has row ids, but these have none",
  noDeletionVectors: "Iceberg compatibility can be enabled only when no file has a deletion vector, but these have one",
};
const HINTS: Readonly<Record<FileRequirement, string>> = {
  rowIds:
    "List the feature rowTracking in the protocol first, and add each of these files again with dataChange false.",
  noDeletionVectors: "Rewrite these files first, as REORG TABLE … APPLY (PURGE) does.",
};

/** @throws LakeError invalid DELTA_UNSUPPORTED_SCHEMA_CHANGE, with the rule's name among the facts */
export async function checkChange(lake: Lake, parts: readonly PlannedPart[]): Promise<void> {
  for (const part of parts) {
    await checkFileRequirements(lake, part);
    await checkPhysicalNames(lake, part);
  }
}

/**
 * Asks about files that stay live and are not written again. Such a plan watches every add and remove, so that the answer
 * still holds when it is committed.
 */
async function checkFileRequirements(lake: Lake, { asked, state, plan }: PlannedPart): Promise<void> {
  const { removes, adds } = plan.planned.actions;
  for (const requirement of plan.fileRequirements) {
    const handled = new Set([...removes, ...adds].map((file) => canonicalPath(file.path)));
    const options = { requirement, limit: handled.size + 3 };
    const paths = await lake.catalog.pathsLacking(state.tableId, state.version, options);
    const left = paths.filter((path) => !handled.has(canonicalPath(path)));
    if (left.length === 0) continue;
    const some = left.slice(0, 3).map((path) => JSON.stringify(path));
    throw refusal(
      asked,
      "configuration",
      requirement,
      `${MESSAGES[requirement]}: ${some.join(", ")}`,
      HINTS[requirement],
    );
  }
}

/** Data files may still hold a column that was dropped long ago: whoever gets its physical name would show its values. */
async function checkPhysicalNames(lake: Lake, { asked, state, plan }: PlannedPart): Promise<void> {
  if (plan.newPhysicalNames.length === 0) return;
  const former = new Set<string>();
  for (const metadata of await lake.catalog.metadataHistory(state.tableId)) {
    collectPhysicalNames(schemaOf(metadata), former);
  }
  const reused = plan.newPhysicalNames.find((name) => former.has(name));
  if (reused === undefined) return;
  throw refusal(
    asked,
    "schemaString",
    "physicalNameReused",
    `a new column has the physical name "${reused}", which a dropped column had: data files may still hold its values`,
    "Give a new column a physical name of its own, such as col- and a new UUID.",
  );
}

/** An imported history may hold a schema that nobody could read; then no file was written by it. */
function schemaOf(metadata: Metadata): readonly SchemaField[] {
  try {
    return tableDescription(metadata).schema;
  } catch (error) {
    if (isLakeError(error, "invalid")) return [];
    throw error;
  }
}

function refusal(asked: TableCommit, member: string, rule: string, message: string, hint: string): Error {
  const at = placesOf(asked)("metadata", 0, member);
  return invalid(message, { at, code: "DELTA_UNSUPPORTED_SCHEMA_CHANGE", hint, facts: { rule } });
}
