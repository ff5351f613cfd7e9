/** S3's protocol as its own SDK speaks it, over a store in memory and over a folder. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { openFileStore } from "../../lib/storage/file.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { openS3Store } from "../../lib/storage/s3.ts";
import { objectStoreContract } from "../contract/object-store.contract.ts";
import { openFace, s3Client } from "./face.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-gateway-"));
after(() => rmSync(folder, { recursive: true }));
const inMemory = await openFace({ store: openMemoryStore() });
const inFolder = await openFace({ store: openFileStore(folder) });

for (const [name, face] of [
  ["memory", inMemory],
  ["a folder", inFolder],
] as const) {
  let stores = 0;
  objectStoreContract(`our own S3 client, through the gateway, on ${name}`, async () => {
    stores += 1;
    return { store: openS3Store({ bucket: "lake", prefix: `contract/${stores}`, client: s3Client(face.url) }) };
  });
}

const client = s3Client(inFolder.url);
const at = (Key: string) => ({ Bucket: "lake", Key });

async function textAt(s3: S3Client, Key: string, more: object = {}): Promise<string | undefined> {
  const { Body } = await s3.send(new GetObjectCommand({ ...at(Key), ...more }));
  return Body?.transformToString();
}

test("every checksum of the SDK is compared, framed and in headers; a wrong one stores nothing", async () => {
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
    const Body = `with ${ChecksumAlgorithm}`;
    await client.send(new PutObjectCommand({ ...at("sum"), Body, ChecksumAlgorithm }));
    assert.equal(await textAt(client, "sum"), Body);
    const stream = Readable.from([Buffer.from("in "), Buffer.from("pieces")]);
    await client.send(new PutObjectCommand({ ...at("framed"), Body: stream, ContentLength: 9, ChecksumAlgorithm }));
    assert.equal(await textAt(client, "framed"), "in pieces");
  }
  const wrong = [{ ContentMD5: "AAAAAAAAAAAAAAAAAAAAAA==" }, { ChecksumCRC32: "AAAAAA==" }, { ChecksumSHA256: "AAAA" }];
  for (const sum of wrong) {
    const put = new PutObjectCommand({ ...at("damaged"), Body: "bytes", ...sum });
    await assert.rejects(client.send(put), { name: "BadDigest" });
    await assert.rejects(client.send(new HeadObjectCommand(at("damaged"))), { name: "NotFound" });
  }
});

test("a body that ends early, or is another than was signed, stores nothing", async () => {
  const send = (headers: Record<string, string>, body: string, cut = false) =>
    new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${inFolder.url}/lake/cut`, { method: "PUT", headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      request.on("error", reject);
      if (cut) request.write(body, () => request.destroy());
      else request.end(body);
    });
  const sha = "0".repeat(64);
  assert.equal(await send({ "content-length": "4", "x-amz-content-sha256": sha }, "1234"), 400);
  await assert.rejects(send({ "content-length": "10" }, "1234", true));
  const framed = { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "4" };
  assert.equal(await send(framed, "4\r\n1234\r\n"), 400);
  assert.equal(await send(framed, "5\r\n12345\r\n0\r\n\r\n"), 400);
  assert.equal(await send({ "transfer-encoding": "chunked" }, "1234"), 411);
  await assert.rejects(client.send(new HeadObjectCommand(at("cut"))), { name: "NotFound" });
  assert.equal(await send(framed, "4;chunk-signature=any\r\n1234\r\n0\r\n\r\n"), 200);
  assert.equal(await textAt(client, "cut"), "1234");
});

test("ranges and conditions of reads, as RFC 9110 has them", async () => {
  const { ETag = "" } = await client.send(new PutObjectCommand({ ...at("range"), Body: "0123456789" }));
  for (const [Range, text] of [
    ["bytes=0-3", "0123"],
    ["bytes=7-", "789"],
    ["bytes=-2", "89"],
    ["bytes=8-100", "89"],
    ["bytes=9-9", "9"],
  ] as const) {
    assert.equal(await textAt(client, "range", { Range }), text);
  }
  await assert.rejects(textAt(client, "range", { Range: "bytes=10-" }), { name: "InvalidRange" });
  assert.equal(await textAt(client, "range", { IfMatch: ETag }), "0123456789");
  await assert.rejects(textAt(client, "range", { IfMatch: '"other"' }), { name: "PreconditionFailed" });
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${inFolder.url}/lake/range`, { headers })).status;
  assert.equal(await status({ "if-none-match": ETag }), 304);
  assert.equal(await status({ "if-modified-since": new Date(Date.now() + 5000).toUTCString() }), 304);
  assert.equal(await status({ "if-unmodified-since": new Date(0).toUTCString() }), 412);
});

test("multipart uploads become one object, once, and leave nothing behind", async () => {
  const parts = [Buffer.alloc(5 << 20, "a"), Buffer.from("end")];
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at("many/parts")));
  const done: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [i, Body] of parts.entries()) {
    const { ETag } = await client.send(
      new UploadPartCommand({ ...at("many/parts"), UploadId, PartNumber: i + 1, Body }),
    );
    done.push({ PartNumber: i + 1, ETag });
  }
  const complete = (Parts: typeof done, more: object = {}) =>
    client.send(
      new CompleteMultipartUploadCommand({ ...at("many/parts"), UploadId, MultipartUpload: { Parts }, ...more }),
    );
  await assert.rejects(complete([{ PartNumber: 1, ETag: '"x"' }]), { name: "InvalidPart" });
  await complete(done, { IfNoneMatch: "*" });
  await assert.rejects(complete(done), { name: "NoSuchUpload" });
  const { ContentLength } = await client.send(new HeadObjectCommand(at("many/parts")));
  assert.equal(ContentLength, (5 << 20) + 3);
  const other = await client.send(new CreateMultipartUploadCommand(at("many/parts")));
  const upload = { ...at("many/parts"), UploadId: other.UploadId };
  const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: "x" }));
  const again = { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] }, IfNoneMatch: "*" };
  await assert.rejects(client.send(new CompleteMultipartUploadCommand(again)), { name: "PreconditionFailed" });
  await client.send(new AbortMultipartUploadCommand(upload));
  const left: string[] = [];
  for await (const { key } of openFileStore(folder).list(".uploads/")) left.push(key);
  assert.deepEqual(left, []);
});

test("copies, batches of deletes, addresses by host, and what a folder does not know", async () => {
  const key = "odd/ä b+c%d&<e>'f'.parquet";
  await client.send(new PutObjectCommand({ ...at(key), Body: "odd" }));
  const CopySource = `lake/${key.split("/").map(encodeURIComponent).join("/")}`;
  await client.send(new CopyObjectCommand({ ...at("copied"), CopySource }));
  assert.equal(await textAt(client, "copied"), "odd");
  const { port } = new URL(inFolder.url);
  const byHost = await fetch(`${inFolder.url}/copied`, { headers: { host: `lake.localhost:${port}` } }).catch(
    () => undefined,
  );
  // fetch may not name another host: by hand.
  const status = await new Promise((resolve) =>
    httpRequest(`${inFolder.url}/copied`, { headers: { host: `lake.localhost:${port}` } }, (answer) =>
      resolve(answer.statusCode),
    ).end(),
  );
  assert.ok(byHost !== undefined);
  assert.equal(status, 200);
  const Objects = [key, "copied", "never-there"].map((Key) => ({ Key }));
  const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket: "lake", Delete: { Objects } }));
  assert.deepEqual([Deleted?.length, Errors], [3, undefined]);
  await assert.rejects(textAt(client, key), { name: "NoSuchKey" });
  const acl = await fetch(`${inFolder.url}/lake/x?acl`);
  assert.equal(acl.status, 501);
  assert.match(await acl.text(), /<Code>NotImplemented<\/Code>/);
  assert.equal((await fetch(`${inFolder.url}/.uploads/x`)).status, 404);
  assert.equal((await fetch(`${inFolder.url}/lake/%zz`)).status, 400);
});

test("an object has one time, whoever tells it", async () => {
  await client.send(new PutObjectCommand({ ...at("timed/x"), Body: "x" }));
  const { LastModified: told } = await client.send(new HeadObjectCommand(at("timed/x")));
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "lake", Prefix: "timed/" }));
  assert.deepEqual(Contents[0]?.LastModified, told);
});

test("what a folder cannot name is not there, for whoever looks for it, lists below it or removes it", async () => {
  for (const key of ["t/.x.crc.tmp", "a//b", "a/../b", "a/."]) {
    await assert.rejects(client.send(new HeadObjectCommand(at(key))), { name: "NotFound" }, key);
    await assert.rejects(client.send(new GetObjectCommand(at(key))), { name: "NoSuchKey" }, key);
    const listed = await client.send(new ListObjectsV2Command({ Bucket: "lake", Prefix: `${key}/` }));
    assert.equal(listed.KeyCount, 0, key);
    await client.send(new DeleteObjectCommand(at(key)));
    await assert.rejects(client.send(new PutObjectCommand({ ...at(key), Body: "x" })), { name: "InvalidRequest" }, key);
  }
});

test("lists: any keys, prefix, delimiter and page size give what S3 would, page by page", async () => {
  const s3 = s3Client(inMemory.url);
  const segment = fc.constantFrom("a", "b", "a-", "a0", "ä", "\u{1F600}", "=", "z z", "&");
  const keys = fc.uniqueArray(
    fc.array(segment, { minLength: 1, maxLength: 3 }).map((s) => s.join("/")),
    { maxLength: 12 },
  );
  let buckets = 0;
  await fc.assert(
    fc.asyncProperty(
      keys,
      fc.constantFrom("", "a", "a/", "b/a"),
      fc.constantFrom("", "/"),
      fc.integer({ min: 1, max: 4 }),
      async (all, prefix, Delimiter, MaxKeys) => {
        buckets += 1;
        const Bucket = `list${buckets}`;
        // A store of folders cannot have a file and a folder of one name.
        const files = all.filter((key) => !all.some((other) => other.startsWith(`${key}/`)));
        for (const Key of files) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
        const asked = { Bucket, Prefix: prefix, MaxKeys, ...(Delimiter === "" ? {} : { Delimiter }) };
        const expected = namesOf(files, prefix, Delimiter);
        assert.deepEqual(await pagesV2(s3, asked), expected);
        assert.deepEqual(await pagesV1(s3, asked), expected);
      },
    ),
    { numRuns: 40 },
  );
});

/** By the definition: keys, and prefixes up to the delimiter, in the order of their bytes. */
function namesOf(keys: readonly string[], prefix: string, delimiter: string): string[] {
  const names = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? key : key.slice(0, end + 1);
    });
  return [...new Set(names)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function pagesV2(s3: S3Client, asked: { Bucket: string; MaxKeys: number }): Promise<string[]> {
  const names: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ ...asked, ContinuationToken }));
    assert.ok((page.KeyCount ?? 0) <= asked.MaxKeys);
    names.push(...sorted(page));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return names;
}

async function pagesV1(s3: S3Client, asked: { Bucket: string; MaxKeys: number }): Promise<string[]> {
  const names: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await s3.send(new ListObjectsCommand({ ...asked, Marker }));
    names.push(...sorted(page));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return names;
}

function sorted(page: Pick<ListObjectsV2CommandOutput, "Contents" | "CommonPrefixes">): string[] {
  const names = [
    ...(page.Contents ?? []).map(({ Key = "" }) => Key),
    ...(page.CommonPrefixes ?? []).map(({ Prefix = "" }) => Prefix),
  ];
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
