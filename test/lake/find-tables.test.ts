/** Tables are found by their logs, at any depth, in folders and in buckets, and no table is looked into. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findTables } from "../../lib/lake/find-tables.ts";
import { openStore } from "../../lib/lake/stores.ts";
import { collect } from "../contract/object-store.contract.ts";
import { startFakeS3 } from "../support/fake-s3.ts";

test("in folders: at any depth, but not within a table", async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-find-")));
  for (const place of ["a", "b/c d", "b/e/f/g/ä%", "_h/i", "a/inner", "none/x"]) {
    mkdirSync(join(folder, place, place === "none/x" ? "data" : "_delta_log"), { recursive: true });
    if (place !== "none/x") writeFileSync(join(folder, place, "_delta_log/00000000000000000000.json"), "{}");
  }
  mkdirSync(join(folder, "empty/_delta_log"), { recursive: true });
  const found = (await collect(findTables(`file://${folder}`))).map((location) => location.slice(7 + folder.length));
  assert.deepEqual(found.sort(), ["/_h/i", "/a", "/b/c%20d", "/b/e/f/g/%C3%A4%25"]);
  assert.deepEqual(await collect(findTables(`file://${folder}/a`)), [`file://${folder}/a`], "the root itself");
  assert.deepEqual(await collect(findTables(`file://${folder}/nothing`)), []);
  rmSync(folder, { recursive: true });
});

test("in a bucket: the same, by folders alone, and beyond a page of the listing", async (t) => {
  const s3 = await startFakeS3();
  t.after(() => s3.close());
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  });
  const store = openStore("s3://lake/tables");
  const many = Array.from({ length: 230 }, (_, i) => `m/t${i}`);
  const places = ["a", "b/c d", "b/e/f/g/ä%", "_h/i", "a/inner", ...many];
  for (const place of places) await store.put(`${place}/_delta_log/00000000000000000000.json`, new Uint8Array());
  for (let i = 0; i < 5; i += 1) await store.put(`a/part-${i}`, new Uint8Array());
  await store.put("none/x/data/file", new Uint8Array());
  const found = (await collect(findTables("s3://lake/tables"))).map((location) =>
    location.slice("s3://lake/tables/".length),
  );
  assert.deepEqual(found.sort(), places.filter((place) => place !== "a/inner").sort());
  assert.deepEqual(await collect(findTables("s3://lake/tables/a")), ["s3://lake/tables/a"], "the root itself");
  assert.deepEqual(await collect(findTables("s3://lake/tab")), [], "a part of a name is no folder");
});
