/** Wire contracts of the table routes: create, import, list, describe. */

import { COUNT, TEXT } from "../../delta/limits.ts";
import { IMPORT_MODES } from "../import-modes.ts";
import { documented, documentedArray } from "./actions.ts";
import { HEALTHY, tableHealth } from "./health.ts";
import { count, list, millis, next, size64, tableName, text, textMap, uuid, version, z } from "./values.ts";

const location = text(TEXT.location, 1).meta({ examples: ["file:///data/sales/orders"] });

export const createTableRequest = z
  .strictObject({
    transactionId: uuid.optional().meta({ description: "Idempotency key, made by the client" }),
    name: tableName,
    location: location.optional().meta({ description: "Absent: a folder in the server's storage, if it has one" }),
    schema: z
      .looseObject({ type: z.literal("struct"), fields: z.array(z.unknown()).max(COUNT.columns) })
      .meta({ description: "A struct type, in the form of the Delta protocol's schemaString but as an object" }),
    partitionColumns: list(text(TEXT.column), { max: COUNT.partitionColumns }).optional(),
    configuration: textMap({ names: TEXT.column, values: TEXT.value, entries: COUNT.properties })
      .optional()
      .meta({ examples: [{ "delta.checkpointInterval": "100" }] }),
    description: text(TEXT.value).optional(),
    fenced: z
      .boolean()
      .optional()
      .meta({
        description:
          "True if absent: every other Delta writer must refuse to write to the table, and all readers go on. " +
          "`dl fence` changes it later",
      }),
  })
  .meta({ id: "CreateTableRequest" });

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
  .meta({ id: "CreatedTable" });

export const importRequest = z
  .strictObject({
    name: tableName,
    location,
    mode: z.enum(IMPORT_MODES).default("full-history").meta({
      description: "`full-history` takes every version that the log still has, `snapshot` the newest state alone",
    }),
  })
  .meta({ id: "ImportRequest" });

export const importExamples = {
  orders: { summary: "With its history", value: { name: "sales.orders", location: "file:///data/sales/orders" } },
};

export const importAnswer = z
  .object({
    tableId: uuid,
    name: tableName,
    location,
    version,
    baseVersion: version.meta({ description: "The oldest version that the catalog holds" }),
    files: count,
    bytes: size64,
    mode: z.enum(IMPORT_MODES),
    resumed: z.boolean().meta({ description: "True when an interrupted import was finished" }),
    notes: z
      .array(z.string())
      .meta({ description: "What a person should know, such as a broken checkpoint passed over" }),
  })
  .meta({ id: "ImportedTable" });

const head = z.object({
  tableId: uuid,
  name: tableName,
  location,
  version,
  baseVersion: version,
  timestamp: millis,
  numFiles: count,
  sizeInBytes: size64,
  quarantine: z.string().optional().meta({ description: "Why the mirror of this table has stopped" }),
  createdAt: millis,
  health: tableHealth,
});

const droppedTable = z
  .object({
    tableId: uuid,
    name: tableName,
    location,
    version,
    droppedAt: millis,
    undropUntil: millis.optional().meta({ description: "Until then it can come back; absent: not any more" }),
  })
  .meta({ id: "DroppedTable" });

export const tableList = z
  .object({ tables: z.array(z.union([head.meta({ id: "Table" }), droppedTable])), next })
  .meta({ id: "TableList" });

export const tableDescription = head
  .extend({
    mirroredVersion: z.int().min(-1).meta({ description: "`_delta_log` holds all versions up to this one" }),
    inCommitTimestamp: millis.optional(),
    protocol: documented("Protocol"),
    metadata: documented("Metadata"),
    numTxns: count.meta({ description: "Applications that the table knows" }),
    txns: documentedArray("Txn").optional(),
    txnsAt: z
      .string()
      .optional()
      .meta({ description: "Where they are listed, when they are too many for this answer" }),
    numDomains: count,
    domains: documentedArray("DomainMetadata").optional(),
    domainsAt: z.string().optional(),
  })
  .meta({ id: "TableDescription" });

export const renameRequest = z
  .strictObject({ name: tableName.meta({ description: "The new name" }) })
  .meta({ id: "RenameRequest" });

export const renameExamples = { orders: { summary: "Another name", value: { name: "sales.orders_2025" } } };

export const renameAnswer = z
  .object({
    tableId: uuid,
    name: tableName,
    formerName: tableName.meta({ description: "The same as the name where the table had that already" }),
    location,
  })
  .meta({ id: "RenamedTable" });

export const undropRequest = z
  .strictObject({ name: tableName.optional().meta({ description: "Another name than it had" }) })
  .meta({ id: "UndropRequest" });

export const undropExamples = {
  same: { summary: "Under its name", value: {} },
  other: { summary: "Under another name, where its own is taken", value: { name: "sales.orders_old" } },
};

export const undropAnswer = z
  .object({ tableId: uuid, name: tableName, location, version })
  .meta({ id: "UndroppedTable" });

const TABLE_ID = "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f";
const place = { tableId: TABLE_ID, name: "sales.orders", location: "file:///data/sales/orders" };
const headExample = {
  ...place,
  version: 1,
  baseVersion: 0,
  timestamp: 1767225600123,
  numFiles: 1,
  sizeInBytes: 1024,
  createdAt: 1767225600000,
  health: HEALTHY,
};

/** One answer of each route, as it is sent. */
export const TABLE_EXAMPLES = {
  created: { ...place, version: 0, inCommitTimestamp: 1767225600000 },
  imported: {
    ...place,
    version: 42,
    baseVersion: 0,
    files: 120,
    bytes: 1073741824,
    mode: "full-history",
    resumed: false,
    notes: [],
  },
  renamed: { ...place, name: "sales.orders_2025", formerName: place.name },
  undropped: { ...place, version: 42 },
  list: { tables: [headExample] },
  description: {
    ...headExample,
    mirroredVersion: 1,
    inCommitTimestamp: 1767225600123,
    protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["appendOnly", "inCommitTimestamp"] },
    metadata: {
      id: TABLE_ID,
      format: { provider: "parquet", options: {} },
      schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
      partitionColumns: [],
      configuration: { "delta.enableInCommitTimestamps": "true" },
    },
    numTxns: 0,
    txns: [],
    numDomains: 0,
    domains: [],
  },
};
