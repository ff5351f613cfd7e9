/** 64-bit integers: one form for each, none lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addInt64, int64, isInt64 } from "../../lib/delta/values/int64.ts";
import { refuses } from "../support/builders.ts";

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
const long = fc.oneof(
  fc.bigInt({ min: MIN, max: MAX }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.constantFrom(MAX, MIN, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) + 1n, -(2n ** 53n), 0n),
);

test("every 64-bit integer has one form, from a bigint and from text", () => {
  fc.assert(
    fc.property(long, (big) => {
      const value = int64(big);
      assert.equal(BigInt(value), big);
      assert.equal(typeof value, Number.isSafeInteger(Number(big)) ? "number" : "bigint");
      assert.ok(isInt64(value));
      assert.strictEqual(int64(String(big)), value);
    }),
  );
});

test("edge 13: 9007199254740993 and 9223372036854775807 are exact", () => {
  assert.strictEqual(int64("9007199254740993"), 9007199254740993n);
  assert.strictEqual(int64("9223372036854775807"), 9223372036854775807n);
  assert.strictEqual(int64("9007199254740991"), 9007199254740991);
  assert.ok(Object.is(int64(-0), 0));
});

test("edge 14: what is no 64-bit integer is refused", () => {
  for (const text of ["", " ", " 7", "7\n", "0x10", "1.0", "1e3", "+1", "one", "--1", "9223372036854775808"]) {
    refuses(() => int64(text), {});
  }
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, MAX + 1n, MIN - 1n]) {
    refuses(() => int64(value), {});
  }
});

test("isInt64 knows the normal form, so that === compares", () => {
  for (const value of [0, -1, 2 ** 53 - 1, 2n ** 53n, MAX, MIN]) assert.ok(isInt64(value), String(value));
  for (const value of [5n, 2 ** 53, 1.5, Number.NaN, MAX + 1n, "1", null, undefined, {}]) {
    assert.ok(!isInt64(value), String(value));
  }
});

test("addInt64 is exact, and refuses to leave 64 bits", () => {
  fc.assert(
    fc.property(long, long, (a, b) => {
      if (a + b > MAX || a + b < MIN) refuses(() => addInt64(int64(a), int64(b)), {});
      else assert.strictEqual(addInt64(int64(a), int64(b)), int64(a + b));
    }),
  );
});
