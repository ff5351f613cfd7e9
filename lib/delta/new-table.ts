/** Version 0 of a table that we create: its metaData and the protocol that its schema and properties ask for. Pure. */

import { invalid } from "../errors.ts";
import type { CommitActions, Metadata, Protocol } from "./actions.ts";
import { FEATURES, knownFeature } from "./features.ts";
import { type JsonObject, stringifyJson } from "./json.ts";
import { checkProtocolKnown, checkProtocolShape } from "./protocol.ts";
import { parseSchema, type SchemaField } from "./schema.ts";
import { checkMetadata } from "./validate.ts";

export interface NewTable {
  /** `namespace.name` */
  readonly name: string;
  readonly location: string;
  /** A struct type in the form of `schemaString`, as an object. */
  readonly schema: JsonObject;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly description?: string;
}

/**
 * In-commit timestamps are on, so that outside readers travel in time by our commits and not by the mirror's clock
 * (delta-rules.md §3.2); the checkpoint interval is spelled out, because engines differ in its default (§7).
 */
const DEFAULT_CONFIGURATION = {
  "delta.enableInCommitTimestamps": "true",
  "delta.checkpointInterval": "10",
} as const;

/** Features of protocol (1, 2), which writers of version-7 tables expect to find listed. */
const BASE_FEATURES = ["appendOnly", "invariants", "inCommitTimestamp"];
const FEATURE_PROPERTY = /^delta\.feature\.(.+)$/;

/**
 * The actions of version 0.
 * @throws LakeError invalid
 */
export function newTableActions(table: NewTable, id: string, createdTime: number): CommitActions {
  const schemaString = stringifyJson(table.schema);
  const schema = parseSchema(schemaString, "/schema");
  const given = Object.entries(table.configuration ?? {});
  const asked = given.flatMap(([key]) => FEATURE_PROPERTY.exec(key)?.[1] ?? []);
  const metadata: Metadata = {
    id,
    name: table.name.slice(table.name.indexOf(".") + 1),
    ...(table.description === undefined ? {} : { description: table.description }),
    format: { provider: "parquet", options: {} },
    schemaString,
    partitionColumns: table.partitionColumns ?? [],
    configuration: {
      ...DEFAULT_CONFIGURATION,
      ...Object.fromEntries(given.filter(([key]) => !FEATURE_PROPERTY.test(key))),
    },
    createdTime,
  };
  checkMetadata(metadata, schema, "");
  checkColumnMapping(metadata, schema);
  const protocol = protocolFor(metadata, schema, asked);
  return {
    commitInfo: {
      operation: "CREATE TABLE",
      operationParameters: {
        partitionBy: stringifyJson(metadata.partitionColumns),
        properties: stringifyJson(metadata.configuration),
      },
      isolationLevel: "Serializable",
      isBlindAppend: true,
      engineInfo: "deltalakedb",
    },
    protocol,
    metadata,
    txns: [],
    domains: [],
    removes: [],
    adds: [],
    others: [],
  };
}

function protocolFor(metadata: Metadata, schema: readonly SchemaField[], asked: readonly string[]): Protocol {
  const features = new Set([...BASE_FEATURES, ...asked]);
  for (const [name, feature] of Object.entries(FEATURES)) {
    const newest = !name.endsWith("-preview");
    if (newest && feature.isActive?.(metadata, schema)) features.add(name);
  }
  for (const name of features) for (const needed of knownFeature(name)?.requires ?? []) features.add(needed);
  const writerFeatures = [...features].sort();
  const readerFeatures = writerFeatures.filter((name) => knownFeature(name)?.kind === "readerWriter");
  const protocol: Protocol =
    readerFeatures.length === 0
      ? { minReaderVersion: 1, minWriterVersion: 7, writerFeatures }
      : { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures };
  checkProtocolKnown(protocol);
  checkProtocolShape(protocol, "/configuration");
  return protocol;
}

/** P§Column Mapping: every column carries an id and a physical name; we do not make them up. */
function checkColumnMapping(metadata: Metadata, schema: readonly SchemaField[]): void {
  const mode = metadata.configuration["delta.columnMapping.mode"] ?? "none";
  if (mode === "none") return;
  if (mode !== "name" && mode !== "id") {
    throw invalid(`delta.columnMapping.mode is none, name or id, not "${mode}"`, { at: "/configuration" });
  }
  const bare = schema.find(
    (field) =>
      typeof field.metadata["delta.columnMapping.id"] !== "number" ||
      typeof field.metadata["delta.columnMapping.physicalName"] !== "string",
  );
  if (bare) {
    throw invalid(
      `with column mapping, column "${bare.name}" needs delta.columnMapping.id and .physicalName in its metadata`,
      {
        at: "/schema",
      },
    );
  }
}
