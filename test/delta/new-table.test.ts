/** Version 0 of a new table: its metaData, and the protocol that its schema and properties ask for. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type NewTable, newTableActions } from "../../lib/delta/new-table.ts";
import { checkProtocolShape } from "../../lib/delta/protocol.ts";
import type { Json, JsonObject } from "../../lib/delta/values/json.ts";
import { field, refuses, TABLE_ID } from "../support/builders.ts";

const BASE = ["appendOnly", "deltalakedb.managed", "inCommitTimestamp", "invariants"];
const struct = (...fields: readonly JsonObject[]): JsonObject => ({ type: "struct", fields });
function create(some: Partial<NewTable> = {}) {
  const table = {
    name: "sales.orders",
    location: "file:///t",
    schema: struct(field("id"), field("part", "string")),
    ...some,
  };
  const made = newTableActions(table, TABLE_ID, 5);
  assert.ok(made.protocol && made.metadata);
  checkProtocolShape(made.protocol, "");
  return { ...made, protocol: made.protocol, metadata: made.metadata };
}
const mapped = (name: string, id: number, type: Json = "long") =>
  field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": `col-${id}` });

test("edge 34: version 0 has metaData and a protocol, and nothing else but commitInfo", () => {
  const made = create({ partitionColumns: ["part"], description: "d", configuration: { mine: "x" } });
  assert.deepEqual(made.protocol, { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: BASE });
  assert.deepEqual(made.metadata, {
    id: TABLE_ID,
    name: "orders",
    description: "d",
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(struct(field("id"), field("part", "string"))),
    partitionColumns: ["part"],
    configuration: { "delta.enableInCommitTimestamps": "true", mine: "x" },
    createdTime: 5,
  });
  assert.deepEqual([made.adds, made.removes, made.txns, made.domains, made.others], [[], [], [], [], []]);
  assert.equal(made.commitInfo?.operation, "CREATE TABLE");
  assert.deepEqual(made.commitInfo?.operationParameters, {
    partitionBy: '["part"]',
    properties: JSON.stringify(made.metadata.configuration),
  });
});

test("a caller's properties go before ours", () => {
  const { metadata } = create({
    configuration: { "delta.checkpointInterval": "3", "delta.enableInCommitTimestamps": "false" },
  });
  assert.deepEqual(metadata.configuration, {
    "delta.enableInCommitTimestamps": "false",
    "delta.checkpointInterval": "3",
  });
});

test("the schema is completed with what readers demand", () => {
  const { metadata } = create({
    schema: struct({ name: "id", type: "long" }, { name: "n", type: "long", nullable: false }),
  });
  assert.deepEqual(JSON.parse(metadata.schemaString ?? ""), struct(field("id"), { ...field("n"), nullable: false }));
});

describe("the protocol follows from", () => {
  const reader = (...names: string[]) => ({ readerFeatures: names, writerFeatures: [...BASE, ...names].sort() });
  const writer = (...names: string[]) => ({ readerFeatures: undefined, writerFeatures: [...BASE, ...names].sort() });
  const cases: readonly [
    string,
    Partial<NewTable>,
    { readerFeatures: string[] | undefined; writerFeatures: string[] },
  ][] = [
    ["a timestamp_ntz column", { schema: struct(field("t", "timestamp_ntz")) }, reader("timestampNtz")],
    [
      "a nested variant",
      { schema: struct(field("a", { type: "array", elementType: "variant", containsNull: true })) },
      reader("variantType"),
    ],
    ["deletion vectors", { configuration: { "delta.enableDeletionVectors": "true" } }, reader("deletionVectors")],
    [
      "type widening, without the preview",
      { configuration: { "delta.enableTypeWidening": "true" } },
      reader("typeWidening"),
    ],
    ["the change data feed", { configuration: { "delta.enableChangeDataFeed": "true" } }, writer("changeDataFeed")],
    ["row tracking", { configuration: { "delta.enableRowTracking": "true" } }, writer("domainMetadata", "rowTracking")],
    ["delta.feature.x", { configuration: { "delta.feature.v2Checkpoint": "supported" } }, reader("v2Checkpoint")],
    [
      "delta.feature.x that needs another",
      { configuration: { "delta.feature.clustering": "Supported" } },
      writer("clustering", "domainMetadata"),
    ],
    [
      "an old name of a feature",
      { configuration: { "delta.feature.timestampWithoutTimezone": "enabled" } },
      reader("timestampNtz"),
    ],
    [
      "a table without a fence",
      { fenced: false },
      { readerFeatures: undefined, writerFeatures: BASE.filter((name) => name !== "deltalakedb.managed") },
    ],
    ["a property that is off", { configuration: { "delta.enableDeletionVectors": "false" } }, writer()],
  ];
  for (const [name, table, { readerFeatures, writerFeatures }] of cases) {
    test(name, () => {
      const { protocol, metadata } = create(table);
      assert.deepEqual([protocol.readerFeatures, protocol.writerFeatures], [readerFeatures, writerFeatures]);
      assert.deepEqual([protocol.minReaderVersion, protocol.minWriterVersion], [readerFeatures ? 3 : 1, 7]);
      assert.deepEqual(
        Object.keys(metadata.configuration).filter((key) => key.startsWith("delta.feature.")),
        [],
      );
    });
  }
});

test("row tracking gets names for its two columns", () => {
  const { configuration } = create({ configuration: { "delta.enableRowTracking": "true" } }).metadata;
  const names = ["materializedRowIdColumnName", "materializedRowCommitVersionColumnName"].map(
    (n) => configuration[`delta.rowTracking.${n}`],
  );
  assert.deepEqual(names, [`_row-id-col-${TABLE_ID}`, `_row-commit-version-col-${TABLE_ID}`]);
});

describe("column mapping", () => {
  const mode = (value: string) => ({ configuration: { "delta.columnMapping.mode": value } });
  test("ids are taken as they are, nested ones too, and the largest becomes maxColumnId", () => {
    const { metadata, protocol } = create({ ...mode("name"), schema: struct(mapped("s", 1, struct(mapped("a", 7)))) });
    assert.equal(metadata.configuration["delta.columnMapping.maxColumnId"], "7");
    assert.deepEqual(protocol.readerFeatures, ["columnMapping"]);
    const given = { configuration: { "delta.columnMapping.mode": "id", "delta.columnMapping.maxColumnId": "9" } };
    const { configuration } = create({ ...given, schema: struct(mapped("a", 7)) }).metadata;
    assert.equal(configuration["delta.columnMapping.maxColumnId"], "9");
  });
  test("without ids it is refused: we do not make them up", () => {
    refuses(() => create(mode("name")), { at: "/schema" });
    refuses(() => create({ ...mode("id"), schema: struct(mapped("s", 1, struct(field("a")))) }), { at: "/schema" });
  });
  test("an unknown mode is refused", () =>
    refuses(() => create(mode("both")), {
      code: "DELTA_INVALID_TABLE_PROPERTY",
      at: "/configuration/delta.columnMapping.mode",
    }));
});

describe("refused", () => {
  const cases: readonly [string, Partial<NewTable>, { readonly code?: string; readonly at?: string }][] = [
    ["an unknown type", { schema: struct(field("a", "int")) }, { at: "/schema/fields/0/type" }],
    ["no struct", { schema: { type: "long" } }, { at: "/schema" }],
    [
      "twin columns",
      { schema: struct(field("a"), field("A")) },
      { code: "DELTA_DUPLICATE_COLUMNS_FOUND", at: "/schema/fields/1" },
    ],
    ["an unknown partition column", { partitionColumns: ["nope"] }, { at: "/partitionColumns" }],
    [
      "edge 37: protocol versions as properties",
      { configuration: { "delta.minWriterVersion": "7" } },
      { code: "DELTA_UNKNOWN_CONFIGURATION", at: "/configuration/delta.minWriterVersion" },
    ],
    ["an unknown feature", { configuration: { "delta.feature.magic": "supported" } }, { code: "UNSUPPORTED_FEATURE" }],
    [
      "a feature that is switched off",
      { configuration: { "delta.feature.v2Checkpoint": "disabled" } },
      { at: "/configuration" },
    ],
    [
      "a feature that would make the table read-only",
      { configuration: { "delta.feature.checkpointProtection": "supported" } },
      { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", at: "/configuration" },
    ],
  ];
  for (const [name, table, expected] of cases) test(name, () => refuses(() => create(table), expected));
});
