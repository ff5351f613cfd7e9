/** Partition values of a commit's actions: stored in canonical form, or refused with the form that is wanted. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CommitActions, NO_ACTIONS, type StringMap } from "../../lib/delta/actions.ts";
import { placesOf } from "../../lib/delta/fields/action-places.ts";
import { withCanonicalPartitionValues } from "../../lib/delta/schema/partition-values.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { add as addFile, metadata, remove as removeFile } from "../support/builders.ts";

function tableOf(columns: Readonly<Record<string, { readonly type: string; readonly nullable?: boolean }>>) {
  const fields = Object.entries(columns).map(([name, { type, nullable = true }]) => ({
    name,
    type,
    nullable,
    metadata: {},
  }));
  const schemaString = JSON.stringify({ type: "struct", fields });
  return tableDescription(metadata({ partitionColumns: Object.keys(columns), schemaString }));
}

const DECIMAL = tableOf({ p: { type: "decimal(10,2)" } });
const canonical = (actions: Partial<CommitActions>, table = DECIMAL) =>
  withCanonicalPartitionValues({ ...NO_ACTIONS, ...actions }, table, placesOf({ at: "/tables/0" }));
const values = (partitionValues: StringMap) => ({ partitionValues });
const cdc = (partitionValues: Json) => ({ cdc: { path: "c", partitionValues, size: 1, dataChange: false } });
const refusal = (code: string, message: RegExp) => (error: unknown) =>
  isLakeError(error, "invalid") && error.code === code && message.test(error.message);

test("adds, removes and cdc files get the same form", () => {
  const stored = canonical({
    adds: [addFile("a", values({ p: "1.5" }))],
    removes: [removeFile("r", values({ p: "1.500" }))],
    others: [cdc({ p: "15e-1" }), { future: { partitionValues: { p: "1.5" } } }],
  });
  assert.deepEqual(stored.adds[0]?.partitionValues, { p: "1.50" });
  assert.deepEqual(stored.removes[0]?.partitionValues, { p: "1.50" });
  assert.deepEqual(stored.others, [cdc({ p: "1.50" }), { future: { partitionValues: { p: "1.5" } } }]);
});

test("what is canonical stays the same object, other fields stay as they are", () => {
  const add = addFile("a", { ...values({ p: "1.50" }), tags: { t: "1" } });
  const other = addFile("b", { ...values({ p: "1.5" }), tags: { t: "1" }, stats: "{}" });
  const stored = canonical({ adds: [add, other] });
  assert.equal(stored.adds[0], add);
  assert.deepEqual(stored.adds[1], { ...other, partitionValues: { p: "1.50" } });
});

describe("null", () => {
  for (const type of ["string", "binary", "integer", "decimal(10,2)", "double", "boolean", "date", "timestamp"]) {
    test(`an empty ${type} is null, as null is`, () => {
      const table = tableOf({ p: { type } });
      for (const text of ["", null]) {
        assert.deepEqual(canonical({ adds: [addFile("a", values({ p: text }))] }, table).adds[0]?.partitionValues, {
          p: null,
        });
      }
    });
    test(`a NOT NULL ${type} cannot be null or empty in an add or a cdc file; a remove may repeat an old one`, () => {
      const table = tableOf({ p: { type, nullable: false } });
      const wrong = refusal("DELTA_NOT_NULL_CONSTRAINT_VIOLATED", /"p" is NOT NULL/);
      for (const text of ["", null]) {
        assert.throws(() => canonical({ adds: [addFile("a", values({ p: text }))] }, table), wrong);
        assert.throws(() => canonical({ others: [cdc({ p: text })] }, table), wrong);
        const { removes } = canonical({ removes: [removeFile("r", values({ p: text }))] }, table);
        assert.deepEqual(removes[0]?.partitionValues, { p: null });
      }
    });
  }
});

test("what is no value is refused by column, type and wanted form, wherever it is", () => {
  for (const text of ["1.234", "99999999999", "x", "x".repeat(100_000)]) {
    const wrong = (error: unknown) =>
      refusal("DELTA_INVALID_PARTITION_VALUE", /partition column "p" \(decimal\(10,2\)\)/)(error) &&
      isLakeError(error) &&
      error.message.length < 300 &&
      /such as "1.50"/.test(error.hint ?? "");
    assert.throws(() => canonical({ adds: [addFile("a", values({ p: text }))] }), wrong);
    assert.throws(() => canonical({ removes: [removeFile("r", values({ p: text }))] }), wrong);
    assert.throws(() => canonical({ others: [cdc({ p: text })] }), wrong);
  }
});

test("keys are exactly the partition columns; a remove may lack its values", () => {
  const wrong = refusal("DELTA_INVALID_PARTITION_COLUMN", /exactly the keys \["p"\]/);
  for (const given of [{}, { p: "1", q: "2" }, { P: "1" }]) {
    assert.throws(() => canonical({ adds: [addFile("a", values(given))] }), wrong);
    assert.throws(() => canonical({ others: [cdc(given)] }), wrong);
  }
  const { partitionValues: _, ...bare } = removeFile("r");
  assert.deepEqual(canonical({ removes: [bare] }).removes, [bare]);
});

test("a cdc file's values are texts", () => {
  for (const given of [{ p: 1 }, { p: ["1"] }, [], "p", null]) {
    assert.throws(
      () => canonical({ others: [cdc(given)] }),
      (error) => isLakeError(error, "invalid"),
    );
  }
});

test("column names that JavaScript finds special are columns like others", () => {
  const table = tableOf({ ["__proto__"]: { type: "integer" }, constructor: { type: "integer" } });
  const given = JSON.parse('{"__proto__": "01", "constructor": "02"}') as StringMap;
  const [add] = canonical({ adds: [addFile("a", values(given))] }, table).adds;
  assert.equal(JSON.stringify(add?.partitionValues), '{"__proto__":"1","constructor":"2"}');
});
