/** The number of rows in a deletion vector, as the headers of its bitmap say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rowsInBitmap, rowsOfBitmap } from "../../lib/delta/values/row-bitmap.ts";

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

test("property: rows of a bitmap are those that were put in, in every kind of container", () => {
  const rows = fc.uniqueArray(fc.nat(2 ** 20), { maxLength: 200 });
  const dense = fc
    .tuple(fc.nat(2 ** 18), fc.integer({ min: 1, max: 9_000 }))
    .map(([from, n]) => Array.from({ length: n }, (_, i) => from + i * 2));
  fc.assert(
    fc.property(fc.array(fc.oneof(rows, dense), { maxLength: 3 }), fc.boolean(), (parts, runs) => {
      const wanted = [...new Set(parts.flat())].sort((a, b) => a - b);
      const bytes = encoded(wanted, runs);
      assert.deepEqual([...(rowsOfBitmap(bytes) ?? [])], wanted);
      assert.equal(rowsInBitmap(bytes), wanted.length);
    }),
    { numRuns: 100 },
  );
});

test("rows above 32 bits keep their place", () => {
  const bytes = Uint8Array.from([...MAGIC, ...u32(1, 0), ...u32(3), ...PLAIN]);
  assert.deepEqual([...(rowsOfBitmap(bytes) ?? [])], [3 * 2 ** 32 + 1, 3 * 2 ** 32 + 5]);
});

/** One bitmap of rows below 2^32, by the Roaring format: the smaller of a list and a set of bits, or runs. */
function encoded(rows: readonly number[], runs: boolean): Uint8Array {
  if (rows.length === 0) return array();
  const chunks = new Map<number, number[]>();
  for (const row of rows) {
    const chunk = chunks.get(row >>> 16) ?? [];
    chunks.set(row >>> 16, chunk);
    chunk.push(row & 0xffff);
  }
  const containers = [...chunks].map(([high, low]) => ({ high, low, bytes: runs ? runsOf(low) : listOf(low) }));
  const count = containers.length;
  const headers = containers.flatMap(({ high, low }) => u16(high, low.length - 1));
  const head = runs
    ? [...u16(12_347, count - 1), ...new Array(Math.ceil(count / 8)).fill(255), ...headers]
    : [...u32(12_346, count), ...headers];
  // Where each container begins; whoever reads them in order passes over it.
  const offsets = !runs || count >= 4 ? u32(...new Array(count).fill(0)) : [];
  return array([...head, ...offsets, ...containers.flatMap(({ bytes }) => bytes)]);
}

function listOf(low: readonly number[]): number[] {
  if (low.length <= 4_096) return low.flatMap((row) => u16(row));
  const bits = new Array(8_192).fill(0);
  for (const row of low) bits[row >> 3] |= 1 << (row & 7);
  return bits;
}

function runsOf(low: readonly number[]): number[] {
  const found: [first: number, more: number][] = [];
  for (const row of low) {
    const last = found.at(-1);
    if (last && row === last[0] + last[1] + 1) last[1] += 1;
    else found.push([row, 0]);
  }
  return [...u16(found.length), ...found.flatMap(([first, more]) => u16(first, more))];
}
