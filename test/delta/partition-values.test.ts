/** Serialized partition values as typed values (delta-rules.md §1.4, §8.12). */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { typedPartitionValue as typed } from "../../lib/delta/partition-values.ts";

const SAME: readonly [type: string, a: string, b: string][] = [
  ["integer", "1", "01"],
  ["long", "9223372036854775807", "+9223372036854775807"],
  ["decimal(10,2)", "1.0", "1.00"],
  ["decimal(38,0)", "1E2", "100"],
  ["double", "1e3", "1000.0"],
  ["timestamp", "2024-01-01 00:00:00", "2024-01-01T00:00:00.000000Z"],
  ["timestamp", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:59:59.999999+01:00"],
  ["timestamp_ntz", "2024-01-01 00:00:00", "2024-01-01T00:00:00.000"],
];
const NO_VALUES: readonly [type: string, text: string][] = [
  ["integer", "2147483648"],
  ["byte", "128"],
  ["long", "9223372036854775808"],
  ["integer", "1.0"],
  ["integer", "x"],
  ["decimal(10,2)", "1,5"],
  ["double", "0x10"],
  ["boolean", "TRUE "],
  ["date", "2024-02-30"],
  ["date", "20240101"],
  ["timestamp", "2024-01-01T25:00:00Z"],
  ["timestamp", "__HIVE_DEFAULT_PARTITION__"],
  ["timestamp_ntz", "2024-01-01T00:00:00Z"],
];

for (const [type, a, b] of SAME) {
  test(`${type}: ${a} and ${b} are one value`, () => {
    assert.notEqual(typed(a, type), undefined);
    assert.equal(typed(a, type), typed(b, type));
  });
}
for (const [type, text] of NO_VALUES) {
  test(`edge 12: "${text}" is no ${type}`, () => assert.equal(typed(text, type), undefined));
}

test("edge 9: null and the empty string are null for every type; other texts are themselves", () => {
  for (const type of ["string", "integer", "date", "binary"]) {
    assert.equal(typed(null, type), null);
    assert.equal(typed("", type), null);
  }
  for (const text of ["null", "__HIVE_DEFAULT_PARTITION__", "a/b=c%"]) assert.equal(typed(text, "string"), text);
});

test("order of texts is order of values", () => {
  const instants = fc.date({ min: new Date(-1e13), max: new Date(4e12), noInvalidDate: true });
  fc.assert(
    fc.property(instants, instants, (a, b) => {
      const [x, y] = [a, b].map((d) => typed(d.toISOString().replace(/^[+]/, ""), "timestamp") as bigint);
      return x !== undefined && y !== undefined && x < y === a.getTime() < b.getTime();
    }),
  );
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => typed(String(n), "long") === n));
});
