/** Versions that engines put, over a real API: exactly once, seen at once, and the same bytes before and after the mirror. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import type { SendToApi } from "../../lib/gateway/catalog.ts";
import { createApp } from "../../lib/http/app.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { openParquetFile } from "../../lib/parquet/read/file.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { openFace, s3Client } from "./face.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-gateway-")));
const storage = await toLocation(join(folder, "s3"));
// Nothing is published but by hand: what is seen before comes from SQL.
const lake = await openLocalLake({ database: join(folder, "c.sqlite"), verifyFiles: "off", mirror: false });
await lake.catalog.migrate();
after(async () => {
  await lake.close();
  rmSync(folder, { recursive: true });
});
const app = createApp(lake, {
  version: "test",
  resolveLocation: (location, name) => tableLocation({ storage }, location, name),
});
let before: (request: Request) => Promise<Response | undefined> = async () => undefined;
const send: SendToApi = async (request) => (await before(request)) ?? app.fetch(request);
const root = pathToFileURL(join(folder, "s3")).href;
const store = openFileStore(join(folder, "s3"));
const face = await openFace({ store, send, root });
const s3 = s3Client(face.url);

const at = (Key: string) => ({ Bucket: "lake", Key });
const nameOf = (version: number) => `${String(version).padStart(20, "0")}.json`;
const put = (Key: string, lines: readonly object[] | string, more: object = {}) => {
  const Body = typeof lines === "string" ? lines : lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  return s3.send(new PutObjectCommand({ ...at(Key), Body, ...more }));
};
const get = async (Key: string, more: object = {}) =>
  (await s3.send(new GetObjectCommand({ ...at(Key), ...more }))).Body?.transformToString();
const list = async (Prefix: string, more: object = {}) =>
  (await s3.send(new ListObjectsV2Command({ Bucket: "lake", Prefix, ...more }))).Contents ?? [];

const protocol = (writerFeatures?: readonly string[]) => {
  if (!writerFeatures) return { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
  const readerFeatures = writerFeatures.filter((name) => name === "v2Checkpoint");
  const reading = readerFeatures.length > 0 ? { minReaderVersion: 3, readerFeatures } : { minReaderVersion: 1 };
  return { protocol: { ...reading, minWriterVersion: 7, writerFeatures } };
};
const metaData = {
  metaData: {
    id: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
    format: { provider: "parquet", options: {} },
    schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
    partitionColumns: [],
    configuration: {},
  },
};
const everyVersion = {
  metaData: { ...metaData.metaData, configuration: { "delta.checkpointInterval": "1" } },
};
const everyVersionInV2 = {
  metaData: {
    ...metaData.metaData,
    configuration: { "delta.checkpointInterval": "1", "delta.checkpointPolicy": "v2" },
  },
};
const add = (path: string) => ({
  add: { path, partitionValues: {}, size: 10, modificationTime: 1, dataChange: true, stats: '{"numRecords":1}' },
});
const info = (text: string) => ({ commitInfo: { timestamp: 1, operation: text } });

let tables = 0;
async function newTable(lines: readonly object[] = [info("create"), protocol(), metaData]): Promise<string> {
  tables += 1;
  const table = `t${tables}`;
  await put(`${table}/_delta_log/${nameOf(0)}`, lines, { IfNoneMatch: "*" });
  return table;
}
const taken = { name: "PreconditionFailed", message: /412 Precondition Failed/ };

test("version 0 makes the table; each version is taken once, with the condition or without it", async () => {
  const t = await newTable();
  assert.equal((await lake.catalog.findTable({ name: `lake.${t}` }))?.version, 0);
  const log = `${t}/_delta_log/`;
  await assert.rejects(newTableAgain(t), taken);
  await put(log + nameOf(1), [info("a"), add("a.parquet")]);
  await assert.rejects(put(log + nameOf(1), [info("b"), add("b.parquet")]), taken);
  await assert.rejects(put(log + nameOf(1), [info("b"), add("b.parquet")], { IfNoneMatch: "*" }), taken);
  // What was not heard of is sent again.
  await put(log + nameOf(1), [info("a"), add("a.parquet")], { IfNoneMatch: "*" });
  await put(log + nameOf(2), [info("b"), add("b.parquet")]);
  await put(log + nameOf(1), [info("a"), add("a.parquet")]);
  assert.equal((await lake.catalog.findTable({ name: `lake.${t}` }))?.version, 2);
  await assert.rejects(put(log + nameOf(9), [info("c"), add("c.parquet")]), { name: "InvalidRequest" });
});

function newTableAgain(t: string) {
  return put(`${t}/_delta_log/${nameOf(0)}`, [info("another"), protocol(), metaData]);
}

test("what is committed is listed and read at once, and does not change when it is published", async () => {
  const t = await newTable();
  const log = `${t}/_delta_log/`;
  const tableId = (await lake.catalog.findTable({ name: `lake.${t}` }))?.tableId ?? "";
  for (let version = 1; version <= 5; version += 1) await put(log + nameOf(version), [info("x"), add(`${version}`)]);
  // By the API, not by an engine.
  const body = JSON.stringify({
    transactionId: crypto.randomUUID(),
    tables: [{ tableId, readVersion: 5, actions: [add("by-api")] }],
  });
  const headers = { "content-type": "application/json" };
  const answer = await app.fetch(new Request("http://api/v1/commits", { method: "POST", body, headers }));
  assert.equal(answer.status, 201);
  const look = async () => {
    const listed = await list(log);
    const texts = await Promise.all(listed.map(({ Key = "" }) => get(Key)));
    assert.deepEqual(
      listed.map(({ Size }) => Size),
      texts.map((text) => Buffer.byteLength(text ?? "")),
    );
    return listed.map(({ Key, Size, ETag }, i) => ({ Key, Size, ETag, text: texts[i] }));
  };
  const unpublished = await look();
  assert.deepEqual(
    unpublished.map(({ Key }) => Key),
    [0, 1, 2, 3, 4, 5, 6].map((version) => log + nameOf(version)),
  );
  assert.deepEqual(
    (await list(log, { StartAfter: log + nameOf(3) })).map(({ Key }) => Key),
    [4, 5, 6].map((version) => log + nameOf(version)),
  );
  const paged: (string | undefined)[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: "lake", Prefix: log, MaxKeys: 2, ContinuationToken }),
    );
    paged.push(...(page.Contents ?? []).map(({ Key }) => Key));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  assert.deepEqual(
    paged,
    unpublished.map(({ Key }) => Key),
  );
  const head = await s3.send(new HeadObjectCommand(at(log + nameOf(6))));
  assert.deepEqual([head.ContentLength, head.ETag], [unpublished[6]?.Size, unpublished[6]?.ETag]);
  const range = { Range: "bytes=2-11", IfMatch: unpublished[6]?.ETag };
  const piece = await get(log + nameOf(6), range);
  assert.equal(piece, unpublished[6]?.text?.slice(2, 12));
  await mirrorTable(lake, tableId);
  const published = (await look()).filter(({ Key }) => /\d{20}\.json$/.test(Key ?? ""));
  assert.deepEqual(published, unpublished);
  assert.equal(await get(log + nameOf(6), range), piece);
  await assert.rejects(get(log + nameOf(7)), { name: "NoSuchKey" });
});

test("a commit is refused with the catalog's own words where it is wrong, and may be sent again where nobody knows", async () => {
  const t = await newTable();
  const log = `${t}/_delta_log/`;
  const wrong = put(log + nameOf(1), [{ remove: { path: "never.parquet", deletionTimestamp: 1, dataChange: true } }]);
  await assert.rejects(wrong, { name: "InvalidRequest", message: /never\.parquet.*REMOVE_OF_UNKNOWN_FILE/s });
  await assert.rejects(put(log + nameOf(1), "no json\n"), { name: "InvalidRequest", message: /line 1/ });
  await assert.rejects(put(log + nameOf(1), '{"add":{}}]},{"x":[{}\n'), { name: "InvalidRequest" });
  await assert.rejects(put(`none/_delta_log/${nameOf(1)}`, [add("a")]), { name: "AccessDenied", message: /dl import/ });
  const lines = [info("once"), add("once.parquet")];
  // The commit is made, and its answer lost.
  before = async (request) => {
    if (request.method !== "POST") return undefined;
    before = async () => undefined;
    await app.fetch(request);
    throw new Error("the connection broke");
  };
  const response = await fetch(`${face.url}/lake/${log}${nameOf(1)}`, {
    method: "PUT",
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
  });
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "1"]);
  assert.match(await response.text(), /<Code>ServiceUnavailable<\/Code>/);
  const again = lines.map((line) => JSON.stringify(line)).join("\n");
  await put(log + nameOf(1), again, { IfNoneMatch: "*" });
  assert.equal((await lake.catalog.findTable({ name: `lake.${t}` }))?.version, 1);
});

test("what engines derive from versions is taken and changes nothing; the log's own files stay", async () => {
  const t = await newTable();
  const log = `${t}/_delta_log/`;
  const derived = [
    "_last_checkpoint",
    "00000000000000000000.checkpoint.parquet",
    "00000000000000000000.checkpoint.0000000001.0000000002.parquet",
    "00000000000000000000.checkpoint.4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f.json",
    "00000000000000000000.crc",
    "00000000000000000000.00000000000000000001.compacted.json",
    "_sidecars/4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f.parquet",
  ];
  for (const name of derived) {
    await put(log + name, "lies");
    const head = s3.send(new HeadObjectCommand(at(log + name)));
    // Spark would take one that is there, and cannot be read, for damaged.
    if (name === "_last_checkpoint") await assert.rejects(head, { name: "NotFound" });
    else assert.equal((await head).ContentLength, 4, name);
    await assert.rejects(get(log + name), { name: "NoSuchKey" }, name);
  }
  // As Spark makes checksums.
  const passing = `${log}.00000000000000000000.crc.x.tmp`;
  await put(passing, "lies");
  assert.equal((await s3.send(new HeadObjectCommand(at(passing)))).ContentLength, 4);
  const CopySource = `lake/${passing}`;
  await s3.send(new CopyObjectCommand({ ...at(`${log}00000000000000000000.crc`), CopySource }));
  await s3.send(new DeleteObjectCommand(at(passing)));
  await put(`${log}_trino_meta/extended_stats.json`, "kept");
  assert.equal(await get(`${log}_trino_meta/extended_stats.json`), "kept");
  const stored: string[] = [];
  for await (const { key } of store.list(`lake/${log}`)) stored.push(key.slice(`lake/${log}`.length));
  assert.deepEqual(stored.sort(), ["_trino_meta/extended_stats.json"]);
  const kept = [nameOf(0), ...derived, "_deltalakedb.json"];
  for (const name of kept)
    await assert.rejects(s3.send(new DeleteObjectCommand(at(log + name))), { name: "AccessDenied" }, name);
  const Objects = [...kept, "_trino_meta/extended_stats.json"].map((name) => ({ Key: log + name }));
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket: "lake", Delete: { Objects } }));
  assert.deepEqual([Deleted?.length, Errors?.length], [1, kept.length]);
  for (const name of ["_deltalakedb.json", "_staged_commits/00000000000000000001.x.json"]) {
    await assert.rejects(put(log + name, "{}"), { name: "AccessDenied" }, name);
  }
  assert.equal((await list(log)).length, 1);
});

test("a fence is hidden from clients of the gateway, whose commits keep it up; sizes stay", async () => {
  const t = await newTable([info("create"), protocol(["appendOnly"]), metaData]);
  const log = `${t}/_delta_log/`;
  const table = await lake.catalog.findTable({ name: `lake.${t}` });
  const tableId = table?.tableId ?? "";
  await fenceTable(lake, { tableId }, "on");
  for (const where of ["sql", "log"] as const) {
    if (where === "log") await mirrorTable(lake, tableId);
    const text = (await get(log + nameOf(1))) ?? "";
    const [entry] = await list(log + nameOf(1));
    assert.equal(entry?.Size, Buffer.byteLength(text), where);
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const shown = lines.find((line) => line.protocol)?.protocol;
    assert.deepEqual(shown.writerFeatures, ["appendOnly"], where);
  }
  await put(log + nameOf(2), [info("engine"), protocol(["appendOnly", "changeDataFeed"])]);
  const [state] = await lake.catalog.readStates([{ tableId }]);
  assert.deepEqual([...(state?.protocol.writerFeatures ?? [])].sort(), [
    "appendOnly",
    "changeDataFeed",
    "deltalakedb.managed",
  ]);
});

test("nor do checkpoints of a fenced table tell of it, in whatever parts they are read", async () => {
  for (const features of [
    ["appendOnly", "invariants", "changeDataFeed"],
    ["appendOnly"],
    ["changeDataFeed"],
    ["v2Checkpoint"],
  ]) {
    const isV2 = features.includes("v2Checkpoint");
    const t = await newTable([info("create"), protocol(features), isV2 ? everyVersionInV2 : everyVersion]);
    const tableId = (await lake.catalog.findTable({ name: `lake.${t}` }))?.tableId ?? "";
    await fenceTable(lake, { tableId }, "on");
    // Where an engine has written the protocol, the fence is not the last of its features.
    await put(`${t}/_delta_log/${nameOf(2)}`, [info("engine"), protocol([...features, "generatedColumns"]), add("f")]);
    await mirrorTable(lake, tableId);
    const key = `${t}/_delta_log/${nameOf(2).replace("json", "checkpoint.parquet")}`;
    const { bytes: stored } = (await store.get(`lake/${key}`)) ?? {};
    assert.ok(stored);
    const body = (more: object = {}) => s3.send(new GetObjectCommand({ ...at(key), ...more }));
    const shown = (await (await body()).Body?.transformToByteArray()) ?? new Uint8Array();
    assert.equal(shown.length, stored.length);
    const featuresOf = async (bytes: Uint8Array) => {
      const file = openMemoryStore({ now: () => 0 });
      await file.put("x.parquet", bytes);
      const source = { store: file, key: "x.parquet", size: bytes.length, unreadable: "UNREADABLE" };
      const parquet = await openParquetFile(source);
      const ranges = parquet.ranges(parquet.groups, () => true);
      const rows = (await Promise.all(ranges.map((range) => parquet.readRows(range, () => true)))).flat();
      const text = JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));
      const found = rows.find((row) => row.protocol !== undefined && row.protocol !== null)?.protocol;
      return { features: new Set((found as { writerFeatures: string[] }).writerFeatures.map(String)), text };
    };
    const [real, hidden] = [await featuresOf(stored), await featuresOf(shown)];
    assert.ok(real.features.has("deltalakedb.managed"));
    assert.equal(real.text.includes('"sidecar":{'), isV2);
    assert.ok(!hidden.features.has("deltalakedb.managed"));
    for (const feature of features) assert.ok(hidden.features.has(feature), feature);
    for (const feature of hidden.features)
      assert.ok([...features, "generatedColumns", "appendOnly", "invariants"].includes(feature));
    assert.equal(
      hidden.text.replace(/"writerFeatures":\[[^\]]*\]/, ""),
      real.text.replace(/"writerFeatures":\[[^\]]*\]/, ""),
    );
    // Cut anywhere, in the middle of the name as well.
    const middle = stored.findIndex(
      (_, i) =>
        Buffer.from(stored)
          .subarray(i, i + 11)
          .toString() === "deltalakedb",
    );
    for (const cut of [1, middle - 4, middle, middle + 3, middle + 12, stored.length - 8]) {
      const parts = [`bytes=0-${cut - 1}`, `bytes=${cut}-`].map(async (Range) =>
        (await body({ Range })).Body?.transformToByteArray(),
      );
      assert.deepEqual(Buffer.concat((await Promise.all(parts)) as Uint8Array[]), Buffer.from(shown), `cut at ${cut}`);
    }
  }
});

test("where engines make no tables, or the name is another table's, version 0 is refused", async () => {
  const closed = s3Client((await openFace({ store, send, root, creates: false })).url);
  const Body = [protocol(), metaData].map((line) => JSON.stringify(line)).join("\n");
  const refused = closed.send(new PutObjectCommand({ ...at(`closed/_delta_log/${nameOf(0)}`), Body }));
  await assert.rejects(refused, { name: "AccessDenied" });
  await put(`a/b/_delta_log/${nameOf(0)}`, Body);
  await assert.rejects(put(`a.b/_delta_log/${nameOf(0)}`, Body), { name: "InvalidRequest", message: /NAME_TAKEN/ });
});
