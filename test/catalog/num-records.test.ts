/** The count of rows in a file's statistics: by a short way, and the same as by parsing all of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { numRecords } from "../../lib/catalog/rows/add.ts";

const CASES: readonly (readonly [string | undefined, number | bigint | undefined])[] = [
  [undefined, undefined],
  ["{}", undefined],
  ['{"numRecords":0}', 0],
  ['{"numRecords":7,"minValues":{"a":1}}', 7],
  ['{"minValues":{"a":1},"numRecords":7}', 7],
  ['{ "numRecords" : 7 }', 7],
  ['{"numRecords":999999999999999}', 999_999_999_999_999],
  ['{"numRecords":9223372036854775807}', 9_223_372_036_854_775_807n],
  ['{"numRecords":1,"numRecords":2}', 2],
  ['{"numRecords":1,"minValues":{"numRecords":5},"nullCount":{"numRecords":0}}', 1],
  ['{"numRecords":1.5}', undefined],
  ['{"numRecords":"1"}', undefined],
  ['{"numRecords":null}', undefined],
  ['{"numRecords":01}', undefined],
  ['{"numRecords":1', undefined],
  ['{"numRecords":1,', undefined],
  ["no JSON", undefined],
];

for (const [stats, count] of CASES) {
  test(`${stats} counts ${count}`, () => assert.equal(numRecords(stats), count));
}
