/** `stats_parsed` to JSON: every type exactly, and the same as what Spark wrote as JSON beside it. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SchemaElement, SchemaTree } from "hyparquet";
import { isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { statsJson } from "../../lib/log/stats-json.ts";
import { findNode } from "../../lib/parquet/read/columns.ts";
import { openParquetFile, type ParquetRow } from "../../lib/parquet/read/file.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { deltaData, needsDeltaData } from "../support/skip.ts";

function leaf(name: string, element: Omit<SchemaElement, "name">): SchemaTree {
  return { children: [], count: 1, path: [name], element: { name, repetition_type: "OPTIONAL", ...element } };
}

function group(name: string, children: SchemaTree[], element: Partial<SchemaElement> = {}): SchemaTree {
  return { children, count: children.length, path: [name], element: { name, ...element } };
}

/** One value of one type, as JSON text; undefined when it is left out. */
function one(value: unknown, element: Omit<SchemaElement, "name">, hasTimestampNtz = true): string | undefined {
  const text = statsJson({ v: value }, { schema: group("stats_parsed", [leaf("v", element)]), hasTimestampNtz });
  return text === "{}" ? undefined : text?.slice('{"v":'.length, -1);
}

test("integers and texts", () => {
  assert.equal(one(9007199254740993n, { type: "INT64" }), "9007199254740993");
  assert.equal(one(-9223372036854775808n, { type: "INT64" }), "-9223372036854775808");
  assert.equal(one(-42, { type: "INT32", converted_type: "INT_8" }), "-42");
  assert.equal(one(true, { type: "BOOLEAN" }), "true");
  assert.equal(one('a"é\u2028😀', { type: "BYTE_ARRAY", converted_type: "UTF8" }), '"a\\"é\u2028😀"');
  assert.equal(one(Uint8Array.of(1), { type: "BYTE_ARRAY" }), undefined);
  assert.equal(one(null, { type: "INT64" }), undefined);
});

test("floats: the shortest text of their width, and names for what JSON has no number for", () => {
  assert.equal(one(Math.fround(0.123), { type: "FLOAT" }), "0.123");
  assert.equal(one(Math.fround(16777216), { type: "FLOAT" }), "16777216");
  assert.equal(one(0.1 + 0.2, { type: "DOUBLE" }), "0.30000000000000004");
  assert.equal(one(-0, { type: "DOUBLE" }), "-0.0");
  assert.equal(one(1e300, { type: "DOUBLE" }), "1e+300");
  assert.equal(one(Number.NaN, { type: "FLOAT" }), '"NaN"');
  assert.equal(one(Number.NEGATIVE_INFINITY, { type: "DOUBLE" }), '"-Infinity"');
});

test("decimals keep all digits and their scale, in all forms of storage", () => {
  const decimal = (scale: number) => ({ converted_type: "DECIMAL" as const, scale, precision: 38 });
  assert.equal(one(-101, { type: "INT32", ...decimal(1) }), "-10.1");
  assert.equal(one(5, { type: "INT32", ...decimal(3) }), "0.005");
  assert.equal(one(9007199254740993n, { type: "INT64", ...decimal(2) }), "90071992547409.93");
  assert.equal(one(7n, { type: "INT64", ...decimal(0) }), "7");
  const bytes = Uint8Array.from(Buffer.from("ffffffffffffffff1720ebb11f42f685", "hex"));
  const exact = BigInt.asIntN(128, 0xffffffffffffffff1720ebb11f42f685n).toString();
  assert.equal(one(bytes, { type: "FIXED_LEN_BYTE_ARRAY", ...decimal(0) }), exact);
  assert.equal(
    one(bytes, { type: "BYTE_ARRAY", logical_type: { type: "DECIMAL", precision: 38, scale: 3 } }),
    `${exact.slice(0, -3)}.${exact.slice(-3)}`,
  );
});

test("times are cut to milliseconds, downwards; dates are days; years that nobody parses are left out", () => {
  const micros = { type: "INT64", converted_type: "TIMESTAMP_MICROS" } as const;
  assert.equal(one(1_600_000_000_123_999n, micros), '"2020-09-13T12:26:40.123Z"');
  assert.equal(one(-1n, micros), '"1969-12-31T23:59:59.999Z"');
  assert.equal(
    one(1_600_000_000_123n, { type: "INT64", converted_type: "TIMESTAMP_MILLIS" }),
    '"2020-09-13T12:26:40.123Z"',
  );
  assert.equal(one(1_600_000_000_123_999_999n, { type: "INT96" }), '"2020-09-13T12:26:40.123Z"');
  assert.equal(one(253_402_300_800_000_000n, micros), undefined);
  assert.equal(one(-62_135_596_800_000_000n, micros), '"0001-01-01T00:00:00.000Z"');
  assert.equal(one(-62_135_596_800_000_001n, micros), undefined);
  const date = { type: "INT32", converted_type: "DATE" } as const;
  assert.equal(one(-25_567, date), '"1900-01-01"');
  assert.equal(one(2_932_896, date), '"9999-12-31"');
  assert.equal(one(2_932_897, date), undefined);
});

test("a time has no zone only in tables that know timestamp_ntz", () => {
  const element = {
    type: "INT64",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "MICROS" },
  } as const;
  assert.equal(one(0n, element, true), '"1970-01-01T00:00:00.000"');
  assert.equal(one(0n, element, false), '"1970-01-01T00:00:00.000Z"');
});

test("structs nest; null members, lists, maps and variants are left out; a null struct is no statistics", () => {
  const long = { type: "INT64" } as const;
  const schema = group("stats_parsed", [
    leaf("numRecords", long),
    group("minValues", [leaf("a", long), group("s", [leaf("b", long), leaf("c", long)])]),
    group("nullCount", [
      group("m", [leaf("key", long)], { converted_type: "MAP" }),
      group("v", [leaf("metadata", { type: "BYTE_ARRAY" })], { logical_type: { type: "VARIANT" } }),
    ]),
  ]);
  const value = { numRecords: 1n, minValues: { a: null, s: { b: 2n } }, nullCount: { m: { x: 1n }, v: {} } };
  const context = { schema, hasTimestampNtz: false };
  assert.equal(statsJson(value, context), '{"numRecords":1,"minValues":{"s":{"b":2}},"nullCount":{}}');
  assert.equal(statsJson(undefined, context), undefined);
});

// ---------------------------------------------------------------- real tables

/** All checkpoints that have `stats_parsed`, with the JSON of the same file from the checkpoint itself or from its commit. */
async function* bothForms(table: string): AsyncGenerator<{ parsed: string | undefined; json: string }> {
  const store = openFileStore(join(deltaData ?? "", table, "table"));
  const committed = await committedStats(store, table);
  for await (const { key, size } of store.list("_delta_log/")) {
    if (!key.endsWith(".parquet")) continue;
    const file = await openParquetFile({ store, key, size, unreadable: "CHECKPOINT_UNREADABLE" });
    const schema = findNode(file.schema, ["add", "stats_parsed"]);
    if (!schema) continue;
    const columns = (path: string): boolean =>
      ["add.path", "add.stats"].includes(path) || path.startsWith("add.stats_parsed.");
    for (const range of file.ranges(file.groups, columns)) {
      for (const row of await file.readRows(range, columns)) {
        const add = row.add as ParquetRow | undefined;
        const json = add?.stats ?? committed.get(add?.path);
        if (typeof json === "string")
          yield { parsed: statsJson(add?.stats_parsed, { schema, hasTimestampNtz: false }), json };
      }
    }
  }
}

async function committedStats(store: ObjectStore, table: string): Promise<Map<unknown, string>> {
  const log = openDeltaLog(store, table);
  const stats = new Map<unknown, string>();
  for (const { version } of (await log.list()).commits) {
    for (const add of (await log.readCommit(version)).actions.adds) if (add.stats) stats.set(add.path, add.stats);
  }
  return stats;
}

/** Without what means nothing: null members, the order of keys, `5.0` for `5`. */
function meaning(value: Json): Json {
  if (!isJsonObject(value)) return typeof value === "object" ? Number(stringifyJson(value)) : value;
  const members = Object.entries(value as JsonObject).filter(([, item]) => item !== null);
  return Object.fromEntries(
    members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, item]) => [name, meaning(item as Json)]),
  );
}

/** Tables with parsed statistics and JSON of the same files, by Spark, Databricks, delta-rs and Arrow C++. */
const TABLES = [
  "delta-rs__checkpoints_vacuumed",
  "delta-rs__issue_1374",
  "delta-rs__delta-1.2.1-only-struct-stats",
  "delta-rs__delta-checkpoint-stats-optional",
  "kernel-rs__parsed-stats",
  "kernel-rs__v2-json-sidecars-struct-stats-only",
  "kernel-rs__v2-parquet-sidecars-struct-stats-only",
  "trino__databricks73__parquet_stats_missing",
  "trino__databricks73__pruning__parquet_struct_statistics",
  "trino__databricks133__parsed_stats_struct",
  "trino__deltalake__clone_merge__clone_merge_cloned",
];

test(
  "what is made of stats_parsed means the same as the JSON that its writer left beside it",
  needsDeltaData("stats-json"),
  async () => {
    let compared = 0;
    for (const table of TABLES) {
      assert.ok(existsSync(join(deltaData ?? "", table)), table);
      for await (const { parsed, json } of bothForms(table)) {
        assert.deepEqual(meaning(parseJson(parsed ?? "null")), meaning(parseJson(json)), table);
        compared += 1;
      }
    }
    assert.ok(compared > 50, `only ${compared} compared`);
  },
);
