/** What a lent session may do, judged as IAM does: allowed and denied cases of each kind of place and right. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLakeError } from "../../lib/errors.ts";
import type { Rights } from "../../lib/ports.ts";
import { sessionName } from "../../lib/storage/s3-lending.ts";
import { POLICY_CHARACTERS, type PolicyPlace, sessionPolicy } from "../../lib/storage/session-policy.ts";
import { type IamRequest, isAllowed } from "../support/iam.ts";

const READ: Rights = { read: true };
const CREATE: Rights = { read: false, write: "create" };
const REPLACE: Rights = { read: false, write: "replace" };
const BOTH: Rights = { read: true, write: "replace" };

const object = (action: string, key: string, context: IamRequest["context"] = {}): IamRequest => ({
  action: `s3:${action}`,
  resource: `arn:aws:s3:::lake/${key}`,
  context,
});
const get = (key: string) => object("GetObject", key);
const put = (key: string) => object("PutObject", key, { "s3:ObjectCreationOperation": "true" });
const create = (key: string) =>
  object("PutObject", key, { "s3:ObjectCreationOperation": "true", "s3:if-none-match": "*" });
const part = (key: string) => object("PutObject", key, { "s3:ObjectCreationOperation": "false" });
const list = (prefix?: string, bucket = "lake"): IamRequest => ({
  action: "s3:ListBucket",
  resource: `arn:aws:s3:::${bucket}`,
  context: prefix === undefined ? {} : { "s3:prefix": prefix },
});

const places = (...prefixes: [string, ...string[]]): [PolicyPlace, ...PolicyPlace[]] => {
  const [first, ...others] = prefixes.map((prefix) => ({ bucket: "lake", prefix }));
  return [first as PolicyPlace, ...others];
};

function judge(
  rights: Rights,
  at: [PolicyPlace, ...PolicyPlace[]],
  cases: { yes: IamRequest[]; no: IamRequest[] },
): void {
  const policy = sessionPolicy(at, rights);
  for (const [wanted, requests] of [
    [true, cases.yes],
    [false, cases.no],
  ] as const) {
    for (const request of requests) {
      assert.equal(isAllowed([policy], request), wanted, `${JSON.stringify(request)} by ${policy}`);
    }
  }
}

test("to read: the table's files and its log, and of nothing else", () => {
  judge(READ, places("sales/orders"), {
    yes: [
      get("sales/orders/a.parquet"),
      get("sales/orders/x=1/a.parquet"),
      get("sales/orders/_delta_log/00000000000000000000.json"),
      list("sales/orders/"),
      list("sales/orders/_delta_log/"),
    ],
    no: [
      get("sales/orders2/a.parquet"),
      get("sales/orders"),
      get("sales/a.parquet"),
      get("other/sales/orders/a.parquet"),
      { ...get(""), resource: "arn:aws:s3:::lake2/sales/orders/a.parquet" },
      list("sales/orders2/"),
      list("sales/orders"),
      list("sales/"),
      list(""),
      list(),
      list("sales/orders/", "lake2"),
      put("sales/orders/a.parquet"),
      create("sales/orders/a.parquet"),
      object("DeleteObject", "sales/orders/a.parquet"),
      object("GetBucketPolicy", ""),
      { action: "kms:Decrypt", resource: "arn:aws:kms:eu-central-1:1:key/k", context: {} },
    ],
  });
  const kms = { action: "kms:Decrypt", resource: "arn:aws:kms:eu-central-1:1:key/k" };
  assert.ok(
    isAllowed([sessionPolicy(places("t"), READ)], {
      ...kms,
      context: { "kms:ViaService": "s3.eu-central-1.amazonaws.com" },
    }),
    "of keys of one's own S3 makes use for the session",
  );
});

test("to write: data files of the table, never a log, and nothing is read or deleted", () => {
  const never = [
    put("sales/orders/_delta_log/00000000000000000001.json"),
    create("sales/orders/_delta_log/_last_checkpoint"),
    part("sales/orders/_delta_log/x"),
    create("sales/orders/within/_delta_log/0.json"),
    object("AbortMultipartUpload", "sales/orders/_delta_log/x"),
    create("sales/orders2/a.parquet"),
    create("sales/a.parquet"),
    object("DeleteObject", "sales/orders/a.parquet"),
    object("DeleteObjectVersion", "sales/orders/a.parquet"),
    object("PutObjectAcl", "sales/orders/a.parquet"),
    get("sales/orders/a.parquet"),
    list("sales/orders/"),
  ];
  judge(REPLACE, places("sales/orders"), {
    yes: [
      put("sales/orders/a.parquet"),
      create("sales/orders/x=1/a.parquet"),
      put("sales/orders/_change_data/a.parquet"),
      put("sales/orders/my_delta_log/a.parquet"),
      part("sales/orders/a.parquet"),
      object("AbortMultipartUpload", "sales/orders/a.parquet"),
    ],
    no: never,
  });
  judge(CREATE, places("sales/orders"), {
    yes: [create("sales/orders/a.parquet"), part("sales/orders/a.parquet")],
    no: [...never, put("sales/orders/a.parquet")],
  });
  judge(BOTH, places("sales/orders"), {
    yes: [put("sales/orders/a"), get("sales/orders/_delta_log/0.json"), list("sales/orders/")],
    no: [put("sales/orders/_delta_log/0.json"), get("sales/orders2/a")],
  });
});

test("a table that is a whole bucket, and one that has been elsewhere", () => {
  judge(BOTH, places(""), {
    yes: [get("a.parquet"), put("a.parquet"), list(""), list("_delta_log/")],
    no: [put("_delta_log/0.json"), { ...get(""), resource: "arn:aws:s3:::lake2/a" }],
  });
  const [now] = places("new/orders");
  judge(BOTH, [now, { bucket: "lake", prefix: "old/orders" }, { bucket: "attic", prefix: "orders" }], {
    yes: [
      get("old/orders/a"),
      get("new/orders/a"),
      put("new/orders/a"),
      list("old/orders/"),
      list("orders/", "attic"),
      { ...get(""), resource: "arn:aws:s3:::attic/orders/a" },
    ],
    no: [put("old/orders/a"), get("old/orders2/a"), get("orders/a"), list("orders/"), list("new/orders/", "attic")],
  });
});

test("signs that mean something in a policy, and letters of the whole world, stand for themselves", () => {
  const odd = `a*/b?c/$\{aws:username}/$x`;
  judge(BOTH, places(odd), {
    yes: [get(`${odd}/f`), put(`${odd}/f`), list(`${odd}/`)],
    no: [get(`ax${odd.slice(2)}/f`), get(`${odd.replace("?", "x")}/f`), list("ax/bxc/etl/$x/")],
  });
  const policy = sessionPolicy(places("Zürich/東京/😀"), BOTH);
  assert.match(policy, /^[\t\n\r -\xff]+$/, "letters that STS takes");
  judge(BOTH, places("Zürich/東京/😀"), {
    yes: [get("Zürich/東京/😀/f")],
    no: [get("Zürich/東亰/😀/f"), get("Z?rich/f")],
  });
});

test("whatever two places are called, one session reaches the other's only where it lies within", () => {
  const name = fc.string({
    unit: fc.constantFrom("a", "b", "*", "?", "$", "{", "}", ".", "é"),
    minLength: 1,
    maxLength: 4,
  });
  const prefix = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
  fc.assert(
    fc.property(prefix, prefix, (mine, theirs) => {
      const policy = sessionPolicy(places(mine), BOTH);
      const reaches = theirs === mine || theirs.startsWith(`${mine}/`);
      for (const request of [get(`${theirs}/f`), put(`${theirs}/f`), list(`${theirs}/`)]) {
        assert.equal(isAllowed([policy], request), reaches, `${mine} ${theirs}`);
      }
    }),
    { numRuns: 300 },
  );
});

test("a policy that STS would not take is refused with a way out; half a kilobyte of prefix is none", () => {
  assert.ok(sessionPolicy(places("x".repeat(450)), BOTH).length <= POLICY_CHARACTERS);
  assert.throws(
    () => sessionPolicy(places("x".repeat(900)), BOTH),
    (error) => isLakeError(error) && error.code === "CREDENTIALS_TOO_LONG" && /relocate/.test(error.hint ?? ""),
  );
});

test("sessions have names that STS takes", () => {
  assert.equal(sessionName("user:etl"), "user-etl");
  assert.match(sessionName(`user:arn:aws:iam::1:role/${"x".repeat(90)}`), /^[\w+=,.@-]{64}$/);
});
