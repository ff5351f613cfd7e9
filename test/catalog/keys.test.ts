/** Keys and fingerprints of files: one key for all spellings of a path. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { dvKey, fileFingerprint, pathKey } from "../../lib/catalog/keys.ts";
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

test("the fingerprint of a file is the SHA-256 of its identity, size, time, partition values and stats", () => {
  const file = add("p", {
    partitionValues: { b: null, a: "1" },
    deletionVector: dv("x"),
    stats: "{}",
    size: 2n ** 60n,
  });
  const digest = createHash("sha256").update(`p\nux@1\n1152921504606846976\n5\n{"a":"1","b":null}\n{}`).digest();
  assert.deepEqual(
    fileFingerprint(file),
    [0, 4, 8, 12].map((at) => digest.readUInt32BE(at)),
  );
  assert.deepEqual(
    fileFingerprint({ ...file, dataChange: false, baseRowId: 7, tags: { a: "b" } }),
    fileFingerprint(file),
  );
});
