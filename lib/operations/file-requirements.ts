/** What a change of a table asks of the files that stay, asked of SQL's rows before the commit. */

import { placesOf } from "../delta/action-places.ts";
import type { FileRequirement } from "../delta/metadata-change.ts";
import { canonicalPath } from "../delta/paths.ts";
import { invalid } from "../errors.ts";
import type { Lake } from "../ports.ts";
import type { PlannedPart } from "./commit-parts.ts";

const MESSAGES: Readonly<Record<FileRequirement, string>> = {
  rowIds: "row tracking can be enabled only when every file has row ids, but these have none",
  noDeletionVectors: "Iceberg compatibility can be enabled only when no file has a deletion vector, but these have one",
};
const HINTS: Readonly<Record<FileRequirement, string>> = {
  rowIds:
    "List the feature rowTracking in the protocol first, and add each of these files again with dataChange false.",
  noDeletionVectors: "Rewrite these files first, as REORG TABLE … APPLY (PURGE) does.",
};

/**
 * Asks SQL about files that stay live and are not written again. Such a plan watches every add and remove, so that the answer
 * still holds when it is committed.
 * @throws LakeError invalid DELTA_UNSUPPORTED_SCHEMA_CHANGE, naming some of the files
 */
export async function checkFileRequirements(lake: Lake, parts: readonly PlannedPart[]): Promise<void> {
  for (const { asked, state, plan } of parts) {
    const { removes, adds } = plan.planned.actions;
    const handled = new Set([...removes, ...adds].map((file) => canonicalPath(file.path)));
    for (const requirement of plan.fileRequirements) {
      const options = { requirement, limit: handled.size + 3 };
      const paths = await lake.catalog.pathsLacking(state.tableId, state.version, options);
      const left = paths.filter((path) => !handled.has(canonicalPath(path)));
      if (left.length === 0) continue;
      throw invalid(
        `${MESSAGES[requirement]}: ${left
          .slice(0, 3)
          .map((path) => JSON.stringify(path))
          .join(", ")}`,
        {
          at: placesOf(asked)("metadata", 0, "configuration"),
          code: "DELTA_UNSUPPORTED_SCHEMA_CHANGE",
          hint: HINTS[requirement],
          facts: { rule: requirement },
        },
      );
    }
  }
}
