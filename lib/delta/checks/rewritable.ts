/** What a table may ask of whoever writes its rows anew, and whether we can give it. Pure. */

import { invalid } from "../../errors.ts";
import { FENCE } from "../features.ts";
import { schemaColumns } from "../schema/schema.ts";
import { isActive, type TableConfiguration } from "../table-configuration.ts";

/**
 * Features that a rewritten file honours: rules about rows hold for the same rows again, the rest is about actions. All others
 * change what is in a file, or where its rows belong.
 */
const HONOURED = new Set([
  "allowColumnDefaults",
  "appendOnly",
  "changeDataFeed",
  "checkConstraints",
  "columnMapping",
  "deletionVectors",
  "domainMetadata",
  "generatedColumns",
  "identityColumns",
  "inCommitTimestamp",
  "invariants",
  "rowTracking",
  "timestampNtz",
  "v2Checkpoint",
  "vacuumProtocolCheck",
  FENCE,
]);

const TYPES = new Set(
  ["string", "long", "integer", "short", "byte", "float", "double", "boolean", "binary", "date", "timestamp"].concat(
    "timestamp_ntz",
  ),
);

const MATERIALIZED = [
  "delta.rowTracking.materializedRowIdColumnName",
  "delta.rowTracking.materializedRowCommitVersionColumnName",
] as const;

/** The columns in which rows that move keep their ids (PROTOCOL.md, "Row Tracking"); undefined where rows have none to keep. */
export function materializedColumns(
  table: TableConfiguration,
): { readonly rowId: string; readonly commitVersion: string } | undefined {
  if (!isActive("rowTracking", table)) return undefined;
  const [rowId, commitVersion] = MATERIALIZED.map((name) => table.properties[name]);
  return rowId === undefined || commitVersion === undefined ? undefined : { rowId, commitVersion };
}

/** Names of the features in use that a rewriter must honour, to be declared with its commit. */
export function featuresToDeclare(table: TableConfiguration): readonly string[] {
  return [...table.features].filter((name) => isActive(name, table));
}

/** Why we cannot write rows of this table anew, as the end of a sentence; undefined where we can. */
export function rewriteProblem(table: TableConfiguration): string | undefined {
  const feature = [...table.features].find((name) => !HONOURED.has(name) && isActive(name, table));
  if (feature === "clustering")
    return "is clustered, and its rows would lose their order: OPTIMIZE in Spark clusters them";
  if (feature !== undefined) return `has the feature ${feature}, which this writer does not know how to keep`;
  if (isActive("rowTracking", table) && materializedColumns(table) === undefined) {
    return `tracks rows, and names no columns for their ids (${MATERIALIZED.join(", ")})`;
  }
  if (table.properties["delta.writePartitionColumnsToParquet"]) return "wants its partition columns in the data files";
  for (const { field, path, type } of schemaColumns(table.schema)) {
    const name = path.join(".");
    if (field && Array.isArray(field.metadata["delta.typeChanges"])) {
      return `has had another type in the column "${name}" (type widening), which older files still have`;
    }
    if (typeof type === "string" && !TYPES.has(type) && !/^decimal/.test(type)) {
      return `has the column "${name}" of type ${type}, which this writer does not write`;
    }
  }
  return undefined;
}

/** @throws LakeError invalid REWRITE_REFUSED */
export function checkRewritable(name: string, table: TableConfiguration): void {
  const problem = rewriteProblem(table);
  if (problem === undefined) return;
  throw invalid(`${name} ${problem}`, {
    code: "REWRITE_REFUSED",
    hint: "Let an engine that knows the table compact it: `dl compact --plan` says which files it should take together.",
  });
}
