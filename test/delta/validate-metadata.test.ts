/** metaData actions: by themselves, after another, and with the protocol they need. */

import { describe, test } from "node:test";
import type { Metadata, Protocol } from "../../lib/delta/actions.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { actions, add, field, legacy, metadata, protocol, refuses, schemaString } from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";

const AT = "/tables/0";
const META = `${AT}/metaData`;
const ALL = ["checkConstraints", "changeDataFeed", "columnMapping", "variantType"];

function change(
  after: Partial<Metadata>,
  before: Partial<Metadata> = {},
  upgrade: { readonly from?: Protocol; readonly to?: Protocol; readonly keptFiles?: number } = {},
): void {
  const from = upgrade.from ?? protocol(["appendOnly", "invariants"], ["columnMapping", "variantType"]);
  checkCommit(actions({ metadata: metadata(after), ...(upgrade.to && { protocol: upgrade.to }) }), {
    protocol: from,
    metadata: metadata(before),
    declared: new Set(ALL),
    keptFiles: upgrade.keptFiles ?? 0,
    at: AT,
  });
}
const configuration = (values: Record<string, string>) => ({ configuration: values });
const mapped = (name: string, id: number, physical = `col-${id}`, type: Json = "long") =>
  field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical });
const byName = (max: string | undefined, ...fields: ReturnType<typeof field>[]): Partial<Metadata> => ({
  schemaString: schemaString(...fields),
  configuration: {
    "delta.columnMapping.mode": "name",
    ...(max !== undefined && { "delta.columnMapping.maxColumnId": max }),
  },
});

describe("a metaData action by itself", () => {
  test("a name, a description, own properties are taken", () => {
    change({
      name: "n",
      description: "d",
      configuration: { mine: "x", "delta.logRetentionDuration": "interval 8 days" },
    });
  });
  test("edge 33: no schemaString", () => {
    const { schemaString: _, ...without } = metadata();
    const act = () =>
      checkCommit(actions({ metadata: without }), {
        protocol: protocol(),
        metadata: metadata(),
        declared: new Set(),
        at: AT,
      });
    refuses(act, { at: `${META}/schemaString` });
  });
  test("edge 33: columns that differ by case", () => {
    const twins = { schemaString: schemaString(field("a"), field("A")) };
    refuses(() => change(twins), { code: "DELTA_DUPLICATE_COLUMNS_FOUND", at: `${META}/schemaString/fields/1` });
  });
  for (const key of ["delta.minReaderVersion", "delta.minWriterVersion", "delta.feature.deletionVectors"]) {
    test(`edge 37: ${key} is no property`, () =>
      refuses(() => change(configuration({ [key]: "1" })), {
        code: "DELTA_UNKNOWN_CONFIGURATION",
        at: `${META}/configuration/${key}`,
      }));
  }
  test("another format than parquet", () => {
    refuses(() => change({ format: { provider: "orc", options: {} } }), { at: `${META}/format` });
  });
  const wrong: readonly [string, readonly string[], Json][] = [
    ["a column that is not there", ["nope"], "long"],
    ["a column in another case", ["PART"], "long"],
    ["a column twice", ["part", "part"], "long"],
    ["all columns", ["id", "part"], "long"],
    ["a struct", ["part"], { type: "struct", fields: [] }],
    ["an array", ["part"], { type: "array", elementType: "long", containsNull: true }],
    ["a variant", ["part"], "variant"],
  ];
  for (const [name, partitionColumns, type] of wrong) {
    test(`partitioned by ${name}`, () => {
      const table = { schemaString: schemaString(field("id"), field("part", type)), partitionColumns };
      refuses(() => change(table, table), { at: `${META}/partitionColumns` });
    });
  }
  test("a table has one column at least", () =>
    refuses(() => change({ schemaString: schemaString() }), { code: "DELTA_INVALID_SCHEMA" }));
  test("partitioned by a column of its own", () =>
    change({ partitionColumns: ["part"] }, { partitionColumns: ["part"] }));
  test("row tracking names its two columns", () => {
    const tracking = protocol(["rowTracking", "domainMetadata"]);
    const enabled = { "delta.enableRowTracking": "true", "delta.rowTracking.materializedRowIdColumnName": "a" };
    const names = { ...enabled, "delta.rowTracking.materializedRowCommitVersionColumnName": "b" };
    change(configuration(names), {}, { from: tracking });
    refuses(() => change(configuration(enabled), {}, { from: tracking }), { at: `${META}/configuration` });
  });
});

describe("column mapping", () => {
  const base = byName("2", mapped("id", 1), mapped("part", 2));
  test("ids and physical names for all columns, nested ones too, are taken", () => {
    change(byName("4", mapped("id", 1), mapped("s", 2, "s", { type: "struct", fields: [mapped("id", 4, "s")] })), base);
  });
  const wrong: readonly [string, Partial<Metadata>, string][] = [
    ["a column without an id", byName("2", mapped("id", 1), field("part")), "schemaString"],
    [
      "a nested column without an id",
      byName("2", mapped("s", 1, "s", { type: "struct", fields: [field("a")] })),
      "schemaString",
    ],
    [
      "an id as text",
      byName("2", field("id", "long", { "delta.columnMapping.id": "1", "delta.columnMapping.physicalName": "a" })),
      "schemaString",
    ],
    ["an id that is no integer", byName("2", mapped("id", 1.5)), "schemaString"],
    ["one id twice", byName("2", mapped("id", 1), mapped("part", 1, "other")), "schemaString"],
    ["one physical name twice", byName("2", mapped("id", 1, "x"), mapped("part", 2, "x")), "schemaString"],
    ["an empty physical name", byName("2", mapped("id", 1, "")), "schemaString"],
    ["maxColumnId missing", byName(undefined, mapped("id", 1)), "configuration"],
    ["maxColumnId below an id", byName("1", mapped("id", 1), mapped("part", 2)), "configuration"],
    ["maxColumnId that is no number", byName("x", mapped("id", 1)), `configuration/delta.columnMapping.maxColumnId`],
    ["another mode", configuration({ "delta.columnMapping.mode": "both" }), "configuration/delta.columnMapping.mode"],
    [
      "an id beyond 32 bits",
      byName("3000000000", mapped("id", 3_000_000_000)),
      "configuration/delta.columnMapping.maxColumnId",
    ],
    ["an id that is zero", byName("2", mapped("id", 0)), "schemaString"],
    ["an id that is negative", byName("2", mapped("id", -4)), "schemaString"],
    ["physical names that differ by case", byName("2", mapped("id", 1, "x"), mapped("part", 2, "X")), "schemaString"],
  ];
  for (const [name, after, at] of wrong) {
    test(`${name} is refused`, () =>
      refuses(() => change(after, base), {
        at: `${META}/${at}`,
        ...(at.startsWith("configuration/") ? { code: "DELTA_INVALID_TABLE_PROPERTY" } : {}),
      }));
  }
  test("modes: none to name alone", () => {
    const id = { ...base, configuration: { ...base.configuration, "delta.columnMapping.mode": "id" } };
    change(base);
    change(id, id);
    for (const [before, after] of [
      [{}, id],
      [base, id],
      [id, base],
      [base, {}],
    ] as const) {
      refuses(() => change(after, before), {
        code: "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
        at: `${META}/configuration`,
      });
    }
  });
  test("maxColumnId never goes down", () => {
    const lower = byName("2", mapped("id", 1), mapped("part", 2));
    change(byName("9", mapped("id", 1)), lower);
    refuses(() => change(lower, byName("9", mapped("id", 1))), { at: `${META}/configuration` });
  });
});

describe("a metaData action after another", () => {
  test("the id stays", () => refuses(() => change({ id: "another" }), { at: `${META}/id` }));
  test("edge 59: partition columns stay", () => {
    for (const [before, after] of [
      [[], ["part"]],
      [["part"], []],
      [["part"], ["id"]],
    ]) {
      const act = (keptFiles: number) =>
        change({ partitionColumns: after ?? [] }, { partitionColumns: before ?? [] }, { keptFiles });
      refuses(() => act(1), { code: "DELTA_PARTITION_COLUMNS_CHANGED", at: `${META}/partitionColumns` });
      act(0);
    }
  });
  test("edge 62: with column mapping a partition column may get another name, but not be another column", () => {
    const table = (name: string, id: number) => ({
      ...byName("3", mapped("id", 1), mapped(name, id), mapped("more", 5 - id)),
      partitionColumns: [name],
    });
    const files = { keptFiles: 1 };
    change(table("renamed", 2), table("part", 2), files);
    refuses(() => change(table("part", 3), table("part", 2), files), {
      code: "DELTA_PARTITION_COLUMNS_CHANGED",
      at: `${META}/partitionColumns`,
    });
  });
  test("edge 62: turning column mapping on keeps what the files call the partition column", () => {
    const before = { partitionColumns: ["part"] };
    const files = { keptFiles: 1 };
    change({ ...byName("2", mapped("id", 1, "id"), mapped("part", 2, "part", "string")), ...before }, before, files);
    const renamed = { ...byName("2", mapped("id", 1, "id"), mapped("part", 2, "p")), ...before };
    refuses(() => change(renamed, before, files), {
      code: "DELTA_PARTITION_COLUMNS_CHANGED",
      at: `${META}/partitionColumns`,
    });
  });
});

describe("features that metaData needs", () => {
  const code = "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT";
  const from = protocol(["appendOnly", "invariants"]);
  const cases: readonly [string, Partial<Metadata>, Protocol][] = [
    [
      "a CHECK constraint",
      configuration({ "delta.constraints.c": "id > 0" }),
      protocol(["appendOnly", "invariants", "checkConstraints"]),
    ],
    [
      "the change data feed",
      configuration({ "delta.enableChangeDataFeed": "true" }),
      protocol(["appendOnly", "invariants", "changeDataFeed"]),
    ],
    [
      "deletion vectors",
      configuration({ "delta.enableDeletionVectors": "true" }),
      protocol(["appendOnly", "invariants"], ["deletionVectors"]),
    ],
    [
      "a timestamp_ntz column",
      { schemaString: schemaString(field("t", "timestamp_ntz")) },
      protocol(["appendOnly", "invariants"], ["timestampNtz"]),
    ],
    [
      "a variant column",
      { schemaString: schemaString(field("v", "variant")) },
      protocol(["appendOnly", "invariants"], ["variantType"]),
    ],
  ];
  for (const [name, after, to] of cases) {
    test(`${name}: refused without the feature, taken with it or when it was so before`, () => {
      refuses(() => change(after, {}, { from }), { code, at: META });
      change(after, {}, { from, to });
      change(after, after, { from });
    });
  }
  test("a legacy protocol implies what it needs; a preview feature is as good", () => {
    change(configuration({ "delta.constraints.c": "id > 0" }), {}, { from: legacy(1, 3) });
    refuses(() => change(configuration({ "delta.constraints.c": "id > 0" }), {}, { from: legacy(1, 2) }), {
      code,
      at: META,
    });
    const preview = { from: protocol([], ["variantType-preview"]) };
    const act = () =>
      checkCommit(
        actions({ adds: [add()], metadata: metadata({ schemaString: schemaString(field("v", "variant")) }) }),
        {
          protocol: preview.from,
          metadata: metadata(),
          declared: new Set(["variantType-preview"]),
          keptFiles: 0,
          at: AT,
        },
      );
    act();
  });
  test("an existing table that lacks a feature still takes data", () => {
    checkCommit(actions({ adds: [add()] }), {
      protocol: from,
      metadata: metadata(configuration({ "delta.enableChangeDataFeed": "true" })),
      declared: new Set(),
      at: AT,
    });
  });
});
