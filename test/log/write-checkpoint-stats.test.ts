/** Parsed statistics and partition values: typed by the schema, equal to Spark's, and null rather than wrong. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { AddFile, Metadata } from "../../lib/delta/actions.ts";
import { parseJson } from "../../lib/delta/values/json.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import {
  type ActionRow,
  ADD,
  checkpointKey,
  contentOf,
  DELTA_DATA,
  METADATA,
  readObject,
  readWithHyparquet,
  schemaOf,
} from "./write-checkpoint-support.ts";

type Column = readonly [name: string, type: unknown, options?: { nullable?: boolean; physical?: string }];

function tableOf(columns: readonly Column[], more: Partial<Metadata> = {}): Metadata {
  const fields = columns.map(([name, type, { nullable = true, physical } = {}]) => ({
    name,
    type,
    nullable,
    metadata: physical === undefined ? {} : { "delta.columnMapping.physicalName": physical },
  }));
  const configuration = { "delta.checkpoint.writeStatsAsStruct": "true", ...more.configuration };
  return { ...METADATA, ...more, schemaString: JSON.stringify({ type: "struct", fields }), configuration };
}

async function written(metadata: Metadata, adds: readonly AddFile[]): Promise<Uint8Array> {
  const store = openMemoryStore();
  await putCheckpoint(store, contentOf({ header: { metadata }, adds }));
  return readObject(store, checkpointKey(10));
}

async function addsIn(bytes: Uint8Array): Promise<ActionRow[]> {
  return (await readWithHyparquet(bytes)).flatMap(({ add }) => (add ? [add as ActionRow] : []));
}

/** What becomes of one value as the minimum of a column of this type. */
async function parsedMinimum(type: string, json: string): Promise<unknown> {
  const stats = `{"minValues":{"c":${json}}}`;
  const [add] = await addsIn(await written(tableOf([["c", type]]), [{ ...ADD, stats }]));
  return (add?.stats_parsed as { minValues?: { c?: unknown } } | undefined)?.minValues?.c;
}

async function parsedPartition(type: string, value: string | null, nullable = true): Promise<unknown> {
  const metadata = tableOf(
    [
      ["p", type, { nullable }],
      ["c", "long"],
    ],
    { partitionColumns: ["p"] },
  );
  const [add] = await addsIn(await written(metadata, [{ ...ADD, partitionValues: { p: value } }]));
  return (add?.partitionValues_parsed as { p?: unknown } | undefined)?.p;
}

const columnsBelow = (bytes: Uint8Array, prefix: string): string[] =>
  [...schemaOf(bytes).keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));

const SETTINGS = [
  { json: undefined, struct: undefined, has: ["stats"] },
  { json: "true", struct: "true", has: ["stats", "stats_parsed"] },
  { json: "false", struct: "true", has: ["stats_parsed"] },
  // Never lose the statistics.
  { json: "false", struct: undefined, has: ["stats"] },
  { json: "false", struct: "false", has: ["stats"] },
] as const;

for (const { json, struct, has } of SETTINGS) {
  test(`writeStatsAsJson ${json}, writeStatsAsStruct ${struct}: ${has.join(" and ")}`, async () => {
    const configuration = {
      ...(json && { "delta.checkpoint.writeStatsAsJson": json }),
      ...(struct && { "delta.checkpoint.writeStatsAsStruct": struct }),
    };
    const metadata = { ...METADATA, configuration };
    const stats = '{"numRecords":3,"minValues":{"id":9007199254740993},"tightBounds":false}';
    const [add] = await addsIn(await written(metadata, [{ ...ADD, stats }]));
    assert.deepEqual(
      Object.keys(add ?? {}).filter((name) => name.startsWith("stats")),
      has,
    );
    if (struct !== "true") return;
    assert.deepEqual(add?.stats_parsed, {
      numRecords: 3,
      minValues: { id: 9_007_199_254_740_993n },
      tightBounds: false,
    });
  });
}

test("values that can be read are exact", async () => {
  const cases: readonly [type: string, json: string, expected: unknown][] = [
    ["byte", "-128", -128],
    ["short", "32767", 32767],
    ["integer", "-2147483648", -2147483648],
    ["long", "-9223372036854775808", -(2n ** 63n)],
    ["float", "0.5", 0.5],
    ["double", "1e300", 1e300],
    ["double", '"-Infinity"', Number.NEGATIVE_INFINITY],
    ["double", '"NaN"', Number.NaN],
    ["decimal(5,2)", "-12.3", -12.3],
    ["decimal(5,2)", "1E+2", 100],
    ["decimal(38,0)", "5", 5],
    ["string", '"größe 😀"', "größe 😀"],
    ["varchar(10)", '"x"', "x"],
    ["date", '"0001-01-01"', new Date("0001-01-01T00:00:00Z")],
    ["timestamp", '"2024-02-29T23:59:59.123-08:00"', new Date("2024-03-01T07:59:59.123Z")],
    ["timestamp", '"1900-01-01 00:00:00"', new Date("1900-01-01T00:00:00Z")],
    ["timestamp_ntz", '"9999-12-31T23:59:59.999"', new Date("9999-12-31T23:59:59.999Z")],
  ];
  for (const [type, json, expected] of cases)
    assert.deepEqual(await parsedMinimum(type, json), expected, `${type} ${json}`);
});

test("values that cannot be read exactly are null, never an error", async () => {
  const cases: readonly [type: string, json: string][] = [
    ["byte", "128"],
    ["integer", "2147483648"],
    ["long", "9223372036854775808"],
    ["long", "1.5"],
    ["long", '"12"'],
    ["double", '"high"'],
    ["decimal(5,2)", "1.234"],
    ["decimal(5,2)", "1000"],
    ["decimal(5,2)", "1e999"],
    ["string", "5"],
    ["date", '"2023-02-29"'],
    ["date", '"yesterday"'],
    ["timestamp", '"2024-01-01T25:00:00Z"'],
    ["timestamp", '"2024-01-01T00:00:00.1234567Z"'],
    ["timestamp_ntz", '"2024-01-01T00:00:00Z"'],
    ["long", "null"],
    ["long", '{"a":1}'],
  ];
  for (const [type, json] of cases) assert.equal(await parsedMinimum(type, json), undefined, `${type} ${json}`);
});

test("a file of which one partition value cannot be stored has no parsed ones: a null would pass for one", async () => {
  const metadata = tableOf(
    [
      ["p", "decimal(5,2)"],
      ["q", "long"],
      ["c", "long"],
    ],
    { partitionColumns: ["p", "q"] },
  );
  const texts = ["1.5", "12345.6", "x", "", null];
  const adds = texts.map((p, i): AddFile => ({ ...ADD, path: String(i), partitionValues: { p, q: "1" } }));
  const parsed = (await addsIn(await written(metadata, adds))).map((add) => add.partitionValues_parsed);
  assert.deepEqual(parsed, [{ p: 1.5, q: 1 }, undefined, undefined, { q: 1 }, { q: 1 }]);
});

test("statistics that are no object, and unknown members, change nothing else", async () => {
  const adds = ["no json", "[1]", '{"numRecords":1,"future":2,"minValues":{"dropped":1},"nullCount":7}', undefined].map(
    (stats, i): AddFile => ({ ...ADD, path: String(i), ...(stats === undefined ? {} : { stats }) }),
  );
  const parsed = (await addsIn(await written(tableOf([["c", "long"]]), adds))).map((add) => add.stats_parsed);
  assert.deepEqual(parsed, [undefined, undefined, { numRecords: 1, minValues: {} }, undefined]);
});

test("types without a minimum have null counts only; partition columns have neither", async () => {
  const inner = { type: "struct", fields: [{ name: "x", type: "long", nullable: false, metadata: {} }] };
  const metadata = tableOf(
    [
      ["flag", "boolean"],
      ["raw", "binary"],
      ["list", { type: "array", elementType: "long", containsNull: true }],
      ["any", "variant"],
      ["deep", inner, { physical: "col-1" }],
      ["part", "string"],
    ],
    { partitionColumns: ["part"] },
  );
  const bytes = await written(metadata, []);
  assert.deepEqual(columnsBelow(bytes, "add.stats_parsed.minValues."), ["col-1", "col-1.x"]);
  assert.deepEqual(columnsBelow(bytes, "add.stats_parsed.nullCount."), [
    "flag",
    "raw",
    "list",
    "any",
    "col-1",
    "col-1.x",
  ]);
  assert.deepEqual(columnsBelow(bytes, "add.partitionValues_parsed."), ["part"]);
  const required = [...schemaOf(bytes)].filter(
    ([path, shape]) => path.includes("_parsed") && !shape.includes("OPTIONAL"),
  );
  assert.deepEqual(required, []);
});

test("the indexed columns are those of the table's properties", async () => {
  const wide = Array.from({ length: 40 }, (_, i): Column => [`c${i}`, "long"]);
  const counted = async (configuration: Record<string, string>, columns: readonly Column[] = wide) =>
    columnsBelow(await written(tableOf(columns, { configuration }), []), "add.stats_parsed.nullCount.");
  assert.equal((await counted({})).length, 32);
  assert.equal((await counted({ "delta.dataSkippingNumIndexedCols": "-1" })).length, 40);
  assert.deepEqual(await counted({ "delta.dataSkippingNumIndexedCols": "1" }), ["c0"]);
  const bytes = await written(tableOf(wide, { configuration: { "delta.dataSkippingNumIndexedCols": "0" } }), []);
  assert.deepEqual(columnsBelow(bytes, "add.stats_parsed."), ["numRecords", "tightBounds"]);
  const fields = ["x", "y"].map((name) => ({ name, type: "long", nullable: true, metadata: {} }));
  const columns: Column[] = [
    ["a,b", "long"],
    ["s", { type: "struct", fields }],
    ["t", { type: "struct", fields }],
    ["z", "long"],
  ];
  const names = { "delta.dataSkippingStatsColumns": "`a,b`, s.`y`,t" };
  assert.deepEqual(await counted(names, columns), ["a,b", "s", "s.y", "t", "t.x", "t.y"]);
});

test("partition values, parsed", async () => {
  const instant = new Date("2024-01-01T12:30:00Z");
  const cases: readonly [type: string, value: string | null, expected: unknown][] = [
    ["string", "a", "a"],
    ["string", "", undefined],
    ["integer", "-7", -7],
    ["long", null, undefined],
    ["boolean", "true", true],
    ["double", "1.5", 1.5],
    ["decimal(10,2)", "3.50", 3.5],
    ["date", "2024-01-01", new Date("2024-01-01T00:00:00Z")],
    ["timestamp", "2024-01-01 12:30:00", instant],
    ["timestamp", "2024-01-01T12:30:00.000000Z", instant],
    ["timestamp_ntz", "2024-01-01 12:30:00.000000", instant],
    ["integer", "many", undefined],
  ];
  for (const [type, value, expected] of cases) {
    assert.deepEqual(await parsedPartition(type, value), expected, `${type} ${value}`);
  }
  assert.equal(await parsedPartition("string", "", false), "", "a string that cannot be null may be empty");
});

/** Checkpoints of Spark and Databricks with parsed statistics beside the JSON that they were parsed from. */
const REAL = [
  "trino__databricks73__pruning__parquet_struct_statistics/table/_delta_log/00000000000000000010",
  "delta-rs__delta-1.2.1-only-struct-stats/table/_delta_log/00000000000000000010",
  "trino__databricks133__parsed_stats_struct/table/_delta_log/00000000000000000002",
];

for (const name of REAL) {
  test(`equal to what is in ${name.slice(0, name.indexOf("/"))}`, async (t) => {
    const file = new URL(`${name}.checkpoint.parquet`, DELTA_DATA);
    if (!existsSync(file)) return t.skip("no ../shared/delta-data here: Spark's own checkpoint cannot be compared");
    const rows = await readWithHyparquet(readFileSync(file));
    const metadata = rows.find((row) => row.metaData)?.metaData as Metadata;
    const configuration = { ...metadata.configuration, "delta.checkpoint.writeStatsAsStruct": "true" };
    const spark = rows.flatMap(({ add }) => (add ? [add as ActionRow & { path: string; stats?: string }] : []));
    const committed = committedStats(new URL(".", file));
    const adds = spark.map((add): AddFile => {
      const stats = add.stats ?? committed.get(add.path);
      return { ...ADD, ...add, ...(stats === undefined ? {} : { stats }) };
    });
    const ours = await addsIn(await written({ ...metadata, configuration }, adds));
    const parsed = (rows: readonly ActionRow[]) => rows.map((add) => [add.stats_parsed, add.partitionValues_parsed]);
    assert.ok(spark.length > 2);
    assert.deepEqual(parsed(ours), parsed(spark));
  });
}

function committedStats(log: URL): Map<string, string> {
  const lines = readdirSync(log)
    .filter((name) => /^\d{20}\.json$/.test(name))
    .flatMap((name) => readFileSync(new URL(name, log), "utf8").split("\n"));
  const adds = lines.map((line) => (line === "" ? undefined : (parseJson(line) as { add?: AddFile }).add));
  return new Map(adds.flatMap((add) => (add?.stats === undefined ? [] : [[add.path, add.stats] as const])));
}
