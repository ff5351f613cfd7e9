/** The gateway in front of an S3 server: what it passes on, signed anew, and versions that are commits. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { GatewayServer } from "../../lib/gateway/server.ts";
import { forwardUpstream } from "../../lib/gateway/upstream/forward.ts";
import { createApp } from "../../lib/http/app.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { openFace, s3Client } from "../gateway/face.ts";
import { needs } from "../support/skip.ts";

const endpoint = process.env.TEST_S3_URL;
const SUITE = "the gateway in front of S3";

describe(SUITE, needs(SUITE, endpoint, "TEST_S3_URL is not set"), () => {
  const Bucket = `gateway-${crypto.randomUUID().slice(0, 8)}`;
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-gateway-s3-")));
  let s3: S3Client;
  let lake: LocalLake;
  let face: GatewayServer;
  before(async () => {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    });
    const direct = new S3Client({ endpoint: endpoint ?? "", region: "us-east-1", credentials, forcePathStyle: true });
    await direct.send(new CreateBucketCommand({ Bucket }));
    direct.destroy();
    lake = await openLocalLake({ database: join(folder, "c.sqlite"), verifyFiles: "off", mirror: false });
    await lake.catalog.migrate();
    const storage = `s3://${Bucket}`;
    const resolveLocation = (location: string | undefined, name: string) => tableLocation({ storage }, location, name);
    const app = createApp(lake, { version: "test", resolveLocation });
    const addressOf = (bucket: string) => new URL(`${endpoint}/${bucket}`);
    const upstream = forwardUpstream({
      bucket: Bucket,
      addressOf,
      headersOf: () => ({}),
      region: "us-east-1",
      credentials: async () => credentials,
    });
    face = await openFace({
      keepOpen: true,
      store: openMemoryStore(),
      upstream,
      root: "s3:/",
      send: async (request) => app.fetch(request),
    });
    s3 = s3Client(face.url);
  });
  after(async () => {
    await face?.close();
    await lake?.close();
    rmSync(folder, { recursive: true });
  });
  const at = (Key: string) => ({ Bucket, Key });
  const textAt = async (Key: string, more: object = {}) =>
    (await s3.send(new GetObjectCommand({ ...at(Key), ...more }))).Body?.transformToString();

  test("objects pass through with ranges, conditions, metadata, framing and odd keys", async () => {
    const key = "odd/a b+c&d=e'(f)*.txt";
    await s3.send(
      new PutObjectCommand({ ...at(key), Body: "0123456789", Metadata: { mine: "yes" }, ContentType: "text/x" }),
    );
    const head = await s3.send(new HeadObjectCommand(at(key)));
    assert.deepEqual([head.ContentLength, head.Metadata, head.ContentType], [10, { mine: "yes" }, "text/x"]);
    assert.equal(await textAt(key, { Range: "bytes=3-5" }), "345");
    await assert.rejects(textAt(key, { IfMatch: '"other"' }), { name: "PreconditionFailed" });
    await assert.rejects(s3.send(new PutObjectCommand({ ...at(key), Body: "x", IfNoneMatch: "*" })), {
      name: "PreconditionFailed",
    });
    const Body = Readable.from([Buffer.from("a".repeat(70_000)), Buffer.from("b")]);
    await s3.send(new PutObjectCommand({ ...at("framed"), Body, ContentLength: 70_001 }));
    assert.equal((await textAt("framed"))?.length, 70_001);
    await assert.rejects(s3.send(new PutObjectCommand({ ...at("bad"), Body: "x", ChecksumCRC32: "AAAAAA==" })));
    await assert.rejects(s3.send(new HeadObjectCommand(at("bad"))), { name: "NotFound" });
    await s3.send(new CopyObjectCommand({ ...at("copy"), CopySource: `${Bucket}/framed` }));
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "odd/a b+" }));
    assert.deepEqual(
      Contents?.map(({ Key }) => Key),
      [key],
    );
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "other-bucket", Key: "x" })), { name: "NoSuchBucket" });
    const Objects = [{ Key: "copy" }, { Key: key }];
    assert.equal((await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))).Deleted?.length, 2);
    await assert.rejects(textAt("copy"), { name: "NoSuchKey" });
  });

  test("multipart uploads pass through", async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at("parts")));
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const [i, Body] of [Buffer.alloc(5 << 20, "a"), Buffer.from("b")].entries()) {
      const { ETag } = await s3.send(new UploadPartCommand({ ...at("parts"), UploadId, PartNumber: i + 1, Body }));
      Parts.push({ PartNumber: i + 1, ETag });
    }
    await s3.send(new CompleteMultipartUploadCommand({ ...at("parts"), UploadId, MultipartUpload: { Parts } }));
    assert.equal((await s3.send(new HeadObjectCommand(at("parts")))).ContentLength, (5 << 20) + 1);
  });

  test("versions are commits, seen before and after they are published with the same bytes and marks", async () => {
    const schemaString = '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}';
    const format = { provider: "parquet", options: {} };
    const first = [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      { metaData: { id: crypto.randomUUID(), format, schemaString, partitionColumns: [], configuration: {} } },
    ];
    const add = { path: "a", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
    const put = (version: number, lines: readonly object[]) =>
      s3.send(
        new PutObjectCommand({ ...at(nameOf(version)), Body: lines.map((line) => JSON.stringify(line)).join("\n") }),
      );
    const nameOf = (version: number) => `t/_delta_log/${String(version).padStart(20, "0")}.json`;
    await put(0, first);
    await put(1, [{ add }]);
    await assert.rejects(put(1, [{ add: { ...add, path: "b" } }]), {
      name: "PreconditionFailed",
      message: /^412 Precondition/,
    });
    const look = async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "t/_delta_log/0" }));
      return Promise.all(
        Contents.map(async ({ Key = "", Size, ETag }) => ({
          Key,
          Size,
          ETag,
          text: await textAt(Key, { IfMatch: ETag }),
        })),
      );
    };
    const unpublished = await look();
    assert.equal(unpublished.length, 2);
    const table = await lake.catalog.findTable({ name: `${Bucket}.t` });
    await mirrorTable(lake, table?.tableId ?? "");
    assert.deepEqual(await look(), unpublished);
    await assert.rejects(textAt(nameOf(2)), { name: "NoSuchKey" });
  });
});
