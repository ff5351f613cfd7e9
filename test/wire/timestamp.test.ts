/** Moments: the calendar is kept, and the same texts are taken in query strings, bodies and on the command line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { moment } from "../../lib/cli/arguments.ts";
import { checked } from "../../lib/validation.ts";
import { snapshotRequest } from "../../lib/wire/contracts/reads.ts";
import { parseTimestamp } from "../../lib/wire/timestamp.ts";
import { client, stubLake } from "../http/stub-lake.ts";

const TAKEN: readonly [text: string, millis: number][] = [
  ["0", 0],
  ["1767225600000", 1767225600000],
  ["2026-01-01", 1767225600000],
  ["2026-01-01T00:00Z", 1767225600000],
  ["2026-01-01T01:00:00+01:00", 1767225600000],
  ["2026-01-01T00:00:00.123456789Z", 1767225600123],
  ["2024-02-29", Date.UTC(2024, 1, 29)],
  ["2000-02-29T00:00:00-14:00", Date.UTC(2000, 1, 29, 14)],
  ["1969-12-31T23:59:59Z", -1000],
  ["9999-12-31T23:59:59.999Z", 253402300799999],
];
const REFUSED = [
  ...["2026-02-30", "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32"],
  ...["2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z"],
  ...["2026-01-01T00:00:00+15:00", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z"],
  ...["2026-1-1", "+2026-01-01", "2026-01-01 00:00:00Z", "today", "", " 0", "-1", "1e3", "0x10"],
  ...["253402300800000", "999999999999999", "9999-12-31T23:59:59-01:00", "2026-01-01T00:00:00.0000000000Z"],
];

for (const [text, millis] of TAKEN) test(`${text} is a moment`, () => assert.equal(parseTimestamp(text), millis));
for (const text of REFUSED) {
  test(`"${text}" is no moment, wherever it is`, async () => {
    assert.equal(parseTimestamp(text), undefined);
    assert.throws(() => moment(text), /It takes milliseconds/);
    assert.throws(() => checked(snapshotRequest, { tables: [{ table: "a.b" }], timestamp: text }));
    const path = `/v1/tables/a.b/files?timestamp=${encodeURIComponent(text)}`;
    assert.equal((await client(stubLake()).get(path)).status, 400);
  });
}

test("property: every day of the calendar is taken as itself, and no other", () => {
  const two = (n: number) => String(n).padStart(2, "0");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), fc.nat(13), fc.nat(32), (year, month, day) => {
      const text = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      assert.equal(parseTimestamp(text), exists ? date.getTime() : undefined);
    }),
    { numRuns: 2000 },
  );
});
