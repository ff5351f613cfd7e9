/** Delta actions as OpenAPI components. Documentation only: requests are decoded by lib/delta/decode.ts, which is exact. */

import { int64, z } from "./values.ts";

const stringMap = z.record(z.string(), z.string().nullable());

const deletionVector = z.looseObject({
  storageType: z.enum(["u", "i", "p"]),
  pathOrInlineDv: z.string(),
  offset: int64.optional(),
  sizeInBytes: int64,
  cardinality: int64.openapi({ description: "Rows that it deletes" }),
});

const rowIds = { baseRowId: int64.optional(), defaultRowCommitVersion: int64.optional() };

const add = z.looseObject({
  path: z.string().openapi({
    description: "URI, percent-encoded; relative to the table's location, or absolute",
    example: "part-00000-7d2f.snappy.parquet",
  }),
  partitionValues: stringMap.openapi({ example: {} }),
  size: int64.openapi({ description: "Bytes" }),
  modificationTime: int64.openapi({ description: "Milliseconds since the epoch", example: 1767225600000 }),
  dataChange: z.boolean(),
  stats: z.string().optional().openapi({ description: "JSON text; kept exactly", example: '{"numRecords":3}' }),
  tags: stringMap.optional(),
  deletionVector: deletionVector.optional(),
  ...rowIds,
  clusteringProvider: z.string().optional(),
});

const remove = z.looseObject({
  path: z.string(),
  deletionTimestamp: int64.optional(),
  dataChange: z.boolean(),
  extendedFileMetadata: z.boolean().optional(),
  partitionValues: stringMap.optional(),
  size: int64.optional(),
  stats: z.string().optional(),
  tags: stringMap.optional(),
  deletionVector: deletionVector.optional(),
  ...rowIds,
});

const metaData = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  format: z.object({ provider: z.string(), options: z.record(z.string(), z.string()) }),
  schemaString: z.string().optional().openapi({ description: "JSON text of the schema" }),
  partitionColumns: z.array(z.string()),
  configuration: z.record(z.string(), z.string()),
  createdTime: int64.optional(),
});

const protocol = z.looseObject({
  minReaderVersion: z.int(),
  minWriterVersion: z.int(),
  readerFeatures: z.array(z.string()).optional(),
  writerFeatures: z.array(z.string()).optional(),
});

const txn = z.looseObject({ appId: z.string(), version: int64, lastUpdated: int64.optional() });

const domainMetadata = z.looseObject({ domain: z.string(), configuration: z.string(), removed: z.boolean() });

const action = z
  .looseObject({
    add: add.optional(),
    remove: remove.optional(),
    metaData: metaData.optional(),
    protocol: protocol.optional(),
    txn: txn.optional(),
    domainMetadata: domainMetadata.optional(),
    commitInfo: z.looseObject({}).optional(),
  })
  .openapi({
    description:
      "One action of the Delta protocol: an object with exactly one member. Unknown actions and fields are kept.",
  });

/** The components by name; `$ref`s below rely on these. */
export const COMPONENTS = {
  AddFile: add,
  RemoveFile: remove,
  Metadata: metaData,
  Protocol: protocol,
  Txn: txn,
  DomainMetadata: domainMetadata,
  Action: action,
};

/**
 * Values that are documented by a component but not checked here: they are decoded, or were written, by the model.
 * @param name of the component
 */
export function documented(name: keyof typeof COMPONENTS) {
  return z.unknown().openapi({ $ref: `#/components/schemas/${name}` } as never);
}

/** An array of such values. */
export function documentedArray(name: keyof typeof COMPONENTS) {
  return z.array(z.unknown()).openapi({ type: "array", items: { $ref: `#/components/schemas/${name}` } });
}
