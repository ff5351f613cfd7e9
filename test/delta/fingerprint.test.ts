/** Fingerprints: the sum does not know an order, and a log summed up newest first has the files that a replay has. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fileFingerprint } from "../../lib/catalog/keys.ts";
import type { CommitActions } from "../../lib/delta/actions.ts";
import {
  addFingerprint,
  type Fingerprint,
  NewestFirst,
  NO_FILES,
  sameFingerprint,
  subtractFingerprint,
} from "../../lib/delta/fingerprint.ts";
import { LogReplay, type ReplayHeader } from "../../lib/delta/replay.ts";
import { actions, add, metadata, protocol, remove } from "../support/builders.ts";

test("adding and taking away in any order comes to the same", () => {
  const uint = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const lanes = fc.tuple(uint, uint, uint, uint);
  fc.assert(
    fc.property(fc.array(lanes, { maxLength: 20 }), (all) => {
      const forward = all.reduce<Fingerprint>(addFingerprint, NO_FILES);
      assert.deepEqual(all.toReversed().reduce<Fingerprint>(addFingerprint, NO_FILES), forward);
      assert.deepEqual(all.reduce<Fingerprint>(subtractFingerprint, forward), NO_FILES);
    }),
  );
});

test("fingerprints differ where one lane does", () => {
  assert.ok(sameFingerprint([1, 2, 3, 4], [1, 2, 3, 4]));
  for (const other of [
    [0, 2, 3, 4],
    [1, 0, 3, 4],
    [1, 2, 0, 4],
    [1, 2, 3, 0],
  ] as const) {
    assert.ok(!sameFingerprint([1, 2, 3, 4], other));
  }
});

const vector = (id: string) =>
  ({ storageType: "u", pathOrInlineDv: id, offset: 1, sizeInBytes: 1, cardinality: 1 }) as const;
const identity = fc
  .record({ path: fc.constantFrom("a", "b", "%61", "c"), dv: fc.constantFrom(undefined, "x", "y") })
  .map(({ path, dv }) => ({ path, ...(dv === undefined ? {} : { deletionVector: vector(dv) }) }));
const commitActions: fc.Arbitrary<CommitActions> = fc
  .record({
    adds: fc.array(fc.record({ file: identity, size: fc.nat(9) }), { maxLength: 3 }),
    removes: fc.array(identity, { maxLength: 3 }),
    txns: fc.dictionary(fc.constantFrom("p", "q"), fc.nat(9)),
    domains: fc.dictionary(fc.constantFrom("d", "e"), fc.boolean()),
    name: fc.option(fc.constantFrom("m", "n"), { nil: undefined }),
    features: fc.option(fc.subarray(["appendOnly", "invariants"]), { nil: undefined }),
  })
  .map(({ adds, removes, txns, domains, name, features }) =>
    actions({
      // No file twice in one version: the protocol forbids it.
      adds: adds
        .map(({ file: { path, ...file }, size }) => add(path, { ...file, size }))
        .filter((file, i, all) => all.findIndex((a) => same(a, file)) === i),
      removes: removes.map(({ path, ...file }) => remove(path, file)),
      txns: Object.entries(txns).map(([appId, version]) => ({ appId, version })),
      domains: Object.entries(domains).map(([domain, removed]) => ({ domain, configuration: domain, removed })),
      ...(name && { metadata: metadata({ name }) }),
      ...(features && { protocol: protocol(features) }),
    }),
  );
const same = (a: { path: string; deletionVector?: { pathOrInlineDv: string } }, b: typeof a) =>
  decodeURIComponent(a.path) === decodeURIComponent(b.path) &&
  a.deletionVector?.pathOrInlineDv === b.deletionVector?.pathOrInlineDv;

const sorted = ({ txns, domains, ...rest }: ReplayHeader) => ({
  ...rest,
  txns: txns.toSorted((a, b) => a.appId.localeCompare(b.appId)),
  domains: domains.toSorted((a, b) => a.domain.localeCompare(b.domain)),
});

test("a log summed up from the newest commit down comes to what a replay comes to, from any checkpoint", () => {
  fc.assert(
    fc.property(fc.array(commitActions, { maxLength: 8 }), fc.nat(8), (commits, at) => {
      const replay = new LogReplay();
      const sum = new NewestFirst(fileFingerprint);
      for (const commit of commits.slice(0, at)) replay.applyCommit(commit);
      const checkpoint = { files: [...replay.files.values()], header: replay.header };
      for (const commit of commits.slice(at)) replay.applyCommit(commit);
      for (const commit of commits.slice(at).toReversed()) sum.applyCommit(commit);
      sum.applyHeader(checkpoint.header);
      for (const file of checkpoint.files) sum.applyCheckpointFile(file);
      const expected = [...replay.files.values()].map(fileFingerprint).reduce(addFingerprint, NO_FILES);
      assert.deepEqual([sum.numFiles, sum.fingerprint], [replay.numFiles, expected]);
      assert.deepEqual(sorted(sum.header), sorted(replay.header));
    }),
    { numRuns: 1000 },
  );
});
