/** The S3 store on a server that fails on demand: what is repeated, what is not, and what each failure is called. */

import assert from "node:assert/strict";
import { after, beforeEach, describe, test } from "node:test";
import { isLakeError, type LakeError } from "../../lib/errors.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { newS3Client, openS3Store } from "../../lib/storage/s3.ts";
import { PART_BYTES } from "../../lib/storage/s3-upload.ts";
import { collect } from "../contract/object-store.contract.ts";
import { startFakeS3 } from "../support/fake-s3.ts";

const s3 = await startFakeS3();
Object.assign(process.env, {
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
});
const client = newS3Client();
const store = openS3Store({ bucket: "lake", prefix: "t", client });
after(() => s3.close());
beforeEach(() => s3.clear());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stored = (key: string): string | undefined => s3.objects.get(`/lake/t/${key}`)?.toString();
const error503 = { status: 503, code: "ServiceUnavailable" };
const slowDown = { status: 503, code: "SlowDown" };
const raced = { status: 409, code: "ConditionalRequestConflict" };

async function failure(work: Promise<unknown>): Promise<LakeError> {
  const error = await work.then(
    () => assert.fail("this must fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isLakeError(error), String(error));
  return error;
}

describe("S3: removeIf", () => {
  test("what another writer puts between the look and the removal stays", async () => {
    await store.put("k", bytes("x"));
    s3.fail(/^DELETE/, { status: 412, code: "PreconditionFailed" });
    assert.equal(await store.removeIf("k", bytes("x")), false);
    assert.equal(stored("k"), "x");
    s3.fail(/^DELETE/, slowDown, "resetBefore");
    assert.equal(await store.removeIf("k", bytes("x")), true);
    assert.equal(stored("k"), undefined);
  });

  test("who may not remove is told what to be granted", async () => {
    await store.put("k", bytes("x"));
    s3.fail(/^DELETE/, { status: 403, code: "AccessDenied" });
    assert.equal((await failure(store.removeIf("k", bytes("x")))).kind, "invalid");
  });
});

describe("S3: remove", () => {
  test("goes a thousand a call, and again for what S3 was too busy for; what is refused is told by key", async () => {
    const keys = Array.from({ length: 2500 }, (_, i) => `f${i}`);
    for (const key of [...keys, "a&b", "x-busy", "y-denied", "kept"])
      await s3.objects.set(`/lake/t/${key}`, Buffer.from("x"));
    const failed = await store.remove([...keys, "a&b", "x-busy", "y-denied"]);
    assert.deepEqual(
      failed.map(({ key, error }) => [key, error.kind, /s3:DeleteObject /.test(error.hint ?? "")]),
      [["y-denied", "invalid", true]],
    );
    assert.deepEqual([...s3.objects.keys()].sort(), ["/lake/t/kept", "/lake/t/y-denied"]);
    assert.equal(s3.calls.filter((call) => call.startsWith("POST")).length, 4);
  });

  test("a call that fails is sent again; when it goes on failing, its keys alone are left", async () => {
    const keys = Array.from({ length: 1001 }, (_, i) => `f${String(i).padStart(4, "0")}`);
    for (const key of keys) s3.objects.set(`/lake/t/${key}`, Buffer.from("x"));
    s3.fail(/^POST/, slowDown, "resetAfter");
    assert.deepEqual(await store.remove(keys), []);
    assert.equal(s3.objects.size, 0);
    s3.fail(/^POST/, ...Array.from({ length: 5 }, () => error503));
    const failed = await store.remove(["a", "b"]);
    assert.deepEqual(
      failed.map(({ key, error }) => [key, error.kind]),
      [
        ["a", "unavailable"],
        ["b", "unavailable"],
      ],
    );
  });
});

describe("S3: putIfAbsent", () => {
  test("409 then success: created, by the second call", async () => {
    s3.fail(/^PUT/, raced);
    assert.equal(await store.putIfAbsent("k", bytes("x")), "created");
    assert.equal(stored("k"), "x");
    assert.equal(s3.calls.length, 2);
  });

  test("409 again and again is unavailable", async () => {
    s3.fail(/^PUT/, raced, raced, raced, raced, raced);
    assert.equal((await failure(store.putIfAbsent("k", bytes("x")))).kind, "unavailable");
    assert.equal(s3.calls.length, 5);
  });

  test("412 is exists, also after a 409, with one call each", async () => {
    s3.objects.set("/lake/t/k", Buffer.from("other"));
    assert.equal(await store.putIfAbsent("k", bytes("x")), "exists");
    assert.equal(s3.calls.length, 1);
    s3.fail(/^PUT/, raced);
    assert.equal(await store.putIfAbsent("k", bytes("x")), "exists");
    assert.equal(stored("k"), "other");
  });

  test("503 twice, then success", async () => {
    s3.fail(/^PUT/, slowDown, error503);
    assert.equal(await store.putIfAbsent("k", bytes("x")), "created");
    assert.equal(s3.calls.length, 3);
  });

  test("412 after a 503 is an unknown outcome: the 503 may have stored it", async () => {
    s3.objects.set("/lake/t/k", Buffer.from("x"));
    s3.fail(/^PUT/, error503);
    assert.equal((await failure(store.putIfAbsent("k", bytes("x")))).kind, "unavailable");
  });

  for (const fault of ["resetAfter", "resetBefore", { status: 500, code: "InternalError" }] as const) {
    test(`${JSON.stringify(fault)} is unavailable at once; the log reads back what happened, and puts once more`, async () => {
      s3.fail(/^PUT/, fault);
      assert.equal((await failure(store.putIfAbsent("k", bytes("x")))).kind, "unavailable");
      assert.deepEqual(s3.calls.filter((call) => call.startsWith("PUT")).length, 1);

      const log = openDeltaLog(store, "s3://lake/t");
      s3.clear();
      s3.fail(/^PUT/, fault);
      assert.equal(await log.putCommit(0, bytes("{}\n"), { timestamp: 1 }), "published");
      const puts = () => s3.calls.filter((call) => call.startsWith("PUT")).length;
      assert.equal(puts(), fault === "resetAfter" ? 1 : 2, "where nothing is there it is put once more");
      s3.clear();
      s3.fail(/^PUT/, fault, fault);
      const put = log.putCommit(0, bytes("{}\n"), { timestamp: 1 });
      if (fault === "resetAfter") assert.equal(await put, "published");
      else assert.equal((await failure(put)).kind, "unavailable");
      s3.clear();
      assert.equal(await log.putCommit(0, bytes("{}\n"), { timestamp: 1 }), "published");
      assert.equal(await log.putCommit(0, bytes("{ }\n"), { timestamp: 1 }), "exists");
    });
  }

  test("no answer is unavailable after the time of silence", async () => {
    const hasty = openS3Store({ bucket: "lake", prefix: "t", client: newS3Client({ silenceMs: 200 }) });
    s3.fail(/^PUT/, "silent");
    assert.equal((await failure(hasty.putIfAbsent("k", bytes("x")))).kind, "unavailable");
    s3.fail(/^GET/, "silent");
    assert.equal(await hasty.get("k"), undefined);
  });
});

describe("S3: reads", () => {
  test("are repeated after 503, broken connections and half an answer", async () => {
    s3.objects.set("/lake/t/k", Buffer.from("0123456789"));
    s3.fail(/^GET/, slowDown, "resetBefore", "truncate");
    assert.equal(new TextDecoder().decode((await store.get("k"))?.bytes), "0123456789");
    s3.fail(/^HEAD/, error503);
    assert.equal((await store.head("k"))?.size, 10);
    s3.fail(/list-type/, "resetBefore", error503);
    assert.deepEqual(
      (await collect(store.list(""))).map(({ key }) => key),
      ["k"],
    );
  });

  test("a server that ignores ranges is read all the same", async () => {
    s3.objects.set("/lake/t/k", Buffer.from("0123456789"));
    assert.equal(new TextDecoder().decode(await store.getRange("k", 3, 5)), "34");
  });

  test("give up after five attempts", async () => {
    s3.fail(/^HEAD/, error503, error503, error503, error503, error503);
    assert.equal((await failure(store.head("k"))).kind, "unavailable");
    assert.equal(s3.calls.length, 5);
  });
});

describe("S3: multipart uploads", () => {
  async function* chunks(total: number): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < total; sent += 3_000_000) yield new Uint8Array(Math.min(3_000_000, total - sent)).fill(7);
  }
  const large = () => chunks(PART_BYTES + 10);

  test("8 MiB go in one call, more in parts", async () => {
    assert.equal(await store.putIfAbsent("a", chunks(PART_BYTES)), "created");
    assert.deepEqual([s3.calls.length, s3.objects.get("/lake/t/a")?.length], [1, PART_BYTES]);
    s3.clear();
    s3.fail(/partNumber=2/, error503, "resetBefore");
    assert.equal(await store.putIfAbsent("b", large()), "created");
    assert.equal(s3.objects.get("/lake/t/b")?.length, PART_BYTES + 10);
    assert.equal(await store.putIfAbsent("b", large()), "exists");
    assert.equal(s3.uploads.size, 0, "the one that lost was aborted");
    await store.put("b", large());
    assert.equal(s3.uploads.size, 0);
  });

  test("what fails is aborted: the source, a part, the end", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* large();
      yield* large();
      throw new Error("the source broke");
    }
    await assert.rejects(store.putIfAbsent("a", broken()), /the source broke/);
    s3.fail(/partNumber=2/, { status: 403, code: "AccessDenied" });
    assert.equal((await failure(store.put("a", large()))).kind, "invalid");
    s3.fail(/^POST.*uploadId/, { status: 500, code: "InternalError" });
    assert.equal((await failure(store.putIfAbsent("a", large()))).kind, "unavailable");
    s3.fail(/^POST.*uploadId/, raced);
    assert.equal((await failure(store.putIfAbsent("a", large()))).kind, "unavailable");
    assert.deepEqual([s3.uploads.size, s3.objects.size], [0, 0]);
    assert.equal(s3.calls.filter((call) => call.startsWith("DELETE")).length, 4);
  });

  test("an unknown outcome of the end is unavailable, and the object stays whole", async () => {
    s3.fail(/^POST.*uploadId/, "resetAfter");
    assert.equal((await failure(store.putIfAbsent("a", large()))).kind, "unavailable");
    assert.equal(s3.objects.get("/lake/t/a")?.length, PART_BYTES + 10);
  });
});

describe("S3: what only a person can end is invalid, with advice", () => {
  for (const [status, code, words, hint] of [
    [404, "NoSuchBucket", /there is no bucket "lake"/, /name/],
    [403, "AccessDenied", /access is denied/, /Grant s3:GetObject.*arn:aws:s3:::lake\/t\/\*.*s3:ListBucket/],
    [403, "InvalidAccessKeyId", /access key/, /AWS_ACCESS_KEY_ID/],
    [400, "ExpiredToken", /expired/, /credentials/],
    [301, "PermanentRedirect", /another region/, /AWS_REGION/],
    [501, "NotImplemented", /conditional writes/, /If-None-Match/],
    [400, "SomethingNew", /SomethingNew \(400\)/, /./],
  ] as const) {
    test(code, async () => {
      s3.fail(/./, { status, code });
      const error = await failure(store.putIfAbsent("k", bytes("x")));
      assert.equal(error.kind, "invalid");
      assert.match(error.message, words);
      assert.match(error.message, /^cannot write s3:\/\/lake\/t\/k: /);
      assert.match(error.hint ?? "", hint);
      assert.equal(s3.calls.length, 1);
    });
  }

  test("no credentials, no region", async () => {
    const { AWS_ACCESS_KEY_ID: _, AWS_REGION: __, ...rest } = process.env;
    const before = process.env;
    process.env = {
      ...rest,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    };
    try {
      const homeless = openS3Store({ bucket: "lake", prefix: "", client: newS3Client() });
      assert.match((await failure(homeless.get("k"))).message, /no AWS region is set/);
      process.env.AWS_REGION = "us-east-1";
      const poor = openS3Store({ bucket: "lake", prefix: "", client: newS3Client() });
      assert.match((await failure(poor.get("k"))).message, /there are no AWS credentials/);
    } finally {
      process.env = before;
    }
  });

  test("a server that cannot be reached is unavailable", async () => {
    const { AWS_ENDPOINT_URL_S3 } = process.env;
    process.env.AWS_ENDPOINT_URL_S3 = "http://127.0.0.1:1";
    const nobody = openS3Store({ bucket: "lake", prefix: "", client: newS3Client() });
    try {
      const error = await failure(nobody.putIfAbsent("k", bytes("x")));
      assert.equal(error.kind, "unavailable");
      assert.match(error.message, /cannot be reached/);
    } finally {
      process.env.AWS_ENDPOINT_URL_S3 = AWS_ENDPOINT_URL_S3;
    }
  });
});
