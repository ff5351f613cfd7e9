/** Names in `_delta_log`, and which files rebuild a version (docs/delta-rules.md §2.1, §5). */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkpointFileName,
  commitFileName,
  type ListedFile,
  pickOldestSegment,
  pickSegment,
  sortLogFiles,
  versionName,
} from "../../lib/delta/files/log-files.ts";
import { isLakeError } from "../../lib/errors.ts";

const file = (name: string, size = 1): ListedFile => ({ name, size, modifiedAt: 0 });
const listing = (...names: readonly string[]) => sortLogFiles(names.map((name) => file(name)));
const commits = (...versions: readonly number[]): string[] => versions.map(commitFileName);
const checkpoints = (...versions: readonly number[]): string[] => versions.map(checkpointFileName);
const part = (version: number, number: number, count: number): string =>
  `${versionName(version)}.checkpoint.${String(number).padStart(10, "0")}.${String(count).padStart(10, "0")}.parquet`;
const v2 = (version: number, digit: string, format: string): string =>
  `${versionName(version)}.checkpoint.${digit.repeat(8)}-0000-4000-8000-000000000000.${format}`;

const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    isLakeError(error, "corrupt") && error.code === wanted;

test("files are sorted into kinds; unknown names and empty checkpoints are left out", () => {
  const sorted = sortLogFiles([
    ...[...commits(11, 0), ...checkpoints(10), v2(12, "a", "json"), part(9, 2, 2), part(9, 1, 2)].map((n) => file(n)),
    ...["_last_checkpoint", "00000000000000000001.crc", "1.json", "0000000000000000000a.json", ".x.tmp"].map((n) =>
      file(n),
    ),
    ...["00000000000000000000.00000000000000000010.compacted.json", `${commitFileName(3)}.bak`].map((n) => file(n)),
    ...[...checkpoints(8), v2(8, "b", "parquet"), part(7, 1, 1)].map((n) => file(n, 0)),
  ]);
  assert.deepEqual(
    sorted.commits.map((c) => c.version),
    [0, 11],
  );
  assert.deepEqual(
    sorted.checkpoints.map((c) => [c.version, c.kind, c.files.length, c.complete]),
    [
      [9, "multipart", 2, true],
      [10, "classic", 1, true],
      [12, "v2", 1, true],
    ],
  );
  assert.equal(sorted.hasStagedCommits, false);
  assert.equal(listing("_staged_commits/00000000000000000002.uuid.json").hasStagedCommits, true);
});

test("at one version V2 beats multi-part beats classic; the greatest name and the most parts win", () => {
  const all = [
    ...checkpoints(5),
    part(5, 1, 2),
    part(5, 2, 2),
    part(5, 1, 1),
    v2(5, "b", "json"),
    v2(5, "a", "parquet"),
  ];
  const order = listing(...all).checkpoints.map((c) => c.files[0]?.name);
  const wanted = [checkpointFileName(5), part(5, 1, 1), part(5, 1, 2), v2(5, "a", "parquet"), v2(5, "b", "json")];
  assert.deepEqual(order, wanted);
  assert.equal(pickSegment(listing(...all)).checkpoint?.files[0]?.name, v2(5, "b", "json"));
});

test("a multi-part checkpoint with a part missing is passed over", () => {
  const segment = pickSegment(listing(...commits(0, 1, 2, 3), ...checkpoints(1), part(3, 1, 3), part(3, 3, 3)));
  assert.equal(segment.checkpoint?.version, 1);
  assert.deepEqual(
    segment.commits.map((c) => c.version),
    [2, 3],
  );
});

test("the newest checkpoint at or below the version, and the commits after it", () => {
  const found = listing(...commits(0, 1, 2, 3, 4, 5), ...checkpoints(2, 4));
  const starts = [0, 1, 2, 3, 4, 5].map((version) => pickSegment(found, { version }).checkpoint?.version);
  assert.deepEqual(starts, [undefined, undefined, 2, 2, 4, 4]);
  assert.equal(pickSegment(found).version, 5);
  assert.equal(pickSegment(found, { skip: (c) => c.version === 4 }).checkpoint?.version, 2);
  assert.equal(pickSegment(listing(...checkpoints(7))).version, 7);
});

test("a gap that a replay would cross is refused and named; one before its checkpoint is not", () => {
  assert.throws(() => pickSegment(listing(...commits(0, 2))), code("VERSION_GAP"));
  assert.throws(() => pickSegment(listing(...commits(1, 2))), code("VERSION_GAP"));
  assert.throws(() => pickSegment(listing(...commits(0, 1, 4), ...checkpoints(2))), code("VERSION_GAP"));
  assert.throws(
    () => pickSegment(listing(...checkpoints(2), ...commits(4))),
    (error) => {
      assert.ok(isLakeError(error) && error.at === commitFileName(3));
      return true;
    },
  );
  assert.equal(pickSegment(listing(...commits(0, 2, 3), ...checkpoints(2))).version, 3);
});

test("an empty log, and a version that it does not reach", () => {
  assert.throws(() => pickSegment(listing("_last_checkpoint")), code("EMPTY_LOG"));
  assert.throws(() => pickSegment(listing(part(3, 1, 2))), code("EMPTY_LOG"));
  assert.throws(() => pickSegment(listing(...commits(0)), { version: 1 }), code("VERSION_NOT_RECREATABLE"));
});

test("the oldest segment starts as far back as any replay can", () => {
  const start = (...names: readonly string[]) => pickOldestSegment(listing(...names)).checkpoint?.version;
  assert.equal(start(...commits(0, 1, 2), ...checkpoints(1, 2)), undefined);
  assert.equal(start(...commits(0, 1), ...checkpoints(0)), 0);
  assert.equal(start(...commits(3, 4, 5, 6), ...checkpoints(4, 6)), 4);
  assert.equal(start(...commits(5, 6), ...checkpoints(4, 5)), 4);
  assert.equal(start(...commits(0, 1, 5, 6), ...checkpoints(1, 5)), 5);
  assert.equal(start(...checkpoints(3, 9)), 9);
});

test("property: a segment is contiguous from its start to its version, and no start lies further back", () => {
  const versions = fc.uniqueArray(fc.nat(8));
  fc.assert(
    fc.property(versions, versions, (withCommit, withCheckpoint) => {
      const found = listing(...commits(...withCommit), ...checkpoints(...withCheckpoint));
      const head = Math.max(-1, ...withCommit, ...withCheckpoint);
      /** Independent of the code: can a replay that starts at this checkpoint (or before commit 0) reach the head? */
      const reaches = (start: number): boolean =>
        Array.from({ length: head - start }, (_, i) => start + 1 + i).every((v) => withCommit.includes(v));
      const starts = [-1, ...withCheckpoint].filter((start) => reaches(start)).sort((a, b) => a - b);
      const newest = Math.max(-1, ...withCheckpoint);
      if (head < 0 || !reaches(newest)) {
        assert.throws(() => pickSegment(found), isLakeError);
        return;
      }
      for (const [segment, start] of [
        [pickSegment(found), newest],
        // Commit 0 and a checkpoint at 0 begin at the same version; the checkpoint is preferred.
        [pickOldestSegment(found), starts[0] === -1 && withCheckpoint.includes(0) ? 0 : starts[0]],
      ] as const) {
        assert.equal(segment.version, head);
        assert.equal(segment.checkpoint?.version ?? -1, start);
        const expected = Array.from({ length: head - (start ?? -1) }, (_, i) => (start ?? -1) + 1 + i);
        assert.deepEqual(
          segment.commits.map((c) => c.version),
          expected,
        );
      }
    }),
    { numRuns: 500 },
  );
});
