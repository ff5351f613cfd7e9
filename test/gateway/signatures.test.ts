/** Signatures of clients: AWS's own SDK makes them, the gateway checks them, and no change to what was signed passes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { type ChunkCheck, unframed } from "../../lib/gateway/aws-chunked.ts";
import { openS3Door } from "../../lib/gateway/door.ts";
import { checkSignature, type Signed } from "../../lib/gateway/signatures.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { openFace, s3Client } from "./face.ts";

const keys = new Map([["AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"]]);
const door = openS3Door({ keys, isOpen: false });
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: keys.get("AKIDEXAMPLE") };
const face = await openFace({ store: openMemoryStore(), server: { door } });
const put = (s3: S3Client, Key: string, Body = "x") => s3.send(new PutObjectCommand({ Bucket: "b", Key, Body }));

test("who signs with a key that is known comes in, whatever is in the address", async () => {
  const s3 = s3Client(face.url, { credentials });
  for (const Key of ["plain", "a b+c%d", "ä/=&'!()*~.x", "dots/./..x", "double//slash?"]) {
    if (!Key.includes("//") && !Key.includes("/./")) await put(s3, Key, Key);
    const asked = s3.send(new GetObjectCommand({ Bucket: "b", Key }));
    await asked.catch((error) => assert.ok(!/Signature/.test(error.name), `${Key}: ${error.name}`));
  }
  await s3.send(new ListObjectsV2Command({ Bucket: "b", Prefix: "a b+", Delimiter: "/", StartAfter: "ä=&" }));
});

test("nobody else does", async () => {
  assert.equal((await fetch(`${face.url}/b/plain`)).status, 403);
  const wrong = s3Client(face.url, { credentials: { ...credentials, secretAccessKey: "other" } });
  await assert.rejects(put(wrong, "x"), { name: "SignatureDoesNotMatch" });
  const stranger = s3Client(face.url, { credentials: { ...credentials, accessKeyId: "NOBODY" } });
  await assert.rejects(put(stranger, "x"), { name: "InvalidAccessKeyId" });
  const late = await openFace({ store: openMemoryStore(), server: { door, now: () => Date.now() + 16 * 60_000 } });
  await assert.rejects(put(s3Client(late.url, { credentials, systemClockOffset: 0, maxAttempts: 1 }), "x"));
});

/** AWS's published example of a GET ("Authenticating Requests", S3's documentation). */
const example: Signed = {
  method: "GET",
  path: "/test.txt",
  query: new URLSearchParams(),
  headers: {
    host: "examplebucket.s3.amazonaws.com",
    range: "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-amz-date": "20130524T000000Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
};
const exampleKeys = new Map([["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]]);
const then = Date.UTC(2013, 4, 24);

test("AWS's example is right, and not one part of it may differ", async () => {
  assert.equal(await checkSignature(example, exampleKeys, then), undefined);
  const { headers } = example;
  const changed: Signed[] = [
    { ...example, method: "PUT" },
    { ...example, path: "/test.txt2" },
    { ...example, query: new URLSearchParams({ acl: "" }) },
    ...["host", "range", "x-amz-content-sha256", "x-amz-date"].map((name) => ({
      ...example,
      headers: { ...headers, [name]: name === "x-amz-date" ? "20130524T000001Z" : "other" },
    })),
  ];
  for (const request of changed) {
    await assert.rejects(checkSignature(request, exampleKeys, then), { s3Code: "SignatureDoesNotMatch" });
  }
  await assert.rejects(checkSignature(example, exampleKeys, then + 15 * 60_000 + 1), {
    s3Code: "RequestTimeTooSkewed",
  });
});

/** AWS's published example of an upload in signed chunks: 64 KiB, 1 KiB and none, all of the letter a. */
const chunked: Signed = {
  method: "PUT",
  path: "/examplebucket/chunkObject.txt",
  query: new URLSearchParams(),
  headers: {
    host: "s3.amazonaws.com",
    "content-encoding": "aws-chunked",
    "content-length": "66824",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "x-amz-date": "20130524T000000Z",
    "x-amz-decoded-content-length": "66560",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  },
};
const SIGNATURES = [
  "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
  "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
  "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];
const framed = [65536, 1024, 0]
  .map((size, i) => `${size.toString(16)};chunk-signature=${SIGNATURES[i]}\r\n${"a".repeat(size)}\r\n`)
  .join("");

test("signed chunks are checked one by one, in whatever pieces they come", async () => {
  const read = async (text: string, cuts: readonly number[]) => {
    const check = (await checkSignature(chunked, exampleKeys, then)) as ChunkCheck;
    let length = 0;
    for await (const bytes of unframed(pieces(Buffer.from(text), cuts), check).body) length += bytes.length;
    return length;
  };
  const cuts = fc.array(fc.integer({ min: 0, max: framed.length }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => assert.equal(await read(framed, places), 66560)),
    { numRuns: 20 },
  );
  await assert.rejects(read(framed.replace("aaaa\r\n400", "aaab\r\n400"), []), { s3Code: "SignatureDoesNotMatch" });
  await assert.rejects(read(framed.replace(SIGNATURES[2] as string, SIGNATURES[1] as string), []), {
    s3Code: "SignatureDoesNotMatch",
  });
  await assert.rejects(read(framed.slice(0, -200), []), { s3Code: "IncompleteBody" });
});

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  for (let i = 1; i < places.length; i += 1) yield bytes.subarray(places[i - 1], places[i]);
}
