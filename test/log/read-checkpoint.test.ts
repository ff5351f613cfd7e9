/** Checkpoints as different writers make them: kinds, names, nulls, broken files; memory and requests stay small. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckpointFile, ListedFile } from "../../lib/delta/files/log-files.ts";
import { isLakeError } from "../../lib/errors.ts";
import { readCheckpointFiles, readCheckpointHeader } from "../../lib/log/read-checkpoint.ts";
import type { FileAction, ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { arrow, checkpointColumns, type FixtureOptions, parquetBytes, struct } from "../parquet/fixture.ts";

type Row = Readonly<Record<string, unknown>>;

const PROTOCOL: Row = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
const METADATA: Row = {
  metaData: {
    id: "table",
    format: { provider: "parquet", options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: ["p"],
    configuration: { "delta.checkpointInterval": "10" },
    createdTime: 9007199254740993n,
  },
};
const addRow = (path: string, more: Row = {}): Row => ({
  add: { path, partitionValues: { p: "1" }, size: 1n, modificationTime: 5n, dataChange: true, ...more },
});
const removeRow = (path: string, more: Row = {}): Row => ({
  remove: { path, deletionTimestamp: 4n, dataChange: true, ...more },
});

/** Puts files into the log and names them as one checkpoint of version 1. */
async function stored(
  files: Readonly<Record<string, Uint8Array>>,
  kind: CheckpointFile["kind"] = "classic",
): Promise<{ store: ObjectStore; checkpoint: CheckpointFile }> {
  const store = openMemoryStore();
  const listed: ListedFile[] = [];
  for (const [name, bytes] of Object.entries(files)) {
    await store.put(`_delta_log/${name}`, bytes);
    if (!name.startsWith("_sidecars/")) listed.push({ name, size: bytes.length, modifiedAt: 0 });
  }
  return { store, checkpoint: { version: 1, kind, files: listed, complete: true } };
}

async function classic(rows: readonly Row[], options: FixtureOptions = {}, more = {}) {
  const bytes = parquetBytes(checkpointColumns(options.mapNames, more), rows, options);
  return stored({ "00000000000000000001.checkpoint.parquet": bytes });
}

async function readFiles(store: ObjectStore, checkpoint: CheckpointFile): Promise<FileAction[]> {
  const all: FileAction[] = [];
  for await (const batch of readCheckpointFiles(store, checkpoint)) all.push(...batch);
  return all;
}

const unreadable = (error: unknown): boolean => isLakeError(error, "corrupt") && error.code === "CHECKPOINT_UNREADABLE";

test("header and files come out exactly, whatever the codec, the row groups and the names of map entries", async () => {
  const vector = { storageType: "u", pathOrInlineDv: "abc", offset: 0, sizeInBytes: 3, cardinality: 9007199254740993n };
  const rows = [
    PROTOCOL,
    METADATA,
    { txn: { appId: "app", version: 9223372036854775807n } },
    { domainMetadata: { domain: "d", configuration: "{}", removed: false } },
    { domainMetadata: { domain: "gone", configuration: "", removed: true } },
    addRow("plain", {
      partitionValues: { p: null, q: "" },
      size: 9007199254740993n,
      tags: {},
      stats: '{"numRecords":1.0}',
    }),
    addRow("vector", { deletionVector: { ...vector, maxRowIndex: 7n }, baseRowId: 0n }),
    removeRow("removed", { partitionValues: {}, extendedFileMetadata: true, size: 3n }),
  ];
  const variants: FixtureOptions[] = [
    {},
    { rowsPerGroup: 1 },
    { rowsPerGroup: 3, compression: "ZSTD" },
    { compression: "UNCOMPRESSED", mapNames: ["entries", "key", "value"] },
    { compression: "GZIP", mapNames: ["entries", "keys", "values"] },
  ];
  for (const options of variants) {
    const { store, checkpoint } = await classic(rows, options);
    assert.deepEqual(await readCheckpointHeader(store, checkpoint), {
      version: 1,
      protocol: PROTOCOL.protocol,
      metadata: METADATA.metaData,
      txns: [{ appId: "app", version: 9223372036854775807n }],
      domains: [{ domain: "d", configuration: "{}", removed: false }],
      hasJsonStats: true,
    });
    const file = { partitionValues: { p: "1" }, modificationTime: 5, dataChange: true };
    assert.deepEqual(await readFiles(store, checkpoint), [
      {
        add: {
          ...file,
          path: "plain",
          partitionValues: { p: null, q: "" },
          size: 9007199254740993n,
          tags: {},
          stats: '{"numRecords":1.0}',
        },
      },
      { add: { ...file, path: "vector", size: 1, baseRowId: 0, deletionVector: vector } },
      {
        remove: {
          path: "removed",
          deletionTimestamp: 4,
          dataChange: true,
          extendedFileMetadata: true,
          partitionValues: {},
          size: 3,
        },
      },
    ]);
  }
});

test("a deletion vector of nulls or empty texts is none", async () => {
  const nothing = { storageType: null, pathOrInlineDv: null };
  const empty = { storageType: "", pathOrInlineDv: "", offset: 0, sizeInBytes: 0, cardinality: 0n };
  const { store, checkpoint } = await classic([
    addRow("a", { deletionVector: nothing }),
    addRow("b", { deletionVector: empty }),
    removeRow("c", { deletionVector: empty }),
  ]);
  const vectors = (await readFiles(store, checkpoint)).map((action) => Object.values(action)[0].deletionVector);
  assert.deepEqual(vectors, [undefined, undefined, undefined]);
});

test("columns that are missing count as null", async () => {
  const { add, protocol } = checkpointColumns();
  const bytes = parquetBytes({ protocol: protocol as arrow.DataType, add: add as arrow.DataType }, [
    PROTOCOL,
    addRow("f"),
  ]);
  const { store, checkpoint } = await stored({ "00000000000000000001.checkpoint.parquet": bytes });
  const header = await readCheckpointHeader(store, checkpoint);
  assert.equal(header.metadata, undefined);
  assert.deepEqual(header.txns, []);
  assert.equal((await readFiles(store, checkpoint)).length, 1);
});

test("hasJsonStats is false only when there are adds and none has them", async () => {
  const has = async (...rows: readonly Row[]): Promise<boolean> => {
    const { store, checkpoint } = await classic([PROTOCOL, METADATA, ...rows]);
    return (await readCheckpointHeader(store, checkpoint)).hasJsonStats;
  };
  assert.equal(await has(), true);
  assert.equal(await has(addRow("a")), false);
  assert.equal(await has(addRow("a"), addRow("b", { stats: "{}" })), true);
});

test("statistics that are only in stats_parsed become JSON; where there is JSON, it stays as it is", async () => {
  const stats = {
    stats_parsed: struct({ numRecords: new arrow.Int64(), minValues: struct({ id: new arrow.Int64() }) }),
  };
  const parsed = { numRecords: 3n, minValues: { id: 9007199254740993n } };
  const { store, checkpoint } = await classic(
    [
      addRow("a", { stats_parsed: parsed }),
      addRow("b", { stats: '{ "numRecords" : 4 }', stats_parsed: parsed }),
      addRow("c"),
    ],
    { rowsPerGroup: 2 },
    stats,
  );
  const found = (await readFiles(store, checkpoint)).map((action) => ("add" in action ? action.add.stats : ""));
  assert.deepEqual(found, ['{"numRecords":3,"minValues":{"id":9007199254740993}}', '{ "numRecords" : 4 }', undefined]);
});

test("a checkpoint in parts is read part after part", async () => {
  const columns = checkpointColumns();
  const { store, checkpoint } = await stored(
    {
      "00000000000000000001.checkpoint.0000000001.0000000002.parquet": parquetBytes(columns, [PROTOCOL, addRow("a")]),
      "00000000000000000001.checkpoint.0000000002.0000000002.parquet": parquetBytes(columns, [METADATA, addRow("b")]),
    },
    "multipart",
  );
  const header = await readCheckpointHeader(store, checkpoint);
  assert.ok(header.protocol && header.metadata);
  assert.deepEqual(
    (await readFiles(store, checkpoint)).map((action) => Object.values(action)[0].path),
    ["a", "b"],
  );
});

const TOP = "00000000000000000001.checkpoint.3a0d65cd-4056-49b8-937b-95f9e3ee90e5";
const jsonLines = (...values: readonly unknown[]): Uint8Array =>
  new TextEncoder().encode(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
const JSON_METADATA = { metaData: { id: "table", schemaString: "{}", partitionColumns: [], configuration: {} } };

test("V2 in JSON and in Parquet, with sidecars in their order and without", async () => {
  const columns = checkpointColumns();
  const sidecars = {
    "_sidecars/one two.parquet": parquetBytes(columns, [addRow("a", { stats: "{}" })]),
    "_sidecars/2.parquet": parquetBytes(columns, [addRow("b"), removeRow("c")]),
  };
  // The path is a URI, and may name the folder too.
  const refs = [
    { sidecar: { path: "s3://b/t/_delta_log/_sidecars/one%20two.parquet", sizeInBytes: 1n, modificationTime: 1n } },
    { sidecar: { path: "2.parquet", sizeInBytes: 1n, modificationTime: 1n } },
  ];
  const jsonRefs = refs.map(({ sidecar }) => ({ sidecar: { ...sidecar, sizeInBytes: 1, modificationTime: 1 } }));
  const add = (path: string) => ({
    add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: false },
  });
  const tops: Record<string, Uint8Array>[] = [
    {
      [`${TOP}.json`]: jsonLines({ checkpointMetadata: { version: 1 } }, PROTOCOL, JSON_METADATA, ...jsonRefs),
      ...sidecars,
    },
    { [`${TOP}.parquet`]: parquetBytes(columns, [PROTOCOL, METADATA, ...refs]), ...sidecars },
    { [`${TOP}.json`]: jsonLines(PROTOCOL, JSON_METADATA, add("a"), add("b"), { remove: { path: "c" } }) },
  ];
  for (const files of tops) {
    const { store, checkpoint } = await stored(files, "v2");
    const header = await readCheckpointHeader(store, checkpoint);
    assert.ok(header.protocol && header.metadata);
    assert.equal(header.hasJsonStats, "_sidecars/2.parquet" in files);
    assert.deepEqual(
      (await readFiles(store, checkpoint)).map((action) => Object.values(action)[0].path),
      ["a", "b", "c"],
    );
  }
});

test("a sidecar that is missing is named", async () => {
  const { store, checkpoint } = await stored(
    {
      [`${TOP}.json`]: jsonLines(PROTOCOL, { sidecar: { path: "gone.parquet", sizeInBytes: 1, modificationTime: 1 } }),
    },
    "v2",
  );
  await assert.rejects(readCheckpointHeader(store, checkpoint), /gone\.parquet/);
  await assert.rejects(readFiles(store, checkpoint), unreadable);
});

test("a file that is cut, is no Parquet, or misses an action is refused, not read in part", async () => {
  const name = "00000000000000000001.checkpoint.parquet";
  const whole = parquetBytes(checkpointColumns(), [PROTOCOL, METADATA, addRow("a")]);
  const broken = [whole.subarray(0, whole.length - 9), whole.subarray(0, 7), new Uint8Array(100), whole.subarray(1)];
  for (const bytes of broken) {
    const { store, checkpoint } = await stored({ [name]: bytes });
    await assert.rejects(readCheckpointHeader(store, checkpoint), unreadable);
    await assert.rejects(readFiles(store, checkpoint), unreadable);
  }
  const { store, checkpoint } = await stored({ [name]: whole });
  const longer = { ...checkpoint, files: checkpoint.files.map((file) => ({ ...file, size: file.size + 5 })) };
  await assert.rejects(readFiles(store, longer), unreadable);
});

test("a wrong action is refused with file, row and field", async () => {
  const { store, checkpoint } = await classic([PROTOCOL, addRow("a"), addRow("b", { size: -1n })]);
  await assert.rejects(readFiles(store, checkpoint), (error) => {
    assert.ok(isLakeError(error, "corrupt"));
    assert.equal(error.code, "MALFORMED_ACTION");
    assert.equal(error.at, "00000000000000000001.checkpoint.parquet: row 2/add/size");
    return true;
  });
});

test("a large file is read in ranges of it: the header without the adds, files in bounded batches", async () => {
  const rows = Array.from({ length: 25_000 }, (_, i) =>
    addRow(`part-${i}-${"x".repeat(i % 50)}`, { stats: `{"numRecords":${i}}` }),
  );
  const { store, checkpoint } = await classic([PROTOCOL, METADATA, ...rows], { compression: "UNCOMPRESSED" });
  const size = checkpoint.files[0]?.size ?? 0;
  let read = 0;
  const counting: ObjectStore = {
    ...store,
    get: () => assert.fail("the whole file was asked for"),
    getRange: (key, start, end) => {
      read += end - start;
      return store.getRange(key, start, end);
    },
  };
  assert.equal((await readCheckpointHeader(counting, checkpoint)).hasJsonStats, true);
  assert.ok(read < size / 10, `${read} of ${size} bytes for the header`);
  let next = 0;
  for await (const batch of readCheckpointFiles(counting, checkpoint)) {
    assert.ok(batch.length <= 2_000);
    for (const action of batch) {
      assert.ok("add" in action);
      assert.equal(action.add.stats, `{"numRecords":${next}}`);
      next += 1;
    }
  }
  assert.equal(next, 25_000);
});
