/** What looking at files adds to a commit: calls and time per commit, in a folder and on an S3 server in this process that answers after a while. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTableFiles } from "../lib/files/table-files.ts";
import type { ObjectStore } from "../lib/ports.ts";
import { openFileStore } from "../lib/storage/file.ts";
import { newS3Client, openS3Store } from "../lib/storage/s3.ts";
import { startFakeS3 } from "../test/support/fake-s3.ts";
import { verifySizes } from "../test/support/verify.ts";
import { readOptions } from "./options.ts";

readOptions({
  run: "node bench/verify-files.ts",
  about: "What it costs to look at the files that a commit names.",
});

/** About the median of a HeadObject from a Lambda function in the region of the bucket. */
const ANSWER_MS = 15;
const BODY = new Uint8Array(100);

const folder = mkdtempSync(join(tmpdir(), "dl-verify-"));
const s3 = await startFakeS3();
Object.assign(process.env, { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" });
process.env.AWS_ENDPOINT_URL_S3 = s3.url;
const bucket = openS3Store({ bucket: "lake", prefix: "t", client: newS3Client() });
const slow: ObjectStore = {
  ...bucket,
  async head(key, options) {
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    return bucket.head(key, options);
  },
};

for (const [name, store] of [
  ["folder", openFileStore(folder)],
  [`S3, ${ANSWER_MS} ms away`, slow],
] as const) {
  for (const files of [1, 10, 100, 1000, 5000]) {
    const keys = Array.from({ length: files }, (_, i) => `f${i}`);
    if (name === "folder") for (const key of keys) await store.putIfAbsent(key, BODY);
    else for (const key of keys) s3.objects.set(`/lake/t/${key}`, Buffer.from(BODY));
    await verifySizes(openTableFiles(store, { timeoutMs: 60_000 }), keys, BODY.length);
    const startedAt = performance.now();
    await verifySizes(openTableFiles(store, { timeoutMs: 60_000 }), keys, BODY.length);
    console.log(`${name}: ${files} files, ${(performance.now() - startedAt).toFixed(1)} ms`);
  }
}
await s3.close();
rmSync(folder, { recursive: true });
