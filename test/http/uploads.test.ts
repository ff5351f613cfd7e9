/** Requests that were uploaded: they do what they would have done if they had been sent. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stringifyJson } from "../../lib/delta/values/json.ts";
import { notFound } from "../../lib/errors.ts";
import type { Uploads } from "../../lib/ports.ts";
import { withoutHealth } from "../support/answers.ts";
import { addOf, openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

const LIMIT = 100_000;
const put = new Map<string, Uint8Array>();
const uploads: Uploads = {
  offer: async ({ bytes }) => ({
    uploadId: crypto.randomUUID(),
    url: "https://s3.test/x",
    bytes,
    headers: {},
    expiresAt: 1,
  }),
  async read(uploadId) {
    const found = put.get(uploadId);
    if (!found) throw notFound("no such upload", { code: "UPLOAD_NOT_FOUND" });
    return found;
  },
};

const local = await openLocalApi();
const api = client(local.lake, { uploads, bodyLimitBytes: LIMIT });

async function upload(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const { status, body } = await api.post("/v1/uploads", { bytes: bytes.length });
  assert.equal(status, 201);
  const uploadId = String(body.uploadId);
  put.set(uploadId, bytes);
  return uploadId;
}

test("an uploaded commit is the commit itself: sent again, in either way, it counts once", async () => {
  const { tableId } = await local.newTable();
  const request = {
    transactionId: crypto.randomUUID(),
    tables: [{ tableId, readVersion: 0, actions: [addOf("large.parquet")] }],
  };
  const first = await api.post("/v1/commits", { upload: await upload(stringifyJson(request)) });
  assert.equal(first.status, 201, first.text);
  const again = await api.post("/v1/commits", { upload: await upload(stringifyJson(request)) });
  const sent = await api.post("/v1/commits", request);
  assert.deepEqual([again.status, sent.status], [200, 200]);
  assert.deepEqual([again.body, sent.body].map(withoutHealth), [first.body, first.body].map(withoutHealth));
  assert.equal((await local.lake.catalog.findTable({ tableId }))?.version, 1);
});

test("what is wrong with an upload is said as of a request", async () => {
  const commit = (body: object) => api.post("/v1/commits", body);
  const said = async (answer: ReturnType<typeof commit>) => {
    const { status, body } = await answer;
    return [status, body.code, body.pointer];
  };
  assert.deepEqual(await said(commit({ upload: crypto.randomUUID() })), [404, "UPLOAD_NOT_FOUND", undefined]);
  assert.deepEqual(await said(commit({ upload: "7" })), [400, "INVALID_REQUEST", "/upload"]);
  assert.deepEqual(await said(commit({ upload: crypto.randomUUID(), tables: [] })), [
    400,
    "INVALID_REQUEST",
    "/tables",
  ]);
  assert.deepEqual(await said(commit({ upload: await upload("{") })), [400, "MALFORMED_JSON", undefined]);
  assert.deepEqual(await said(commit({ upload: await upload('{"tables": 1}') })), [
    400,
    "INVALID_REQUEST",
    "/transactionId",
  ]);
  // An upload does not name another one.
  const chained = await upload(`{"upload": "${crypto.randomUUID()}"}`);
  assert.deepEqual(await said(commit({ upload: chained })), [400, "INVALID_REQUEST", "/transactionId"]);
});

test("more than the largest body is not taken by an upload either", async () => {
  const { status, body } = await api.post("/v1/uploads", { bytes: LIMIT + 1 });
  assert.deepEqual([status, body.code, body.pointer, body.limitBytes], [413, "BODY_TOO_LARGE", "/bytes", LIMIT]);
  assert.equal((await api.post("/v1/uploads", { bytes: 0 })).status, 400);
});

test("a server that takes requests of that size itself has no uploads", async () => {
  for (const [path, body] of [
    ["/v1/uploads", { bytes: 10 }],
    ["/v1/commits", { upload: crypto.randomUUID() }],
  ] as const) {
    const answer = await local.post(path, body);
    assert.deepEqual([answer.status, answer.body.code], [404, "NO_UPLOADS"]);
    assert.match(String(answer.body.hint), /POST \/v1\/commits: up to 67108864 bytes/);
  }
});
