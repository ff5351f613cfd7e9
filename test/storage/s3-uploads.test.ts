/** Uploads on S3, as far as a signature shows: what it allows, and for how long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { S3Client } from "@aws-sdk/client-s3";
import { openS3Uploads } from "../../lib/storage/s3-uploads.ts";

const client = new S3Client({
  region: "eu-central-1",
  credentials: { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token" },
  requestChecksumCalculation: "WHEN_REQUIRED",
});
const clock = { now: () => 1000, newId: () => "5d8f", sleep: async () => undefined };

test("an offer is a PUT of one object, of this length and no other, for a quarter of an hour", async () => {
  const uploads = openS3Uploads({ bucket: "lake-bucket", clock, client });
  const { uploadId, url, bytes, expiresAt } = await uploads.offer({ bytes: 7_000_000 });
  assert.deepEqual([uploadId, bytes, expiresAt], ["5d8f", 7_000_000, 901_000]);
  const { host, pathname, searchParams } = new URL(url);
  assert.equal(`${host}${pathname}`, "lake-bucket.s3.eu-central-1.amazonaws.com/_uploads/5d8f");
  assert.equal(searchParams.get("x-id"), "PutObject");
  assert.equal(searchParams.get("X-Amz-Expires"), "900");
  assert.deepEqual(searchParams.get("X-Amz-SignedHeaders")?.split(";"), ["content-length", "host"]);
  // A checksum of the empty body, which the SDK adds by default, would refuse every other.
  assert.ok([...searchParams.keys()].every((name) => !/checksum/i.test(name)));
});
