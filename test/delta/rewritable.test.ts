/** What a rewrite of rows can keep, and what is refused by name; and columns whose name and id disagree. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { misnamedColumn } from "../../lib/delta/checks/file-schema.ts";
import { checkRewritable, materializedColumns, rewriteProblem } from "../../lib/delta/checks/rewritable.ts";
import { FEATURES } from "../../lib/delta/features.ts";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { field, metadata, protocol, schemaString } from "../support/builders.ts";

const of = (features: string[], configuration: Record<string, string> = {}, ...fields: ReturnType<typeof field>[]) =>
  tableConfiguration(
    protocol(features),
    metadata({ configuration, schemaString: schemaString(...(fields.length > 0 ? fields : [field("id")])) }),
  );

test("every feature that we know is either kept or refused by its name while it is active", () => {
  const kept = new Set<string>();
  for (const [name, { isActive }] of Object.entries(FEATURES)) {
    const problem = rewriteProblem(of([name]));
    if (isActive) assert.equal(problem, undefined, `${name} is listed, and not in use`);
    else if (problem === undefined) kept.add(name);
    else assert.match(problem, name === "clustering" ? /clustered/ : new RegExp(name));
  }
  assert.deepEqual([...kept].sort(), ["deltalakedb.managed", "domainMetadata", "vacuumProtocolCheck"]);
});

test("types and properties that this writer does not know are named", () => {
  const widened = { "delta.typeChanges": [{ fromType: "integer", toType: "long" }] };
  for (const [table, problem] of [
    [of(["typeWidening"], { "delta.enableTypeWidening": "true" }), /typeWidening/],
    [of([], {}, field("id", "long", widened)), /has had another type in the column "id"/],
    [of([], {}, field("v", "void")), /column "v" of type void/],
    [of([], {}, field("s", { type: "array", elementType: "interval day", containsNull: true })), /"s.element"/],
    [of([], { "delta.writePartitionColumnsToParquet": "true" }), /partition columns in the data files/],
    [of(["icebergCompatV2", "columnMapping"], { "delta.enableIcebergCompatV2": "true" }), /icebergCompatV2/],
  ] as const) {
    assert.match(rewriteProblem(table) ?? "", problem);
    assert.throws(() => checkRewritable("t", table), { kind: "invalid", code: "REWRITE_REFUSED" });
  }
});

test("rows are tracked only with columns to keep their ids in", () => {
  const names = {
    "delta.rowTracking.materializedRowIdColumnName": "_id",
    "delta.rowTracking.materializedRowCommitVersionColumnName": "_version",
  };
  const enabled = { "delta.enableRowTracking": "true" };
  assert.match(rewriteProblem(of(["rowTracking", "domainMetadata"], enabled)) ?? "", /names no columns for their ids/);
  const tracked = of(["rowTracking", "domainMetadata"], { ...enabled, ...names });
  assert.equal(rewriteProblem(tracked), undefined);
  assert.deepEqual(materializedColumns(tracked), { rowId: "_id", commitVersion: "_version" });
  assert.equal(materializedColumns(of(["rowTracking", "domainMetadata"], names)), undefined);
});

test("under mapping by id a column must be the same by its id and by its name", () => {
  const mapped = (name: string, id: number, type: Parameters<typeof field>[1] = "long") =>
    field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": `col-${id}` });
  const inner = { type: "struct", fields: [mapped("in", 2)] };
  const table = of(["columnMapping"], { "delta.columnMapping.mode": "id" }, mapped("a", 1), mapped("s", 3, inner));
  const column = (name: string, fieldId?: number, ...children: object[]) => ({
    name,
    ...(fieldId === undefined ? {} : { fieldId }),
    children: children as never[],
  });
  const check = (...columns: object[]) => misnamedColumn({ rows: 1, columns: columns as never[] }, table);
  assert.equal(check(column("col-1", 1), column("col-3", 3, column("col-2", 2))), undefined);
  assert.equal(check(column("other", 9)), undefined, "a column that is missing reads as NULL either way");
  assert.match(check(column("col-1")) ?? "", /its column "a"/);
  assert.match(check(column("other", 1)) ?? "", /its column "a"/);
  assert.match(check(column("col-1", 1), column("col-3", 3, column("col-2", 7))) ?? "", /its column "in"/);
});
