/** What a metaData action may change in a table that has files (PROTOCOL.md, "Change Metadata"): named rules. Pure. */

import { invalid } from "../../errors.ts";
import { type CommitActions, deletionVectorId } from "../actions.ts";
import { canonicalPath } from "../files/paths.ts";
import { isActive, physicalPartitionColumns, type TableConfiguration } from "../table-configuration.ts";
import { schemaChanges } from "./change.ts";

/** What must hold for every file that stays live, for a change to be allowed: only rows of SQL can tell. */
export type FileRequirement = "rowIds" | "noDeletionVectors";

export interface MetadataChange {
  readonly before: TableConfiguration;
  readonly after: TableConfiguration;
  /** Files that were live before and still are after the commit. */
  readonly keptFiles: number;
  /** JSON pointer of the metaData action. */
  readonly at: string;
}

/**
 * Files of a table that stay live through a commit. A file whose deletion vector is replaced stays: its rows are still read.
 * @param numFiles live files before the commit
 */
export function keptFiles(numFiles: number, actions: CommitActions): number {
  const added = new Set(actions.adds.map((add) => canonicalPath(add.path)));
  const gone = new Set(
    actions.removes
      .filter((remove) => !added.has(canonicalPath(remove.path)))
      .map((remove) => `${canonicalPath(remove.path)}\n${deletionVectorId(remove)}`),
  );
  return Math.max(0, numFiles - gone.size);
}

/** The error where the metaData has the id of another table. Engines that replace a table give it one, so that streams notice. */
export function anotherTable({ before, after, at }: MetadataChange): Error | undefined {
  if (before.metadata.id === after.metadata.id) return undefined;
  return invalid(`metaData.id must stay "${before.metadata.id}"; "${after.metadata.id}" would make it another table`, {
    at: `${at}/id`,
    hint: "A commit with expectedVersion that leaves none of its files may replace a table by another.",
  });
}

/**
 * Why files at hand would not survive the change; undefined when they do. In an empty table, or when every file goes in the
 * same commit, nothing of this matters.
 */
function harm(change: MetadataChange): ((files: string) => Error) | undefined {
  const { before, after, at } = change;
  const another = anotherTable(change);
  if (another !== undefined) return () => another;
  const layout = (table: TableConfiguration) => physicalPartitionColumns(table).join("\n");
  if (layout(before) !== layout(after)) {
    return (files) =>
      invalid(`partitionColumns cannot change: ${files} in the table, laid out by the old ones`, {
        at: `${at}/partitionColumns`,
        code: "DELTA_PARTITION_COLUMNS_CHANGED",
        hint: "Replace all files in the same commit, or create a new table.",
        facts: { rule: "partitionColumnsChanged" },
      });
  }
  const [first] = schemaChanges(before, after);
  if (first === undefined) return undefined;
  return (files) =>
    invalid(`column "${first.column}" ${first.message}; ${files} in the table`, {
      at: `${at}/schemaString`,
      code: "DELTA_UNSUPPORTED_SCHEMA_CHANGE",
      hint: first.hint ?? "It is allowed in an empty table, or when every file is replaced in the same commit.",
      facts: { rule: first.rule, column: first.column },
    });
}

/** @throws LakeError invalid, with the rule's name among the facts, when files that stay do not survive the change */
export function checkFilesSurvive(change: MetadataChange): void {
  if (change.keptFiles === 0) return;
  const files = change.keptFiles === 1 ? "1 file stays" : `${change.keptFiles} files stay`;
  const error = harm(change)?.(files);
  if (error !== undefined) throw error;
}

/** True when the change is right or wrong by which files are in the table: then the commit has looked at all of them. */
export function dependsOnFiles(change: MetadataChange): boolean {
  return harm(change) !== undefined || requirements(change).length > 0;
}

/** What the files that stay must have before the change is allowed. */
export function fileRequirements(change: MetadataChange): FileRequirement[] {
  return change.keptFiles === 0 ? [] : requirements(change);
}

function requirements({ before, after }: MetadataChange): FileRequirement[] {
  const turnsOn = (feature: string) => isActive(feature, after) && !isActive(feature, before);
  return [
    ...(turnsOn("rowTracking") ? (["rowIds"] as const) : []),
    ...(turnsOn("icebergCompatV1") || turnsOn("icebergCompatV2") ? (["noDeletionVectors"] as const) : []),
  ];
}
