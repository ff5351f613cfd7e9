/** Table properties that the service acts on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ownInterval } from "../../lib/delta/checkpoint-cadence.ts";
import {
  canonicalPropertyValue,
  PROPERTIES,
  type PropertyName,
  propertyProblem,
  tableProperties,
  unreadableProperties,
} from "../../lib/delta/properties/properties.ts";
import { interval } from "../../lib/delta/properties/values.ts";
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
  test(`"${text}" is ${expected} ms`, () => assert.equal(interval.read(text), expected));
}

for (const text of [
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
  test(`"${text}" is no interval`, () => assert.equal(interval.read(text), undefined));
}

test("a value that nobody can read counts as not set", () => {
  const retention = (value?: string) => {
    const name = "delta.deletedFileRetentionDuration";
    return tableProperties(value === undefined ? metadata() : configured(name, value))[name];
  };
  assert.equal(retention(), 7 * DAY);
  assert.equal(retention("interval 2 days"), 2 * DAY);
  assert.equal(retention("interval 0 days"), 0);
  assert.equal(retention("interval -2 days"), 7 * DAY);
  assert.equal(retention("for ever"), 7 * DAY);
});

test("an interval of checkpoints is its owner's: none where it is not said, or cannot be read", () => {
  const every = (value: string) => ownInterval(configured("delta.checkpointInterval", value));
  assert.equal(every("3"), 3);
  for (const wrong of ["0", "-1", "x", "1.5", ""]) assert.equal(every(wrong), undefined, wrong);
  assert.equal(ownInterval(metadata()), undefined);
});

/** For each kind of value: what is taken, as what it is stored, and what is refused. */
const VALUES: readonly [PropertyName, Record<string, string>, readonly string[]][] = [
  [
    "delta.appendOnly",
    { true: "true", FALSE: "false", " True ": "true" },
    ["yes", "no", "1", "0", "", "t", "on", "truee", "null"],
  ],
  [
    "delta.checkpointInterval",
    { "10": "10", "+7": "7", "007": "7", "2147483647": "2147483647" },
    ["0", "-1", "ten", "1.0", "1e3", "", " ", "2147483648", "0x10", "9".repeat(400)],
  ],
  ["delta.dataSkippingNumIndexedCols", { "-1": "-1", "0": "0" }, ["-2", "all", ""]],
  [
    "delta.deletedFileRetentionDuration",
    {
      "interval 7 days": "interval 7 days",
      "7 days": "interval 1 week",
      "INTERVAL 36 HOURS": "interval 36 hours",
      "1 week 1 day": "interval 8 days",
      "interval 0 hours": "interval 0 hours",
      "0 minutes": "interval 0 days",
    },
    ["7 dayz", "interval 1 month", "1 year", "interval", "7", "days", "-1 day", "1.5 days", "", "interval 1 day 2"],
  ],
  [
    "delta.isolationLevel",
    { serializable: "Serializable", WRITESERIALIZABLE: "WriteSerializable" },
    ["Foo", "SnapshotIsolation", ""],
  ],
  ["delta.columnMapping.mode", { NAME: "name", none: "none", id: "id" }, ["foo", "", "names"]],
  ["delta.checkpointPolicy", { V2: "v2", classic: "classic" }, ["v3", "v1", ""]],
  ["delta.columnMapping.maxColumnId", { "5": "5" }, ["-1", "x", "2147483648"]],
  ["delta.universalFormat.enabledFormats", { "iceberg, hudi": "iceberg,hudi", "": "" }, ["paimon", "iceberg,iceberg"]],
  [
    "delta.dataSkippingStatsColumns",
    { "a, b.c": "a, b.c", "`a b`.c,d": "`a b`.c,d", Ümläut: "Ümläut" },
    ["", "a,", "a b", "`a", "a..b", ".", "a-b"],
  ],
  ["delta.targetFileSize", { "100mb": "100mb", "104857600": "104857600" }, ["0", "big", "-1", "1.5gb"]],
  ["delta.parquet.compression.codec", { ZSTD: "zstd" }, ["zip", ""]],
  ["delta.rowTracking.materializedRowIdColumnName", { _row: "_row" }, ["", "  "]],
];
for (const [name, taken, refused] of VALUES) {
  for (const [value, stored] of Object.entries(taken)) {
    test(`${name}: ${JSON.stringify(value)} is stored as ${JSON.stringify(stored)}`, () => {
      assert.equal(propertyProblem(name, value), undefined);
      assert.equal(canonicalPropertyValue(name, value), stored);
      assert.equal(canonicalPropertyValue(name, stored), stored);
    });
  }
  for (const value of refused) {
    test(`${name}: ${JSON.stringify(value.slice(0, 20))} is refused`, () => {
      assert.match(propertyProblem(name, value)?.problem ?? "", /^must be /);
      assert.equal(unreadableProperties(configured(name, value)).length, 1);
    });
  }
}

test("a constraint is a condition that is complete", () => {
  const problem = (value: string) => propertyProblem("delta.constraints.c", value)?.problem;
  for (const right of [
    "id > 0",
    "id > 0 and (s = 'it''s (' or `a b` is null)",
    "name like 'x%'",
    "a in (1, 2)",
    "not b",
  ]) {
    assert.equal(problem(right), undefined, right);
  }
  for (const wrong of [
    "",
    " ",
    "id >",
    "id > 0 and",
    "(id > 0",
    "id > 0)",
    "s = 'x",
    's = "x',
    "`a > 1",
    "(a]",
    "a; b",
    "a in",
    "a =",
  ]) {
    assert.match(problem(wrong) ?? "", /^must be a condition/, wrong);
  }
});

test("every property has a default that it can read back, and a sentence", () => {
  for (const [name, { kind, default: value, about }] of Object.entries(PROPERTIES)) {
    assert.match(about, /\.$/, name);
    if (value === undefined) continue;
    const written = (kind.write as (value: unknown, text: string) => string)(value, "");
    assert.deepEqual(kind.read(written), value, name);
    assert.equal(propertyProblem(name, written), undefined, name);
  }
});

test("an unknown property is refused with the nearest known name; own properties are free", () => {
  const hint = (name: string) => propertyProblem(name, "true")?.hint;
  for (const [wrong, right] of [
    ["delta.apendOnly", "delta.appendOnly"],
    ["delta.appendonly", "delta.appendOnly"],
    ["DELTA.appendOnly", "delta.appendOnly"],
    ["Delta.AppendOnly", "delta.appendOnly"],
    ["delta.enableChangeDataFeeds", "delta.enableChangeDataFeed"],
    ["delta.columnMappingMode", "delta.columnMapping.mode"],
    ["delta.checkpoint.interval", "delta.checkpointInterval"],
    ["delta.logRetention", "delta.logRetentionDuration"],
  ] as const) {
    assert.equal(hint(wrong), `Did you mean "${right}"?`, wrong);
  }
  assert.match(hint("delta.wholly.unheard.of") ?? "", /outside "delta\."/);
  for (const key of ["delta.minReaderVersion", "delta.feature.deletionVectors", "DELTA.FEATURE.x"]) {
    assert.match(propertyProblem(key, "1")?.problem ?? "", /protocol action/, key);
  }
  for (const own of ["owner", "my.delta.appendOnly", "spark.x", "__proto__", "constructor"]) {
    assert.equal(propertyProblem(own, "anything"), undefined, own);
  }
});

test("the older name of the change data feed is read where the newer one is not set", () => {
  const feed = (configuration: Record<string, string>) =>
    tableProperties(metadata({ configuration }))["delta.enableChangeDataFeed"];
  assert.equal(feed({ "delta.enableChangeDataCapture": "true" }), true);
  assert.equal(feed({ "delta.enableChangeDataCapture": "true", "delta.enableChangeDataFeed": "false" }), false);
});
