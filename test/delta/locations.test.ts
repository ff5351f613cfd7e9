/** Places of tables: which lie within which, what no table's place may be, and folders for tables without one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkTableLocation,
  defaultFolder,
  foldersOf,
  isHidden,
  isWithin,
  placesAbove,
} from "../../lib/delta/files/locations.ts";
import { COUNT } from "../../lib/delta/limits.ts";
import { isLakeError } from "../../lib/errors.ts";

test("a place lies in every folder above it, and in the bucket", () => {
  assert.deepEqual(placesAbove("s3://b/x/y"), ["s3://b", "s3://b/x"]);
  assert.deepEqual(placesAbove("s3://b"), []);
  assert.deepEqual(placesAbove("file:///a/b%20c/d"), ["file:///a", "file:///a/b%20c"]);
  assert.deepEqual(placesAbove("file:///a"), []);
  assert.deepEqual(foldersOf("file:///a/b%20c"), ["a", "b c"]);
  assert.deepEqual(foldersOf("s3://b/x%20y"), ["x%20y"]);
});

const folders = fc.array(fc.string({ minLength: 1, unit: "grapheme" }).map(encodeURIComponent), {
  minLength: 1,
  maxLength: 5,
});
const places = fc.oneof(
  folders.map((names) => `s3://bucket/${names.join("/")}`),
  folders.map((names) => `file:///${names.join("/")}`),
);

test("a place within another is the same in texts, in places above, and in the order of bytes", () => {
  fc.assert(
    fc.property(places, places, folders, (one, two, more) => {
      for (const [inner, outer] of [
        [one, two],
        [`${one}/${more.join("/")}`, one],
        [one, one],
        [`${one}x`, one],
      ] as const) {
        const bytes = (text: string) => Buffer.from(text);
        const between =
          Buffer.compare(bytes(inner), bytes(`${outer}/`)) > 0 && Buffer.compare(bytes(inner), bytes(`${outer}0`)) < 0;
        assert.equal(isWithin(inner, outer), placesAbove(inner).includes(outer));
        assert.equal(isWithin(inner, outer), between);
      }
    }),
  );
});

for (const [location, words] of [
  ["s3://b/t/_delta_log", /lies in a _delta_log/],
  ["s3://b/t/_delta_log/x", /lies in a _delta_log/],
  ["file:///t/_Delta_Log/x", /lies in a _delta_log/],
  ["s3://b/%2e%2e/x", /"%2e%2e", which is ".."/],
  ["file:///a/%252e%252E/x", /"%2e%2E", which is ".."/],
  ["s3://b/%25252e%25252e", /which is ".."/],
  ["s3://b/%2E", /which is "."/],
  ["s3://b/a%2F..%2Fb", /which is "a\/..\/b"/],
  ["s3://b/a%5C..", /which is "a\\.."/],
  ["s3://b/a\\b", /has a "\\"/],
  ["file:///a%5Cb", /has a "\\"/],
  ["s3a://b/t", /no canonical/],
  ["s3://b/t/", /no canonical/],
  ["s3://b//t", /no canonical/],
  ["s3://b/../t", /no canonical/],
  ["file:///a/./b", /no canonical/],
  ["file:/a", /no canonical/],
  ["file:///", /no canonical/],
  ["/a/b", /no canonical/],
  ["s3://b/a%00b", /to whoever decodes it/],
  ["s3://b/a\nb", /control character/],
  ["file:///a%0Ab", /control character/],
  [`s3://b/${"x/".repeat(COUNT.folders)}x`, /folders deep/],
] as const) {
  test(`${JSON.stringify(location.slice(0, 40))} is no place for a table`, () => {
    assert.throws(
      () => checkTableLocation(location),
      (error) => {
        assert.ok(isLakeError(error, "invalid"));
        assert.equal(error.code, "INVALID_LOCATION");
        assert.equal(error.at, "/location");
        assert.ok(error.hint);
        assert.match(error.message, words);
        return true;
      },
    );
  });
}

for (const location of [
  "s3://b/100%/%20",
  "file:///a%20b/%C3%BC%25",
  "s3://b/_x/_delta_logs",
  "s3://b",
  "s3://b/a..b/..c",
  "s3://b/a%2Fb",
  "file:///a%252Fb%255C",
]) {
  test(`${location} may be one`, () => checkTableLocation(location));
}

const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/);
const name = fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => parts.join("."));

test("folders of tables without a location never lie within each other, are their own, and are seen by readers", () => {
  assert.equal(defaultFolder("shop.orders"), "shop/orders");
  assert.equal(defaultFolder("s.orders.items"), "s.orders/items");
  assert.equal(defaultFolder("_delta_log._x"), "!_delta_log/!_x");
  fc.assert(
    fc.property(name, name, (one, two) => {
      const [a, b] = [defaultFolder(one), defaultFolder(two)];
      assert.equal(a === b, one === two);
      // On a disk that takes both cases for one, too: such names are one name.
      assert.equal(a.toLowerCase() === b.toLowerCase(), one.toLowerCase() === two.toLowerCase());
      assert.ok(!isWithin(a, b) && !isWithin(b, a));
      assert.ok(!a.split("/").some(isHidden));
      checkTableLocation(`s3://b/${a}`);
    }),
    { numRuns: 500 },
  );
});
