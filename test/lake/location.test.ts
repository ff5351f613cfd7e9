/** Locations: one folder has one, however it is written. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { fromLocation, fromS3Location, toLocation } from "../../lib/lake/location.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-location-")));
after(() => rmSync(folder, { recursive: true }));
const wanted = `file://${folder}/a%20b/%C3%BC%25`;
mkdirSync(join(folder, "a b"));
symlinkSync(join(folder, "a b"), join(folder, "link"));

for (const path of [
  join(folder, "a b/ü%"),
  join(folder, "a b/ü%/"),
  join(folder, "link/ü%"),
  join(folder, "a b/x/../ü%"),
  wanted,
  `${wanted}/`,
  `file:${folder}/a%20b/%C3%BC%25`,
  `file://localhost${folder}/a%20b/%C3%BC%25`,
  `FILE://LOCALHOST/${folder}/a%20b//%c3%bc%25/`,
  `file:////${folder}/a b/ü%25`,
  `file://${folder}/a%20b/x/%2e%2E/.//ü%25//`,
  relative(process.cwd(), join(folder, "a b/ü%")),
]) {
  test(`${path.replace(folder, "…")} is one location`, async () => assert.equal(await toLocation(path), wanted));
}

test("the encoding of file locations is ours, whatever that of Node is", async () => {
  const name = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
    .join("")
    .replace("/", "");
  const encoded =
    "!%22%23$%25&'()*+,-.0123456789:;%3C=%3E%3F@ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D%7E";
  assert.equal(await toLocation(`/${name}/ é`), `file:///${encoded}/%20%C3%A9`);
  assert.equal(await toLocation(`file:///${encoded}/%20%C3%A9`), `file:///${encoded}/%20%C3%A9`);
});

test("a base comes before relative paths only", async () => {
  assert.equal(await toLocation("x/y", folder), `file://${folder}/x/y`);
  assert.equal(await toLocation("/x/y", folder), "file:///x/y");
});

for (const [path, location, prefix] of [
  ["s3://bucket/a b/t", "s3://bucket/a b/t", "a b/t"],
  ["S3A://bucket/t//", "s3://bucket/t", "t"],
  ["s3n://bucket/t", "s3://bucket/t", "t"],
  ["s3://BUCKET/T", "s3://bucket/T", "T"],
  ["s3://my.bucket-1/", "s3://my.bucket-1", ""],
  ["s3://b/100%/%20", "s3://b/100%/%20", "100%/%20"],
] as const) {
  test(`${path} is ${location}`, async () => {
    assert.equal(await toLocation(path), location);
    assert.equal(fromS3Location(location)?.prefix, prefix);
    assert.equal(fromS3Location(wanted), undefined);
  });
}

test("a base on S3 comes before relative paths only", async () => {
  assert.equal(await toLocation("sales/orders", "s3://bucket/lake/"), "s3://bucket/lake/sales/orders");
  assert.equal(await toLocation("x", "s3a://bucket"), "s3://bucket/x");
  assert.equal(await toLocation("/x/y", "s3://bucket"), "file:///x/y");
  assert.equal(await toLocation("s3://other/x", "s3://bucket"), "s3://other/x");
  await assert.rejects(toLocation("../x", "s3://bucket/a"), (error) => isLakeError(error, "invalid"));
});

test("there and back", () => assert.equal(fromLocation(wanted), join(folder, "a b/ü%")));

for (const [path, words] of [
  ["s3://", /not a location on S3/],
  ["s3:bucket/table", /not a location on S3/],
  ["s3:///table", /not a location on S3/],
  ["s3://bucket/a//b", /not a location on S3/],
  ["s3://bucket/../other", /not a location on S3/],
  ["s3://bucket/a/./b", /not a location on S3/],
  ["s3://bucket//a", /not a location on S3/],
  [`s3://bucket/${"k".repeat(901)}`, /more than 900 bytes/],
  ["s3://user@bucket/table", /not a location on S3/],
  ["gs://bucket/table", /"gs:" is no storage/],
  ["http://example.com", /"http:" is no storage/],
  ["", /empty/],
  ["/", /root folder/],
  ["a\0b", /NUL/],
  ["file:///a%zz", /not a file location/],
  ["file:///a%2Fb", /not a file location/],
  ["file:///a%00b", /not a file location/],
  ["file:///a?b", /not a file location/],
  ["file:///a#b", /not a file location/],
  ["file:///a\\b", /not a file location/],
  ["file://elsewhere/a", /not a file location/],
  ["file://elsewhere", /not a file location/],
  ["file:a/b", /not a file location/],
  ["file:///", /root folder/],
  ["a\ud800", /no Unicode text/],
] as const) {
  test(`${JSON.stringify(path)} is refused`, async () => {
    await assert.rejects(toLocation(path), (error) => {
      assert.ok(isLakeError(error, "invalid"));
      assert.match(error.message, words);
      return true;
    });
  });
}
