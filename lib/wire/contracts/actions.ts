/**
 * Delta actions as OpenAPI components. lib/delta/decode.ts decodes them, exactly; of what is here only the lengths and
 * counts are enforced (action-bounds.ts).
 */

import { COUNT, TEXT } from "../../delta/limits.ts";
import { int64, shownAs, size64, text, z } from "./values.ts";

const entries = shownAs(z.record(z.string(), z.string().nullable()), {
  type: "object",
  maxProperties: COUNT.entries,
  propertyNames: { type: "string", maxLength: TEXT.column },
  additionalProperties: { type: ["string", "null"], maxLength: TEXT.value },
});
const properties = shownAs(z.record(z.string(), z.string()), {
  type: "object",
  maxProperties: COUNT.properties,
  propertyNames: { type: "string", maxLength: TEXT.column },
  additionalProperties: { type: "string", maxLength: TEXT.value },
});
const names = (longest: number, most: number) => z.array(text(longest)).max(most);
const features = names(TEXT.name, COUNT.features);

const deletionVector = z.looseObject({
  storageType: z.enum(["u", "i", "p"]),
  pathOrInlineDv: text(TEXT.document),
  offset: size64.optional(),
  sizeInBytes: size64,
  cardinality: size64.meta({ description: "Rows that it deletes" }),
});

const rowIds = { baseRowId: size64.optional(), defaultRowCommitVersion: size64.optional() };

const path = text(TEXT.path, 1).meta({
  description: "URI, percent-encoded; relative to the table's location, or absolute",
  examples: ["part-00000-7d2f.snappy.parquet"],
});
const stats = text(TEXT.document).meta({
  description: "JSON text; kept exactly",
  examples: ['{"numRecords":3}'],
});

const add = z.looseObject({
  path,
  partitionValues: entries.meta({ examples: [{}] }),
  size: size64.meta({ description: "Bytes" }),
  modificationTime: int64.meta({ description: "Milliseconds since the epoch", examples: [1767225600000] }),
  dataChange: z.boolean(),
  stats: stats.optional(),
  tags: entries.optional(),
  deletionVector: deletionVector.optional(),
  ...rowIds,
  clusteringProvider: text(TEXT.name).optional(),
});

const remove = z.looseObject({
  path,
  deletionTimestamp: int64.optional(),
  dataChange: z.boolean(),
  extendedFileMetadata: z.boolean().optional(),
  partitionValues: entries.optional(),
  size: size64.optional(),
  stats: stats.optional(),
  tags: entries.optional(),
  deletionVector: deletionVector.optional(),
  ...rowIds,
});

const metaData = z.looseObject({
  id: text(TEXT.name),
  name: text(TEXT.column).optional(),
  description: text(TEXT.value).optional(),
  format: z.looseObject({ provider: text(TEXT.name), options: properties }),
  schemaString: text(TEXT.schema).optional().meta({ description: "JSON text of the schema" }),
  partitionColumns: names(TEXT.column, COUNT.partitionColumns),
  configuration: properties,
  createdTime: int64.optional(),
});

const protocol = z.looseObject({
  minReaderVersion: z.int(),
  minWriterVersion: z.int(),
  readerFeatures: features.optional(),
  writerFeatures: features.optional(),
});

const txn = z.looseObject({ appId: text(TEXT.application), version: int64, lastUpdated: int64.optional() });

const domainMetadata = z.looseObject({
  domain: text(TEXT.name),
  configuration: text(TEXT.document),
  removed: z.boolean(),
});

/** One member; for the types of its fields, which TypeScript never sees. */
const action = z
  .looseObject({
    add: add.meta({ id: "AddFile" }).optional(),
    remove: remove.meta({ id: "RemoveFile" }).optional(),
    metaData: metaData.meta({ id: "Metadata" }).optional(),
    protocol: protocol.meta({ id: "Protocol" }).optional(),
    txn: txn.meta({ id: "Txn" }).optional(),
    domainMetadata: domainMetadata.meta({ id: "DomainMetadata" }).optional(),
    commitInfo: z.looseObject({}).optional(),
  })
  .meta({
    id: "Action",
    minProperties: 1,
    maxProperties: 1,
    description:
      "One action of the Delta protocol: an object with exactly one member. Unknown actions and fields are kept.",
  });

/** All components of actions. */
export const ACTION = action;

export type ActionComponent = "AddFile" | "Metadata" | "Protocol" | "Txn" | "DomainMetadata" | "Action";

/**
 * Values that are documented by a component but not checked here: they are decoded, or were written, by the model.
 * @param name of the component
 */
export function documented(name: ActionComponent) {
  return shownAs(z.unknown(), { $ref: `#/components/schemas/${name}` });
}

/** An array of such values. */
export function documentedArray(name: ActionComponent, max?: number) {
  const items = { $ref: `#/components/schemas/${name}` };
  const array = z.array(z.unknown());
  if (max === undefined) return shownAs(array, { type: "array", items });
  return shownAs(array.max(max), { type: "array", maxItems: max, items });
}
