/** Our tables as Unity Catalog shows tables: external ones, since their files and logs are plain Delta. Both generations of its API. */

import { supportedFeatures } from "../../delta/features.ts";
import { parseSchema, type SchemaField } from "../../delta/schema/schema.ts";
import type { TableState } from "../../delta/table.ts";
import { type Json, parseJson, stringifyJson } from "../../delta/values/json.ts";
import { PAGE_BYTES } from "../answer-size.ts";
import { CATALOG, unityName } from "./names.ts";
import { decimalOf, deltaApiType, typeName, typeText } from "./types.ts";

/** `TableInfo`. A table with so many columns that it would be no answer says their types in SQL alone, without `type_json`. */
export function tableInfo(state: TableState): object {
  const info = infoOf(state, true);
  return stringifyJson(info).length * 2 < PAGE_BYTES || fits(info) ? info : infoOf(state, false);
}

function fits(info: object): boolean {
  return Buffer.byteLength(stringifyJson(info)) < PAGE_BYTES;
}

function infoOf(state: TableState, withJson: boolean): object {
  const { name, metadata } = state;
  const { schema, table } = unityName(name);
  const fields = fieldsOf(state);
  return {
    name: table,
    catalog_name: CATALOG,
    schema_name: schema,
    full_name: `${CATALOG}.${name}`,
    table_type: "EXTERNAL",
    data_source_format: "DELTA",
    columns: fields.map((field, position) => columnInfo(field, position, metadata.partitionColumns, withJson)),
    storage_location: state.location,
    ...(metadata.description === undefined ? {} : { comment: metadata.description }),
    properties: propertiesOf(state),
    created_at: state.createdAt,
    updated_at: state.timestamp,
    table_id: state.tableId,
  };
}

/** `ColumnInfo`; the numbers are there for decimals alone, but clients take no null for them. */
function columnInfo(field: SchemaField, position: number, partitions: readonly string[], withJson: boolean): object {
  const { name, type, nullable, metadata } = field;
  const decimal = decimalOf(type);
  const partition = partitions.indexOf(name);
  const { comment } = metadata;
  return {
    name,
    type_text: typeText(type),
    ...(withJson ? { type_json: stringifyJson({ name, type, nullable, metadata }) } : {}),
    type_name: typeName(type),
    type_precision: decimal?.precision ?? 0,
    type_scale: decimal?.scale ?? 0,
    position,
    ...(typeof comment === "string" ? { comment } : {}),
    nullable,
    ...(partition < 0 ? {} : { partition_index: partition }),
  };
}

/**
 * `LoadTableResponse` of the Delta API. An external table has no list of commits: what is committed is in its log, and a version
 * said here would keep clients from reading it.
 */
export function loadedTable(state: TableState): object {
  const { metadata, markers, tableId } = state;
  const changed = metadataVersion(state);
  return {
    metadata: {
      etag: `${tableId}-${Math.max(markers.metadata, markers.protocol)}`,
      "table-type": "EXTERNAL",
      "table-uuid": tableId,
      location: state.location,
      "created-time": state.createdAt,
      "updated-time": state.timestamp,
      ...(metadata.description === undefined ? {} : { comment: metadata.description }),
      columns: deltaApiType(schemaOf(state)),
      "partition-columns": metadata.partitionColumns,
      properties: propertiesOf(state),
      "last-commit-version": changed,
    },
  };
}

/** The newest version that changed what the table is; 0 where it came with a later one that SQL does not hold. */
function metadataVersion({ markers }: TableState): number {
  return Math.max(markers.metadata, markers.protocol, 0);
}

/** The table's own properties, and those that Unity derives of the protocol. */
function propertiesOf(state: TableState): Readonly<Record<string, string>> {
  const { protocol, metadata } = state;
  const listed = protocol.minWriterVersion < 7 ? [] : [...supportedFeatures(protocol)].toSorted();
  return {
    ...metadata.configuration,
    ...Object.fromEntries(listed.map((feature) => [`delta.feature.${feature}`, "supported"])),
    "delta.minReaderVersion": String(protocol.minReaderVersion),
    "delta.minWriterVersion": String(protocol.minWriterVersion),
    "delta.lastUpdateVersion": String(metadataVersion(state)),
    "delta.lastCommitTimestamp": String(state.timestamp),
  };
}

function schemaOf({ metadata }: TableState): Json {
  return metadata.schemaString === undefined
    ? { type: "struct", fields: [] }
    : (parseJson(metadata.schemaString) as Json);
}

function fieldsOf({ metadata }: TableState): readonly SchemaField[] {
  return metadata.schemaString === undefined ? [] : parseSchema(metadata.schemaString, "/metaData/schemaString");
}
