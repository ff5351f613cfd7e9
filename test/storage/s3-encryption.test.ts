/** Buckets whose policy refuses objects that do not say how they are encrypted: everything that puts one says it. */

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import type { S3Request } from "../../lib/gateway/exchange.ts";
import { forwardUpstream } from "../../lib/gateway/upstream/forward.ts";
import { newS3Client, openS3Store } from "../../lib/storage/s3.ts";
import { s3Access } from "../../lib/storage/s3-access.ts";
import { encryptionHeaders } from "../../lib/storage/s3-encryption.ts";
import { type BucketLoan, openS3Lending } from "../../lib/storage/s3-lending.ts";
import { PART_BYTES } from "../../lib/storage/s3-upload.ts";
import { openS3Uploads } from "../../lib/storage/s3-uploads.ts";
import { startFakeS3 } from "../support/fake-s3.ts";

const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-4333-8444-555555555555";
const RULES = `other=AES256, lake=${KEY}`;
const clock = { now: Date.now, newId: () => "5d8f", sleep: async () => undefined };
const bytes = new TextEncoder().encode("x");

const s3 = await startFakeS3();
after(() => s3.close());
before(() => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_STS: s3.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  });
  s3.wants.set("lake", encryptionHeaders("lake", RULES));
});

/** Of an object that was put there: "put", or how that was refused. */
const outcome = async (work: Promise<unknown>) =>
  work.then(
    () => "put",
    () => "refused",
  );

async function attempts() {
  const client = newS3Client();
  const store = openS3Store({ bucket: "lake", prefix: "t", client });
  async function* large() {
    yield new Uint8Array(PART_BYTES + 1);
  }
  const send = async (url: string, headers: Readonly<Record<string, string>>) => {
    const { ok } = await fetch(url, { method: "PUT", body: "x", headers });
    if (!ok) throw new Error("refused");
  };
  const lend = async (roleArn?: string) => {
    const lending = openS3Lending({ clock, validSeconds: 900, roleArn });
    const loan: BucketLoan = {
      places: [{ bucket: "lake", prefix: "t" }],
      rights: { read: false, write: "create" },
      borrower: "b",
    };
    const { urls } = await lending.urls(loan, [`lent-${roleArn}`]);
    for (const { url, headers } of urls) await send(url, headers);
  };
  const upload = async () => {
    const { url, headers } = await openS3Uploads({ bucket: "lake", clock, client }).offer({ bytes: 1 });
    await send(url, headers);
  };
  const upstream = forwardUpstream({ bucket: "lake", ...(await s3Access()) });
  const forward = async (method: string, query = "") => {
    const body = Readable.from([method === "PUT" ? bytes : new Uint8Array()]);
    const length = method === "PUT" ? 1 : 0;
    const asked = { method, bucket: "lake", key: "g", query: new URLSearchParams(query), headers: {}, length, body };
    const { status } = await upstream.send(asked as unknown as S3Request);
    if (status !== 200) throw new Error("refused");
  };
  return {
    version: await outcome(store.putIfAbsent("v", bytes)),
    checkpoint: await outcome(store.putIfAbsent("large", large())),
    hint: await outcome(store.put("h", bytes)),
    changed: await outcome(store.replaceIf("h", { from: bytes, to: bytes })),
    upload: await outcome(upload()),
    lent: await outcome(lend()),
    "lent by a session": await outcome(lend("arn:aws:iam::123456789012:role/lends")),
    "by the gateway": await outcome(forward("PUT")),
    "by the gateway in parts": await outcome(forward("POST", "uploads=")),
  };
}

test("what S3 is told is what the rule of the bucket says, and nothing in others", () => {
  const sse = "x-amz-server-side-encryption";
  assert.deepEqual(encryptionHeaders("lake", RULES), { [sse]: "aws:kms", [`${sse}-aws-kms-key-id`]: KEY });
  assert.deepEqual(encryptionHeaders("other", RULES), { [sse]: "AES256" });
  for (const bucket of ["lak", "lake2", "ake", ""]) assert.deepEqual(encryptionHeaders(bucket, RULES), {}, bucket);
});

test("a bucket that demands it takes every object of ours once the setting is there", async (t) => {
  process.env.STORAGE_ENCRYPTION = RULES;
  t.after(() => delete process.env.STORAGE_ENCRYPTION);
  const refused = Object.entries(await attempts()).filter(([, one]) => one !== "put");
  assert.deepEqual(refused, []);
  assert.ok(s3.objects.size >= 6);
});

test("without the setting it refuses each of them", async () => {
  s3.objects.clear();
  s3.objects.set("/lake/t/h", Buffer.from("x"));
  const refused = Object.entries(await attempts()).filter(([, one]) => one !== "refused");
  assert.deepEqual(refused, []);
});
