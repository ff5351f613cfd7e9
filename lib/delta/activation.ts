/** Table properties and column types that make a feature active: the protocol must support what the metadata turn on (PROTOCOL.md, "Active Features"). */

import { invalid } from "../errors.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { FEATURES, supportedFeatures } from "./features.ts";
import type { SchemaField } from "./schema.ts";

export interface TableShape {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: readonly SchemaField[];
}

/** Previews activate by the same properties as the final features; one of the two is enough. */
const isPreview = (name: string) => name.endsWith("-preview");

/**
 * Refuses metadata that turn a feature on which the protocol does not support. What an imported table had before is left.
 * @throws LakeError invalid DELTA_FEATURES_REQUIRE_PROTOCOL
 */
export function checkActivation(before: TableShape, after: TableShape, at: string): void {
  const supported = supportedFeatures(after.protocol);
  for (const [name, feature] of Object.entries(FEATURES)) {
    if (isPreview(name) || supported.has(name) || supported.has(`${name}-preview`) || !feature.isActive) continue;
    const turnsOn = feature.isActive(after.metadata, after.schema) && !feature.isActive(before.metadata, before.schema);
    if (turnsOn) {
      throw invalid(`the metadata make use of the feature "${name}", which the protocol does not support`, {
        at: `${at}/metaData`,
        code: "DELTA_FEATURES_REQUIRE_PROTOCOL",
        hint: `Add "${name}" to the protocol in the same commit.`,
        facts: { feature: name },
      });
    }
  }
}

/**
 * Rows of a table get ids only while it is empty: those that are there would have none (delta-rules.md §3.1).
 * @throws LakeError invalid
 */
export function checkRowTrackingEnablement(before: TableShape, after: TableShape, numFiles: number, at: string): void {
  const on = (metadata: Metadata) => metadata.configuration["delta.enableRowTracking"]?.toLowerCase() === "true";
  if (!on(after.metadata) || on(before.metadata)) return;
  for (const name of [
    "delta.rowTracking.materializedRowIdColumnName",
    "delta.rowTracking.materializedRowCommitVersionColumnName",
  ]) {
    if (!after.metadata.configuration[name]) {
      throw invalid(`row tracking needs the table property "${name}"`, { at: `${at}/metaData/configuration` });
    }
  }
  if (numFiles > 0) {
    throw invalid("row tracking can be turned on while a table has no files; the files here have no row ids", {
      at: `${at}/metaData/configuration`,
      code: "DELTA_ROW_TRACKING_BACKFILL_REQUIRED",
      hint: "Create a new table with delta.enableRowTracking, and copy the rows.",
    });
  }
}
