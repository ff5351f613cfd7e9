/** Version 0 of a table that we create: its metaData and the protocol that its schema and properties ask for. Pure. */

import { invalid } from "../errors.ts";
import type { CommitActions, Metadata, Protocol } from "./actions.ts";
import {
  checkMetadata,
  MAX_COLUMN_ID,
  maxColumnId,
  ROW_COMMIT_VERSION_COLUMN,
  ROW_ID_COLUMN,
} from "./checks/metadata.ts";
import { FENCE, featureName, knownFeature } from "./features.ts";
import { canonicalConfiguration } from "./properties/check.ts";
import { PROPERTIES, type PropertyName } from "./properties/properties.ts";
import { checkProtocolKnown, checkProtocolShape } from "./protocol.ts";
import { completeSchema } from "./schema/schema.ts";
import { featuresInUse, type TableDescription, tableDescription } from "./table-configuration.ts";
import { type JsonObject, stringifyJson } from "./values/json.ts";

export interface NewTable {
  /** `namespace.name` */
  readonly name: string;
  readonly location: string;
  /** A struct type in the form of `schemaString`, as an object. */
  readonly schema: JsonObject;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly description?: string;
  /** False lets foreign writers write to the log directly; true if absent: every known reader reads behind the fence (ARCHITECTURE.md D14). */
  readonly fenced?: boolean;
}

/**
 * In-commit timestamps are on, so that outside readers travel in time by our commits and not by the mirror's clock
 * (docs/delta-rules.md §3.2). No checkpoint interval: one that is there is its owner's (checkpoint-cadence.ts).
 */
const DEFAULT_CONFIGURATION = { "delta.enableInCommitTimestamps": "true" } as const;

/** Features of protocol (1, 2), which writers of version-7 tables expect to find listed. */
const BASE_FEATURES = ["appendOnly", "invariants", "inCommitTimestamp"];
const FEATURE_PROPERTY = /^delta\.feature\.(.+)$/;

/**
 * The actions of version 0.
 * @throws LakeError invalid
 */
export function newTableActions(
  table: NewTable,
  id: string,
  createdTime: number,
): CommitActions & Required<Pick<CommitActions, "protocol" | "metadata">> {
  const schemaString = stringifyJson(completeSchema(table.schema));
  const given = Object.entries(table.configuration ?? {});
  const asked = given.flatMap(([key, value]) => askedFeature(key, value) ?? []);
  if (table.fenced ?? true) asked.push(FENCE);
  const described: Metadata = {
    id,
    name: table.name.slice(table.name.indexOf(".") + 1),
    ...(table.description === undefined ? {} : { description: table.description }),
    format: { provider: "parquet", options: {} },
    schemaString,
    partitionColumns: table.partitionColumns ?? [],
    configuration: { ...DEFAULT_CONFIGURATION, ...givenConfiguration(given) },
    createdTime,
  };
  const metadata = {
    ...described,
    configuration: { ...derivedProperties(tableDescription(described, "/schema")), ...described.configuration },
  };
  const complete = tableDescription(metadata, "/schema");
  checkMetadata(undefined, complete, "", "/schema");
  const protocol = protocolFor(complete, asked);
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

/** The feature that a property `delta.feature.<name>` asks for. */
function askedFeature(key: string, value: string): string | undefined {
  const name = FEATURE_PROPERTY.exec(key)?.[1];
  if (name === undefined) return undefined;
  if (!["supported", "enabled"].includes(value.toLowerCase())) {
    throw invalid(`"${key}" can only be "supported", not "${value}"`, { at: "/configuration" });
  }
  if (knownFeature(name)?.duty === "readOnly") {
    throw invalid(`tables with the feature "${name}" are read-only here`, {
      at: "/configuration",
      code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
    });
  }
  return featureName(name);
}

/** Properties as they are stored; those that only a commit can know are not for a creation. */
function givenConfiguration(given: readonly (readonly [string, string])[]): Metadata["configuration"] {
  const properties = given.filter(([key]) => !FEATURE_PROPERTY.test(key));
  for (const [key] of properties) {
    const definition = Object.hasOwn(PROPERTIES, key) ? PROPERTIES[key as PropertyName] : undefined;
    if (definition?.setBy !== "service") continue;
    throw invalid(`"${key}" is set by the service when a version is committed`, {
      at: `/configuration/${key}`,
      code: "DELTA_INVALID_TABLE_PROPERTY",
      hint: "Leave it out.",
    });
  }
  return canonicalConfiguration(undefined, Object.fromEntries(properties), "/configuration");
}

/** Properties that follow from others and from the schema (PROTOCOL.md, "Column Mapping", "Row Tracking"). */
function derivedProperties({ metadata, schema, properties }: TableDescription): Record<string, string> {
  return {
    ...(properties["delta.columnMapping.mode"] === "none" ? {} : { [MAX_COLUMN_ID]: String(maxColumnId(schema)) }),
    ...(properties["delta.enableRowTracking"]
      ? {
          [ROW_ID_COLUMN]: `_row-id-col-${metadata.id}`,
          [ROW_COMMIT_VERSION_COLUMN]: `_row-commit-version-col-${metadata.id}`,
        }
      : {}),
  };
}

function protocolFor(table: TableDescription, asked: readonly string[]): Protocol {
  const features = new Set([...BASE_FEATURES, ...asked, ...featuresInUse(table)]);
  for (const name of features) for (const needed of knownFeature(name)?.requires ?? []) features.add(needed);
  if (features.has("clustering") && table.metadata.partitionColumns.length > 0) {
    throw invalid("a table is clustered or partitioned, not both", {
      at: "/partitionColumns",
      code: "DELTA_CLUSTERING_WITH_PARTITIONS",
    });
  }
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
