/** Checkpoints that ask for more than a machine has, or that are damaged: refused with their name, never a crash, a hang or an error without a name. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkpointFileName, commitFileName } from "../../lib/delta/files/log-files.ts";
import { isLakeError } from "../../lib/errors.ts";
import { readCheckpointFiles, readCheckpointHeader } from "../../lib/log/read-checkpoint.ts";
import { importTable } from "../../lib/operations/import.ts";
import {
  decodeThrift,
  decodeThriftAt,
  encodeThrift,
  THRIFT,
  type ThriftList,
  type ThriftStruct,
  type ThriftValue,
} from "../../lib/parquet/thrift.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { arrow, checkpointColumns, type FixtureOptions, parquetBytes, struct } from "../parquet/fixture.ts";
import { openTestLake } from "../support/lake.ts";

type Row = Readonly<Record<string, unknown>>;
const NAME = checkpointFileName(1);
const KEY = `_delta_log/${NAME}`;
const PROTOCOL = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
const METADATA = {
  metaData: { id: "t", schemaString: '{"type":"struct","fields":[]}', partitionColumns: [], configuration: {} },
};
const add = (path: string, more: Row = {}): Row => ({
  add: { path, partitionValues: {}, size: 1n, modificationTime: 5n, dataChange: true, ...more },
});

const bytesOf = (rows: readonly Row[], options: FixtureOptions = {}, more = {}) =>
  parquetBytes(checkpointColumns(options.mapNames, more), [PROTOCOL, METADATA, ...rows], options);

async function readAll(bytes: Uint8Array): Promise<number> {
  const store = openMemoryStore();
  await store.put(KEY, bytes);
  const files = [{ name: NAME, size: bytes.length, modifiedAt: 0 }];
  const checkpoint = { version: 1, kind: "classic", files, complete: true } as const;
  await readCheckpointHeader(store, checkpoint);
  let rows = 0;
  for await (const batch of readCheckpointFiles(store, checkpoint)) rows += batch.length;
  return rows;
}

async function assertRefused(bytes: Uint8Array, says: RegExp): Promise<void> {
  await assert.rejects(readAll(bytes), (error) => {
    assert.ok(isLakeError(error, "corrupt"), String(error));
    assert.equal(error.code, "CHECKPOINT_UNREADABLE");
    assert.match(error.message, says);
    assert.match(error.message, new RegExp(NAME.replaceAll(".", "\\.")));
    assert.ok(error.at?.startsWith(NAME), error.at);
    return true;
  });
}

// ---------------------------------------------------------------- large out of small

test("a text that occurs once in the file and in every row is refused before it fills memory", async () => {
  const stats = JSON.stringify({ numRecords: 1, note: "x".repeat(840_000) });
  const bytes = bytesOf(Array.from({ length: 1000 }, (_, i) => add(`f${i}`, { stats })));
  assert.ok(bytes.length < 200_000, `${bytes.length} bytes hold 840 MB`);
  await assertRefused(bytes, /unpacks to more than/);
});

test("as parsed statistics it is refused, too", async () => {
  const parsed = struct({ minValues: struct({ a: new arrow.Utf8() }) });
  const rows = Array.from({ length: 1000 }, (_, i) =>
    add(`f${i}`, { stats_parsed: { minValues: { a: "x".repeat(840_000) } } }),
  );
  await assertRefused(bytesOf(rows, {}, { stats_parsed: parsed }), /unpacks to more than/);
});

test("a single action of 40 MB is refused with its row", async () => {
  await assertRefused(bytesOf([add("f", { stats: `"${"x".repeat(40 * 2 ** 20)}"` })]), /row 2 has \d+ bytes/);
});

test("the import of such a table is the caller's matter, and leaves nothing behind", async () => {
  const lake = await openTestLake();
  try {
    const location = "file:///lake/hostile";
    const rows = Array.from({ length: 1000 }, (_, i) => add(`f${i}`, { stats: `"${"x".repeat(840_000)}"` }));
    await lake.store(location).put(KEY, bytesOf(rows));
    await lake.store(location).put(`_delta_log/${commitFileName(1)}`, new Uint8Array());
    for (const mode of ["snapshot", "full-history"] as const) {
      await assert.rejects(importTable(lake, { name: "n.hostile", location, mode }), (error) => {
        return isLakeError(error, "invalid") && error.message.includes(NAME);
      });
      assert.equal(await lake.catalog.findTable({ name: "n.hostile" }, { anyStatus: true }), undefined);
    }
  } finally {
    await lake.close();
  }
});

// ---------------------------------------------------------------- claims

const FOOTER = { schema: 2, numRows: 3, rowGroups: 4 } as const;

function splitFile(bytes: Uint8Array): { readonly pages: Uint8Array; readonly footer: ThriftStruct } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  const from = bytes.length - 8 - length;
  return { pages: bytes.subarray(0, from), footer: decodeThrift(bytes.subarray(from, bytes.length - 8)) };
}

function joinFile(pages: Uint8Array, footer: ThriftStruct): Uint8Array {
  const bytes = encodeThrift(footer);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return new Uint8Array(Buffer.concat([pages, bytes, length, Buffer.from("PAR1")]));
}

const items = (struct: ThriftStruct, id: number) => {
  const list = struct.get(id)?.value as ThriftList | undefined;
  return (list?.items ?? []) as ThriftStruct[];
};
type Member = { readonly type: number; readonly value: ThriftValue };
const thrift = (members: readonly (readonly [number, Member])[]): ThriftStruct => new Map(members);
const i64 = (value: number) => ({ type: THRIFT.i64, value });
const i32 = (value: number) => ({ type: THRIFT.i32, value });

test("more rows than the file has bytes are not believed", async () => {
  for (const rows of [1e9, 1e15, -1]) {
    const { pages, footer } = splitFile(bytesOf([add("f")]));
    for (const group of items(footer, FOOTER.rowGroups)) group.set(3, i64(rows));
    await assertRefused(joinFile(pages, footer), /claims to have/);
  }
});

test("a schema without end is not followed", async () => {
  const { pages, footer } = splitFile(bytesOf([add("f")]));
  const group = thrift([
    [4, { type: THRIFT.binary, value: new TextEncoder().encode("g") }],
    [5, i32(1)],
  ]);
  const schema: ThriftList = { type: THRIFT.struct, items: Array.from({ length: 50_000 }, () => group) };
  footer.set(FOOTER.schema, { type: THRIFT.list, value: schema });
  await assertRefused(joinFile(pages, footer), /nested deeper/);
});

/** Gives the column `add.stats` one page of its own, whose header says what it should not. */
function withPage(header: ThriftStruct, body: Uint8Array): Uint8Array {
  const { pages, footer } = splitFile(bytesOf([add("f", { stats: '{"numRecords":1}' })]));
  const page = Buffer.concat([encodeThrift(header), body]);
  for (const group of items(footer, FOOTER.rowGroups)) {
    for (const chunk of items(group, 1)) {
      const column = chunk.get(3)?.value as ThriftStruct;
      const path = items(column, 3).map((name) => new TextDecoder().decode(name as unknown as Uint8Array));
      if (path.join(".") !== "add.stats") continue;
      for (const id of [11, 10]) column.delete(id);
      for (const id of [4, 5, 6, 7]) chunk.delete(id);
      column.set(9, i64(pages.length));
      column.set(7, i64(page.length));
    }
  }
  return joinFile(new Uint8Array(Buffer.concat([pages, page])), footer);
}

test("a page that would unpack to gigabytes, of bytes or of values, is not unpacked", async () => {
  const data = (values: number) =>
    thrift([
      [1, i32(values)],
      [2, i32(0)],
      [3, i32(3)],
      [4, i32(3)],
    ]);
  const page = (bytes: number, stored: number, values: number) =>
    thrift([
      [1, i32(0)],
      [2, i32(bytes)],
      [3, i32(stored)],
      [5, { type: THRIFT.struct, value: data(values) }],
    ]);
  const body = new Uint8Array(100);
  await assertRefused(withPage(page(2 ** 31 - 1, 100, 3), body), /more than fits into memory/);
  await assertRefused(withPage(page(100, 100, 2 ** 31 - 1), body), /more than fits into memory/);
  await assertRefused(withPage(page(100, -50, 3), body), /a page cannot be read/);
  await assertRefused(withPage(thrift([[1, i64(2 ** 52)]]), body), /a page cannot be read/);
});

test("a number without end costs no more than its bytes", () => {
  for (const length of [20, 1_000_000]) {
    const endless = new Uint8Array(length).fill(0x80);
    endless[0] = 0x16;
    assert.throws(
      () => decodeThriftAt(endless, 0),
      (error) => isLakeError(error, "corrupt"),
    );
  }
});

// ---------------------------------------------------------------- damage

test("whatever is damaged in a file, it is read or refused with its name", async (t) => {
  const files = (["SNAPPY", "ZSTD", "GZIP", "UNCOMPRESSED"] as const).map((compression) =>
    bytesOf(
      Array.from({ length: 40 }, (_, i) =>
        add(`f${i}`, { stats: `{"numRecords":${i}}`, partitionValues: { p: `${i}` }, tags: { t: null } }),
      ),
      { compression },
    ),
  );
  const footerLength = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  const outcomes = { read: 0, refused: 0 };
  const damage = fc.record({
    file: fc.nat(files.length - 1),
    inFooter: fc.boolean(),
    places: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
    cut: fc.option(fc.nat(), { freq: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, inFooter, places, cut }) => {
      const whole = files[file] as Uint8Array;
      const bytes = whole.slice(0, cut === null ? whole.length : cut % whole.length);
      const from = inFooter ? Math.max(0, bytes.length - footerLength(whole) - 8) : 0;
      for (const [place, value] of places)
        if (bytes.length > 0) bytes[from + (place % (bytes.length - from || 1))] = value;
      try {
        await readAll(bytes);
        outcomes.read += 1;
      } catch (error) {
        assert.ok(isLakeError(error, "corrupt"), `${error instanceof Error ? error.stack : error}`);
        assert.ok(error.at?.startsWith(NAME), `${error.message} at ${error.at}`);
        outcomes.refused += 1;
      }
    }),
    { numRuns: 400 },
  );
  t.diagnostic(`${outcomes.read} read, ${outcomes.refused} refused`);
});
