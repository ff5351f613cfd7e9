/** Which ranges of files the next V2 checkpoint names again: everything stays covered once, in order, and small ones do not become ever more. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FileRange, planRanges, SIDECAR_FILES, wantsSidecars } from "../../lib/delta/sidecars.ts";
import { METADATA } from "../log/write-checkpoint-support.ts";

const range = (files: number): FileRange => ({ files, text: files * 400 });
const steps = (files: readonly number[], lost: readonly number[] = []) =>
  planRanges(files.map(range), new Set(lost)).map(({ first, last, isKept }) => [first, last, isKept]);

test("what is full is kept, what lost files is written, and what is new comes behind the last", () => {
  assert.deepEqual(steps([]), [[0, 0, false]]);
  assert.deepEqual(steps([20_000, 20_000, 20_000]), [
    [0, 0, true],
    [1, 1, true],
    [2, 2, true],
    [3, 3, false],
  ]);
  assert.deepEqual(steps([20_000, 20_000, 20_000], [1]), [
    [0, 0, true],
    [1, 1, false],
    [2, 2, true],
    [3, 3, false],
  ]);
});

test("neighbours go together when the left one is not much larger, and with what is written behind them", () => {
  assert.deepEqual(steps([20_000, 1_000, 100]), [
    [0, 0, true],
    [1, 1, true],
    [2, 2, true],
    [3, 3, false],
  ]);
  assert.deepEqual(steps([20_000, 1_000, 100, 60]), [
    [0, 0, true],
    [1, 1, true],
    [2, 4, false],
  ]);
  assert.deepEqual(steps([9_000, 9_000, 20_000]), [
    [0, 1, false],
    [2, 2, true],
    [3, 3, false],
  ]);
});

test("texts fill a sidecar, too", () => {
  const large = { files: 2, text: 20 * 2 ** 20 };
  assert.equal(planRanges([large, large], new Set()).filter(({ isKept }) => isKept).length, 2);
});

test("whatever happens to a table, each range is in one step, and steps that are kept are single ranges", () => {
  const cases = fc.array(fc.tuple(fc.integer({ min: 1, max: SIDECAR_FILES }), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(cases, (ranges) => {
      const lost = new Set(ranges.flatMap(([, isLost], i) => (isLost ? [i] : [])));
      const plan = planRanges(
        ranges.map(([files]) => range(files)),
        lost,
      );
      const covered = plan.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
      assert.deepEqual(covered, [...ranges.keys(), ranges.length]);
      for (const { first, last, isKept } of plan) {
        if (isKept) assert.ok(first === last && !lost.has(first));
      }
    }),
  );
});

test("a thousand checkpoints of small appends and removals keep few ranges, and write each file a few times", () => {
  let ranges: number[] = [];
  let [total, written] = [0, 0];
  for (let n = 0; n < 1_000; n += 1) {
    const lost = new Set<number>();
    const i = (n * 7) % Math.max(1, ranges.length);
    if (n % 3 === 0 && (ranges[i] ?? 0) > 1) {
      ranges[i] = (ranges[i] ?? 0) - 1;
      total -= 1;
      // Its count is only known once it has been written.
      lost.add(i);
    }
    const next: number[] = [];
    for (const { first, last, isKept } of planRanges(ranges.map(range), lost)) {
      const here = ranges.slice(first, last + 1).reduce((sum, files) => sum + files, 0);
      if (isKept) next.push(here);
      else {
        let files = here + (last === ranges.length ? 100 : 0);
        written += files;
        for (; files > 0; files -= SIDECAR_FILES) next.push(Math.min(files, SIDECAR_FILES));
      }
    }
    total += 100;
    ranges = next;
    assert.ok(ranges.length <= 2 * Math.ceil(total / SIDECAR_FILES) + 17, `${ranges.length} ranges of ${total} files`);
  }
  // 333 times a range of up to 20,000 files lost one; the rest are appends.
  assert.ok(written < 333 * SIDECAR_FILES + 20 * 100_000, `${written} files were written`);
});

test("V2 checkpoints take the policy and the feature, on both sides", () => {
  const v2 = { ...METADATA, configuration: { "delta.checkpointPolicy": "v2" } };
  const features = (readerFeatures: string[], writerFeatures: string[]) => ({
    ...{ minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures },
  });
  const both = features(["v2Checkpoint"], ["v2Checkpoint"]);
  assert.ok(wantsSidecars(both, v2));
  assert.ok(!wantsSidecars(both, METADATA));
  assert.ok(!wantsSidecars(features([], ["v2Checkpoint"]), v2));
  assert.ok(!wantsSidecars(features(["v2Checkpoint"], []), v2));
  assert.ok(!wantsSidecars({ minReaderVersion: 1, minWriterVersion: 2 }, v2));
});
