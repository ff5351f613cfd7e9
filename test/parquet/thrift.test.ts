/** The Thrift codec: a footer that is read and written again is the same, byte for byte. */

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { isLakeError } from "../../lib/errors.ts";
import { decodeThrift, encodeThrift, THRIFT, type ThriftStruct } from "../../lib/parquet/thrift.ts";
import { DELTA_DATA } from "../log/write-checkpoint-support.ts";

function footerBytes(file: Uint8Array): Uint8Array {
  const length = Buffer.from(file).readUInt32LE(file.length - 8);
  return new Uint8Array(file.subarray(file.length - 8 - length, file.length - 8));
}

test("footers of real checkpoints of many writers", (t) => {
  if (!existsSync(DELTA_DATA)) return t.skip("no ../shared/delta-data here: real footers cannot be checked");
  const files = globSync("*/table/_delta_log/*.checkpoint*.parquet", { cwd: fileURLToPath(DELTA_DATA) });
  for (const file of files) {
    const footer = footerBytes(readFileSync(new URL(file, DELTA_DATA)));
    assert.deepEqual(encodeThrift(decodeThrift(footer)), footer, file);
  }
  t.diagnostic(`${files.length} footers`);
});

test("numbers of all sizes, far field ids, long lists, booleans and nested structs", () => {
  const property = fc.property(fc.maxSafeInteger(), fc.nat(32_767), fc.nat(40), fc.boolean(), (n, id, length, flag) => {
    // Zigzag doubles a number: half of the safe range is what footers can hold.
    const value = Math.trunc(n / 2) + 0; // + 0: minus zero is no integer of Thrift
    const inner: ThriftStruct = new Map([[1, { type: THRIFT.i64, value }]]);
    const struct: ThriftStruct = new Map([
      [1, { type: flag ? THRIFT.true : THRIFT.false, value: flag }],
      [2, { type: THRIFT.list, value: { type: THRIFT.i32, items: Array.from({ length }, (_, i) => i - 20) } }],
      [3, { type: THRIFT.list, value: { type: THRIFT.true, items: [flag, !flag] } }],
      [4, { type: THRIFT.binary, value: Uint8Array.of(0, 255) }],
      [id + 5, { type: THRIFT.struct, value: inner }],
    ]);
    assert.deepEqual(decodeThrift(encodeThrift(struct)), struct);
  });
  fc.assert(property, { numRuns: 200 });
});

test("a struct given as bytes is written as it is", () => {
  const inner: ThriftStruct = new Map([[1, { type: THRIFT.i32, value: -7 }]]);
  const list = (item: ThriftStruct | Uint8Array): ThriftStruct =>
    new Map([[4, { type: THRIFT.list, value: { type: THRIFT.struct, items: [item] } }]]);
  assert.deepEqual(encodeThrift(list(encodeThrift(inner))), encodeThrift(list(inner)));
});

test("bytes that end too soon are corrupt", () => {
  const whole = encodeThrift(new Map([[1, { type: THRIFT.binary, value: Uint8Array.of(1, 2, 3) }]]));
  for (let end = 0; end < whole.length; end += 1) {
    assert.throws(
      () => decodeThrift(whole.subarray(0, end)),
      (error) => isLakeError(error, "corrupt"),
    );
  }
});
