/** Multipart uploads behind a folder, as S3's own SDK speaks of them: listed, page by page, and made of parts of what is there. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { openFileStore } from "../../lib/storage/file.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { openFace, s3Client } from "./face.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-uploads-"));
after(() => rmSync(folder, { recursive: true }));
const MIB = 1 << 20;

for (const [what, store] of [
  ["memory", openMemoryStore()],
  ["a folder", openFileStore(folder)],
] as const) {
  const face = await openFace({ store });
  const s3 = s3Client(face.url);
  const at = (Key: string) => ({ Bucket: "lake", Key });
  const begin = async (Key: string) => (await s3.send(new CreateMultipartUploadCommand(at(Key)))).UploadId ?? "";
  const part = async (Key: string, UploadId: string, PartNumber: number, Body: string) =>
    (await s3.send(new UploadPartCommand({ ...at(Key), UploadId, PartNumber, Body }))).ETag;

  test(`${what}: the parts of an upload are listed as they came, in pages`, async () => {
    const key = "parts/one";
    const UploadId = await begin(key);
    const upload = { ...at(key), UploadId };
    assert.deepEqual((await s3.send(new ListPartsCommand(upload))).Parts, undefined);
    const tags = new Map<number, string | undefined>();
    for (const number of [3, 10, 1, 10_000]) tags.set(number, await part(key, UploadId, number, "x".repeat(number)));
    tags.set(3, await part(key, UploadId, 3, "again"));
    const seen: [number | undefined, string | undefined, number | undefined][] = [];
    let PartNumberMarker: string | undefined;
    let pages = 0;
    for (;;) {
      const page = await s3.send(new ListPartsCommand({ ...upload, MaxParts: 2, PartNumberMarker }));
      pages += 1;
      for (const { PartNumber, ETag, Size, LastModified } of page.Parts ?? []) {
        seen.push([PartNumber, ETag, Size]);
        assert.ok((LastModified?.getTime() ?? 0) > 0);
      }
      if (!page.IsTruncated) break;
      PartNumberMarker = page.NextPartNumberMarker;
    }
    assert.equal(pages, 2);
    const sizes = [1, 5, 10, 10_000];
    assert.deepEqual(
      seen,
      [1, 3, 10, 10_000].map((number, i) => [number, tags.get(number), sizes[i]]),
    );
    // What is listed is what can be put together.
    const Parts = seen.map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    await assert.rejects(s3.send(new ListPartsCommand(upload)), { name: "NoSuchUpload" });
    await assert.rejects(s3.send(new ListPartsCommand({ ...upload, Key: "another" })), { name: "NoSuchUpload" });
  });

  test(`${what}: uploads that are open are listed by key and prefix, in pages, and no others`, async () => {
    const keys = ["open/a/1", "open/a/2", "open/b c&", "open/d", "open/d", "other"];
    const ids: string[] = [];
    for (const key of keys) ids.push(await begin(key));
    const list = async (more: object) => {
      const found: (string | undefined)[] = [];
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
      for (;;) {
        const page = await s3.send(new ListMultipartUploadsCommand({ Bucket: "lake", ...more, ...marker }));
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          assert.ok(ids.includes(UploadId ?? ""));
          assert.ok(Initiated);
          found.push(Key);
        }
        found.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
        if (!page.IsTruncated) return found;
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
    };
    for (const MaxUploads of [1, 2, 1000]) {
      assert.deepEqual(await list({ MaxUploads }), keys, `${MaxUploads} at once`);
      assert.deepEqual(await list({ MaxUploads, Prefix: "open/d" }), ["open/d", "open/d"]);
      const folders = await list({ MaxUploads, Prefix: "open/", Delimiter: "/" });
      assert.deepEqual(folders.sort(), ["open/a/", "open/b c&", "open/d", "open/d"]);
    }
    assert.deepEqual(await list({ Bucket: "elsewhere" }), []);
    for (const [i, key] of keys.entries()) {
      await s3.send(new AbortMultipartUploadCommand({ ...at(key), UploadId: ids[i] }));
    }
    assert.deepEqual(await list({}), []);
  });

  test(`${what}: parts are copied, whole and in ranges, and the object is what they are`, async () => {
    const bytes = randomBytes(6 * MIB + 7);
    await s3.send(new PutObjectCommand({ ...at("source/a b"), Body: bytes }));
    const key = "copied";
    const UploadId = await begin(key);
    const CopySource = "lake/source/a%20b";
    const copy = async (PartNumber: number, more: object = {}) => {
      const command = new UploadPartCopyCommand({ ...at(key), UploadId, PartNumber, CopySource, ...more });
      return (await s3.send(command)).CopyPartResult;
    };
    const ranges = [`bytes=0-${5 * MIB - 1}`, `bytes=${5 * MIB}-${bytes.length - 1}`, undefined];
    const Parts = [];
    for (const [i, CopySourceRange] of ranges.entries()) {
      const done = await copy(i + 1, CopySourceRange === undefined ? {} : { CopySourceRange });
      assert.ok(done?.LastModified);
      Parts.push({ PartNumber: i + 1, ETag: done?.ETag });
    }
    const tag = (await s3.send(new GetObjectCommand(at("source/a b")))).ETag;
    await copy(4, { CopySourceIfMatch: tag });
    await assert.rejects(copy(4, { CopySourceIfMatch: '"other"' }), { name: "PreconditionFailed" });
    await assert.rejects(copy(4, { CopySourceIfNoneMatch: tag }), { name: "PreconditionFailed" });
    await assert.rejects(copy(4, { CopySourceRange: `bytes=0-${bytes.length}` }), { name: "InvalidRange" });
    await assert.rejects(copy(4, { CopySourceRange: "bytes=5-2" }), { name: "InvalidRange" });
    await assert.rejects(copy(4, { CopySource: "lake/never" }), { name: "NoSuchKey" });
    await assert.rejects(copy(10_001), { name: "InvalidArgument" });
    const finish = { ...at(key), UploadId, MultipartUpload: { Parts } };
    await s3.send(new CompleteMultipartUploadCommand(finish));
    const whole = await (await s3.send(new GetObjectCommand(at(key)))).Body?.transformToByteArray();
    const sum = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
    assert.equal(sum(whole ?? new Uint8Array()), sum(Buffer.concat([bytes, bytes])));
  });

  test(`${what}: what lies beside the buckets is copied by nobody`, async () => {
    const UploadId = await begin("secret");
    await part("secret", UploadId, 1, "secret");
    const CopySource = `.uploads/${UploadId}/00001`;
    await assert.rejects(s3.send(new CopyObjectCommand({ ...at("stolen"), CopySource })), { name: "NoSuchBucket" });
    const other = { ...at("other"), UploadId: await begin("other"), PartNumber: 1, CopySource };
    await assert.rejects(s3.send(new UploadPartCopyCommand(other)), { name: "NoSuchBucket" });
  });

  test(`${what}: parts of what engines derive from a log are counted, copied ones too, and not kept`, async () => {
    const key = "t/_delta_log/00000000000000000001.checkpoint.parquet";
    const UploadId = await begin(key);
    await part(key, UploadId, 1, "lies");
    assert.equal((await s3.send(new ListPartsCommand({ ...at(key), UploadId }))).Parts, undefined);
    const copied = new UploadPartCopyCommand({ ...at(key), UploadId, PartNumber: 2, CopySource: "lake/source/a%20b" });
    const { CopyPartResult } = await s3.send(copied);
    assert.ok(CopyPartResult?.ETag);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: "any" }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...at(key), UploadId, MultipartUpload }));
    await assert.rejects(s3.send(new GetObjectCommand(at(key))), { name: "NoSuchKey" });
  });
}
