/** The number of rows in a deletion vector, as the headers of its bitmap say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsInBitmap } from "../../lib/delta/row-bitmap.ts";

const u16 = (...values: number[]) => values.flatMap((v) => [v & 255, v >>> 8]);
const u32 = (...values: number[]) => values.flatMap((v) => u16(v & 0xffff, v >>> 16));
const MAGIC = u32(1_681_511_377);
const array = (...bitmaps: number[][]) =>
  Uint8Array.from([...MAGIC, ...u32(bitmaps.length, 0), ...bitmaps.flatMap((bitmap, i) => [...u32(i), ...bitmap])]);
/** Rows 1 and 5. */
const PLAIN = [...u32(12_346, 1), ...u16(0, 1), ...u32(16), ...u16(1, 5)];
/** Rows 0 to 99. */
const RUN = [...u16(12_347, 0), 1, ...u16(0, 99), ...u16(1, 0, 99)];
/** 5,000 rows in a set of bits. */
const BITS = [...u32(12_346, 1), ...u16(0, 4_999), ...u32(16), ...new Array(8_192).fill(0)];

test("rows are counted in every kind of container, and over bitmaps", () => {
  assert.equal(rowsInBitmap(array()), 0);
  assert.equal(rowsInBitmap(array(PLAIN)), 2);
  assert.equal(rowsInBitmap(array(RUN)), 100);
  assert.equal(rowsInBitmap(array(BITS, RUN, PLAIN)), 5_102);
});

test("what is cut, or has another magic number, is no bitmap", () => {
  const whole = array(RUN, PLAIN);
  for (let end = 0; end < whole.length; end += 1) assert.equal(rowsInBitmap(whole.subarray(0, end)), undefined);
  assert.equal(rowsInBitmap(Uint8Array.from([1, ...whole])), undefined);
  assert.equal(rowsInBitmap(Uint8Array.from([...MAGIC, ...new Array(8).fill(255)])), undefined);
  assert.equal(rowsInBitmap(Uint8Array.from([...u32(1_681_511_376), 0])), "unread");
});
