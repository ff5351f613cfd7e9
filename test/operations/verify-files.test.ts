/** Files that a commit names are looked at first: what is not there, or is not what the action says, is refused with path and pointer. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../lib/delta/values/json.ts";
import { openTableFiles } from "../../lib/files/table-files.ts";
import { commit } from "../../lib/operations/commit.ts";
import { addOf, removeOf, request } from "../support/lake.ts";
import { away, bytes, lake, location, noted, open, refusal } from "../support/verifying-lake.ts";

describe("existence and size", () => {
  test("files that are there, with the sizes that the actions say", async () => {
    const { store, send } = await open();
    await store.put("a b.parquet", bytes(100));
    await store.put("day=1/c.parquet", bytes(17));
    assert.equal(await send([addOf("a%20b.parquet"), addOf("day=1/c.parquet", { size: 17 })]), "size");
  });

  test("a missing file and another size are refused, whoever asks: nobody, the table, the request", async () => {
    for (const configuration of [{}, { "deltalakedb.verifyFiles": "true" }] as Record<string, string>[]) {
      for (const how of [undefined, "size", "deep"] as const) {
        const { store, send, name } = await open({ configuration });
        await store.put("there.parquet", bytes(99));
        const missing = await refusal(send([addOf("there.parquet", { size: 99 }), addOf("gone%20by.parquet")], how));
        if (how !== "deep") assert.equal(missing.code, "FILE_NOT_FOUND");
        const other = await refusal(send([addOf("there.parquet")], how));
        assert.deepEqual([other.kind, other.code], ["invalid", "FILE_SIZE_MISMATCH"]);
        assert.equal(other.at, "/tables/0/actions/0/add/path");
        assert.equal(other.facts?.lookedAt, `${location(name)}/there.parquet`);
        assert.match(other.message, /"there\.parquet" has 99 bytes.* 100 bytes/);
      }
    }
  });

  test("whatever is refused names pointer, path and place", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.stringMatching(/^[a-z ]{1,4}(\/[a-zé]{1,3})?$/), { minLength: 1, maxLength: 8 }),
        fc.array(fc.constantFrom("there", "gone", "longer"), { minLength: 8, maxLength: 8 }),
        async (names, fates) => {
          const { store, send, name } = await open();
          const adds: Json[] = [];
          for (const [i, key] of names.entries()) {
            if (fates[i] !== "gone") await store.put(key, bytes(fates[i] === "there" ? 100 : 101));
            adds.push(addOf(key.split("/").map(encodeURIComponent).join("/")));
          }
          const bad = names.flatMap((_, i) => (fates[i] === "there" ? [] : [i]));
          if (bad.length === 0) return void assert.equal(await send(adds), "size");
          const error = await refusal(send(adds));
          const told = [{ at: error.at, code: error.code, ...error.facts }, ...((error.facts?.more ?? []) as object[])];
          const expected = bad.map((i) => ({
            at: `/tables/0/actions/${i}/add/path`,
            code: fates[i] === "gone" ? "FILE_NOT_FOUND" : "FILE_SIZE_MISMATCH",
            path: (adds[i] as { add: { path: string } }).add.path,
            lookedAt: `${location(name)}/${names[i]}`,
          }));
          for (const [i, fact] of told.entries()) {
            const { more: _, size: __, ...rest } = fact as Record<string, unknown>;
            assert.deepEqual(rest, expected[i]);
          }
          assert.equal(told.length, expected.length);
        },
      ),
      { numRuns: 25 },
    ));

  test("off by request, by table, and by whoever runs the service, in this order; what was done is recorded", async () => {
    const gone = [addOf("gone.parquet")];
    assert.equal(await (await open()).send(gone, "off"), "off");
    assert.equal(await (await open({ byDefault: "off" })).send(gone), "off");
    assert.equal(await (await open({ configuration: { "deltalakedb.verifyFiles": "false" } })).send(gone), "off");
    const strict = await open({ byDefault: "off", configuration: { "deltalakedb.verifyFiles": "true" } });
    assert.equal((await refusal(strict.send(gone))).code, "FILE_NOT_FOUND");
    assert.equal(await strict.send(gone, "off"), "off");
    const asked = await open({ byDefault: "off" });
    assert.equal((await refusal(asked.send(gone, "size"))).code, "FILE_NOT_FOUND");
  });

  test("a commit that names no files has nothing to record", async () => {
    const { send } = await open();
    assert.equal(await send([{ txn: { appId: "a", version: 1 } }]), undefined);
  });

  test("a storage that does not answer: a commit of which nobody said anything goes on, one that asks is a 503", async () => {
    const silent = await open({ around: away });
    assert.equal(await silent.send([addOf("x.parquet")]), "unreachable");
    assert.ok(lake.metricsSeen.some(({ name }) => name === "UnverifiedCommits"));
    for (const how of ["size", "deep"] as const) {
      const error = await refusal(silent.send([addOf("x.parquet")], how));
      assert.deepEqual([error.kind, error.code], ["unavailable", "FILES_NOT_VERIFIED"]);
      assert.equal(error.at, "/tables/0/actions/0/add/path");
    }
    const strict = await open({ around: away, configuration: { "deltalakedb.verifyFiles": "deep" } });
    assert.equal((await refusal(strict.send([addOf("x.parquet")]))).kind, "unavailable");
  });

  test("what is known to be missing is refused although other questions go unanswered", async () => {
    const { store, send } = await open({
      around: (inner) => ({
        ...inner,
        head: (key) => (key === "slow.parquet" ? away(inner).head(key) : inner.head(key)),
      }),
    });
    await store.put("there.parquet", bytes(100));
    assert.equal((await refusal(send([addOf("slow.parquet"), addOf("gone.parquet")]))).code, "FILE_NOT_FOUND");
    assert.equal(await send([addOf("slow.parquet"), addOf("there.parquet")]), "partly");
  });

  test("files outside the table are not looked at: nobody learns what lies on the server", async () => {
    const heads: string[] = [];
    const { send } = await open({
      configuration: { "deltalakedb.allowPathsOutsideTable": "true" },
      around: (inner) => ({ ...inner, head: (key) => noted(heads, inner, key) }),
    });
    assert.equal(await send([addOf("file:///etc/passwd")]), "partly");
    const error = await refusal(send([addOf("file:///etc/shadow")], "size"));
    assert.equal(error.code, "FILES_NOT_VERIFIED");
    assert.deepEqual(heads, []);
  });

  test("at most 48 questions at once, each file once", async () => {
    let running = 0;
    let most = 0;
    let asked = 0;
    const { store, send } = await open({
      around: (inner) => ({
        ...inner,
        async head(key) {
          asked += 1;
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          return inner.head(key);
        },
      }),
    });
    const names = Array.from({ length: 200 }, (_, i) => `f${i}`);
    for (const name of names) await store.put(name, bytes(100));
    assert.equal(await send(names.map((name) => addOf(name))), "size");
    assert.deepEqual([asked, most], [200, 48]);
  });

  test("a replay gets its first answer, though the file has gone since", async () => {
    const { store, tableId, lake: seeing } = await open();
    await store.put("a.parquet", bytes(100));
    const sent = request({ tableId, readVersion: 0, actions: [addOf("a.parquet")] });
    const first = await commit(seeing, sent);
    const gone = {
      ...seeing,
      files: {
        byDefault: "size" as const,
        open: () => openTableFiles(lake.store("memory:empty"), { timeoutMs: 1000 }),
      },
    };
    const again = await commit(gone, sent);
    assert.equal(again.status === "committed" && again.replayed, true);
    assert.equal(first.status, "committed");
  });
});

test("no Parquet file is shorter than 12 bytes, and none of these is read", async () => {
  const { store, send } = await open();
  for (const size of [0, 1, 11]) {
    await store.put("f.parquet", bytes(size));
    for (const how of ["size", "deep"] as const) {
      const error = await refusal(send([addOf("f.parquet", { size })], how));
      assert.deepEqual([error.code, error.at], ["FILE_NOT_PARQUET", "/tables/0/actions/0/add/path"]);
    }
  }
  await store.put("f.parquet", bytes(12));
  assert.equal(await send([addOf("f.parquet", { size: 12 })], "size"), "size");
});

describe("deletion vectors and change data", () => {
  const features = { "delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true" };
  const vector = (more: Record<string, Json> = {}): Json => ({
    storageType: "u",
    pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
    ...more,
  });
  const KEY = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
  /** A vector's length stands before it. */
  const vectorFile = (length: number) => {
    const file = new Uint8Array(52);
    new DataView(file.buffer).setUint32(4, length);
    return file;
  };
  const STATS = '{"numRecords":10,"tightBounds":false}';
  const withVector = (more?: Record<string, Json>) =>
    addOf("a.parquet", { stats: STATS, deletionVector: vector(more) });

  test("their files must be there and reach to the end of the vector; inline ones have none", async () => {
    const { store, send, name } = await open({ configuration: features });
    await store.put("a.parquet", bytes(100));
    const error = await refusal(send([withVector()]));
    assert.equal(error.code, "FILE_NOT_FOUND");
    assert.equal(error.at, "/tables/0/actions/0/add/deletionVector");
    assert.equal(error.facts?.lookedAt, `${location(name)}/${KEY}`);
    for (const tooShort of [43, 44, 51]) {
      await store.put(KEY, bytes(tooShort));
      assert.equal((await refusal(send([withVector()]))).code, "FILE_SIZE_MISMATCH");
    }
    await store.put(KEY, bytes(52));
    assert.equal((await refusal(send([withVector()]))).code, "FILE_SIZE_MISMATCH", "no length before it");
    await store.put(KEY, vectorFile(39));
    assert.equal((await refusal(send([withVector()]))).code, "FILE_SIZE_MISMATCH", "another length before it");
    await store.put(KEY, vectorFile(40));
    const absolute = { storageType: "p", pathOrInlineDv: `${location(name)}/${KEY}` };
    assert.equal((await refusal(send([withVector({ ...absolute, sizeInBytes: 400 })]))).code, "FILE_SIZE_MISMATCH");
    assert.equal(await send([withVector()]), "size");
  });

  test("an update of a vector does not look for the data file, which is in the table already", async () => {
    const asked: string[] = [];
    const { store, send } = await open({
      configuration: features,
      around: (inner) => ({ ...inner, head: (key) => noted(asked, inner, key) }),
    });
    await store.put("a.parquet", bytes(100));
    await store.put(KEY, vectorFile(40));
    await send([addOf("a.parquet", { stats: '{"numRecords":10}' })]);
    assert.deepEqual(asked.splice(0), ["a.parquet"]);
    await send([removeOf("a.parquet", { size: 100 }), withVector()]);
    assert.deepEqual(asked, [KEY]);
  });

  test("files of change data are looked for", async () => {
    const { store, send } = await open({ configuration: features });
    await store.put("a.parquet", bytes(100));
    const cdc = { cdc: { path: "_change_data/c.parquet", partitionValues: {}, size: 5, dataChange: false } };
    assert.equal((await refusal(send([addOf("a.parquet"), cdc]))).code, "FILE_NOT_FOUND");
    await store.put("_change_data/c.parquet", bytes(4));
    assert.equal((await refusal(send([addOf("a.parquet"), cdc]))).code, "FILE_SIZE_MISMATCH");
    await store.put("_change_data/c.parquet", bytes(5));
    assert.equal(await send([addOf("a.parquet"), cdc]), "size");
  });
});
