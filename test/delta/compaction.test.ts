/** Packing of files for compaction: every picked file at most once, no group above the target, always the same plan. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CompactionGroup, compactionTarget, packed, type SmallFile } from "../../lib/delta/compaction.ts";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { add, deletionVector, metadata, protocol } from "../support/builders.ts";

const MIB = 1024 ** 2;
const TARGET = { targetBytes: 100, smallerThan: 75, deletedPercent: 5, minFiles: 3 };

function small(
  path: string,
  size: number,
  more: { partition?: string; rows?: number; deleted?: number } = {},
): SmallFile {
  const { partition = "a", rows, deleted = 0 } = more;
  const { stats: _, ...file } = add(path, {
    size,
    partitionValues: { p: partition },
    ...(deleted > 0 ? { deletionVector: deletionVector(path, { cardinality: deleted }) } : {}),
  });
  return { file, ...(rows === undefined ? {} : { rows }) };
}

async function groupsOf(files: readonly SmallFile[], target = TARGET): Promise<CompactionGroup[]> {
  const source = async function* () {
    yield* files;
  };
  const groups: CompactionGroup[] = [];
  for await (const group of packed(source(), target)) groups.push(group);
  return groups;
}

const paths = (groups: readonly CompactionGroup[]) => groups.map(({ files }) => files.map(({ file }) => file.path));

test("files of one partition are packed in their order up to the target; too few are left alone", async () => {
  const files = [
    ...["a1", "a2", "a3", "a4"].map((path) => small(path, 30)),
    ...["b1", "b2"].map((path) => small(path, 30, { partition: "b" })),
    ...["c1", "c2", "c3"].map((path) => small(path, 10, { partition: "c" })),
  ];
  assert.deepEqual(paths(await groupsOf(files)), [
    ["a1", "a2", "a3"],
    ["c1", "c2", "c3"],
  ]);
});

test("a file with many deleted rows is written again by itself, and counts by what is left of it", async () => {
  const [alone, full] = [small("alone", 400, { rows: 100, deleted: 5 }), small("few", 400, { rows: 100, deleted: 4 })];
  assert.deepEqual(paths(await groupsOf([alone, full])), [["alone"]]);
  const mostlyGone = ["x", "y", "z"].map((path) => small(path, 300, { rows: 10, deleted: 9 }));
  const [group] = await groupsOf(mostlyGone);
  assert.deepEqual([group?.files.length, group?.bytes, group?.rows], [3, 900, 30]);
  assert.deepEqual(group?.result, { bytes: 90, rows: 3 });
});

test("rows that are not known stay unknown", async () => {
  const [group] = await groupsOf([small("x", 1), small("y", 1, { rows: 2 }), small("z", 1, { rows: 2 })]);
  assert.deepEqual([group?.rows, group?.result], [undefined, { bytes: 3 }]);
});

test("property: each file is in one group at most, groups hold one partition and no more than the target", async () => {
  const file = fc.record({ size: fc.nat(120), partition: fc.constantFrom("a", "b", "c"), rows: fc.option(fc.nat(50)) });
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 60 }), fc.integer({ min: 2, max: 5 }), async (raw, minFiles) => {
      const files = raw
        .map(({ size, partition, rows }, i) => small(`f${i}`, size, { partition, ...(rows === null ? {} : { rows }) }))
        .sort((a, b) => ((a.file.partitionValues.p ?? "") < (b.file.partitionValues.p ?? "") ? -1 : 1));
      const target = { ...TARGET, minFiles };
      const groups = await groupsOf(files, target);
      const taken = paths(groups).flat();
      assert.equal(new Set(taken).size, taken.length);
      assert.deepEqual(
        taken,
        files.map(({ file }) => file.path).filter((path) => taken.includes(path)),
        "in their order",
      );
      for (const group of groups) {
        assert.equal(new Set(group.files.map(({ file }) => file.partitionValues.p)).size, 1);
        assert.ok(group.files.length >= minFiles);
        assert.ok(group.files.length === 1 || group.result.bytes <= target.targetBytes);
      }
      assert.deepEqual(await groupsOf(files, target), groups, "the same plan again");
      // What comes out is not taken again: a second plan over the new files has fewer groups, and in the end none.
      const after = groups.map(({ result, partitionValues }, i) =>
        small(`new${i}`, result.bytes, { partition: partitionValues.p ?? "" }),
      );
      assert.ok(
        (
          await groupsOf(
            after.filter((f) => Number(f.file.size) < target.smallerThan),
            target,
          )
        ).length <=
          groups.length / 2,
      );
    }),
    { numRuns: 300 },
  );
});

test("the target is the table's own, a wish, or grows with the table", () => {
  const of = (configuration: Record<string, string>, bytes: number, wishes = {}) =>
    compactionTarget(tableConfiguration(protocol(), metadata({ configuration })), bytes, wishes).targetBytes;
  assert.equal(of({}, 0), 128 * MIB);
  assert.equal(of({}, 2 ** 40), 128 * MIB);
  assert.equal(of({}, 4 * 2 ** 40), 512 * MIB);
  assert.equal(of({}, 100 * 2 ** 40), 1024 * MIB);
  for (const [text, bytes] of [
    ["104857600", 104857600],
    ["100mb", 100 * MIB],
    ["1 g", 1024 * MIB],
    ["7k", 7168],
    ["12b", 12],
  ] as const) {
    assert.equal(of({ "delta.targetFileSize": text }, 2 ** 50), bytes, text);
  }
  assert.equal(of({ "delta.targetFileSize": "1g" }, 0, { targetBytes: 5 }), 5);
});
