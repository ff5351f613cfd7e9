/** Changes of metaData over files at hand: each rule by its name, and the three ways in which a change is allowed. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planTable } from "../../lib/delta/plan-commit.ts";
import { keptFiles } from "../../lib/delta/schema/metadata-change.ts";
import type { Json, JsonObject } from "../../lib/delta/values/json.ts";
import {
  actions,
  add,
  deletionVector,
  field,
  metadata,
  protocol,
  remove,
  schemaString,
  TRANSACTION_ID,
  tableCommit,
  tableState,
} from "../support/builders.ts";
import { array, FEATURES, map, of, refusal, type Some, struct } from "../support/metadata-refusal.ts";

describe("types without widening", () => {
  const TYPES = ["byte", "short", "integer", "long", "float", "double", "string", "binary", "boolean", "date"].concat([
    "timestamp",
    "timestamp_ntz",
    "decimal(10,2)",
    "decimal(12,2)",
  ]);
  for (const from of TYPES) {
    test(`${from} becomes no other type over files, and any in an empty table`, () => {
      for (const to of TYPES) {
        assert.equal(refusal(of(from), of(to)), from === to ? undefined : "typeChanged", `${from} to ${to}`);
        assert.equal(refusal(of(from), of(to), 0), undefined, `${from} to ${to}, empty`);
      }
    });
  }
  test("below structs, arrays and maps, too; and one kind of type is not another", () => {
    assert.equal(refusal(of(struct(field("b"))), of(struct(field("b", "string")))), "typeChanged");
    assert.equal(refusal(of(array("long")), of(array("integer"))), "typeChanged");
    assert.equal(refusal(of(map("string", "long")), of(map("string", "string"))), "typeChanged");
    assert.equal(refusal(of(map("string", "long")), of(map("long", "long"))), "typeChanged");
    assert.equal(refusal(of(array(struct(field("b")))), of(array(struct(field("b", "date"))))), "typeChanged");
    assert.equal(refusal(of("long"), of(struct(field("b")))), "typeChanged");
    assert.equal(refusal(of(array("long")), of(map("long", "long"))), "typeChanged");
    assert.equal(refusal(of(struct(field("b"))), of("string")), "typeChanged");
  });
  test("a type in another spelling is the same type", () => {
    assert.equal(refusal(of("decimal(10, 2)"), of("decimal(10,2)")), undefined);
    assert.equal(refusal(of("decimal"), of("decimal(10,0)")), undefined);
  });
});

describe("type widening", () => {
  const widening = { "delta.enableTypeWidening": "true" };
  const change = (from: string, to: string, recorded: JsonObject = { fromType: from, toType: to }) => {
    const wider = field("a", to, { "delta.typeChanges": [recorded] });
    return refusal(of(from), { fields: [wider, field("z")], configuration: widening });
  };
  const wide: readonly [string, string][] = [
    ["byte", "short"],
    ["byte", "long"],
    ["short", "integer"],
    ["integer", "long"],
    ["float", "double"],
    ["byte", "double"],
    ["integer", "double"],
    ["date", "timestamp_ntz"],
    ["integer", "decimal(10,0)"],
    ["integer", "decimal(12,2)"],
    ["long", "decimal(20,0)"],
    ["decimal(10,2)", "decimal(12,2)"],
    ["decimal(10,2)", "decimal(14,4)"],
  ];
  const narrow: readonly [string, string][] = [
    ["long", "integer"],
    ["long", "double"],
    ["double", "float"],
    ["long", "float"],
    ["date", "timestamp"],
    ["integer", "string"],
    ["integer", "decimal(9,0)"],
    ["integer", "decimal(11,2)"],
    ["long", "decimal(19,0)"],
    ["decimal(10,2)", "decimal(10,4)"],
    ["decimal(10,2)", "decimal(11,4)"],
    ["decimal(12,2)", "decimal(10,2)"],
  ];
  for (const [from, to] of wide) test(`${from} to ${to} is taken`, () => assert.equal(change(from, to), undefined));
  for (const [from, to] of narrow) test(`${from} to ${to} is not`, () => assert.equal(change(from, to), "typeChanged"));
  test("the change is recorded in the column's metadata", () => {
    assert.equal(change("integer", "long", {}), "typeChangeNotRecorded");
    assert.equal(change("integer", "long", { fromType: "short", toType: "long" }), "typeChangeNotRecorded");
    const element = (fieldPath: string): Some => ({
      fields: [
        field("a", array("long"), { "delta.typeChanges": [{ fromType: "integer", toType: "long", fieldPath }] }),
        field("z"),
      ],
      configuration: widening,
    });
    assert.equal(refusal(of(array("integer")), element("element")), undefined);
    assert.equal(refusal(of(array("integer")), element("value")), "typeChangeNotRecorded");
  });
  test("nothing widens in a table that does not allow it", () => {
    const off = { fields: [field("a", "long", { "delta.typeChanges": [] }), field("z")] };
    assert.equal(refusal(of("integer"), off), "typeChanged");
  });
});

describe("nulls", () => {
  const notNull = { nullable: false };
  const cases: readonly [string, Some, Some, string | undefined][] = [
    ["nullable to NOT NULL", of("long"), of("long", notNull), "madeNotNull"],
    ["NOT NULL to nullable", of("long", notNull), of("long"), undefined],
    ["a nested one", of(struct(field("b"))), of(struct({ ...field("b"), ...notNull })), "madeNotNull"],
    ["elements", of(array("long")), of(array("long", false)), "madeNotNull"],
    ["elements, the other way", of(array("long", false)), of(array("long")), undefined],
    ["values", of(map("string", "long")), of(map("string", "long", false)), "madeNotNull"],
    [
      "a new NOT NULL column",
      { fields: [field("z")] },
      { fields: [field("z"), { ...field("n"), ...notNull }] },
      "newColumnNotNull",
    ],
    [
      "a new NOT NULL member",
      of(struct(field("b"))),
      of(struct(field("b"), { ...field("c"), ...notNull })),
      "newColumnNotNull",
    ],
    ["a new nullable column", { fields: [field("z")] }, { fields: [field("n"), field("z")] }, undefined],
    ["a new nullable member", of(array(struct(field("b")))), of(array(struct(field("c"), field("b")))), undefined],
  ];
  for (const [name, before, after, rule] of cases) {
    test(name, () => {
      assert.equal(refusal(before, after), rule);
      assert.equal(refusal(before, after, 0), undefined);
    });
  }
});

describe("columns", () => {
  const cases: readonly [string, Some, Some, string | undefined][] = [
    ["dropped", { fields: [field("a"), field("z")] }, { fields: [field("z")] }, "columnDropped"],
    ["renamed", { fields: [field("a"), field("z")] }, { fields: [field("b"), field("z")] }, "columnDropped"],
    ["renamed by case", { fields: [field("a"), field("z")] }, { fields: [field("A"), field("z")] }, "columnDropped"],
    ["in another order", { fields: [field("a"), field("z")] }, { fields: [field("z"), field("a")] }, undefined],
    ["a member dropped", of(struct(field("b"), field("c"))), of(struct(field("c"))), "columnDropped"],
    [
      "a new one with a default",
      { fields: [field("z")] },
      { fields: [field("z"), field("n", "long", { CURRENT_DEFAULT: "3" })] },
      "newColumnWithDefault",
    ],
  ];
  const features = protocol(["appendOnly", "invariants", "allowColumnDefaults"]);
  for (const [name, before, after, rule] of cases) {
    test(name, () => assert.equal(refusal(before, { ...after, protocol: features }), rule));
  }
});

describe("column mapping", () => {
  const mapped = (name: string, id: number, physical = `col-${id}`, type: Json = "long") =>
    field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical });
  const byName = (max: number, ...fields: readonly JsonObject[]): Some => ({
    fields,
    configuration: { "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": String(max) },
  });
  const plain: Some = { fields: [field("a"), field("s", struct(field("b")))] };
  const base = byName(2, mapped("a", 1), mapped("b", 2));
  const cases: readonly [string, Some, Some, string | undefined][] = [
    [
      "turned on with the names that the files have",
      plain,
      byName(3, mapped("a", 1, "a"), mapped("s", 2, "s", struct(mapped("b", 3, "b")))),
      undefined,
    ],
    [
      "turned on with invented names",
      plain,
      byName(3, mapped("a", 1, "col-1"), mapped("s", 2, "s", struct(mapped("b", 3, "b")))),
      "physicalNameInvented",
    ],
    [
      "turned on with invented names of members",
      plain,
      byName(3, mapped("a", 1, "a"), mapped("s", 2, "s", struct(mapped("b", 3, "x")))),
      "physicalNameInvented",
    ],
    ["renamed", base, byName(2, mapped("other", 1), mapped("b", 2)), undefined],
    ["names exchanged", base, byName(2, mapped("b", 1), mapped("a", 2)), undefined],
    ["dropped", base, byName(2, mapped("b", 2)), undefined],
    ["added", base, byName(3, mapped("a", 1), mapped("b", 2), mapped("c", 3)), undefined],
    [
      "physical names exchanged",
      base,
      byName(2, mapped("a", 1, "col-2"), mapped("b", 2, "col-1")),
      "physicalNameChanged",
    ],
    ["ids exchanged", base, byName(2, mapped("a", 2, "col-1"), mapped("b", 1, "col-2")), "physicalNameChanged"],
    ["another physical name", base, byName(2, mapped("a", 1, "x"), mapped("b", 2)), "physicalNameChanged"],
    ["an id given before", byName(5, mapped("a", 1)), byName(5, mapped("a", 1), mapped("c", 4)), "columnIdReused"],
    [
      "the physical name of a dropped one",
      base,
      byName(3, mapped("a", 1), mapped("c", 3, "col-2")),
      "physicalNameReused",
    ],
    [
      "its own name as the physical one, as an older column may have had it",
      base,
      byName(3, mapped("a", 1), mapped("b", 2), mapped("c", 3, "c")),
      "physicalNameReused",
    ],
    [
      "another type under the same id",
      base,
      byName(2, mapped("a", 1, "col-1", "string"), mapped("b", 2)),
      "typeChanged",
    ],
  ];
  for (const [name, before, after, rule] of cases) {
    test(name, () => {
      assert.equal(refusal(before, after), rule);
      assert.equal(refusal(before, after, 0), undefined);
    });
  }
});

describe("a change that depends on files", () => {
  const state = tableState({ numFiles: 2, protocol: FEATURES });
  const after = metadata({ schemaString: schemaString(field("id", "string"), field("part", "string")) });
  const STATS = { stats: '{"numRecords":1}' };
  const replace = (...paths: readonly string[]) =>
    tableCommit(
      { metadata: after, removes: paths.map((path) => remove(path)), adds: [add("new", STATS)] },
      { reads: {} },
    );
  const plan = (request: ReturnType<typeof tableCommit>) => planTable(state, request, TRANSACTION_ID, 0);

  test("is taken when every file goes, and has then looked at the whole table", () => {
    const planned = plan(replace("a", "b"));
    assert.ok(planned.dependsOnFiles && planned.intent.readsWholeTable);
    assert.ok(planned.planned.watch.includes("add") && planned.planned.watch.includes("remove"));
    assert.throws(() => plan(replace("a")), /1 file stays/);
  });
  test("a change that files survive depends on none", () => {
    const same = tableCommit({ metadata: metadata({ description: "d" }), adds: [add("n", STATS)] }, { reads: {} });
    assert.equal(plan(same).dependsOnFiles, false);
  });
  test("a file whose deletion vector is replaced stays", () => {
    const dv = { deletionVector: deletionVector("a") };
    assert.equal(keptFiles(2, actions({ removes: [remove("a"), remove("b")], adds: [add("b", dv)] })), 1);
    assert.equal(keptFiles(2, actions({ removes: [remove("a"), remove("%61")] })), 1);
    assert.equal(keptFiles(0, actions({ removes: [] })), 0);
  });
  test("row ids for all files are asked for where row tracking is turned on", () => {
    const on = {
      "delta.enableRowTracking": "true",
      "delta.rowTracking.materializedRowIdColumnName": "r",
      "delta.rowTracking.materializedRowCommitVersionColumnName": "v",
    };
    const request = tableCommit({ metadata: metadata({ configuration: on }) }, { reads: {} });
    assert.deepEqual(plan(request).fileRequirements, ["rowIds"]);
    assert.deepEqual(planTable({ ...state, numFiles: 0 }, request, TRANSACTION_ID, 0).fileRequirements, []);
  });
});
