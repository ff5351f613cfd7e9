/** Table properties that the service acts on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkpointInterval,
  deletedFileRetentionMs,
  isCheckpointDue,
  parseIntervalMs,
} from "../../lib/delta/properties.ts";
import { metadata } from "../support/builders.ts";

const DAY = 86_400_000;
const configured = (name: string, value: string) => metadata({ configuration: { [name]: value } });

for (const [text, expected] of [
  ["interval 30 days", 30 * DAY],
  ["INTERVAL 1 Week", 7 * DAY],
  ["2 weeks 3 hours", 14 * DAY + 3 * 3_600_000],
  ["  1 day  ", DAY],
  ["interval 0 hours", 0],
  ["90 seconds", 90_000],
  ["1500 microseconds", 1],
  ["5 milliseconds", 5],
] as const) {
  test(`"${text}" is ${expected} ms`, () => assert.equal(parseIntervalMs(text), expected));
}

for (const text of [
  undefined,
  "",
  "interval",
  "30",
  "days",
  "interval 1 month",
  "1 year",
  "-5 days",
  "1.5 days",
  "1e3 days",
  "0x10 days",
  "one day",
  "1 constructor",
  "1 day 2",
]) {
  test(`"${text}" is no interval`, () => assert.equal(parseIntervalMs(text), undefined));
}

test("files are kept for one week, unless the table says otherwise in words that we understand", () => {
  const name = "delta.deletedFileRetentionDuration";
  assert.equal(deletedFileRetentionMs(metadata()), 7 * DAY);
  assert.equal(deletedFileRetentionMs(configured(name, "interval 2 days")), 2 * DAY);
  assert.equal(deletedFileRetentionMs(configured(name, "interval 0 days")), 0);
  assert.equal(deletedFileRetentionMs(configured(name, "interval -2 days")), 7 * DAY);
  assert.equal(deletedFileRetentionMs(configured(name, "for ever")), 7 * DAY);
});

test("a checkpoint is due every 10 versions, or as the table says; never at version 0", () => {
  assert.equal(checkpointInterval(metadata()), 10);
  assert.equal(checkpointInterval(configured("delta.checkpointInterval", "3")), 3);
  for (const wrong of ["0", "-1", "x", "1.5", ""]) {
    assert.equal(checkpointInterval(configured("delta.checkpointInterval", wrong)), 10, wrong);
  }
  const due = [0, 1, 9, 10, 11, 20].filter((version) => isCheckpointDue(version, metadata()));
  assert.deepEqual(due, [10, 20]);
});
