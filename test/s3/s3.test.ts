/** The S3 store on a server of its own kind, and `dl` with all of its tables there. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { isLakeError } from "../../lib/errors.ts";
import { openLending } from "../../lib/lake/lending.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { newS3Client, openS3Store } from "../../lib/storage/s3.ts";
import { PART_BYTES } from "../../lib/storage/s3-upload.ts";
import { openS3Uploads } from "../../lib/storage/s3-uploads.ts";
import { dl, type Finished, finish, startDl } from "../cli/run.ts";
import { collect, objectStoreContract } from "../contract/object-store.contract.ts";
import { commitTo, SCHEMA } from "../support/lake.ts";
import { needs, s3Url } from "../support/skip.ts";

const settings = {
  AWS_ENDPOINT_URL_S3: s3Url ?? "",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
};
Object.assign(process.env, settings);
const client = newS3Client();
let buckets = 0;

async function newBucket(): Promise<string> {
  buckets += 1;
  const Bucket = `dl-${process.pid}-${Date.now()}-${buckets}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

const required = (what: string) => needs(what, s3Url, "TEST_S3_URL is not set");

describe("lending", required("lending"), () => {
  test("a session of STS reads and writes, and URLs work by themselves, for a file that is not there yet", async () => {
    process.env.AWS_ENDPOINT_URL_STS = s3Url;
    const [bucket, roleArn] = [await newBucket(), "arn:aws:iam::123456789012:role/data"];
    const clock = { now: Date.now, newId: () => crypto.randomUUID(), sleep: async () => undefined };
    const lending = openLending({ clock, roleArn, validSeconds: 900 });
    const rights = { read: true, write: "create" } as const;
    const loan = { places: [`s3://${bucket}/t`], borrower: "user:etl" } as const;
    const { expiresAt, ...credentials } = (await lending.credentials?.({ ...loan, rights })) ?? assert.fail();
    assert.ok(
      expiresAt > Date.now() + 600_000 && expiresAt < Date.now() + 1_000_000,
      new Date(expiresAt).toISOString(),
    );
    const borrower = new S3Client({ credentials, endpoint: s3Url ?? "", forcePathStyle: true, region: "us-east-1" });
    await borrower.send(new PutObjectCommand({ Bucket: bucket, Key: "t/a b", Body: "x", IfNoneMatch: "*" }));
    const { urls: gets } = await lending.urls({ ...loan, rights: { read: true } }, ["a b"]);
    assert.equal(await (await fetch(gets[0]?.url ?? "")).text(), "x");
    const { urls: puts } = await lending.urls({ ...loan, rights: { read: false, write: "create" } }, ["n", "a b"]);
    const put = puts.map(({ url, headers }) => fetch(url, { method: "PUT", body: "y", headers: { ...headers } }));
    assert.deepEqual(
      (await Promise.all(put)).map(({ status }) => status),
      [200, 412],
    );
  });
});

describe("uploads", required("uploads"), () => {
  const clock = { now: Date.now, newId: () => crypto.randomUUID(), sleep: async () => undefined };

  test("who has the URL puts the body without credentials; the service reads it", async () => {
    const uploads = openS3Uploads({ bucket: await newBucket(), clock, client });
    const body = new TextEncoder().encode(`{"text": "${"ü".repeat(100_000)}"}`);
    const { uploadId, url, expiresAt } = await uploads.offer({ bytes: body.length });
    assert.ok(expiresAt > Date.now());
    const put = await fetch(url, { method: "PUT", body });
    assert.equal(put.status, 200, await put.text());
    assert.deepEqual(await uploads.read(uploadId, { limitBytes: body.length }), body);
    await assert.rejects(
      uploads.read(uploadId, { limitBytes: body.length - 1 }),
      (error) => isLakeError(error, "invalid") && error.code === "BODY_TOO_LARGE",
    );
    await assert.rejects(
      uploads.read(crypto.randomUUID(), { limitBytes: 1 }),
      (error) => isLakeError(error, "notFound") && error.code === "UPLOAD_NOT_FOUND",
    );
  });
});

describe("S3 store", required("S3 store"), () => {
  objectStoreContract("S3 store", async () => ({
    store: openS3Store({ bucket: await newBucket(), prefix: "the lake/ü%", client }),
  }));
  objectStoreContract("S3 store over a whole bucket", async () => ({
    store: openS3Store({ bucket: await newBucket(), prefix: "", client }),
  }));

  test("of 40 racing writers one wins, in each of 5 rounds", async () => {
    const store = openS3Store({ bucket: await newBucket(), prefix: "race", client });
    for (let round = 0; round < 5; round += 1) {
      const writers = Array.from({ length: 40 }, (_, i) => new TextEncoder().encode(`writer ${i}`));
      const outcomes = await Promise.all(writers.map((body) => store.putIfAbsent(`${round}.json`, body)));
      const winner = outcomes.indexOf("created");
      assert.equal(outcomes.filter((outcome) => outcome === "created").length, 1);
      assert.deepEqual((await store.get(`${round}.json`))?.bytes, writers[winner]);
    }
  });

  test("a listing of several pages is whole, in order, and starts where it is told", async () => {
    const store = openS3Store({ bucket: await newBucket(), prefix: "p", client });
    const keys = Array.from({ length: 1100 }, (_, i) => `l/${String(i).padStart(5, "0")}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, new Uint8Array(1))));
    }
    const listed = async (startAfter?: string) =>
      (await collect(store.list("l/", startAfter === undefined ? {} : { startAfter }))).map(({ key }) => key);
    assert.deepEqual(await listed(), keys);
    assert.deepEqual(await listed(keys[40]), keys.slice(41));
  });

  test("a body of several parts is created once, whole", async () => {
    const store = openS3Store({ bucket: await newBucket(), prefix: "", client });
    async function* large(fill: number): AsyncGenerator<Uint8Array> {
      for (let sent = 0; sent < 2 * PART_BYTES; sent += PART_BYTES / 2) yield new Uint8Array(PART_BYTES / 2).fill(fill);
      yield Uint8Array.of(fill);
    }
    assert.equal(await store.putIfAbsent("c.parquet", large(1)), "created");
    assert.equal(await store.putIfAbsent("c.parquet", large(2)), "exists");
    assert.equal((await store.head("c.parquet"))?.size, 2 * PART_BYTES + 1);
    assert.deepEqual([...(await store.getRange("c.parquet", PART_BYTES - 1, PART_BYTES + 1))], [1, 1]);
  });

  test("a missing bucket is named", async () => {
    const store = openS3Store({ bucket: "no-such-bucket-here", prefix: "", client });
    for (const work of [() => store.put("k", new Uint8Array()), () => store.get("k"), () => collect(store.list(""))]) {
      await assert.rejects(
        work,
        (error) => isLakeError(error, "invalid") && /"no-such-bucket-here"/.test(error.message),
      );
    }
  });
});

describe("dl with tables on S3", required("dl with tables on S3"), () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-s3-"));
  const database = join(folder, "lake.sqlite");
  const run = (...args: string[]) => dl(args, { env: settings });
  const ok = ({ code, stdout, stderr }: Finished): string => {
    assert.equal(code, 0, stderr);
    return stdout;
  };
  after(() => rmSync(folder, { recursive: true }));

  test("create, commit, mirror with checkpoint, diff, export, import", { timeout: 120_000 }, async () => {
    const bucket = await newBucket();
    const location = await toLocation(`s3a://${bucket}/lake/sales/orders/`);
    const lake = await openLocalLake({ database, verifyFiles: "off" });
    await lake.catalog.migrate();
    const { tableId } = await createTable(lake, {
      name: "sales.orders",
      location,
      schema: SCHEMA,
      configuration: { "delta.checkpointInterval": "5" },
    });
    for (let version = 0; version < 6; version += 1) {
      const add = { path: `f${version}.parquet`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
      assert.equal(await commitTo(lake, tableId, version, [{ add }]), version + 1);
    }
    await lake.mirrored();
    const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
    assert.deepEqual([report.outcome, report.logVersion, report.logLocation], ["ok", 6, location]);
    await lake.close();

    const names = (await collect(openS3Store({ bucket, prefix: "lake/sales/orders", client }).list(""))).map(
      (o) => o.key,
    );
    assert.ok(names.includes("_delta_log/00000000000000000005.checkpoint.parquet"), names.join());
    assert.ok(names.includes("_delta_log/00000000000000000006.json"), names.join());

    const table = ["--database", database, "--table", "sales.orders"];
    ok(await run("diff", ...table, "--log-dir", `${location}/_delta_log`));
    ok(await run("export", ...table, "--to", `s3://${bucket}/copy`));
    ok(await run("diff", ...table, "--log-dir", `s3://${bucket}/copy`));
    const nothing = await run("diff", ...table, "--log-dir", `s3://${bucket}/nothing`);
    assert.equal(nothing.code, 1, nothing.stdout);
    assert.match(nothing.stderr, /there is no Delta table at s3:\/\/.*\/nothing/);
    const other = ["--database", join(folder, "other.sqlite")];
    const imported = JSON.parse(ok(await run("import", `s3://${bucket}/copy`, "--name", "a.copy", ...other)));
    assert.deepEqual([imported.version, imported.files], [6, 6]);
    ok(await run("diff", ...other, "--table", "a.copy"));
  });

  test("dl serve --storage s3://… puts new tables there", { timeout: 60_000 }, async () => {
    const bucket = await newBucket();
    const child = startDl(
      ["serve", "--port", "0", "--database", join(folder, "serve.sqlite"), "--storage", `s3://${bucket}/lake`],
      { env: settings },
    );
    try {
      const finished = finish(child);
      const [line] = await Promise.race([
        once(child.stdout ?? child, "data"),
        finished.then((end) => assert.fail(end.stderr)),
      ]);
      const url = String(line).replace("dl serves ", "").trim();
      const answer = await fetch(`${url}/v1/tables`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "sales.orders", schema: SCHEMA }),
      });
      assert.equal(answer.status, 201, await answer.clone().text());
      assert.equal(((await answer.json()) as { location: string }).location, `s3://${bucket}/lake/sales/orders`);
      child.kill("SIGTERM");
      assert.equal((await finished).code, 0);
      const log = openS3Store({ bucket, prefix: "lake/sales/orders", client });
      assert.ok(await log.head("_delta_log/00000000000000000000.json"));
    } finally {
      child.kill("SIGKILL");
    }
  });
});
