/** Slices of row groups: whoever wrote a checkpoint, its rows read the same cut into small files as in one piece. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { Table, WriterPropertiesBuilder, writeParquet } from "parquet-wasm";
import type { ColumnFilter } from "../../lib/parquet/read/columns.ts";
import { openParquetFile } from "../../lib/parquet/read/file.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { deltaData, needsDeltaData } from "../support/skip.ts";
import { ROOT } from "../support/source-tree.ts";

/** As a checkpoint is read: all but parsed statistics. */
const COLUMNS: ColumnFilter = (path) => !path.includes("_parsed");
const STEP = 7;

async function compareCheckpoints(folder: string): Promise<number> {
  let compared = 0;
  const store = openFileStore(folder);
  for await (const { key, size } of store.list("_delta_log/")) {
    if (!key.includes("checkpoint") || !key.endsWith(".parquet") || size === 0) continue;
    const file = await openParquetFile({ store, key, size, unreadable: "UNREADABLE" }).catch(() => undefined);
    for (const range of file?.ranges(file.groups, COLUMNS) ?? []) {
      const whole = await file?.readRows(range, COLUMNS);
      for (let start = range.start; start < Math.min(range.end, range.start + 5 * STEP); start += STEP) {
        const end = Math.min(start + STEP, range.end);
        const slice = await file?.readRows({ ...range, start, end, needsSlice: true }, COLUMNS);
        assert.deepEqual(slice, whole?.slice(start - range.start, end - range.start), `${key} from row ${start}`);
      }
    }
    compared += 1;
  }
  return compared;
}

const GOLDEN = ["delta-rs", "spark"].flatMap((writer) =>
  readdirSync(join(ROOT, "test/golden", writer)).map((table) => join(ROOT, "test/golden", writer, table)),
);

test("checkpoints of our golden tables", async () => {
  let compared = 0;
  for (const folder of GOLDEN) compared += await compareCheckpoints(folder);
  assert.ok(compared > 5, `${compared} checkpoints`);
});

test("checkpoints of real tables", needsDeltaData("slices of real checkpoints"), async (t) => {
  let compared = 0;
  for (const table of readdirSync(deltaData ?? "")) {
    compared += await compareCheckpoints(join(deltaData ?? "", table, "table")).catch((error: unknown) => {
      throw new Error(`${table}: ${String(error)}`, { cause: error });
    });
  }
  t.diagnostic(`${compared} checkpoints`);
  assert.ok(compared > 50);
});

test("a group of more than 200,000 rows without an offset index is read in slices; a smaller one in one piece", async () => {
  const open = async (rows: number) => {
    const numbers = Int32Array.from({ length: rows }, (_, i) => i);
    const table = Table.fromIPCStream(tableToIPC(tableFromArrays({ n: numbers }), "stream"));
    const bytes = writeParquet(table, new WriterPropertiesBuilder().setMaxRowGroupSize(1_000_000).build());
    const store = openMemoryStore();
    await store.put("x.parquet", bytes);
    const file = await openParquetFile({ store, key: "x.parquet", size: bytes.length, unreadable: "UNREADABLE" });
    assert.equal(file.groups.length, 1);
    // The writer leaves one, which files of other writers lack.
    for (const column of file.groups[0]?.columns ?? []) delete column.offset_index_offset;
    return file;
  };
  const all: ColumnFilter = () => true;
  const small = await open(200_000);
  assert.equal(small.ranges(small.groups, all).length, 1);
  const large = await open(200_001);
  const ranges = large.ranges(large.groups, all);
  assert.deepEqual(
    ranges.map(({ start, end, needsSlice }) => [start, end, needsSlice]),
    [0, 50_000, 100_000, 150_000, 200_000].map((start) => [start, Math.min(start + 50_000, 200_001), true]),
  );
  let next = 0;
  for (const range of ranges) {
    for (const { n } of await large.readRows(range, all)) {
      assert.equal(n, next);
      next += 1;
    }
  }
  assert.equal(next, 200_001);
});
