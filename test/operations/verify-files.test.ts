/** Files that a commit names are looked at first: what is not there, or is not what the action says, is refused with path and pointer. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../lib/delta/json.ts";
import type { CommitRequest, VerifyFiles } from "../../lib/delta/request.ts";
import { isLakeError, type LakeError, unavailable } from "../../lib/errors.ts";
import { openTableFiles } from "../../lib/files/table-files.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";
import { arrow, parquetBytes } from "../parquet/fixture.ts";
import { addOf, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";

let lake: TestLake;
let tables = 0;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const location = (name: string) => `file:///lake/${name}`;

interface Opened {
  readonly lake: Lake;
  readonly name: string;
  readonly tableId: string;
  readonly store: ObjectStore;
  /** Commits at version 0, and answers what is recorded; or throws. */
  send(actions: readonly Json[], verifyFiles?: VerifyFiles): Promise<Json | undefined>;
}

/** A new table, and a lake that sees its files. */
async function open(
  options: {
    readonly byDefault?: "size" | "off";
    readonly configuration?: Record<string, string>;
    readonly partitionColumns?: string[];
    readonly around?: (store: ObjectStore) => ObjectStore;
  } = {},
): Promise<Opened> {
  const { byDefault = "size", around = (store) => store, ...table } = options;
  tables += 1;
  const name = `verify.t${tables}`;
  const tableId = await newTable(lake, name, table);
  const seeing: Lake = {
    ...lake,
    files: { byDefault, open: (at, patience) => openTableFiles(around(lake.store(at)), patience) },
  };
  let version = 0;
  return {
    lake: seeing,
    name,
    tableId,
    store: lake.store(location(name)),
    async send(actions, verifyFiles) {
      const asked: CommitRequest = request({ tableId, readVersion: version, actions: [...actions] });
      const places = { adds: asked.tables[0]?.actions.adds.map((_, i) => `/tables/0/actions/${i}/add`) ?? [] };
      const supportedFeatures = { writer: ["changeDataFeed", "deletionVectors", "appendOnly", "invariants"] };
      const withPlaces = { ...asked, tables: asked.tables.map((part) => ({ places, ...part, supportedFeatures })) };
      const result = await commit(seeing, verifyFiles ? { ...withPlaces, verifyFiles } : withPlaces);
      assert.equal(result.status, "committed");
      version += 1;
      const [committed] = await lake.catalog.readCommits(tableId, version, version);
      return committed?.actions.commitInfo?.filesVerified;
    },
  };
}

async function refusal(work: Promise<unknown>): Promise<LakeError> {
  const error = await work.then(
    (recorded) => assert.fail(`committed, recorded as ${recorded}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isLakeError(error), String(error));
  return error;
}

const bytes = (count: number) => new Uint8Array(count);
const away = (store: ObjectStore): ObjectStore => ({
  ...store,
  head: async () => {
    throw unavailable("the bucket does not answer");
  },
});

function noted(keys: string[], store: ObjectStore, key: string): ReturnType<ObjectStore["head"]> {
  keys.push(key);
  return store.head(key);
}

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
    await store.put(KEY, bytes(52));
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

describe("deep", () => {
  const good = { id: new arrow.Int64(), day: new arrow.Utf8() };
  const put = async (store: ObjectStore, columns: Record<string, arrow.DataType>, rows: Record<string, unknown>[]) => {
    const file = parquetBytes(columns, rows);
    await store.put("f.parquet", file);
    return (more: Record<string, Json> = {}) => addOf("f.parquet", { size: file.length, ...more });
  };
  const rows = [
    { id: 1n, day: "a" },
    { id: 2n, day: "b" },
  ];

  test("columns, types and rows as the table and the stats have them", async () => {
    const { store, send } = await open();
    const add = await put(store, good, rows);
    assert.equal(await send([add({ stats: '{"numRecords":2}' })], "deep"), "deep");
  });

  test("what is no Parquet file, has other columns or types, or another number of rows", async () => {
    const cases: readonly [
      Record<string, arrow.DataType>,
      Record<string, unknown>[],
      Record<string, Json>,
      string,
      RegExp,
    ][] = [
      [good, rows, { stats: '{"numRecords":3}' }, "FILE_STATS_MISMATCH", /2 rows.*3/],
      [
        { id: new arrow.Utf8(), day: new arrow.Utf8() },
        [{ id: "1", day: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"id" is long/,
      ],
      [
        { id: new arrow.Int32(), day: new arrow.Utf8() },
        [{ id: 1, day: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"id" is long/,
      ],
      [
        { id: new arrow.Int64(), day: new arrow.Float64() },
        [{ id: 1n, day: 1 }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"day" is string/,
      ],
      [
        { foo: new arrow.Utf8() },
        [{ foo: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /none of the table's columns, only "foo"/,
      ],
      [
        { id: new arrow.Int64(), dya: new arrow.Utf8() },
        [{ id: 1n, dya: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"day".*"dya"/,
      ],
    ];
    for (const [columns, content, more, code, message] of cases) {
      const { store, send, name } = await open();
      const add = await put(store, columns, content);
      const error = await refusal(send([add(more)], "deep"));
      assert.deepEqual([error.kind, error.code], ["invalid", code]);
      assert.match(error.message, message);
      assert.equal(error.at, "/tables/0/actions/0/add/path");
      assert.equal(error.facts?.lookedAt, `${location(name)}/f.parquet`);
      assert.equal(await send([add(more)]), "size", "without deep it is a file of the right size");
    }
    const { store, send } = await open();
    await store.put("f.parquet", bytes(500));
    assert.equal((await refusal(send([addOf("f.parquet", { size: 500 })], "deep"))).code, "FILE_NOT_PARQUET");
  });

  test("partition columns may be absent, and columns that read as NULL", async () => {
    const { store, send } = await open({ partitionColumns: ["day"] });
    const add = await put(store, { id: new arrow.Int64() }, [{ id: 1n }]);
    assert.equal(await send([add({ partitionValues: { day: "x" } })], "deep"), "deep");
    const plain = await open();
    const short = await put(plain.store, { id: new arrow.Int64() }, [{ id: 1n }]);
    assert.equal(await plain.send([short()], "deep"), "deep");
  });
});
