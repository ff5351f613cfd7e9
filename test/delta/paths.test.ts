/** Paths of data files: which a reader can resolve, and which are one file. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canonicalPath, checkPath, isOutside, relativePath } from "../../lib/delta/files/paths.ts";
import { refuses } from "../support/builders.ts";

const AT = "/tables/0";

describe("checkPath takes", () => {
  const good: readonly [string, string][] = [
    ["edge 1: a timestamp partition, escaped twice", "date=2024-01-01%2000%253A00%253A00/f.parquet"],
    ["edge 3: an escaped colon", "a%3Ab.parquet"],
    ["a colon after the first segment", "a/b:c.parquet"],
    ["edge 5: a file of another bucket", "s3://other-bucket/f.parquet"],
    ["edge 5: a local absolute path", "/data/other/f.parquet"],
    ["file: with one slash and with three", "file:/data/f"],
    ["file: with an empty host", "file:///data/f"],
    ["edge 7: emoji as they are", "🚀/e\u0301.parquet"],
    ["edge 7: emoji escaped", "%F0%9F%9A%80.parquet"],
    ["an escaped space and an escaped question mark", "a%20b%3F%23.parquet"],
    ["names that start or end with dots", ".hidden/..a/b..parquet"],
    ["+, &, =, @, ~, ! and the like", "a+b&c=d@e~f!g$h'i(j)k*l,m;n"],
  ];
  for (const [name, path] of good) test(name, () => checkPath(path, AT));
});

describe("checkPath refuses", () => {
  const bad: readonly [string, string][] = [
    ["edge 2: a raw space", "a b.parquet"],
    ["edge 2: a raw [", "a[1].parquet"],
    ["edge 2: a no-break space, which java.net.URI takes for one", "a\u00a0b"],
    ["a line separator", "a\u2028b"],
    ["a control character", "a\u0001b"],
    ["a control character beyond ASCII", "a\u0085b"],
    ['raw ", <, >, \\, ^, `, {, |, }', "a\\b"],
    ["a raw |", "a|b"],
    ["a query", "f.parquet?versionId=1"],
    ["a fragment", "f.parquet#1"],
    ["edge 3: opaque path a:b.parquet", "a:b.parquet"],
    ["edge 3: opaque path http:x", "http:x"],
    ["edge 3: a colon that follows no scheme", "1a:b.parquet"],
    ["edge 4: ./f", "./f"],
    ["edge 4: x/../f", "x/../f"],
    ["edge 4: the empty path", ""],
    ["edge 4: //f", "//f"],
    ["edge 4: escaped dot segments", "x/%2e%2E/f"],
    ["edge 4: dot segments behind an escaped slash", "x%2F..%2Ff"],
    ["edge 4: dot segments of an absolute path", "s3://bucket/table/../f"],
    ["an empty segment, which Spark drops and S3 keeps", "a//b"],
    ["an empty segment behind an escaped slash", "a%2F%2Fb"],
    ["an empty segment of an absolute path", "s3://bucket//f"],
    ["an escaped colon before two slashes", "a%3A//b"],
    ["a folder", "a/b/"],
    ["a bucket", "s3://bucket"],
    ["% without two hex digits", "a%2"],
    ["% with other characters", "a%zz"],
    ["bytes that are not UTF-8", "a%ff"],
    ["NUL", "a%00b"],
    ["an encoded line break, which delta-rs and Polars cannot open", "a%0Ab"],
    ["an encoded DEL", "a%7Fb"],
    ["an encoded slash, a second spelling of a folder", "a%2Fb"],
    ["an encoded slash at the start, which java.net.URI takes for the root", "%2fx"],
  ];
  for (const [name, path] of bad) test(name, () => refuses(() => checkPath(path, AT), { at: AT }));
});

describe("the refusal says what is wrong", () => {
  const messages: readonly [string, RegExp][] = [
    ["", /is empty/],
    ["//f", /starts with/],
    ["a%2", /starts no percent-encoding/],
    ["a%ff", /not UTF-8/],
    ["a b", /holds " ", which must be percent-encoded/],
    ["s3://bucket", /names a folder/],
  ];
  for (const [path, message] of messages) {
    test(`"${path}": ${message.source}`, () => refuses(() => checkPath(path, AT), { at: AT, message }));
  }
});

describe("canonicalPath", () => {
  const same: readonly [string, string][] = [
    ["a%3ab", "a%3Ab"],
    ["a%20b", "a b"],
    ["%61", "a"],
    ["file:/x/y", "/x/y"],
    ["file:///x/y", "/x/y"],
    ["FILE:///x/y", "/x/y"],
  ];
  for (const [a, b] of same) {
    test(`edge 6: ${a} and ${b} are one file`, () => assert.equal(canonicalPath(a), canonicalPath(b)));
  }
  const different: readonly [string, string][] = [
    ["%253A", "%3A"],
    ["é", "e\u0301"],
    ["a", "A"],
    ["s3://a/f", "s3://b/f"],
    ["file%3A/x", "/x"],
  ];
  for (const [a, b] of different) {
    test(`edge 7: ${a} and ${b} are two files`, () => assert.notEqual(canonicalPath(a), canonicalPath(b)));
  }

  test("a path that cannot be decoded is its own spelling", () => assert.equal(canonicalPath("a%ff"), "a%ff"));

  test("any name, escaped, is taken and names itself", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => text.isWellFormed() && !/^\.{1,2}$|[/\p{Cc}]/u.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), (names) => {
        const path = names.map(encodeURIComponent).join("/");
        checkPath(path, AT);
        assert.equal(canonicalPath(path), names.join("/"));
      }),
    );
  });
});

describe("the root of the table", () => {
  const inside: readonly (readonly [string, string, string])[] = [
    ["file:///lake/a%20b", "/lake/a%20b/f.parquet", "f.parquet"],
    ["file:///lake/t", "file:///lake/t/f.parquet", "f.parquet"],
    ["file:///lake/t", "file:/lake/t/f.parquet", "f.parquet"],
    ["file:///lake/t", "file:///lake/t//f.parquet", "f.parquet"],
    ["file:///lake/t", "file:///lake//t/a//f.parquet", "a/f.parquet"],
    ["file:///lake/t", "FILE://localhost/lake/t/f.parquet", "f.parquet"],
    ["file:///lake/t", "file:///lake/%74/f.parquet", "f.parquet"],
    ["file:///lake/t", "/lake/t/day=1/a%20b.parquet", "day=1/a%20b.parquet"],
    ["file:///lake/t", "/lake/t/a:b.parquet", "a%3Ab.parquet"],
    ["s3://bucket/t", "s3://bucket/t/f.parquet", "f.parquet"],
    ["s3://bucket/t", "s3a://bucket/t/x/f.parquet", "x/f.parquet"],
    ["s3://bucket/t", "S3N://bucket/t/f.parquet", "f.parquet"],
    ["s3://bucket/a%b", "s3://bucket/a%25b/f.parquet", "f.parquet"],
    ["s3://bucket", "s3://bucket/f.parquet", "f.parquet"],
  ];
  for (const [location, path, relative] of inside) {
    test(`${path} is ${relative} in ${location}`, () => {
      assert.equal(relativePath(path, location), relative);
      assert.equal(canonicalPath(path, location), canonicalPath(relative, location));
      assert.equal(isOutside(path, location), false);
      checkPath(relative, AT);
    });
  }

  const outside: readonly (readonly [string, string])[] = [
    ["file:///lake/t", "/lake/t2/f.parquet"],
    ["file:///lake/t", "/lake/f.parquet"],
    ["file:///lake/t", "file://host/lake/t/f.parquet"],
    ["file:///lake/t", "s3://lake/t/f.parquet"],
    ["s3://bucket/t", "/t/f.parquet"],
    ["s3://bucket/t", "s3://bucket2/t/f.parquet"],
    ["s3://bucket/t", "gs://bucket/t/f.parquet"],
  ];
  for (const [location, path] of outside) {
    test(`${path} is not in ${location}`, () => {
      assert.equal(isOutside(path, location), true);
      assert.equal(relativePath(path, location), path);
    });
  }

  test("a relative path stays as it is", () => {
    for (const path of ["f", "lake/t/f", "a%3ab", "%61"]) {
      assert.equal(relativePath(path, "file:///lake/t"), path);
      assert.equal(isOutside(path, "file:///lake/t"), false);
    }
  });

  test("any name, below any root and by any scheme of it, is its relative path", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => text.isWellFormed() && !/^\.{1,2}$|[/\p{Cc}]/u.test(text));
    const names = fc.array(name, { minLength: 1, maxLength: 3 });
    const encode = (some: readonly string[]) => some.map(encodeURIComponent).join("/");
    fc.assert(
      fc.property(names, names, fc.constantFrom("file://", "file:", "", "s3://b", "s3a://b"), (root, rest, scheme) => {
        const location = scheme.startsWith("s3") ? `s3://b/${root.join("/")}` : `file:///${encode(root)}`;
        const path = `${scheme}/${encode(root)}/${encode(rest)}`;
        const relative = relativePath(path, location);
        checkPath(relative, AT);
        assert.equal(canonicalPath(relative), rest.join("/"));
        assert.equal(canonicalPath(path, location), canonicalPath(relative, location));
      }),
    );
  });
});
