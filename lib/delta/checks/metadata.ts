/** What a metaData action must be, by itself and after another: one small function per rule. Pure. */

import { invalid } from "../../errors.ts";
import { FEATURES } from "../features.ts";
import { checkPropertyCombinations } from "../properties/check.ts";
import { anotherTable, checkFilesSurvive, type MetadataChange } from "../schema/metadata-change.ts";
import { checkSchemaRules } from "../schema/rules.ts";
import { physicalName, type SchemaField, walkSchema } from "../schema/schema.ts";
import type { TableConfiguration, TableDescription } from "../table-configuration.ts";

/**
 * Rules on one metaData action by itself.
 * @param before the table's description until now; absent for a table that is being created. What it broke is let be.
 * @param at JSON pointer of the object whose members are `configuration`, `partitionColumns` …
 * @param schemaAt JSON pointer of the schema
 * @throws LakeError invalid
 */
export function checkMetadata(
  before: TableDescription | undefined,
  after: TableDescription,
  at: string,
  schemaAt = `${at}/schemaString`,
): void {
  const { metadata } = after;
  if (metadata.schemaString === undefined) throw invalid("metaData has no schemaString", { at: schemaAt });
  checkPropertyCombinations(before, after, `${at}/configuration`);
  checkSchemaRules(before, after, schemaAt);
  checkPartitionColumns(after, `${at}/partitionColumns`);
  if (metadata.format.provider !== "parquet") {
    throw invalid(`the format "${metadata.format.provider}" is not supported; Delta files are parquet`, {
      at: `${at}/format`,
    });
  }
  checkColumnMapping(after, `${at}/configuration`, schemaAt);
  checkRowTrackingNames(after, `${at}/configuration`);
}

function checkPartitionColumns({ metadata, schema }: TableDescription, at: string): void {
  const columns = new Map(schema.map((field) => [field.name, field]));
  const seen = new Set<string>();
  for (const column of metadata.partitionColumns) {
    const field = columns.get(column);
    if (field === undefined) throw invalid(`partition column "${column}" is not a column of the schema`, { at });
    if (seen.has(column)) throw invalid(`partition column "${column}" is named twice`, { at });
    if (typeof field.type !== "string" || field.type === "variant") {
      throw invalid(`column "${column}" cannot be a partition column: its values have no text form`, { at });
    }
    seen.add(column);
  }
  if (columns.size > 0 && seen.size === columns.size) {
    throw invalid("a table cannot be partitioned by all of its columns", { at });
  }
}

export const MAX_COLUMN_ID = "delta.columnMapping.maxColumnId";
const MODE = "delta.columnMapping.mode";
/** Readers keep ids as 32-bit integers. */
const LARGEST_COLUMN_ID = 2_147_483_647;

/** The largest column id of a schema; 0 when it has none. */
export function maxColumnId(schema: readonly SchemaField[]): number {
  let max = 0;
  walkSchema(schema, {
    field: ({ metadata }) => {
      const id = metadata["delta.columnMapping.id"];
      if (typeof id === "number" && id > max) max = id;
    },
  });
  return max;
}

/** PROTOCOL.md, "Column Mapping": every column, nested ones too, has an id and a physical name; we do not make them up. */
function checkColumnMapping({ metadata, schema, properties }: TableDescription, at: string, schemaAt: string): void {
  if (properties[MODE] === "none") return;
  const ids = new Set<number>();
  const paths = new Set<string>();
  walkSchema(schema, {
    field: (field, path) => {
      const { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": name } = field.metadata;
      if (typeof id !== "number" || !Number.isSafeInteger(id) || typeof name !== "string" || name === "") {
        throw invalid(
          `with column mapping, column "${field.name}" needs delta.columnMapping.id and .physicalName in its metadata`,
          { at: schemaAt },
        );
      }
      if (id < 1 || id > LARGEST_COLUMN_ID) {
        throw invalid(`delta.columnMapping.id of column "${field.name}" is ${id}; it is 1 to ${LARGEST_COLUMN_ID}`, {
          at: schemaAt,
        });
      }
      if (ids.has(id)) throw invalid(`two columns have delta.columnMapping.id ${id}`, { at: schemaAt });
      if (paths.has(path.toLowerCase())) {
        throw invalid(`two columns have the physical name "${name}"`, { at: schemaAt });
      }
      ids.add(id);
      paths.add(path.toLowerCase());
    },
  });
  const isSet = Object.hasOwn(metadata.configuration, MAX_COLUMN_ID);
  if (!isSet || properties[MAX_COLUMN_ID] < maxColumnId(schema)) {
    throw invalid(`${MAX_COLUMN_ID} must be the largest column id ever given, ${maxColumnId(schema)} or more`, { at });
  }
}

export const ROW_ID_COLUMN = "delta.rowTracking.materializedRowIdColumnName";
export const ROW_COMMIT_VERSION_COLUMN = "delta.rowTracking.materializedRowCommitVersionColumnName";

/** PROTOCOL.md, "Row Tracking": writers that move rows must know where to keep their ids, apart from the table's columns. */
function checkRowTrackingNames({ schema, properties }: TableDescription, at: string): void {
  if (!properties["delta.enableRowTracking"]) return;
  const taken = new Set(schema.flatMap((field) => [field.name.toLowerCase(), physicalName(field).toLowerCase()]));
  for (const property of [ROW_ID_COLUMN, ROW_COMMIT_VERSION_COLUMN] as const) {
    const name = properties[property];
    if (!name) throw invalid(`delta.enableRowTracking needs the property ${property}`, { at });
    if (taken.has(name.toLowerCase())) {
      throw invalid(`${property} is "${name}", which is the name of another column`, { at });
    }
    taken.add(name.toLowerCase());
  }
}

/**
 * PROTOCOL.md, "Change Metadata": a new metaData replaces the old one whole, yet the table stays the same table, and its files
 * stay readable.
 * @param isStrict the writer has seen every version before its own: it may replace the table by another
 * @throws LakeError invalid
 */
export function checkMetadataChange(change: MetadataChange, isStrict: boolean): void {
  const { before, after, at } = change;
  const another = anotherTable(change);
  if (another !== undefined && !isStrict) throw another;
  checkColumnMappingChange(before, after, `${at}/configuration`);
  checkFilesSurvive(change);
}

/** PROTOCOL.md, "Column Mapping": files at hand have the names of their mode; ids are never given twice. */
function checkColumnMappingChange(before: TableDescription, after: TableDescription, at: string): void {
  const [from, to] = [before.properties[MODE], after.properties[MODE]];
  if (from !== to && !(from === "none" && to === "name")) {
    throw invalid(`${MODE} cannot go from "${from}" to "${to}"; only none to name is possible`, {
      at,
      code: "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
    });
  }
  const least = before.properties[MAX_COLUMN_ID];
  if (to !== "none" && after.properties[MAX_COLUMN_ID] < least) {
    throw invalid(`${MAX_COLUMN_ID} cannot go below ${least}`, { at });
  }
}

/**
 * PROTOCOL.md, "Active Features": a property or a type that needs a feature needs it in the protocol. What was so before is
 * let be.
 * @param at JSON pointer of the metaData action
 * @throws LakeError invalid DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT
 */
export function checkFeaturesListed(before: TableDescription | undefined, after: TableConfiguration, at: string): void {
  for (const [name, feature] of Object.entries(FEATURES)) {
    if (name.endsWith("-preview") || !feature.isActive?.(after)) continue;
    if (after.features.has(name) || after.features.has(`${name}-preview`)) continue;
    if (before && feature.isActive(before)) continue;
    throw invalid(`the new metaData makes use of the table feature "${name}", which the protocol does not list`, {
      at,
      code: "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT",
      hint: `Send a protocol action that lists "${name}" in the same commit.`,
      facts: { feature: name },
    });
  }
}
