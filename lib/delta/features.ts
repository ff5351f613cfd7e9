/** Table features (PROTOCOL.md, "Table Features"; docs/delta-rules.md §3): what we know, what a commit may use, when a feature is active. */

import type { Protocol } from "./actions.ts";
import type { PropertyName } from "./properties/properties.ts";
import { walkSchema } from "./schema/schema.ts";
import type { TableDescription } from "./table-configuration.ts";

/**
 * Who vouches for a feature at a commit. `service`: we check all that it asks of a commit. `writer`: it is about rows, which
 * we never see, so a writer must declare it in `supportedFeatures` once it is active. `readOnly`: imported, mirrored and
 * read, but no commit is taken.
 */
export type FeatureDuty = "service" | "writer" | "readOnly";

export interface Feature {
  readonly kind: "writer" | "readerWriter";
  readonly duty: FeatureDuty;
  readonly requires?: readonly string[];
  /** Absent: active whenever the protocol lists it. */
  readonly isActive?: (table: TableDescription) => boolean;
}

/** The feature is active when this property is true. */
const property =
  (name: PropertyName) =>
  ({ properties }: TableDescription) =>
    properties[name] === true;
const fieldMetadata =
  (matches: (key: string) => boolean) =>
  ({ schema }: TableDescription) => {
    let found = false;
    walkSchema(schema, { field: (field) => (found ||= Object.keys(field.metadata).some(matches)) });
    return found;
  };
const columnType =
  (wanted: string) =>
  ({ schema }: TableDescription) => {
    let found = false;
    walkSchema(schema, { type: (name) => (found ||= name === wanted) });
    return found;
  };
const anyProperty =
  (prefix: string) =>
  ({ metadata }: TableDescription) =>
    Object.keys(metadata.configuration).some((key) => key.startsWith(prefix));

const variant: Feature = { kind: "readerWriter", duty: "writer", isActive: columnType("variant") };
const shredding: Feature = { kind: "readerWriter", duty: "writer", isActive: property("delta.enableVariantShredding") };
const widening: Feature = { kind: "readerWriter", duty: "writer", isActive: property("delta.enableTypeWidening") };

/**
 * The fence (ARCHITECTURE.md D14): a name that no other writer knows, so that all of them must refuse to write, while it asks nothing
 * of readers. It is in writerFeatures alone.
 */
export const FENCE = "deltalakedb.managed";

/** Every feature that we know. What is not here is refused by name, on import and on commit. */
export const FEATURES: Readonly<Record<string, Feature>> = {
  appendOnly: { kind: "writer", duty: "service", isActive: property("delta.appendOnly") },
  invariants: { kind: "writer", duty: "writer", isActive: fieldMetadata((key) => key === "delta.invariants") },
  checkConstraints: { kind: "writer", duty: "writer", isActive: anyProperty("delta.constraints.") },
  changeDataFeed: { kind: "writer", duty: "writer", isActive: property("delta.enableChangeDataFeed") },
  generatedColumns: {
    kind: "writer",
    duty: "writer",
    isActive: fieldMetadata((key) => key === "delta.generationExpression"),
  },
  allowColumnDefaults: { kind: "writer", duty: "writer", isActive: fieldMetadata((key) => key === "CURRENT_DEFAULT") },
  identityColumns: {
    kind: "writer",
    duty: "writer",
    isActive: fieldMetadata((key) => key.startsWith("delta.identity.")),
  },
  columnMapping: {
    kind: "readerWriter",
    duty: "writer",
    isActive: ({ properties }) => properties["delta.columnMapping.mode"] !== "none",
  },
  deletionVectors: { kind: "readerWriter", duty: "service", isActive: property("delta.enableDeletionVectors") },
  domainMetadata: { kind: "writer", duty: "service" },
  rowTracking: {
    kind: "writer",
    duty: "service",
    requires: ["domainMetadata"],
    isActive: property("delta.enableRowTracking"),
  },
  inCommitTimestamp: { kind: "writer", duty: "service", isActive: property("delta.enableInCommitTimestamps") },
  timestampNtz: { kind: "readerWriter", duty: "service", isActive: columnType("timestamp_ntz") },
  typeWidening: widening,
  "typeWidening-preview": widening,
  variantType: variant,
  "variantType-preview": variant,
  variantShredding: shredding,
  "variantShredding-preview": shredding,
  v2Checkpoint: {
    kind: "readerWriter",
    duty: "service",
    isActive: ({ properties }) => properties["delta.checkpointPolicy"] === "v2",
  },
  vacuumProtocolCheck: { kind: "readerWriter", duty: "service" },
  clustering: { kind: "writer", duty: "writer", requires: ["domainMetadata"] },
  icebergCompatV1: {
    kind: "writer",
    duty: "writer",
    requires: ["columnMapping"],
    isActive: property("delta.enableIcebergCompatV1"),
  },
  icebergCompatV2: {
    kind: "writer",
    duty: "writer",
    requires: ["columnMapping"],
    isActive: property("delta.enableIcebergCompatV2"),
  },
  checkpointProtection: { kind: "writer", duty: "readOnly" },
  materializePartitionColumns: { kind: "writer", duty: "writer" },
  [FENCE]: { kind: "writer", duty: "service" },
};

/** Old spelling that is in real protocols (docs/delta-rules.md §8.35). */
const ALIASES: Readonly<Record<string, string>> = { timestampWithoutTimezone: "timestampNtz" };

/** The name that the protocol gives a feature today. */
export function featureName(name: string): string {
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name;
}

export function knownFeature(name: string): Feature | undefined {
  const key = featureName(name);
  return Object.hasOwn(FEATURES, key) ? FEATURES[key] : undefined;
}

/** What a writer has to honour itself: an engine that commits by the protocol does, since it must refuse what it does not know. */
export const WRITER_DUTIES: readonly string[] = Object.entries(FEATURES).flatMap(([name, { duty }]) =>
  duty === "writer" ? [name] : [],
);

/** What the numbered protocol versions imply (PROTOCOL.md, "Writer Version Requirements"). */
const IMPLIED_BY_WRITER_VERSION: readonly [number, readonly string[]][] = [
  [2, ["appendOnly", "invariants"]],
  [3, ["checkConstraints"]],
  [4, ["changeDataFeed", "generatedColumns"]],
  [5, ["columnMapping"]],
  [6, ["identityColumns"]],
];

/** All features that a protocol supports, listed or implied by its version numbers. */
export function supportedFeatures(protocol: Protocol): ReadonlySet<string> {
  const features = new Set<string>();
  for (const name of [...(protocol.writerFeatures ?? []), ...(protocol.readerFeatures ?? [])]) {
    features.add(featureName(name));
  }
  if (protocol.minWriterVersion < 7) {
    for (const [version, implied] of IMPLIED_BY_WRITER_VERSION) {
      if (protocol.minWriterVersion >= version) for (const name of implied) features.add(name);
    }
  }
  return features;
}
