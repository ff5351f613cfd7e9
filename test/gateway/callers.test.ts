/** Who comes through the gateway with an access key of the catalog: as themselves, as far as their grants go, and no further. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { newS3Key } from "../../lib/access/s3-key.ts";
import { apiOf, prepareS3Face } from "../../lib/cli/gateway/s3-face.ts";
import type { GatewayServer } from "../../lib/gateway/server.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { changeGrants } from "../../lib/operations/grants.ts";
import type { ApiKeyRecord } from "../../lib/ports.ts";
import { openLogger } from "../../lib/telemetry/log.ts";
import { s3Client } from "./face.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-callers-")));
const objects = join(folder, "s3");
const lake = await openLocalLake({ database: join(folder, "c.sqlite"), verifyFiles: "off", mirror: false });
await lake.catalog.migrate();
const master = randomBytes(32);
const logger = openLogger({ level: "error", environment: "test" });
/** Of what comes to no transaction; a commit writes its own row. */
const audit = { note: () => undefined, flush: async () => undefined };
const trailOf = async (table: string) => {
  const { tableId = "" } = (await lake.catalog.findTable({ name: table })) ?? {};
  const rows = await lake.catalog.findAudit({ table: tableId, limit: 10 });
  return rows.map(({ who, session, operation, decision }) => [who, session, operation, decision]);
};
let face: GatewayServer;
const faces: GatewayServer[] = [];
/** One that remembers nothing of grants and keys. */
async function openGateway(masters: readonly Uint8Array[] = [master]): Promise<GatewayServer> {
  const options = { upstream: objects, host: "127.0.0.1", port: 0, ofCatalog: true, creates: true, logger };
  const open = await prepareS3Face(options);
  const opened = await open(await apiOf(lake, objects, { logger, audit, masters }));
  faces.push(opened);
  return opened;
}
after(async () => {
  for (const one of faces) await one.close();
  await lake.close();
  rmSync(folder, { recursive: true });
});

const DENIED = { name: "AccessDenied" };
const at = (Key: string) => ({ Bucket: "lake", Key });
const nameOf = (version: number) => `${String(version).padStart(20, "0")}.json`;
const text = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");
const protocol = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
const schemaString = '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}';
const metaData = {
  metaData: {
    id: "m",
    format: { provider: "parquet", options: {} },
    schemaString,
    partitionColumns: [],
    configuration: {},
  },
};
const add = (path: string) => ({
  add: { path, partitionValues: {}, size: 3, modificationTime: 1, dataChange: true, stats: '{"numRecords":1}' },
});
const remove = (path: string) => ({ remove: { path, deletionTimestamp: 1, dataChange: true } });

type KeyFacts = Partial<Pick<ApiKeyRecord, "access" | "expiresAt">>;

async function keyOf(name: string, more: KeyFacts = {}) {
  const { record, ...key } = newS3Key(master, { name, access: "write", createdAt: Date.now(), ...more });
  await lake.catalog.addKey(record);
  return { ...key, keyId: record.keyId };
}
const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }) => s3Client(face.url, { credentials });
const client = async (name: string, more: KeyFacts = {}) => clientOf(await keyOf(name, more));
const grant = (privilege: string, on: string, to: string) =>
  changeGrants(lake, { grant: [{ privilege: privilege as "SELECT", on, to }], by: "operator" });
const put = (s3: S3Client, Key: string, Body = "abc") => s3.send(new PutObjectCommand({ ...at(Key), Body }));
const get = async (s3: S3Client, Key: string) =>
  (await s3.send(new GetObjectCommand(at(Key)))).Body?.transformToString();
const list = (s3: S3Client, Prefix: string, more: object = {}) =>
  s3.send(new ListObjectsV2Command({ Bucket: "lake", Prefix, ...more }));
const commit = (s3: S3Client, table: string, version: number, lines: readonly object[]) =>
  put(s3, `${table}/_delta_log/${nameOf(version)}`, text(lines));
const versionOf = async (name: string) => (await lake.catalog.findTable({ name }))?.version;

before(async () => {
  face = await openGateway();
});

describe("who comes in", () => {
  test("with its secret, as user:NAME: the commit and the trail say so", async () => {
    const key = await keyOf("ann");
    const s3 = clientOf(key);
    await commit(s3, "who/t", 0, [{ commitInfo: { userName: "somebody else" } }, protocol, metaData]);
    assert.deepEqual(await trailOf("lake.who.t"), [["user:ann", key.keyId, "commit", "allowed"]]);
    const info = JSON.parse((await get(s3, `who/t/_delta_log/${nameOf(0)}`))?.split("\n")[0] ?? "").commitInfo;
    assert.deepEqual([info.userId, info.userName], ["user:ann", "ann"]);
    // Its use is recorded beside the request.
    while ((await lake.catalog.findKey(key.keyId))?.lastUsedAt === undefined) await sleep(10);
    const stored =
      readFileSync(join(folder, "c.sqlite"), "latin1") + readFileSync(join(folder, "c.sqlite-wal"), "latin1");
    assert.ok(stored.includes(key.keyId) && !stored.includes(key.secretAccessKey));
  });

  test("not with another secret, one that was revoked or has ended, nor with an id that nobody has", async () => {
    const key = await keyOf("ann");
    await assert.rejects(put(clientOf({ ...key, secretAccessKey: "x".repeat(43) }), "x"), {
      name: "SignatureDoesNotMatch",
    });
    await assert.rejects(put(clientOf({ ...key, accessKeyId: "DLAK0000000000000000" }), "x"), {
      name: "InvalidAccessKeyId",
    });
    await lake.catalog.revokeKey(key.keyId, Date.now());
    await assert.rejects(put(clientOf(await keyOf("ann", { expiresAt: Date.now() - 1 })), "x"), {
      ...DENIED,
      message: /has expired/,
    });
    // The ring above has known it for a moment: a new gateway has not.
    const other = await openGateway();
    await assert.rejects(put(s3Client(other.url, { credentials: key }), "x"), {
      ...DENIED,
      message: /has been revoked/,
    });
    const without = await openGateway([]);
    const good = await keyOf("ann");
    await assert.rejects(put(s3Client(without.url, { credentials: good }), "x"), { name: "InvalidAccessKeyId" });
  });

  test("on this machine anybody else is the gateway itself", async () => {
    await commit(s3Client(face.url), "who/other", 0, [protocol, metaData]);
    assert.deepEqual(await trailOf("lake.who.other"), [["user:gateway", "", "commit", "allowed"]]);
  });

  test("a key that may only read writes nothing, whether grants are enforced or not", async () => {
    const s3 = await client("reader", { access: "read" });
    assert.equal((await list(s3, "who/t/_delta_log/")).KeyCount, 1);
    await assert.rejects(put(s3, "who/t/x.parquet"), DENIED);
    await assert.rejects(put(s3, "elsewhere"), DENIED);
    await assert.rejects(s3.send(new DeleteObjectCommand(at("who/t/x.parquet"))), DENIED);
    await assert.rejects(commit(s3, "who/t", 1, [add("x.parquet")]), DENIED);
  });
});

describe("grants are held against every object", () => {
  const clients = new Map<string, S3Client>();
  const as = (name: string) => clients.get(name) as S3Client;
  before(async () => {
    await lake.catalog.changeAccess({ mode: "enforced", by: "operator", at: Date.now() });
    face = await openGateway();
    for (const name of ["owner", "reader", "appender", "changer", "nobody", "maker"])
      clients.set(name, await client(name));
    for (const name of ["owner", "maker"]) await grant("CREATE", "namespace:lake.shop", `user:${name}`);
    await put(as("owner"), "shop/t/part=1/0.parquet");
    await commit(as("owner"), "shop/t", 0, [protocol, metaData, add("part=1/0.parquet")]);
    for (const [privilege, name] of [
      ["SELECT", "reader"],
      ["SELECT", "appender"],
      ["APPEND", "appender"],
      ["SELECT", "changer"],
      ["MODIFY", "changer"],
    ] as const) {
      await grant(privilege, "table:lake.shop.t", `user:${name}`);
    }
  });

  test("who may read reads files, log and lists, and neither puts, removes, copies nor commits", async () => {
    const s3 = as("reader");
    assert.equal(await get(s3, "shop/t/part=1/0.parquet"), "abc");
    assert.match((await get(s3, `shop/t/_delta_log/${nameOf(0)}`)) ?? "", /metaData/);
    assert.equal((await list(s3, "shop/t/")).KeyCount, 1);
    assert.equal((await list(s3, "shop/t/_delta_log/")).KeyCount, 1);
    for (const Key of ["shop/t/new.parquet", "shop/t/part=1/0.parquet", "shop/t/_delta_log/_trino_meta/x"]) {
      await assert.rejects(put(s3, Key, "other"), DENIED, Key);
    }
    await assert.rejects(commit(s3, "shop/t", 1, [add("new.parquet")]), { ...DENIED, message: /lacks APPEND/ });
    await assert.rejects(s3.send(new DeleteObjectCommand(at("shop/t/part=1/0.parquet"))), DENIED);
    const CopySource = "lake/shop/t/part=1/0.parquet";
    await assert.rejects(s3.send(new CopyObjectCommand({ ...at("shop/t/copy"), CopySource })), DENIED);
    await assert.rejects(s3.send(new CreateMultipartUploadCommand(at("shop/t/many"))), DENIED);
    const many = new DeleteObjectsCommand({
      Bucket: "lake",
      Delete: { Objects: [{ Key: "shop/t/part=1/0.parquet" }] },
    });
    assert.deepEqual(
      (await s3.send(many)).Errors?.map(({ Code }) => Code),
      ["AccessDenied"],
    );
    assert.equal(await get(s3, "shop/t/part=1/0.parquet"), "abc");
    assert.equal(await versionOf("lake.shop.t"), 0);
  });

  test("who may append puts what is new and commits it, and replaces and removes nothing", async () => {
    const s3 = as("appender");
    await put(s3, "shop/t/1.parquet");
    await assert.rejects(put(s3, "shop/t/1.parquet", "other"), { name: "PreconditionFailed" });
    await commit(s3, "shop/t", 1, [add("1.parquet")]);
    await assert.rejects(commit(s3, "shop/t", 2, [remove("1.parquet")]), { ...DENIED, message: /lacks MODIFY/ });
    await assert.rejects(s3.send(new DeleteObjectCommand(at("shop/t/1.parquet"))), DENIED);
    const upload = async (Key: string) => {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at(Key)));
      const { ETag } = await s3.send(new UploadPartCommand({ ...at(Key), UploadId, PartNumber: 1, Body: "abc" }));
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
      return s3.send(new CompleteMultipartUploadCommand({ ...at(Key), UploadId, MultipartUpload }));
    };
    await upload("shop/t/2.parquet");
    await assert.rejects(upload("shop/t/2.parquet"), { name: "PreconditionFailed" });
    assert.equal(await get(s3, "shop/t/1.parquet"), "abc");
  });

  test("who may change replaces, removes and commits what is removed", async () => {
    const s3 = as("changer");
    await put(s3, "shop/t/3.parquet");
    await put(s3, "shop/t/3.parquet", "xyz");
    await s3.send(new CopyObjectCommand({ ...at("shop/t/4.parquet"), CopySource: "lake/shop/t/3.parquet" }));
    await s3.send(new DeleteObjectCommand(at("shop/t/4.parquet")));
    await commit(s3, "shop/t", 2, [remove("1.parquet")]);
    await assert.rejects(commit(s3, "shop/t", 3, [metaData]), { ...DENIED, message: /lacks ALTER/ });
  });

  test("to whom nothing is granted nothing is there, whatever the address", async () => {
    const s3 = as("nobody");
    const keys = ["shop/t/part=1/0.parquet", `shop/t/_delta_log/${nameOf(0)}`, "shop/none/x", "shop/none/_delta_log/x"];
    const answers = await Promise.all(
      keys.map(async (key) => {
        const answer = await s3.send(new GetObjectCommand(at(key))).catch((error) => error);
        const headed = await s3.send(new HeadObjectCommand(at(key))).catch((error) => error);
        return [answer.name, answer.message.replace(key, "KEY"), headed.$metadata.httpStatusCode];
      }),
    );
    for (const one of answers) assert.deepEqual(one, answers[0]);
    assert.equal(answers[0]?.[0], "AccessDenied");
    for (const prefix of ["", "shop/", "shop/t", "shop/t/", "shop/t/_delta_log/"]) {
      await assert.rejects(list(s3, prefix), DENIED, prefix);
      await assert.rejects(list(s3, prefix, { Delimiter: "/" }), DENIED, prefix);
    }
    await assert.rejects(commit(s3, "shop/t", 3, [add("x")]), DENIED);
    await assert.rejects(commit(s3, "shop/mine", 0, [protocol, metaData]), DENIED);
    await assert.rejects(put(s3, "shop/mine/x"), DENIED);
  });

  test("who may make tables puts files where none is, and nothing into those of others, nor over what is there", async () => {
    const s3 = as("maker");
    await s3.send(new HeadBucketCommand({ Bucket: "lake" }));
    assert.deepEqual((await list(s3, "shop/", { Delimiter: "/" })).CommonPrefixes, [{ Prefix: "shop/t/" }]);
    await assert.rejects(list(s3, "shop/"), DENIED, "all names below");
    await assert.rejects(get(s3, "shop/new/_delta_log/_last_checkpoint"), { name: "NoSuchKey" });
    assert.equal((await list(s3, "shop/new/_delta_log/")).KeyCount, 0);
    await put(s3, "shop/new/part=1/0.parquet");
    await assert.rejects(put(s3, "shop/new/part=1/0.parquet", "other"), { name: "PreconditionFailed" });
    await assert.rejects(get(s3, "shop/new/part=1/0.parquet"), DENIED, "it may be of a table that was dropped");
    await assert.rejects(put(s3, "shop/t/5.parquet"), DENIED);
    await assert.rejects(put(s3, "other/x.parquet"), DENIED);
    const CopySource = "lake/shop/t/part=1/0.parquet";
    await assert.rejects(s3.send(new CopyObjectCommand({ ...at("shop/new/stolen"), CopySource })), DENIED);
    await commit(s3, "shop/new", 0, [protocol, metaData, add("part=1/0.parquet")]);
    assert.equal(await get(s3, "shop/new/part=1/0.parquet"), "abc", "and owns the table that it has made");
    await put(s3, "shop/new/part=1/0.parquet", "abd");
  });

  test("no header gives an object to others, and nothing of the bucket is told or changed", async () => {
    const s3 = as("owner");
    const open = new PutObjectCommand({ ...at("shop/t/open"), Body: "x", ACL: "public-read" });
    await assert.rejects(s3.send(open), DENIED);
    await s3.send(new PutObjectCommand({ ...at("shop/t/own"), Body: "x", ACL: "bucket-owner-full-control" }));
    const { GetBucketPolicyCommand, PutObjectTaggingCommand } = await import("@aws-sdk/client-s3");
    await assert.rejects(s3.send(new GetBucketPolicyCommand({ Bucket: "lake" })), DENIED);
    const Tagging = { TagSet: [{ Key: "a", Value: "b" }] };
    await assert.rejects(s3.send(new PutObjectTaggingCommand({ ...at("shop/t/own"), Tagging })), DENIED);
  });

  test("dots in a key lead into no other table", async () => {
    const { accessKeyId, secretAccessKey } = await keyOf("maker");
    const s3 = s3Client(face.url, { credentials: { accessKeyId, secretAccessKey } });
    for (const key of ["shop/new/../t/part=1/0.parquet", "shop/new/./../t/x"]) {
      await assert.rejects(get(s3, key), key);
      await assert.rejects(put(s3, key), key);
    }
  });
});
