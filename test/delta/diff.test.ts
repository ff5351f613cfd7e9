/** The comparison of two accounts of a table: what differs is found, what only looks different is not. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { diffCommit, diffFields, diffFile, diffMetadata, diffProtocol } from "../../lib/delta/diff.ts";
import { encodeCommitLines } from "../../lib/delta/encode.ts";
import { fileKey } from "../../lib/delta/replay.ts";
import { type JsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { actions, add, commit, deletionVector, metadata, protocol, remove } from "../support/builders.ts";

const WITH_STATS = { stats: true };
const fields = (found: { readonly fields?: readonly { readonly field: string }[] } | undefined) =>
  found?.fields?.map(({ field }) => field);

describe("files", () => {
  test("edge 22: a key is path and deletion vector; edge 6: spellings do not matter", () => {
    assert.equal(fileKey(add("a%3ab")), fileKey(add("a%3Ab")));
    const { offset: _, ...vector } = deletionVector("v");
    const keys = [
      add(),
      add("x"),
      ...[{ ...vector, storageType: "p" }, vector, { ...vector, offset: 0 }, { ...vector, offset: 1 }].map((dv) =>
        add("part-0.parquet", { deletionVector: dv }),
      ),
    ];
    assert.equal(new Set(keys.map(fileKey)).size, keys.length);
  });

  const file = add("f", {
    stats: '{"numRecords":1,"minValues":{"a":1}}',
    partitionValues: { p: "1" },
    tags: { t: "1" },
  });
  const different: readonly [string, Partial<ReturnType<typeof add>>][] = [
    ["size", { size: 11 }],
    ["modificationTime", { modificationTime: 1 }],
    ["stats", { stats: '{"numRecords":2,"minValues":{"a":1}}' }],
    ["partitionValues.p", { partitionValues: { p: "2" } }],
    ["tags.t", { tags: { t: "2" } }],
    ["baseRowId", { baseRowId: 0 }],
    ["path", { path: "%66" }],
    ["deletionVector.cardinality", { deletionVector: deletionVector("v", { cardinality: 2 }) }],
  ];
  for (const [name, more] of different) {
    test(`another ${name} is found`, () => {
      const mine = name.startsWith("deletionVector") ? { ...file, deletionVector: deletionVector("v") } : file;
      const found = diffFile(mine, { ...mine, ...more }, WITH_STATS);
      assert.equal(found?.kind, "different");
      assert.deepEqual(fields(found), [name]);
    });
  }

  const same: readonly [string, Partial<ReturnType<typeof add>>][] = [
    ["dataChange, which is of the commit", { dataChange: false }],
    ["spaces and the order of keys in stats", { stats: ' { "minValues":{"a":1}, "numRecords":1 }' }],
    ["unknown fields, which no checkpoint has", { unknown: { x: 1 } }],
  ];
  for (const [name, more] of same) {
    test(`${name}: no difference`, () => assert.equal(diffFile(file, { ...file, ...more }, WITH_STATS), undefined));
  }

  test("stats are left out when the log has none as JSON", () => {
    const { stats: _, ...without } = file;
    assert.equal(diffFile(file, without, { stats: false }), undefined);
    assert.deepEqual(fields(diffFile(file, without, WITH_STATS)), ["stats"]);
  });

  test("stats that are no JSON compare as texts", () => {
    assert.equal(diffFile(add("f", { stats: "x" }), add("f", { stats: "x" }), WITH_STATS), undefined);
    assert.deepEqual(fields(diffFile(add("f", { stats: "x" }), add("f", { stats: "y" }), WITH_STATS)), ["stats"]);
  });

  test("a long that only a rounded number would hide is found", () => {
    const one = add("f", { size: 9007199254740993n });
    assert.deepEqual(fields(diffFile(one, { ...one, size: 9007199254740992n }, WITH_STATS)), ["size"]);
    const dv = (more: JsonObject) =>
      add("f", { deletionVector: { ...deletionVector(), ...(more && { unknown: more }) } });
    assert.equal(diffFile(dv({ x: 1 }), dv({}), WITH_STATS), undefined);
  });
});

describe("metaData and protocol", () => {
  test("properties are named one by one", () => {
    const found = diffMetadata(
      metadata({ configuration: { a: "1", b: "1" } }),
      metadata({ configuration: { a: "2", c: "1" } }),
    );
    assert.deepEqual(found, [
      { field: "configuration.a", sql: "1", log: "2" },
      { field: "configuration.b", sql: "1", log: null },
      { field: "configuration.c", sql: null, log: "1" },
    ]);
  });
  test("the order of partition columns counts, unknown fields do not", () => {
    const two = (...partitionColumns: string[]) => metadata({ partitionColumns });
    assert.deepEqual(
      diffMetadata(two("a", "b"), two("b", "a")).map((d) => d.field),
      ["partitionColumns"],
    );
    const unknown = { x: 1 };
    assert.deepEqual(
      diffMetadata(metadata({ unknown, format: { provider: "parquet", options: {}, unknown } }), metadata()),
      [],
    );
    assert.deepEqual(diffProtocol({ ...protocol(), unknown }, protocol()), []);
  });
  test("schemas are compared by what they say, not by their spaces", () => {
    const spaced = JSON.stringify(JSON.parse(metadata().schemaString ?? ""), undefined, 1);
    assert.deepEqual(diffMetadata(metadata(), metadata({ schemaString: spaced })), []);
    const other = metadata({ schemaString: spaced.replace('"long"', '"date"') });
    assert.deepEqual(
      diffMetadata(metadata(), other).map((d) => d.field),
      ["schemaString"],
    );
  });
  test("features are sets", () => {
    assert.deepEqual(diffProtocol(protocol(["a", "b"]), protocol(["b", "a"])), []);
    assert.deepEqual(
      diffProtocol(protocol(["a"]), protocol(["a", "b"])).map((d) => d.field),
      ["writerFeatures"],
    );
  });
  test("one side without any differs in all it has", () => {
    assert.deepEqual(
      diffProtocol(protocol(["a"]), undefined).map((d) => d.field),
      ["minReaderVersion", "minWriterVersion", "writerFeatures"],
    );
    assert.deepEqual(diffMetadata(undefined, undefined), []);
  });
});

describe("diffFields", () => {
  test("absent and null are one; a key of Object.prototype is a key like any other", () => {
    assert.deepEqual(diffFields({ a: null }, { b: null }), []);
    assert.deepEqual(diffFields({ constructor: 1 }, {}), [{ field: "constructor", sql: 1, log: null }]);
  });
  test("an object finds no difference to itself, and every changed member is found", () => {
    const object = fc.dictionary(
      fc.string({ minLength: 1 }),
      fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer())),
    );
    fc.assert(
      fc.property(object, fc.string({ minLength: 1 }), (value, key) => {
        assert.deepEqual(diffFields(value, structuredClone(value)), []);
        const changed = { ...value, [key]: true };
        assert.deepEqual(
          diffFields(value, changed).map((d) => d.field),
          [key],
        );
      }),
    );
  });
});

describe("commits", () => {
  const version = commit({
    commitInfo: { operation: "WRITE", n: parseJson("1.0") },
    metadata: metadata({ unknown: { x: 1 } }),
    txns: [
      { appId: "a", version: 1 },
      { appId: "b", version: 2 },
    ],
    domains: [{ domain: "d", configuration: "{}", removed: false }],
    adds: [add("a"), add("b", { unknown: { y: 2 } })],
    removes: [remove("c")],
    others: [{ foo: 1 }, { bar: 2 }],
  });
  const published = () => {
    const collector = new ActionCollector({ strict: true, allowUnknownActions: true });
    for (const line of encodeCommitLines(version)) collector.collect(parseJson(line), line);
    return collector.actions();
  };
  test("what was published is what was committed, in any order", () => {
    const log = published();
    assert.deepEqual(diffCommit(version, log), { files: [], other: [] });
    const turned = {
      ...log,
      adds: log.adds.toReversed(),
      txns: log.txns.toReversed(),
      others: log.others.toReversed(),
    };
    assert.deepEqual(diffCommit(version, turned), { files: [], other: [] });
  });
  test("missing, extra and different files are told apart", () => {
    const log = { ...published(), adds: [add("b"), add("x", { deletionVector: deletionVector("v") })] };
    const { files } = diffCommit(version, log);
    assert.deepEqual(
      files.map(({ kind, path, deletionVector: dv }) => [kind, path, dv]),
      [
        ["missing", "a", undefined],
        ["different", "b", undefined],
        ["extra", "x", "uv0000000000000000000@1"],
      ],
    );
    assert.deepEqual(fields(files[1]), ["y"]);
  });
  test("everything else is compared, too", () => {
    const { other } = diffCommit(version, actions({ adds: version.actions.adds, removes: version.actions.removes }));
    const members = new Set(other.map(({ field }) => field.split(".")[0]));
    assert.deepEqual([...members], ["commitInfo", "metaData", "txn", "domainMetadata", "others"]);
    const changed = {
      ...published(),
      txns: [
        { appId: "a", version: 1 },
        { appId: "b", version: 3 },
      ],
    };
    assert.deepEqual(diffCommit(version, changed).other, [{ field: "txn.b.version", sql: 2, log: 3 }]);
  });
  test("an imported commitInfo without timestamp is the same", () => {
    const log = published();
    const { timestamp: _, ...commitInfo } = log.commitInfo ?? {};
    assert.deepEqual(diffCommit(version, { ...log, commitInfo }).other, []);
    const late = { ...log, commitInfo: { ...commitInfo, timestamp: 1 } };
    assert.deepEqual(
      diffCommit(version, late).other.map((d) => d.field),
      ["commitInfo.timestamp"],
    );
  });
});
