/** Adds are read from the columns of a checkpoint where they are of the simple kind, and row by row where they are not: both ways tell the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AddFile } from "../../lib/delta/actions.ts";
import { checkpointFileName } from "../../lib/delta/files/log-files.ts";
import { readCheckpointFiles } from "../../lib/log/read-checkpoint.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { ADD, contentOf, REMOVE } from "./write-checkpoint-support.ts";

const text = fc.oneof(fc.string(), fc.constantFrom("", "__proto__", "constructor", "ünï 😀", '{"numRecords":3}', "7"));
const map = fc.dictionary(text, fc.option(text), { maxKeys: 3, noNullPrototype: true });
const long = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n - 1n));
const add = fc.record(
  {
    path: fc.string({ minLength: 1 }),
    partitionValues: map,
    size: long,
    modificationTime: fc.oneof(long, fc.constantFrom(-1, -(2n ** 63n))),
    dataChange: fc.boolean(),
    stats: text.filter((stats) => stats !== ""),
    tags: map,
    baseRowId: long,
    defaultRowCommitVersion: long,
    clusteringProvider: text,
  },
  { requiredKeys: ["path", "partitionValues", "size", "modificationTime", "dataChange"], noNullPrototype: true },
);
const adds = fc.array(add, { maxLength: 12 }).map((files) => files as readonly AddFile[]);

/** No column knows a deletion vector: with this file none of its row group is read from them. */
const OF_ANOTHER_KIND: AddFile = {
  ...ADD,
  path: "with-a-vector.parquet",
  deletionVector: { storageType: "u", pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^", sizeInBytes: 40, cardinality: 6 },
};

/** The files that a reader finds, or what it says. */
async function read(files: readonly AddFile[], removes = [REMOVE]): Promise<readonly unknown[] | string> {
  const store = openMemoryStore();
  await putCheckpoint(store, contentOf({ adds: files, removes }));
  const name = checkpointFileName(10);
  const info = await store.head(`_delta_log/${name}`);
  const checkpoint = { version: 10, files: [{ name, size: info?.size ?? 0, modifiedAt: 0 }] };
  const found: unknown[] = [];
  try {
    for await (const batch of readCheckpointFiles(store, checkpoint as never)) found.push(...batch);
  } catch (error) {
    return String(error);
  }
  return found;
}

/** Texts with the digits of numbers that JSON has not. */
const shown = (found: unknown): string =>
  JSON.stringify(found, (_, value) => (typeof value === "bigint" ? `${value}n` : value));

async function readByRows(files: readonly AddFile[]): Promise<readonly unknown[] | string> {
  const found = await read([...files, OF_ANOTHER_KIND]);
  return typeof found === "string" ? found : found.filter((file) => !shown(file).includes("with-a-vector"));
}

test("files of a checkpoint are the same by columns and by rows", async () => {
  await fc.assert(
    fc.asyncProperty(adds, async (files) => {
      const byColumns = await read(files);
      assert.equal(shown(byColumns), shown(await readByRows(files)));
      assert.equal(byColumns.length, files.length + 1);
    }),
    { numRuns: 150 },
  );
});

test("what is wrong with a file is said as the decoder of actions says it", async () => {
  const wrong = await read([ADD, { ...ADD, path: "b.parquet", size: -1 }]);
  assert.match(String(wrong), /row 3: expected an integer that is not negative, got -1/);
});

test("rows of more files than are decoded at once all come, in their order", async () => {
  const files = Array.from({ length: 45_000 }, (_, i) => ({ ...ADD, path: `${i}.parquet`, size: i, tags: {} }));
  const found = await read(files, []);
  assert.deepEqual(found, files.map((file) => ({ add: file })) as unknown[]);
});
