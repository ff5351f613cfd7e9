/** Keys and fingerprints: one key for all spellings of a path, lanes that add up whatever the order. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { addLanes, dvKey, fileLanes, type Lanes, NO_LANES, pathKey, subtractLanes } from "../../lib/catalog/keys.ts";
import { add, dv } from "../support/catalog-plans.ts";

test("spellings of one path have one key, other paths another", () => {
  assert.equal(pathKey("a=1/b%20c"), pathKey("%61=1/b%20c"));
  assert.equal(pathKey("file:/x/y"), pathKey("file:///x/y"));
  assert.notEqual(pathKey("a%2520b"), pathKey("a%20b"));
  assert.match(pathKey("x"), /^[0-9a-f]{32}$/);
});

test("no deletion vector is the empty key; an offset of 0 is not an absent one", () => {
  assert.equal(dvKey(add("x")), "");
  const { offset, ...without } = dv("a");
  assert.notEqual(
    dvKey({ path: "x", deletionVector: { ...without, offset: 0 } }),
    dvKey({ path: "x", deletionVector: without }),
  );
  assert.equal(dvKey({ path: "x", deletionVector: dv("a") }), dvKey({ path: "y", deletionVector: dv("a") }));
  assert.equal(offset, 1);
});

test("the lanes of a file are the SHA-256 of its identity, size, time, partition values and stats", () => {
  const file = add("p", {
    partitionValues: { b: null, a: "1" },
    deletionVector: dv("x"),
    stats: "{}",
    size: 2n ** 60n,
  });
  const digest = createHash("sha256").update(`p\nux@1\n1152921504606846976\n5\n{"a":"1","b":null}\n{}`).digest();
  assert.deepEqual(
    fileLanes(file),
    [0, 4, 8, 12].map((at) => digest.readUInt32BE(at)),
  );
  assert.deepEqual(fileLanes({ ...file, dataChange: false, baseRowId: 7, tags: { a: "b" } }), fileLanes(file));
});

test("adding and taking away in any order comes to the same", () => {
  const uint = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const lanes = fc.tuple(uint, uint, uint, uint);
  fc.assert(
    fc.property(fc.array(lanes, { maxLength: 20 }), (all) => {
      const forward = all.reduce<Lanes>(addLanes, NO_LANES);
      assert.deepEqual(all.toReversed().reduce<Lanes>(addLanes, NO_LANES), forward);
      assert.deepEqual(all.reduce<Lanes>(subtractLanes, forward), NO_LANES);
    }),
  );
});
