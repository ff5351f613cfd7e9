/** Paths as object keys below their table, whatever they are written like; names of deletion vector files. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deletionVectorPath, keyInTable } from "../../lib/delta/files/file-places.ts";

const FOLDER = "file:///lake/some%20where/t";
const BUCKET = "s3://bucket/some where/t%20x";

test("paths are keys, percent-decoded once; absolute ones where they lie below the table", () => {
  const cases: readonly [string, string, string | undefined][] = [
    [FOLDER, "a.parquet", "a.parquet"],
    [FOLDER, "day=2026-01-30/a%20b.parquet", "day=2026-01-30/a b.parquet"],
    [FOLDER, "a%2520b", "a%20b"],
    [FOLDER, "file:///lake/some%20where/t/p/a%20b", "p/a b"],
    [FOLDER, "file:/lake/some%20where/t/p", "p"],
    [FOLDER, "FILE:///lake/some%20where/t/p", "p"],
    [FOLDER, "/lake/some%20where/t/p", "p"],
    [FOLDER, "file:///lake/some%20where/t2/p", undefined],
    [FOLDER, "file://other/lake/some%20where/t/p", undefined],
    [FOLDER, "file:///etc/passwd", undefined],
    [FOLDER, "/etc/passwd", undefined],
    [FOLDER, "s3://lake/some%20where/t/p", undefined],
    [BUCKET, "p/a%20b", "p/a b"],
    [BUCKET, "s3://bucket/some%20where/t%2520x/p", "p"],
    [BUCKET, "s3a://bucket/some%20where/t%2520x/p%25", "p%"],
    [BUCKET, "s3n://bucket/some%20where/t%2520x/p", "p"],
    [BUCKET, "s3://other/some%20where/t%2520x/p", undefined],
    [BUCKET, "/some%20where/p", undefined],
    ["s3://bucket", "s3://bucket/p", "p"],
  ];
  for (const [location, path, key] of cases) assert.equal(keyInTable(location, path), key, `${path} in ${location}`);
});

test("a relative path and the same one made absolute are one key", () =>
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: "grapheme" }), { minLength: 1, maxLength: 4 }), (segments) => {
      fc.pre(segments.every((s) => s.isWellFormed() && !s.includes("/") && s.trim() !== ""));
      const path = segments.map(encodeURIComponent).join("/");
      assert.equal(keyInTable(FOLDER, path), segments.join("/"));
      assert.equal(keyInTable(FOLDER, `${FOLDER}/${path}`), segments.join("/"));
      assert.equal(keyInTable(BUCKET, `s3a://bucket/some%20where/t%2520x/${path}`), segments.join("/"));
    }),
  ));

test("names of deletion vector files are those of the protocol's examples", () => {
  const vector = (storageType: string, pathOrInlineDv: string) => ({
    storageType,
    pathOrInlineDv,
    sizeInBytes: 40,
    cardinality: 6,
  });
  assert.equal(
    deletionVectorPath(vector("u", "ab^-aqEH.-t@S}K{vb[*k^")),
    "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin",
  );
  assert.equal(
    deletionVectorPath(vector("u", "^-aqEH.-t@S}K{vb[*k^")),
    "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin",
  );
  assert.equal(deletionVectorPath(vector("p", "s3://b/dv.bin")), "s3://b/dv.bin");
  assert.equal(deletionVectorPath(vector("i", "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L")), undefined);
  assert.equal(deletionVectorPath(vector("u", "~~~~~~~~~~~~~~~~~~~~")), undefined);
  assert.equal(deletionVectorPath(vector("u", "%%%%%%%%%%%%%%%%%%%%")), undefined, "beyond 32 bits");
  assert.equal(deletionVectorPath(vector("u", "short")), undefined);
});
