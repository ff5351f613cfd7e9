/**
 * What a table is at one version, as one value made once: protocol, metadata, schema, typed properties and features. Everyone
 * asks this value; nobody else compares a raw property or parses a schema. Pure.
 */

import type { Metadata, Protocol } from "./actions.ts";
import { FEATURES, knownFeature, supportedFeatures } from "./features.ts";
import { type TableProperties, tableProperties } from "./properties/properties.ts";
import { parseSchema, physicalName, type SchemaField } from "./schema/schema.ts";

/** What is known of a table from its metaData action alone. */
export interface TableDescription {
  readonly metadata: Metadata;
  /** Top-level columns. */
  readonly schema: readonly SchemaField[];
  readonly properties: TableProperties;
}

export interface TableConfiguration extends TableDescription {
  readonly protocol: Protocol;
  /** Names of all features that the protocol supports, listed or implied by its version numbers. */
  readonly features: ReadonlySet<string>;
}

const EMPTY_SCHEMA = '{"type":"struct","fields":[]}';
const described = new WeakMap<Metadata, TableDescription>();
const configured = new WeakMap<Metadata, WeakMap<Protocol, TableConfiguration>>();

/**
 * A table by its metaData action; the same value again for the same object. A table without a schema has no columns.
 * @param at JSON pointer of the schema, for messages
 * @throws LakeError invalid when schemaString is no schema
 */
export function tableDescription(metadata: Metadata, at = "/metaData/schemaString"): TableDescription {
  const before = described.get(metadata);
  if (before !== undefined) return before;
  const schema = parseSchema(metadata.schemaString ?? EMPTY_SCHEMA, at);
  const description = { metadata, schema, properties: tableProperties(metadata) };
  described.set(metadata, description);
  return description;
}

/**
 * A table by its protocol and metaData actions; the same value again for the same objects.
 * @param at JSON pointer of the schema, for messages
 * @throws LakeError invalid when schemaString is no schema
 */
export function tableConfiguration(protocol: Protocol, metadata: Metadata, at?: string): TableConfiguration {
  const ofMetadata = configured.get(metadata) ?? new WeakMap<Protocol, TableConfiguration>();
  configured.set(metadata, ofMetadata);
  const before = ofMetadata.get(protocol);
  if (before !== undefined) return before;
  const configuration = { ...tableDescription(metadata, at), protocol, features: supportedFeatures(protocol) };
  ofMetadata.set(protocol, configuration);
  return configuration;
}

/** True when the protocol supports the feature and the table makes use of it (PROTOCOL.md, "Active Features"). */
export function isActive(name: string, table: TableConfiguration): boolean {
  return table.features.has(name) && (knownFeature(name)?.isActive?.(table) ?? true);
}

/** Features that the table makes use of by its schema or properties, in their current names, listed or not. */
export function featuresInUse(table: TableDescription): string[] {
  return Object.entries(FEATURES).flatMap(([name, feature]) =>
    !name.endsWith("-preview") && feature.isActive?.(table) ? [name] : [],
  );
}

/** True when each commit carries an in-commit timestamp (PROTOCOL.md, "In-Commit Timestamps"). */
export function hasInCommitTimestamps(table: TableConfiguration): boolean {
  return isActive("inCommitTimestamp", table);
}

/** True when new files get row ids: the feature is supported, enabled or not, and not suspended (PROTOCOL.md, "Row Tracking"). */
export function assignsRowIds(table: TableConfiguration): boolean {
  return table.features.has("rowTracking") && !table.properties["delta.rowTrackingSuspended"];
}

/** Names of the partition columns in `partitionValues` (PROTOCOL.md, "Add File and Remove File"): physical ones under column mapping. */
export function physicalPartitionColumns({ metadata, schema, properties }: TableDescription): readonly string[] {
  if (properties["delta.columnMapping.mode"] === "none") return metadata.partitionColumns;
  const byName = new Map(schema.map((field) => [field.name, physicalName(field)]));
  return metadata.partitionColumns.map((name) => byName.get(name) ?? name);
}
