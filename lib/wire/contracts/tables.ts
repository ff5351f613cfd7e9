/** Wire contracts of the table routes: create, import, list, describe. */

import { IMPORT_MODES } from "../import-modes.ts";
import { documented, documentedArray } from "./actions.ts";
import { int64, millis, next, tableName, uuid, version, z } from "./values.ts";

const location = z.string().min(1).openapi({ example: "file:///data/sales/orders" });

export const createTableRequest = z
  .strictObject({
    transactionId: uuid.optional().openapi({ description: "Idempotency key, made by the client" }),
    name: tableName,
    location: location.optional().openapi({ description: "Absent: a folder in the server's storage, if it has one" }),
    schema: z
      .looseObject({ type: z.literal("struct"), fields: z.array(z.unknown()).openapi({ type: "array", items: {} }) })
      .openapi({ description: "A struct type, in the form of the Delta protocol's schemaString but as an object" }),
    partitionColumns: z.array(z.string()).optional(),
    configuration: z
      .record(z.string(), z.string())
      .optional()
      .openapi({ example: { "delta.checkpointInterval": "100" } }),
    description: z.string().optional(),
    fenced: z
      .boolean()
      .optional()
      .openapi({
        description:
          "True if absent: every other Delta writer must refuse to write to the table, and all readers go on. " +
          "`dl fence` changes it later",
      }),
  })
  .openapi("CreateTableRequest");

export const createTableExamples = {
  orders: {
    summary: "A table of two columns",
    value: {
      name: "sales.orders",
      location: "file:///data/sales/orders",
      schema: {
        type: "struct",
        fields: [
          { name: "id", type: "long", nullable: false, metadata: {} },
          { name: "amount", type: "decimal(12,2)", nullable: true, metadata: {} },
        ],
      },
    },
  },
};

export const createTableAnswer = z
  .object({ tableId: uuid, name: tableName, location, version: z.literal(0), inCommitTimestamp: millis })
  .openapi("CreatedTable");

export const importRequest = z
  .strictObject({
    name: tableName,
    location,
    mode: z.enum(IMPORT_MODES).default("full-history").openapi({
      description: "`full-history` takes every version that the log still has, `snapshot` the newest state alone",
    }),
  })
  .openapi("ImportRequest");

export const importExamples = {
  orders: { summary: "With its history", value: { name: "sales.orders", location: "file:///data/sales/orders" } },
};

export const importAnswer = z
  .object({
    tableId: uuid,
    name: tableName,
    location,
    version,
    baseVersion: version.openapi({ description: "The oldest version that the catalog holds" }),
    files: z.int(),
    bytes: int64,
    mode: z.enum(IMPORT_MODES),
    resumed: z.boolean().openapi({ description: "True when an interrupted import was finished" }),
    notes: z
      .array(z.string())
      .openapi({ description: "What a person should know, such as a broken checkpoint passed over" }),
  })
  .openapi("ImportedTable");

const head = z.object({
  tableId: uuid,
  name: tableName,
  location,
  version,
  baseVersion: version,
  timestamp: millis,
  numFiles: z.int(),
  sizeInBytes: int64,
  quarantine: z.string().optional().openapi({ description: "Why the mirror of this table has stopped" }),
  createdAt: millis,
});

export const tableList = z.object({ tables: z.array(head.openapi("Table")), next }).openapi("TableList");

export const tableDescription = head
  .extend({
    mirroredVersion: z.int().openapi({ description: "`_delta_log` holds all versions up to this one" }),
    inCommitTimestamp: millis.optional(),
    protocol: documented("Protocol"),
    metadata: documented("Metadata"),
    txns: documentedArray("Txn"),
    domains: documentedArray("DomainMetadata"),
  })
  .openapi("TableDescription");
