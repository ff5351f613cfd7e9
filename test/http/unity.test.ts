/** Tables found by name through the Unity Catalog API: names, types, pages, errors in Unity's shape. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { checked } from "../../lib/validation.ts";
import { unityLoadedTable, unityTable, unityTables } from "../../lib/wire/contracts/unity.ts";
import { deltaApiType, typeName, typeText } from "../../lib/wire/unity/types.ts";
import { openLocalApi } from "./local-api.ts";
import { type Answer, client, stubLake } from "./stub-lake.ts";

const BASE = "/api/2.1/unity-catalog";
const api = await openLocalApi();
const field = (name: string, type: Json, more: object = {}) => ({ name, type, nullable: true, metadata: {}, ...more });
const ID = field("id", "long");

async function make(name: string, fields: readonly object[] = [ID], more: object = {}): Promise<string> {
  const { status, body, text } = await api.post("/v1/tables", { name, schema: { type: "struct", fields }, ...more });
  assert.equal(status, 201, text);
  return String(body.tableId);
}

const NESTED = [
  field("price", "decimal(12,2)", { nullable: false, metadata: { comment: "in euros" } }),
  field("tags", { type: "array", elementType: "string", containsNull: true }),
  field("by_day", {
    type: "map",
    keyType: "date",
    valueType: { type: "struct", fields: [field("a-b", "integer"), field("c", "timestamp_ntz")] },
    valueContainsNull: false,
  }),
  field("country", "string"),
];
const nestedId = await make("shop.eu.orders", NESTED, {
  partitionColumns: ["country"],
  description: "all of them",
  fenced: false,
  configuration: { "delta.feature.timestampNtz": "supported", owner: "shop" },
});
await make("shop.plain", [ID], { fenced: false });
await make("shop.zones", [ID], { fenced: false });
await make("attic.t", [ID], { fenced: false });

test("every type of the protocol in each spelling", () => {
  const cases: readonly [type: Json, sql: string, name: string][] = [
    ["long", "bigint", "LONG"],
    ["integer", "int", "INT"],
    ["short", "smallint", "SHORT"],
    ["byte", "tinyint", "BYTE"],
    ["timestamp_ntz", "timestamp_ntz", "TIMESTAMP_NTZ"],
    ["void", "void", "NULL"],
    ["variant", "variant", "VARIANT"],
    ["decimal", "decimal(10,0)", "DECIMAL"],
    ["decimal( 38, 18)", "decimal(38,18)", "DECIMAL"],
    ["varchar(10)", "varchar(10)", "STRING"],
    ["char(3)", "char(3)", "CHAR"],
    ["interval day to second", "interval day to second", "INTERVAL"],
    [NESTED[1]?.type ?? null, "array<string>", "ARRAY"],
    [NESTED[2]?.type ?? null, "map<date,struct<`a-b`:int,c:timestamp_ntz>>", "MAP"],
  ];
  for (const [type, sql, name] of cases) assert.deepEqual([typeText(type), typeName(type)], [sql, name]);
  assert.deepEqual(deltaApiType(NESTED[2]?.type ?? null), {
    type: "map",
    "key-type": "date",
    "value-type": NESTED[2] && (NESTED[2].type as { valueType: Json }).valueType,
    "value-contains-null": false,
  });
  assert.deepEqual(deltaApiType({ type: "array", elementType: NESTED[1]?.type ?? null, containsNull: false }), {
    type: "array",
    "element-type": { type: "array", "element-type": "string", "contains-null": true },
    "contains-null": false,
  });
});

test("a table by its name, in both generations", async () => {
  const { body, text } = await api.get(`${BASE}/tables/lake.shop.eu.orders?read_streaming_table_as_managed=true`);
  const table = checked(unityTable, body);
  assert.ok(!text.includes("null}") && !text.includes(":null,"), "numbers that are null break clients");
  assert.deepEqual(
    [table.name, table.schema_name, table.full_name, table.table_id, table.comment],
    ["orders", "shop.eu", "lake.shop.eu.orders", nestedId, "all of them"],
  );
  assert.equal(table.storage_location, `file://${api.folder}/shop.eu/orders`);
  const [price, tags, byDay, country] = table.columns;
  assert.deepEqual(price && { ...price, type_json: JSON.parse(price.type_json ?? "") }, {
    name: "price",
    type_text: "decimal(12,2)",
    type_json: { ...NESTED[0], metadata: JSON.parse(price?.type_json ?? "{}").metadata },
    type_name: "DECIMAL",
    type_precision: 12,
    type_scale: 2,
    position: 0,
    comment: "in euros",
    nullable: false,
  });
  assert.deepEqual([tags?.type_name, byDay?.type_name, country?.partition_index], ["ARRAY", "MAP", 0]);
  assert.equal(table.properties.owner, "shop");
  assert.equal(table.properties["delta.minReaderVersion"], "3");
  assert.equal(table.properties["delta.feature.timestampNtz"], "supported");
  assert.equal(table.properties["delta.feature.catalogManaged"], undefined);

  const loaded = await api.get(`${BASE}/delta/v1/catalogs/lake/schemas/shop.eu/tables/orders`);
  const { metadata } = checked(unityLoadedTable, loaded.body);
  assert.deepEqual(
    [metadata["table-uuid"], metadata.location, metadata["partition-columns"]],
    [nestedId, table.storage_location, ["country"]],
  );
  assert.deepEqual(metadata.properties, table.properties);
  // What an external table has is in its log: a version here would be a bound to readers.
  assert.equal(loaded.body["latest-table-version"], undefined);
});

test("the etag moves with the metadata, not with the data", async () => {
  const tableId = await make("etag.t", [ID], { fenced: false });
  const place = `${BASE}/delta/v1/catalogs/lake/schemas/etag/tables/t`;
  const etag = async () => ((await api.get(place)).body.metadata as { etag: string }).etag;
  const first = await etag();
  const add = { add: { path: "a", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } };
  assert.equal((await api.commit(tableId, 0, [add])).status, 201);
  assert.equal(await etag(), first);
  const { body } = await api.get(`/v1/tables/${tableId}`);
  const metaData = { ...(body.metadata as object), configuration: { a: "b" } };
  const changed = await api.commit(tableId, 1, [{ metaData }]);
  assert.equal(changed.status, 201, changed.text);
  assert.notEqual(await etag(), first);
});

test("schemas are namespaces, and a schema has the tables of its own namespace alone", async () => {
  const { body } = await api.get(`${BASE}/schemas?catalog_name=lake&max_results=0&page_token=`);
  const names = (body.schemas as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names, ["attic", "etag", "shop", "shop.eu"]);
  const tables = async (schema: string) => {
    const answer = await api.get(`${BASE}/tables?catalog_name=lake&schema_name=${schema}&omit_columns=false`);
    return checked(unityTables, answer.body).tables.map(({ name }) => name);
  };
  assert.deepEqual(await tables("shop"), ["plain", "zones"]);
  assert.deepEqual(await tables("shop.eu"), ["orders"]);
  assert.deepEqual(await tables("nothing"), []);
  assert.equal((await api.get(`${BASE}/schemas/lake.shop.eu`)).body.full_name, "lake.shop.eu");
  assert.deepEqual((await api.get(`${BASE}/catalogs`)).body.catalogs, [{ name: "lake", properties: {} }]);
});

test("every page once, whatever its size; tokens of other lists are refused", async () => {
  for (const [path, list, wanted] of [
    ["schemas?catalog_name=lake", "schemas", ["attic", "etag", "shop", "shop.eu"]],
    ["tables?catalog_name=lake&schema_name=shop", "tables", ["plain", "zones"]],
  ] as const) {
    for (const size of [1, 2, 3]) {
      const names: string[] = [];
      let token = "";
      do {
        const { body } = await api.get(`${BASE}/${path}&max_results=${size}&page_token=${token}`);
        const items = body[list] as { name: string }[];
        assert.ok(items.length <= size);
        names.push(...items.map(({ name }) => name));
        token = (body.next_page_token as string | undefined) ?? "";
      } while (token !== "");
      assert.deepEqual(names, wanted, `${path}, pages of ${size}`);
    }
  }
  const foreign = await api.get(
    `${BASE}/tables?catalog_name=lake&schema_name=attic&page_token=tables.shop..shop.plain`,
  );
  assert.deepEqual([foreign.status, foreign.body.code], [400, "INVALID_CURSOR"]);
});

test("a folder needs no credentials; for a bucket an error says whose are needed", async () => {
  const place = `${BASE}/delta/v1/catalogs/lake/schemas/shop.eu/tables/orders/credentials?operation=READ_WRITE`;
  assert.deepEqual((await api.get(place)).body, { "storage-credentials": [] });
  const request = { table_id: nestedId, operation: "READ" };
  const given = await api.post(`${BASE}/temporary-table-credentials`, request);
  assert.equal(given.body.url, `file://${api.folder}/shop.eu/orders`);
  const [state] = await api.lake.catalog.readStates([{ tableId: nestedId }]);
  assert.ok(state);
  const inBucket = client(
    stubLake({ isEnforced: async () => false, findTable: async () => ({ ...state, location: "s3://b/t" }) } as never),
  );
  const refused = await inBucket.post(`${BASE}/temporary-table-credentials`, request);
  // Final: clients repeat 403 and 5xx.
  assertUnity(refused, 400, "INVALID_ARGUMENT", "InvalidParameterValueException");
  assert.equal(refused.body.code, "NO_CREDENTIALS_VENDED");
});

function assertUnity({ status, body, text }: Answer, wanted: number, code: string, type: string): void {
  assert.equal(status, wanted, text);
  assert.equal(body.error_code, code, text);
  const { message, type: given, code: again } = body.error as { message: string; type: string; code: number };
  assert.deepEqual([given, again, message], [type, wanted, body.message], text);
  assert.ok(String(body.message).startsWith(String(body.detail)));
}

test("what is not there is said in Unity's words, and in ours", async () => {
  const T = `${BASE}/delta/v1/catalogs`;
  for (const [path, code, type] of [
    ["/catalogs/main", "CATALOG_NOT_FOUND", "NoSuchCatalogException"],
    ["/schemas?catalog_name=main", "CATALOG_NOT_FOUND", "NoSuchCatalogException"],
    ["/schemas/lake.nothing", "SCHEMA_NOT_FOUND", "NoSuchSchemaException"],
    ["/schemas/lake", "SCHEMA_NOT_FOUND", "NoSuchSchemaException"],
    ["/schemas/lake.no%00thing", "SCHEMA_NOT_FOUND", "NoSuchSchemaException"],
    ["/tables/lake.shop.nothing", "TABLE_NOT_FOUND", "NoSuchTableException"],
    ["/tables/lake.shop", "TABLE_NOT_FOUND", "NoSuchTableException"],
    ["/tables/lake.shop.%00", "TABLE_NOT_FOUND", "NoSuchTableException"],
    ["/tables/main.shop.plain", "CATALOG_NOT_FOUND", "NoSuchCatalogException"],
    ["/functions", "NOT_FOUND", "NotFoundException"],
  ] as const) {
    assertUnity(await api.get(`${BASE}${path}`), 404, code, type);
  }
  assertUnity(await api.get(`${T}/lake/schemas/shop/tables/no`), 404, "TABLE_NOT_FOUND", "NoSuchTableException");
  const badPage = await api.get(`${BASE}/schemas?catalog_name=lake&max_results=-1`);
  assertUnity(badPage, 400, "INVALID_ARGUMENT", "InvalidParameterValueException");
  assertUnity(await api.get(`${BASE}/schemas`), 400, "INVALID_ARGUMENT", "InvalidParameterValueException");
  const method = await api.post(`${BASE}/tables`, {});
  assert.deepEqual([method.status, method.headers.get("allow")], [405, "GET"]);
});

test("a table that goes by another name is told so; one that was dropped is gone", async () => {
  const tableId = await make("gone.t", [ID], { fenced: false });
  await api.send(`/v1/tables/${tableId}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: '{"name":"gone.u"}',
  });
  const former = await api.get(`${BASE}/tables/lake.gone.t`);
  assertUnity(former, 404, "TABLE_NOT_FOUND", "NoSuchTableException");
  assert.equal(former.body.renamedTo, "gone.u");
  await api.lake.mirrored();
  assert.equal((await api.send(`/v1/tables/${tableId}`, { method: "DELETE" })).status, 204);
  assertUnity(await api.get(`${BASE}/schemas/lake.gone`), 404, "SCHEMA_NOT_FOUND", "NoSuchSchemaException");
});

test("what clients ask first", async () => {
  const config = await api.get(`${BASE}/delta/v1/config?catalog=lake&protocol-versions=1.0`);
  assert.deepEqual(config.body, {
    endpoints: [
      "GET /v1/catalogs/{catalog}/schemas/{schema}/tables/{table}",
      "GET /v1/catalogs/{catalog}/schemas/{schema}/tables/{table}/credentials",
    ],
    "protocol-version": "1.0",
  });
  const schema = await api.get("/api/2.0/settings/types/default_namespace_ws/names/default");
  assert.deepEqual(schema.body, { setting_name: "attic" });
});
