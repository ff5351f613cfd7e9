/** A checkpoint never fails for data that was accepted: whatever statistics, keys and names files have, it is written, and reads back as it was. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AddFile, Metadata, StringMap } from "../../lib/delta/actions.ts";
import { checkpointFileName } from "../../lib/delta/files/log-files.ts";
import { isInt64 } from "../../lib/delta/values/int64.ts";
import { isJsonObject, type Json, parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { readCheckpointFiles, readCheckpointHeader } from "../../lib/log/read-checkpoint.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { ADD, contentOf, METADATA } from "./write-checkpoint-support.ts";

const NAMES = ["a", "__proto__", "constructor", "toString", "a.b", "`q`", "ünï 😀", "key_value", "list", "element"];
const TYPES = [
  "string",
  "long",
  "integer",
  "short",
  "byte",
  "float",
  "double",
  "boolean",
  "binary",
  "date",
  "timestamp",
].concat([
  "timestamp_ntz",
  "decimal(10,2)",
  "decimal(38,0)",
  "decimal(38,38)",
  "decimal(0,0)",
  "void",
  "variant",
  "char(3)",
]);

const name = fc.constantFrom(...NAMES);
const field = (fieldName: string, type: Json): Json => ({ name: fieldName, type, nullable: true, metadata: {} });
const distinct = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
const leafType = fc.constantFrom<Json>(...TYPES);
const { type: anyType } = fc.letrec<{ type: Json }>((tie) => ({
  type: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leafType,
    distinct.chain((names) =>
      fc
        .tuple(...names.map((n) => tie("type").map((t) => field(n, t as Json))))
        .map((fields) => ({ type: "struct", fields })),
    ),
    tie("type").map((t) => ({ type: "array", elementType: t as Json, containsNull: true })),
  ),
}));

/** Values that fit some type, and many that fit none. */
const scalar = fc.oneof(
  fc.constantFrom<Json>(
    ...[
      "2026-01-31",
      "2026-02-30",
      "99999-01-01",
      "2026-01-31T12:00:00.123Z",
      "2026-01-31T12:00:00",
      "NaN",
      "-Infinity",
      "1.5",
      "\ud800",
      "",
      "9".repeat(500),
    ],
  ),
  fc
    .constantFrom(
      "-0",
      "1e400",
      "1E+2",
      "0.1",
      "12345.678",
      "9223372036854775808",
      "1.50",
      `1${"0".repeat(400)}`,
      `0.${"3".repeat(50)}`,
    )
    .map(parseJson),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
);
const { value: anyValue } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value") as fc.Arbitrary<Json>, { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(name, tie("value") as fc.Arbitrary<Json>), { selector: ([n]) => n, maxLength: 5 })
      .map((members) => Object.fromEntries(members)),
  ),
}));
const statsObject = fc
  .record(
    { numRecords: scalar, minValues: anyValue, maxValues: anyValue, nullCount: anyValue, tightBounds: scalar },
    { requiredKeys: [] },
  )
  .map((stats) => stringifyJson(stats));
const stats = fc.option(
  fc.oneof(
    statsObject,
    anyValue.map((value) => stringifyJson(value)),
    fc.constant(`{"numRecords":${"1".repeat(400_000)}}`),
  ),
  { nil: undefined },
);
const textMap: fc.Arbitrary<StringMap> = fc
  .uniqueArray(fc.tuple(name, fc.option(fc.string({ unit: "grapheme" }), { nil: null })), {
    selector: ([n]) => n,
    maxLength: 5,
  })
  .map((entries) => Object.fromEntries(entries));

const adds: fc.Arbitrary<AddFile[]> = fc
  .array(fc.record({ stats, tags: fc.option(textMap, { nil: undefined }), values: textMap }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((files) =>
    files.map(({ stats: text, tags, values }, i) => ({
      ...ADD,
      path: `f${i}`,
      partitionValues: values,
      ...(text ? { stats: text } : {}),
      ...(tags && { tags }),
    })),
  );

const setting = fc.constantFrom("true", "false", "TRUE", "", "-1", "2", "a, `a.b`", "__proto__");
const metadata: fc.Arbitrary<Metadata> = fc
  .record({
    columns: distinct.chain((names) => fc.tuple(...names.map((n) => anyType.map((t) => field(n, t as Json))))),
    numPartitions: fc.nat(1),
    asStruct: fc.constantFrom("true", "true", "false"),
    more: fc.dictionary(
      fc.constantFrom(
        "delta.checkpoint.writeStatsAsJson",
        "delta.dataSkippingNumIndexedCols",
        "delta.dataSkippingStatsColumns",
      ),
      setting,
    ),
    special: textMap,
  })
  .map(({ columns, numPartitions, asStruct, more, special }) => ({
    ...METADATA,
    schemaString: stringifyJson({ type: "struct", fields: columns }),
    partitionColumns: columns.slice(0, numPartitions).map((column) => String((column as { name: string }).name)),
    configuration: {
      ...more,
      "delta.checkpoint.writeStatsAsStruct": asStruct,
      ...Object.fromEntries(Object.entries(special).map(([key, value]) => [key, value ?? ""])),
    },
  }));

async function roundTrip(table: Metadata, files: readonly AddFile[]) {
  const store = openMemoryStore();
  const content = contentOf({
    header: {
      metadata: table,
      domains: [{ domain: "__proto__", configuration: "c", removed: false }],
      txns: [{ appId: "constructor", version: 1 }],
    },
    adds: files,
  });
  await putCheckpoint(store, content);
  const file = checkpointFileName(10);
  const size = (await store.head(`_delta_log/${file}`))?.size ?? 0;
  const checkpoint = {
    version: 10,
    kind: "classic",
    files: [{ name: file, size, modifiedAt: 0 }],
    complete: true,
  } as const;
  const header = await readCheckpointHeader(store, checkpoint);
  const read: AddFile[] = [];
  for await (const batch of readCheckpointFiles(store, checkpoint))
    read.push(...batch.flatMap((action) => ("add" in action ? [action.add] : [])));
  return { header, read };
}

/** What our writer may leave out of statistics when they go through columns, and what never. */
function checkStats(written: string | undefined, read: string | undefined, keepsText: boolean): void {
  if (keepsText) {
    assert.equal(read, written);
    return;
  }
  const before = written === undefined ? null : parseJson(written);
  const numRecords = isJsonObject(before) && Object.hasOwn(before, "numRecords") ? before.numRecords : null;
  const after = read === undefined ? {} : parseJson(read);
  assert.ok(isJsonObject(after));
  assert.deepEqual(after.numRecords ?? null, isInt64(numRecords) ? numRecords : null);
}

test("checkpoints of random tables with weird statistics are written, and read back as they were", async () => {
  let texts = 0;
  await fc.assert(
    fc.asyncProperty(metadata, adds, async (table, files) => {
      const { header, read } = await roundTrip(table, files);
      assert.deepEqual(Object.entries(header.metadata?.configuration ?? {}), Object.entries(table.configuration));
      assert.deepEqual(header.txns[0]?.appId, "constructor");
      assert.equal(header.domains[0]?.domain, "__proto__");
      const { configuration } = table;
      const asStruct = configuration["delta.checkpoint.writeStatsAsStruct"] === "true";
      const keepsText = !(asStruct && configuration["delta.checkpoint.writeStatsAsJson"] === "false");
      assert.equal(read.length, files.length);
      for (const [i, file] of files.entries()) {
        const found = read[i] as AddFile;
        assert.deepEqual([found.path, found.size], [file.path, file.size]);
        assert.deepEqual(Object.entries(found.partitionValues), Object.entries(file.partitionValues));
        assert.deepEqual(found.tags && Object.entries(found.tags), file.tags && Object.entries(file.tags));
        checkStats(file.stats, found.stats, keepsText);
        texts += keepsText ? 1 : 0;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(texts > 0);
});
