/** Wire contracts of the Unity Catalog API, as far as it is served: what its clients ask for, and what they are told. */

import { TEXT } from "../../delta/limits.ts";
import { OPERATIONS } from "../unity/credentials.ts";
import { CATALOG } from "../unity/names.ts";
import { count, millis, queryInteger, text, uuid, z } from "./values.ts";

const name = text(TEXT.name, 1);
const catalogName = name.meta({ description: `The one catalog: \`${CATALOG}\``, examples: [CATALOG] });
const schemaName = name.meta({ description: "A namespace", examples: ["sales"] });
const fullName = text(TEXT.name + CATALOG.length + 1, 1);
const properties = z.record(z.string(), z.string());
const pageToken = text(TEXT.cursor)
  .optional()
  .meta({ description: "`next_page_token` of the page before; empty for the first" });
const nextPageToken = z.string().optional().meta({ description: "Absent on the last page" });

export const unityPage = z.object({
  max_results: queryInteger({
    min: 0,
    description: "At most so many; 0 or absent: as many as the server likes",
  }).optional(),
  page_token: pageToken,
});
export const unitySchemasQuery = unityPage.extend({ catalog_name: catalogName });
export const unityTablesQuery = unitySchemasQuery.extend({ schema_name: schemaName });
export const unityCatalogParams = z.object({ catalog: catalogName });
export const unitySchemaParams = z.object({
  schema: fullName.meta({ description: "catalog.schema", examples: [`${CATALOG}.sales`] }),
});
export const unityTableParams = z.object({
  table: fullName.meta({ description: "catalog.schema.table", examples: [`${CATALOG}.sales.orders`] }),
});
export const unityDeltaParams = z.object({ catalog: catalogName, schema: schemaName, table: name });

export const unityCredentialsQuery = z.object({
  operation: z.enum(OPERATIONS).optional().meta({ description: "What the credentials are for" }),
});
export const unityCredentialsRequest = z
  .looseObject({ table_id: uuid, operation: z.enum(OPERATIONS) })
  .meta({ id: "UnityCredentialsRequest" });

export const unityCatalog = z.object({ name: z.string(), properties }).meta({ id: "UnityCatalogInfo" });
export const unitySchema = z
  .object({ name: z.string(), catalog_name: z.string(), full_name: z.string(), properties })
  .meta({ id: "UnitySchemaInfo" });
const unityColumn = z
  .object({
    name: z.string(),
    type_text: z.string(),
    type_json: z.string().optional(),
    type_name: z.string(),
    type_precision: count,
    type_scale: count,
    position: count,
    comment: z.string().optional(),
    nullable: z.boolean(),
    partition_index: count.optional(),
  })
  .meta({ id: "UnityColumnInfo" });
export const unityTable = z
  .object({
    name: z.string(),
    catalog_name: z.string(),
    schema_name: z.string(),
    full_name: z.string(),
    table_type: z.literal("EXTERNAL"),
    data_source_format: z.literal("DELTA"),
    columns: z.array(unityColumn),
    storage_location: z.string(),
    comment: z.string().optional(),
    properties,
    created_at: millis,
    updated_at: millis,
    table_id: uuid,
  })
  .meta({ id: "UnityTableInfo" });
export const unityCatalogs = z
  .object({ catalogs: z.array(unityCatalog), next_page_token: nextPageToken })
  .meta({ id: "UnityCatalogs" });
export const unitySchemas = z
  .object({ schemas: z.array(unitySchema), next_page_token: nextPageToken })
  .meta({ id: "UnitySchemas" });
export const unityTables = z
  .object({ tables: z.array(unityTable), next_page_token: nextPageToken })
  .meta({ id: "UnityTables" });

export const unityConfig = z
  .object({ endpoints: z.array(z.string()), "protocol-version": z.string() })
  .meta({ id: "UnityDeltaConfig" });
export const unityLoadedTable = z
  .object({
    metadata: z.object({
      etag: z.string(),
      "table-type": z.literal("EXTERNAL"),
      "table-uuid": uuid,
      location: z.string(),
      "created-time": millis,
      "updated-time": millis,
      comment: z.string().optional(),
      columns: z.looseObject({ type: z.literal("struct") }),
      "partition-columns": z.array(z.string()),
      properties,
      "last-commit-version": count,
    }),
  })
  .meta({ id: "UnityLoadedTable" });
export const unityCredentials = z
  .object({
    "storage-credentials": z.array(
      z.object({
        prefix: z.string(),
        operation: z.enum(OPERATIONS),
        "expiration-time-ms": millis,
        config: z.object({
          "s3.access-key-id": z.string(),
          "s3.secret-access-key": z.string(),
          "s3.session-token": z.string(),
        }),
      }),
    ),
  })
  .meta({ id: "UnityStorageCredentials" });
export const unityTemporaryCredentials = z
  .object({
    url: z.string(),
    expiration_time: millis,
    aws_temp_credentials: z
      .object({ access_key_id: z.string(), secret_access_key: z.string(), session_token: z.string() })
      .optional(),
  })
  .meta({ id: "UnityTemporaryCredentials" });
export const unityDefaultSchema = z.object({ setting_name: z.string() }).meta({ id: "UnityDefaultSchema" });

const TABLE_ID = "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f";
const PROPERTIES = {
  "delta.minReaderVersion": "1",
  "delta.minWriterVersion": "2",
  "delta.lastUpdateVersion": "0",
  "delta.lastCommitTimestamp": "1767225600000",
};
const SCHEMA = { name: "sales", catalog_name: CATALOG, full_name: `${CATALOG}.sales`, properties: {} };
const CATALOG_INFO = { name: CATALOG, properties: {} };
const TABLE = {
  name: "orders",
  catalog_name: CATALOG,
  schema_name: "sales",
  full_name: `${CATALOG}.sales.orders`,
  table_type: "EXTERNAL",
  data_source_format: "DELTA",
  columns: [
    {
      name: "id",
      type_text: "bigint",
      type_json: '{"name":"id","type":"long","nullable":true,"metadata":{}}',
      type_name: "LONG",
      type_precision: 0,
      type_scale: 0,
      position: 0,
      nullable: true,
    },
  ],
  storage_location: "s3://lake/sales/orders",
  properties: PROPERTIES,
  created_at: 1767225600000,
  updated_at: 1767225600000,
  table_id: TABLE_ID,
};

export const UNITY_EXAMPLES = {
  catalogs: { catalogs: [CATALOG_INFO] },
  catalog: CATALOG_INFO,
  schemas: { schemas: [SCHEMA] },
  schema: SCHEMA,
  tables: { tables: [TABLE] },
  table: TABLE,
  config: { endpoints: ["GET /v1/catalogs/{catalog}/schemas/{schema}/tables/{table}"], "protocol-version": "1.0" },
  loaded: {
    metadata: {
      etag: `${TABLE_ID}-0`,
      "table-type": "EXTERNAL",
      "table-uuid": TABLE_ID,
      location: "s3://lake/sales/orders",
      "created-time": 1767225600000,
      "updated-time": 1767225600000,
      columns: { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] },
      "partition-columns": [],
      properties: PROPERTIES,
      "last-commit-version": 0,
    },
  },
  credentials: { "storage-credentials": [] },
  temporaryCredentials: { url: "file:///lake/sales/orders", expiration_time: 1767229200000 },
  defaultSchema: { setting_name: "sales" },
};
export const unityCredentialsExamples = {
  read: { summary: "To read a table", value: { table_id: TABLE_ID, operation: "READ" } },
};
