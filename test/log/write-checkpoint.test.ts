/** A checkpoint read back by two independent Parquet readers holds exactly what was fed, in Spark's schema. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { AddFile, DeletionVector, RemoveFile, StringMap } from "../../lib/delta/actions.ts";
import { type Int64, int64 } from "../../lib/delta/values/int64.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import type { SnapshotHeader } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import {
  type ActionRow,
  ADD,
  type ContentOptions,
  checkpointKey,
  contentOf,
  DELTA_DATA,
  footerOf,
  METADATA,
  REMOVE,
  readObject,
  readWithArrow,
  readWithHyparquet,
  schemaOf,
} from "./write-checkpoint-support.ts";

async function written(options: ContentOptions): Promise<Uint8Array> {
  const store = openMemoryStore();
  const content = contentOf(options);
  const checkpoint = await putCheckpoint(store, content);
  const bytes = await readObject(store, checkpointKey(content.header.version));
  assert.equal(checkpoint.sizeInBytes, bytes.length);
  return bytes;
}

async function assertRows(bytes: Uint8Array, expected: readonly ActionRow[]): Promise<void> {
  assert.deepEqual(await readWithHyparquet(bytes), expected, "hyparquet");
  assert.deepEqual(readWithArrow(bytes), expected, "parquet-wasm");
}

const FULL_HEADER: Partial<SnapshotHeader> = {
  protocol: {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ["deletionVectors"],
    writerFeatures: ["a", "b"],
  },
  metadata: {
    ...METADATA,
    name: "sales",
    description: "größe 😀",
    partitionColumns: ["day"],
    schemaString: '{"type":"struct","fields":[{"name":"day","type":"date","nullable":true,"metadata":{}}]}',
    configuration: { "delta.appendOnly": "false", "": "" },
    format: { provider: "parquet", options: { o: "1" } },
    createdTime: 1_700_000_000_000,
  },
  txns: [
    { appId: "stream", version: 9_223_372_036_854_775_807n, lastUpdated: 5 },
    { appId: "other", version: -1 },
  ],
  domains: [{ domain: "delta.clustering", configuration: '{"a":1}', removed: false }],
};

test("every field of every action comes back", async () => {
  const dv: DeletionVector = {
    storageType: "u",
    pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
  };
  const add: AddFile = {
    path: "day=2024-01-01/a%20b.parquet",
    partitionValues: { day: "2024-01-01" },
    size: 9_007_199_254_740_993n,
    modificationTime: -1,
    dataChange: false,
    stats: '{"numRecords":1.0}',
    tags: { k: null, "": "v" },
    deletionVector: dv,
    baseRowId: 0,
    defaultRowCommitVersion: 2 ** 40,
    clusteringProvider: "liquid",
  };
  const { stats: _json, tags: _tags, modificationTime: _time, clusteringProvider: _provider, ...shared } = add;
  const remove: RemoveFile = { ...shared, deletionTimestamp: 7, dataChange: true, extendedFileMetadata: true };
  const bytes = await written({ header: FULL_HEADER, adds: [add, ADD], removes: [remove, REMOVE] });
  await assertRows(bytes, [
    { protocol: FULL_HEADER.protocol },
    { metaData: FULL_HEADER.metadata },
    { txn: FULL_HEADER.txns?.[0] },
    { txn: FULL_HEADER.txns?.[1] },
    { domainMetadata: FULL_HEADER.domains?.[0] },
    { add },
    { add: ADD },
    { remove },
    { remove: REMOVE },
  ]);
});

test("what a checkpoint does not hold is left out: unknown fields, stats and tags of removes, features of old protocols", async () => {
  const unknown = { future: 1 };
  const protocol = { minReaderVersion: 2, minWriterVersion: 5, readerFeatures: ["x"], writerFeatures: ["x"] };
  const bytes = await written({
    header: { protocol, metadata: { ...METADATA, unknown }, txns: [{ appId: "a", version: 1, unknown }] },
    adds: [{ ...ADD, unknown }],
    removes: [{ ...REMOVE, stats: "{}", tags: { a: "b" }, unknown, extendedFileMetadata: true, size: 1 }],
  });
  await assertRows(bytes, [
    { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
    { metaData: METADATA },
    { txn: { appId: "a", version: 1 } },
    { add: ADD },
    // Without partitionValues the metadata is not "extended", whatever the commit said.
    { remove: { ...REMOVE, size: 1, extendedFileMetadata: false } },
  ]);
});

test("a protocol with features, but none named, has empty lists", async () => {
  const bytes = await written({ header: { protocol: { minReaderVersion: 3, minWriterVersion: 7 } } });
  const [first] = await readWithHyparquet(bytes);
  assert.deepEqual(first, {
    protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: [] },
  });
});

test("a table without files has a checkpoint of two actions", async () => {
  const bytes = await written({});
  const { num_rows, row_groups } = footerOf(bytes);
  assert.equal(num_rows, 2n);
  assert.equal(row_groups.length, 2);
  await assertRows(bytes, [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData: METADATA }]);
});

test("45,000 adds span several row groups, apart from header and removes, told by null counts", async () => {
  const adds = Array.from({ length: 45_000 }, (_, i) => ({ ...ADD, path: `part-${i}.parquet`, size: i * 1e9 }));
  const removes = Array.from({ length: 3 }, (_, i) => ({ ...REMOVE, path: `old-${i}.parquet` }));
  const bytes = await written({ adds, removes });
  const footer = footerOf(bytes);
  assert.equal(footer.num_rows, 45_005n);
  assert.deepEqual(
    footer.row_groups.map((group) => Number(group.num_rows)),
    [1, 1, 20_000, 20_000, 5_000, 3],
  );
  const present = footer.row_groups.map((group) =>
    ["protocol.minReaderVersion", "add.path", "remove.path"].map((path) => {
      const meta = group.columns.find((column) => column.meta_data?.path_in_schema.join(".") === path)?.meta_data;
      return Number(meta?.num_values) - Number(meta?.statistics?.null_count);
    }),
  );
  assert.deepEqual(present, [
    [1, 0, 0],
    [0, 0, 0],
    [0, 20_000, 0],
    [0, 20_000, 0],
    [0, 5_000, 0],
    [0, 0, 3],
  ]);
  const rows = (await readWithHyparquet(bytes)).flatMap(({ add }) => (add ? [add] : []));
  assert.deepEqual(rows, adds);
  assert.deepEqual(
    readWithArrow(bytes).flatMap(({ add }) => (add ? [add] : [])),
    adds,
  );
});

test("large statistics end a row group early", async () => {
  const adds = Array.from({ length: 40 }, (_, i) => ({
    ...ADD,
    path: `p${i}`,
    stats: JSON.stringify("x".repeat(2 ** 20)),
  }));
  const footer = footerOf(await written({ adds }));
  assert.deepEqual(
    footer.row_groups.map((group) => Number(group.num_rows)),
    [1, 1, 32, 8],
  );
});

test("the footer is plain: V1 pages, snappy, no page indexes, no Arrow schema", async () => {
  const bytes = await written({ adds: [ADD], removes: [REMOVE] });
  const footer = footerOf(bytes);
  assert.equal(footer.schema[0]?.name, "spark_schema");
  assert.equal(footer.key_value_metadata, undefined);
  const [protocol] = footer.row_groups;
  for (const { meta_data, ...chunk } of footer.row_groups.flatMap((group) => group.columns)) {
    // Names of features can be taken out of it.
    const isPlain = protocol?.columns.some((column) => column.meta_data === meta_data);
    assert.equal(meta_data?.codec, isPlain ? "UNCOMPRESSED" : "SNAPPY");
    assert.equal(chunk.column_index_offset, undefined);
    assert.equal(chunk.offset_index_offset, undefined);
    const pages = meta_data?.encoding_stats?.map((page) => page.page_type) ?? [];
    assert.ok(pages.length > 0 && !pages.includes("DATA_PAGE_V2"), String(pages));
  }
});

test("names, types and repetitions are Spark's", (t) => {
  const path =
    "delta-kernel__kernel-pagination-single-checkpoint/table/_delta_log/00000000000000000010.checkpoint.parquet";
  const file = new URL(path, DELTA_DATA);
  if (!existsSync(file)) return t.skip("no ../shared/delta-data here: Spark's own checkpoint cannot be compared");
  return written({}).then((bytes) => {
    const spark = schemaOf(readFileSync(file));
    // Old and always null: the protocol has dropped it.
    for (const action of ["add", "remove"]) spark.delete(`${action}.deletionVector.maxRowIndex`);
    assert.deepEqual(Object.fromEntries(schemaOf(bytes)), Object.fromEntries(spark));
  });
});

// ---------------------------------------------------------------- any content

const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.isWellFormed());
const integer: fc.Arbitrary<Int64> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(int64),
  fc.maxSafeInteger(),
  fc.constantFrom<Int64>(0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, -(2 ** 32), 2n ** 63n - 1n, -(2n ** 63n)),
);
/** Not "__proto__": the reader of the test would make a prototype of it. */
const map: fc.Arbitrary<StringMap> = fc.dictionary(
  text.filter((key) => key !== "__proto__"),
  fc.option(text),
  { maxKeys: 4, noNullPrototype: true },
);
const deletionVector: fc.Arbitrary<DeletionVector> = fc.record(
  { storageType: text, pathOrInlineDv: text, offset: fc.nat(), sizeInBytes: fc.nat(), cardinality: integer },
  { requiredKeys: ["storageType", "pathOrInlineDv", "sizeInBytes", "cardinality"], noNullPrototype: true },
) as fc.Arbitrary<DeletionVector>;
const identity = { path: text, deletionVector, baseRowId: integer, defaultRowCommitVersion: integer };
const anyAdd = fc.record(
  {
    ...identity,
    partitionValues: map,
    size: integer,
    modificationTime: integer,
    dataChange: fc.boolean(),
    stats: text,
    tags: map,
    clusteringProvider: text,
  },
  { requiredKeys: ["path", "partitionValues", "size", "modificationTime", "dataChange"], noNullPrototype: true },
) as fc.Arbitrary<AddFile>;
const anyRemove = fc.record(
  { ...identity, dataChange: fc.boolean(), partitionValues: map, size: integer, deletionTimestamp: integer },
  { requiredKeys: ["path", "dataChange"], noNullPrototype: true },
) as fc.Arbitrary<RemoveFile>;

test("any actions come back as they were", async () => {
  const property = fc.asyncProperty(
    fc.array(anyAdd, { maxLength: 40 }),
    fc.array(anyRemove, { maxLength: 20 }),
    fc.array(fc.record({ appId: text, version: integer }, { noNullPrototype: true }), { maxLength: 5 }),
    map,
    async (adds, removes, txns, tags) => {
      const configuration = Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, value ?? ""]));
      const metadata = { ...METADATA, configuration, partitionColumns: Object.keys(tags) };
      const bytes = await written({ header: { txns, metadata }, adds, removes });
      await assertRows(bytes, [
        { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
        { metaData: metadata },
        ...txns.map((txn) => ({ txn })),
        ...adds.map((add) => ({ add })),
        ...removes.map((remove) => ({ remove })),
      ]);
    },
  );
  await fc.assert(property, { numRuns: 40 });
});
