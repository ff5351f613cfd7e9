/** Schemas and properties that some reader cannot open, with files or without: each refused by the name of its rule. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actions, field, metadata, protocol, refuses } from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";
import { array, of, refusal, type Some, struct } from "../support/metadata-refusal.ts";

describe("what no reader could open, with files or without", () => {
  const cases: readonly [string, Some, string][] = [
    ["void", of("void"), "voidType"],
    ["an array of void", of(array("void")), "voidType"],
    ["a void member", of(struct(field("b", "void"))), "voidType"],
    ["char", of("char(3)"), "charType"],
    ["varchar", of("varchar(3)"), "charType"],
    ["an interval", of("interval day to second"), "intervalType"],
    ["a decimal with spaces", of("decimal(10, 2)"), "decimalForm"],
    ["a decimal without digits", of("decimal"), "decimalForm"],
    ["a decimal of no digits", of("decimal(0,0)"), "decimalForm"],
    ["a struct without members", of(struct()), "emptyStruct"],
    ["an array of such", of(array(struct())), "emptyStruct"],
    ["a null flag that is none", of({ type: "array", elementType: "long", containsNull: "yes" }), "nullFlag"],
    ["one of a map", of({ type: "map", keyType: "long", valueType: "long", valueContainsNull: 1 }), "nullFlag"],
    ["a struct with a member of its own", of({ ...struct(field("b")), note: "x" }), "typeMember"],
    ["an array with one", of(array({ ...array("long"), note: "x" })), "typeMember"],
    ["no columns", { fields: [] }, "noColumns"],
    [
      "an id without column mapping",
      { fields: [field("a", "long", { "delta.columnMapping.id": 1 }), field("z")] },
      "mappingAnnotation",
    ],
    [
      "a physical name without column mapping",
      of(struct(field("b", "long", { "delta.columnMapping.physicalName": "x" }))),
      "mappingAnnotation",
    ],
    [
      "half an identity column",
      {
        fields: [field("a", "long", { "delta.identity.start": 1 }), field("z")],
        protocol: protocol(["identityColumns"]),
      },
      "identityColumn",
    ],
    ["a space in a name", { fields: [field("a b"), field("z")] }, "columnName"],
    ["a brace in a name", of(struct(field("b{"))), "columnName"],
    [
      "change data with a column of its own",
      { fields: [field("_change_type"), field("z")], configuration: { "delta.enableChangeDataFeed": "true" } },
      "changeDataColumn",
    ],
    [
      "change data with a column of its own, in capitals",
      { fields: [field("_COMMIT_version"), field("z")], configuration: { "delta.enableChangeDataFeed": "true" } },
      "changeDataColumn",
    ],
  ];
  const plain: Some = { fields: [field("z")] };
  for (const [name, after, rule] of cases) {
    test(`${name} is refused, and let be where it was so before`, () => {
      assert.equal(refusal(plain, after, 0), rule);
      const again = { ...after, configuration: { ...after.configuration, own: "x" } };
      assert.equal(refusal(after, again, 0), undefined);
    });
  }
});

describe("properties that exclude each other", () => {
  const names = {
    "delta.rowTracking.materializedRowIdColumnName": "r",
    "delta.rowTracking.materializedRowCommitVersionColumnName": "v",
  };
  const cases: readonly [string, Record<string, string>][] = [
    [
      "row tracking enabled and suspended",
      { ...names, "delta.enableRowTracking": "true", "delta.rowTrackingSuspended": "true" },
    ],
    [
      "a log kept for less time than files",
      { "delta.logRetentionDuration": "interval 1 day", "delta.deletedFileRetentionDuration": "interval 2 days" },
    ],
    [
      "files kept for more time than the log is by default",
      { "delta.deletedFileRetentionDuration": "interval 60 days" },
    ],
    ["two versions of Iceberg", { "delta.enableIcebergCompatV1": "true", "delta.enableIcebergCompatV2": "true" }],
    ["Iceberg and deletion vectors", { "delta.enableIcebergCompatV2": "true", "delta.enableDeletionVectors": "true" }],
    ["Iceberg without column mapping", { "delta.enableIcebergCompatV1": "true" }],
    ["an Iceberg that we do not know", { "delta.enableIcebergCompatV3": "true" }],
    ["UniForm without Iceberg compatibility", { "delta.universalFormat.enabledFormats": "iceberg" }],
  ];
  for (const [name, configuration] of cases) {
    test(`${name}: refused, and let be where it was so before`, () => {
      const after = { fields: [field("z")], configuration };
      assert.equal(refusal({ fields: [field("z")] }, after, 0), "DELTA_INVALID_TABLE_PROPERTY");
      assert.equal(refusal(after, { ...after, configuration: { ...configuration, own: "x" } }, 0), undefined);
    });
  }
});

test("the schema itself has no members of its own, either", () => {
  const schema = (more: object) =>
    metadata({ schemaString: JSON.stringify({ type: "struct", fields: [field("z")], ...more }) });
  const check = (after: ReturnType<typeof schema>) =>
    checkCommit(actions({ metadata: after }), {
      protocol: protocol(),
      metadata: metadata(),
      keptFiles: 0,
      at: "/tables/0",
    });
  check(schema({}));
  refuses(() => check(schema({ note: "x" })), { code: "DELTA_INVALID_SCHEMA" });
});
