/** LogReplay against a model that is more naive still: for each key, the last thing that was said about it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AddFile,
  type CommitActions,
  type DeletionVector,
  NO_ACTIONS,
  type RemoveFile,
} from "../../lib/delta/actions.ts";
import { fileKey, LogReplay } from "../../lib/delta/replay.ts";
import { isLakeError } from "../../lib/errors.ts";

const vector = (id: string): DeletionVector => ({
  storageType: "u",
  pathOrInlineDv: id,
  sizeInBytes: 1,
  cardinality: 1,
});
const add = (path: string, more: Partial<AddFile> = {}): AddFile => ({
  path,
  partitionValues: {},
  size: 1,
  modificationTime: 0,
  dataChange: true,
  ...more,
});
const remove = (path: string, more: Partial<RemoveFile> = {}): RemoveFile => ({ path, dataChange: true, ...more });
const commit = (actions: Partial<CommitActions>): CommitActions => ({ ...NO_ACTIONS, ...actions });

function replay(...commits: readonly Partial<CommitActions>[]): LogReplay {
  const state = new LogReplay();
  for (const actions of commits) state.applyCommit(commit(actions));
  return state;
}

test("a second deletion vector on a file leaves one live file, whatever the order of lines", () => {
  const first = add("f", { deletionVector: vector("one"), size: 7 });
  const second = add("f", { deletionVector: vector("two"), size: 7 });
  const state = replay(
    { adds: [first] },
    { adds: [second], removes: [remove("f", { deletionVector: vector("one") })] },
  );
  assert.deepEqual([...state.files.values()], [second]);
  assert.equal(state.tombstones.size, 1);
  assert.equal(state.sizeInBytes, 7);
});

test("a re-add replaces stats and size; remove and re-add clears the tombstone", () => {
  const state = replay({ adds: [add("f", { size: 5 })] }, { adds: [add("f", { size: 6, stats: "{}" })] });
  assert.equal(state.sizeInBytes, 6);
  state.applyCommit(commit({ removes: [remove("f")] }));
  assert.deepEqual([state.numFiles, state.sizeInBytes, state.tombstones.size], [0, 0, 1]);
  state.applyCommit(commit({ adds: [add("f", { size: 8 })] }));
  assert.deepEqual([state.numFiles, state.sizeInBytes, state.tombstones.size], [1, 8, 0]);
});

test("spellings of one path are one file; a vector with offset 0 is not one without", () => {
  assert.equal(replay({ adds: [add("a%3ab")] }, { removes: [remove("a%3Ab")] }).numFiles, 0);
  assert.equal(replay({ adds: [add("/t/f")] }, { removes: [remove("file:///t/f")] }).numFiles, 0);
  assert.notEqual(
    fileKey(add("f", { deletionVector: vector("x") })),
    fileKey(add("f", { deletionVector: { ...vector("x"), offset: 0 } })),
  );
});

test("the newest metaData, protocol, txn and domain count; a removed domain is gone", () => {
  const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
  const metadata = { id: "x", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} };
  const domain = (name: string, configuration: string, removed = false) => ({ domain: name, configuration, removed });
  const state = replay(
    { protocol, metadata, txns: [{ appId: "a", version: 5 }], domains: [domain("d", "1"), domain("e", "1")] },
    { metadata: { ...metadata, name: "later" }, txns: [{ appId: "a", version: 3 }], domains: [domain("d", "1", true)] },
  );
  assert.equal(state.requireTable().metadata.name, "later");
  assert.equal(state.protocol, protocol);
  assert.equal(state.txns.get("a")?.version, 3);
  assert.deepEqual([...state.domains.keys()], ["e"]);
});

test("a log without protocol or metaData is no table", () => {
  const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
  const lacks = (code: string) => (error: unknown) => isLakeError(error, "corrupt") && error.code === code;
  assert.throws(() => replay({}).requireTable(), lacks("MISSING_PROTOCOL"));
  assert.throws(() => replay({ protocol }).requireTable(), lacks("MISSING_METADATA"));
});

test("sums beyond 2^53 are exact", () => {
  const state = replay({ adds: [add("a", { size: 9007199254740993n }), add("b", { size: 2 })] });
  assert.equal(state.sizeInBytes, 9007199254740995n);
  state.applyCommit(commit({ removes: [remove("a")] }));
  assert.equal(state.sizeInBytes, 2);
});

const identity = fc.record({
  path: fc.constantFrom("a", "b", "c%3a", "c%3A"),
  vector: fc.constantFrom(undefined, "x", "y"),
  size: fc.nat(100),
});
const aCommit = fc.record({
  adds: fc.array(identity, { maxLength: 4 }),
  removes: fc.array(identity, { maxLength: 4 }),
});

test("property: live is what was last added, a tombstone what was last removed", () => {
  fc.assert(
    fc.property(fc.array(aCommit, { maxLength: 12 }), fc.nat(12), (history, cut) => {
      const withVector = (id: string | undefined) => (id === undefined ? {} : { deletionVector: vector(id) });
      const commits = history.map(({ adds, removes }) =>
        commit({
          adds: adds.map((f) => add(f.path, { size: f.size, ...withVector(f.vector) })),
          removes: removes.map((f) => remove(f.path, withVector(f.vector))),
        }),
      );
      const events = commits.flatMap(({ adds, removes }) => [
        ...removes.map((file) => ({ key: fileKey(file), size: undefined })),
        ...adds.map((file) => ({ key: fileKey(file), size: file.size as number })),
      ]);
      const keys = [...new Set(events.map((event) => event.key))];
      const last = keys.map((key) => events.findLast((event) => event.key === key));
      const live = last.filter((event) => event?.size !== undefined);

      const whole = replay(...commits);
      assert.deepEqual([...whole.files.keys()].sort(), live.map((event) => event?.key).sort());
      assert.equal(whole.tombstones.size, last.length - live.length);
      assert.equal(
        whole.sizeInBytes,
        live.reduce((sum, event) => sum + (event?.size ?? 0), 0),
      );

      // From a checkpoint in the middle the same state comes out.
      const before = replay(...commits.slice(0, cut));
      const resumed = new LogReplay();
      resumed.applyFiles([...before.tombstones.values()].map((file) => ({ remove: file })));
      resumed.applyFiles([...before.files.values()].map((file) => ({ add: file })));
      for (const actions of commits.slice(cut)) resumed.applyCommit(actions);
      assert.deepEqual(new Map([...resumed.files].sort()), new Map([...whole.files].sort()));
      assert.deepEqual([...resumed.tombstones.keys()].sort(), [...whole.tombstones.keys()].sort());
      assert.equal(resumed.sizeInBytes, whole.sizeInBytes);
    }),
    { numRuns: 300 },
  );
});
