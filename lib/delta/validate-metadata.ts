/** What a metaData action must be, by itself and after another (delta-rules.md §1, §3): one small function per rule. Pure. */

import { invalid } from "../errors.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { FEATURES, isEnabled, supportedFeatures } from "./features.ts";
import { physicalName, type SchemaField, walkSchema } from "./schema.ts";

/**
 * Rules on one metaData action by itself.
 * @param at JSON pointer of the object whose members are `configuration`, `partitionColumns` …
 * @param schemaAt JSON pointer of the schema
 * @throws LakeError invalid
 */
export function checkMetadata(
  metadata: Metadata,
  schema: readonly SchemaField[],
  at: string,
  schemaAt = `${at}/schemaString`,
): void {
  if (metadata.schemaString === undefined) throw invalid("metaData has no schemaString", { at: schemaAt });
  for (const key of Object.keys(metadata.configuration)) {
    if (/^delta\.(minReaderVersion|minWriterVersion|feature\..*)$/.test(key)) {
      throw invalid(`"${key}" is no table property: the protocol action carries it`, { at: `${at}/configuration` });
    }
  }
  checkPartitionColumns(metadata, schema, `${at}/partitionColumns`);
  if (metadata.format.provider !== "parquet") {
    throw invalid(`the format "${metadata.format.provider}" is not supported; Delta files are parquet`, {
      at: `${at}/format`,
    });
  }
  checkColumnMapping(metadata, schema, `${at}/configuration`, schemaAt);
  checkRowTrackingNames(metadata, `${at}/configuration`);
}

function checkPartitionColumns(metadata: Metadata, schema: readonly SchemaField[], at: string): void {
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

export function columnMappingMode(metadata: Metadata): string {
  return metadata.configuration[MODE] ?? "none";
}

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

/** P§Column Mapping: every column, nested ones too, has an id and a physical name of its own; we do not make them up. */
function checkColumnMapping(metadata: Metadata, schema: readonly SchemaField[], at: string, schemaAt: string): void {
  const mode = columnMappingMode(metadata);
  if (mode === "none") return;
  if (mode !== "name" && mode !== "id") throw invalid(`${MODE} is none, name or id, not "${mode}"`, { at });
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
      if (ids.has(id)) throw invalid(`two columns have delta.columnMapping.id ${id}`, { at: schemaAt });
      if (paths.has(path)) throw invalid(`two columns have the physical name "${name}"`, { at: schemaAt });
      ids.add(id);
      paths.add(path);
    },
  });
  const max = Number(metadata.configuration[MAX_COLUMN_ID] ?? Number.NaN);
  if (!(max >= maxColumnId(schema))) {
    throw invalid(`${MAX_COLUMN_ID} must be the largest column id ever given, ${maxColumnId(schema)} or more`, { at });
  }
}

export const ROW_ID_COLUMN = "delta.rowTracking.materializedRowIdColumnName";
export const ROW_COMMIT_VERSION_COLUMN = "delta.rowTracking.materializedRowCommitVersionColumnName";

/** P§Row Tracking: writers that move rows must know where to keep their ids. */
function checkRowTrackingNames(metadata: Metadata, at: string): void {
  if (!isEnabled(metadata, "delta.enableRowTracking")) return;
  for (const name of [ROW_ID_COLUMN, ROW_COMMIT_VERSION_COLUMN]) {
    if (!metadata.configuration[name]) throw invalid(`delta.enableRowTracking needs the property ${name}`, { at });
  }
}

/** Names of the partition columns in `partitionValues` (P§Add File): physical ones under column mapping. */
export function physicalPartitionColumns(metadata: Metadata, schema: readonly SchemaField[]): string[] {
  if (columnMappingMode(metadata) === "none") return [...metadata.partitionColumns];
  const byName = new Map(schema.map((field) => [field.name, physicalName(field)]));
  return metadata.partitionColumns.map((name) => byName.get(name) ?? name);
}

export interface DescribedMetadata {
  readonly metadata: Metadata;
  readonly schema: readonly SchemaField[];
}

/**
 * P§Change Metadata: a new metaData replaces the old one whole, yet stays the same table.
 * @param at JSON pointer of the metaData action
 * @throws LakeError invalid
 */
export function checkMetadataChange(before: DescribedMetadata, after: DescribedMetadata, at: string): void {
  if (before.metadata.id !== after.metadata.id) {
    throw invalid(`metaData.id must stay "${before.metadata.id}"; "${after.metadata.id}" would make it another table`, {
      at: `${at}/id`,
    });
  }
  const laidOut = ({ metadata, schema }: DescribedMetadata) => physicalPartitionColumns(metadata, schema).join("\n");
  if (laidOut(before) !== laidOut(after)) {
    throw invalid("partitionColumns cannot change: the files at hand are laid out by the old ones", {
      at: `${at}/partitionColumns`,
      hint: "Create a new table with the new partition columns.",
    });
  }
  checkColumnMappingChange(before.metadata, after.metadata, `${at}/configuration`);
}

/** P§Column Mapping: files at hand have the names of their mode; ids are never given twice. */
function checkColumnMappingChange(before: Metadata, after: Metadata, at: string): void {
  const [from, to] = [columnMappingMode(before), columnMappingMode(after)];
  if (from !== to && !(from === "none" && to === "name")) {
    throw invalid(`${MODE} cannot go from "${from}" to "${to}"; only none to name is possible`, {
      at,
      code: "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
    });
  }
  const [least, now] = [before, after].map((metadata) => Number(metadata.configuration[MAX_COLUMN_ID] ?? 0));
  if (to !== "none" && (now ?? 0) < (least ?? 0)) throw invalid(`${MAX_COLUMN_ID} cannot go below ${least}`, { at });
}

/**
 * P§Active Features: a property or a type that needs a feature needs it in the protocol. What was so before is let be.
 * @param at JSON pointer of the metaData action
 * @throws LakeError invalid DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT
 */
export function checkFeaturesListed(
  protocol: Protocol,
  before: DescribedMetadata,
  after: DescribedMetadata,
  at: string,
): void {
  const supported = supportedFeatures(protocol);
  for (const [name, feature] of Object.entries(FEATURES)) {
    if (name.endsWith("-preview") || !feature.isActive?.(after.metadata, after.schema)) continue;
    if (supported.has(name) || supported.has(`${name}-preview`)) continue;
    if (feature.isActive(before.metadata, before.schema)) continue;
    throw invalid(`the new metaData makes use of the table feature "${name}", which the protocol does not list`, {
      at,
      code: "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT",
      hint: `Send a protocol action that lists "${name}" in the same commit.`,
      facts: { feature: name },
    });
  }
}
