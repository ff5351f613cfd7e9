/** The bytes of a version: a pure function of the commit, and a fixed point of reading and writing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Commit } from "../../lib/delta/actions.ts";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { actionObjects, encodeCommit, encodeCommitLines } from "../../lib/delta/encode.ts";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { add, commit, deletionVector, metadata, protocol, remove } from "../support/builders.ts";

function decode(lines: Iterable<string>): Commit["actions"] {
  const collector = new ActionCollector({ strict: false });
  for (const line of lines) collector.collect(parseJson(line), line);
  return collector.actions();
}
const textOf = (value: Commit) => new TextDecoder("utf-8", { fatal: true }).decode(encodeCommit(value));
const linesOf = (text: string) => text.split("\n").slice(0, -1);

const word = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());
const long = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }));
const count = fc.oneof(fc.nat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }));
const strings = fc.dictionary(fc.oneof(word, fc.constant("__proto__")), fc.option(word), { maxKeys: 3 });
const texts = fc.dictionary(word, word, { maxKeys: 3 });
const raw = fc.constantFrom("1.0", "1e3", "-0", "12345678901234567890123456789012345678", "0.10").map(parseJson);
const unknownValue: fc.Arbitrary<Json> = fc.oneof(raw, long, word, fc.constant(null), fc.array(raw, { maxLength: 2 }));
/** Names that no version of the protocol will give. */
const unknown = fc.dictionary(
  fc.nat().map((n) => `x-${n}`),
  unknownValue,
  { maxKeys: 2 },
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const vector = fc.record({
  storageType: fc.constantFrom("u", "i", "p"),
  pathOrInlineDv: word,
  offset: optional(fc.nat()),
  sizeInBytes: fc.nat(),
  cardinality: count,
});
const file = {
  path: word,
  size: count,
  dataChange: fc.boolean(),
  stats: optional(fc.constantFrom('{"numRecords":1}', ' { "minValues" : {"a":1.0} } ')),
  tags: optional(strings),
  deletionVector: optional(fc.tuple(vector, unknown).map(([dv, more]) => ({ ...dv, ...more }))),
  baseRowId: optional(count),
  defaultRowCommitVersion: optional(count),
};
const action = {
  add: fc.record({ ...file, partitionValues: strings, modificationTime: long, clusteringProvider: optional(word) }),
  remove: fc.record({
    ...file,
    size: optional(count),
    partitionValues: optional(strings),
    deletionTimestamp: optional(long),
    extendedFileMetadata: optional(fc.boolean()),
  }),
  txn: fc.record({ appId: word, version: long, lastUpdated: optional(long) }),
  domainMetadata: fc.record({ domain: word, configuration: word, removed: fc.boolean() }),
  metaData: fc.record({
    id: word,
    name: optional(word),
    description: optional(word),
    format: fc.tuple(fc.record({ provider: word, options: texts }), unknown).map(([f, more]) => ({ ...f, ...more })),
    schemaString: optional(word),
    partitionColumns: fc.array(word, { maxLength: 2 }),
    configuration: texts,
    createdTime: optional(long),
  }),
  protocol: fc.record({
    minReaderVersion: fc.nat(),
    minWriterVersion: fc.nat(),
    readerFeatures: optional(fc.array(word, { maxLength: 2 })),
    writerFeatures: optional(fc.array(word, { maxLength: 2 })),
  }),
  cdc: fc.record({ path: word, size: count }),
  someFutureAction: fc.record({ a: raw }),
};
type Name = keyof typeof action;
const lineOf = (name: Name) =>
  fc
    .tuple(action[name] as fc.Arbitrary<object>, unknown)
    .map(([body, more]) => stringifyJson({ [name]: { ...body, ...more } }));
const manyLines = fc
  .tuple(
    ...(["add", "remove", "txn", "domainMetadata", "cdc", "someFutureAction"] as const).map((name) =>
      fc.array(lineOf(name), { maxLength: 3 }),
    ),
    ...(["metaData", "protocol"] as const).map((name) => fc.array(lineOf(name), { maxLength: 1 })),
    fc.array(
      unknown.map((info) => stringifyJson({ commitInfo: { operation: "WRITE", ...info } })),
      { maxLength: 1 },
    ),
  )
  .map((kinds) => kinds.flat());

test("encode, decode, encode is a fixed point; no value of any action is lost on the way", () => {
  fc.assert(
    fc.property(manyLines, fc.option(fc.nat(), { nil: undefined }), (lines, ict) => {
      const version = {
        version: 1,
        timestamp: 5,
        ...(ict === undefined ? {} : { inCommitTimestamp: ict }),
        actions: decode(lines),
      };
      const text = textOf(version);
      assert.equal(textOf({ ...version, actions: decode(linesOf(text)) }), text);
      assert.equal(textOf(version), text, "the same commit gives the same bytes");
      const others = (all: readonly string[]) =>
        all
          .filter((line) => !line.startsWith('{"commitInfo"'))
          .map(sortedMembers)
          .sort();
      assert.deepEqual(others(linesOf(text)), others(lines));
    }),
    { numRuns: 300 },
  );
});

/** The text of a line with the members of its action sorted: fields move to the protocol's order, values must not change. */
function sortedMembers(line: string): string {
  const [[name, body]] = Object.entries(parseJson(line) as JsonObject) as [[string, JsonObject]];
  const sort = (value: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(value)
        .map(([key, item]) => [key, isBody(key) ? sort(item as JsonObject) : item] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return stringifyJson({ [name]: sort(body) });
}
const isBody = (key: string) => key === "deletionVector" || key === "format";

test("the lines of a version, to the byte", () => {
  const version: Commit = {
    ...commit({
      commitInfo: { operation: "WRITE", inCommitTimestamp: 1, timestamp: 7 },
      protocol: protocol(["appendOnly"]),
      metadata: metadata({ createdTime: 3, configuration: { "delta.appendOnly": "true" } }),
      txns: [{ appId: "a", version: 2n ** 53n }],
      domains: [{ domain: "d", configuration: "{}", removed: false }],
      removes: [remove("é f", { deletionVector: deletionVector("v", { offset: 0 }) })],
      adds: [add("g", { partitionValues: { p: null }, stats: '{"numRecords":1.0}', unknown: { x: parseJson("1e3") } })],
      others: [{ cdc: { path: "c" } }],
    }),
    inCommitTimestamp: 42,
  };
  assert.deepEqual(
    [...encodeCommitLines(version)],
    [
      '{"commitInfo":{"inCommitTimestamp":42,"timestamp":7,"operation":"WRITE"}}',
      '{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly"]}}',
      `{"metaData":${JSON.stringify({
        id: metadata().id,
        format: { provider: "parquet", options: {} },
        schemaString: metadata().schemaString,
        partitionColumns: [],
        configuration: { "delta.appendOnly": "true" },
        createdTime: 3,
      })}}`,
      '{"txn":{"appId":"a","version":9007199254740992}}',
      '{"domainMetadata":{"domain":"d","configuration":"{}","removed":false}}',
      '{"remove":{"path":"é f","deletionTimestamp":1700000000000,"dataChange":true,"deletionVector":{"storageType":"u","pathOrInlineDv":"v0000000000000000000","offset":0,"sizeInBytes":40,"cardinality":1}}}',
      '{"add":{"path":"g","partitionValues":{"p":null},"size":10,"modificationTime":1700000000000,"dataChange":true,"stats":"{\\"numRecords\\":1.0}","x":1e3}}',
      '{"cdc":{"path":"c"}}',
    ],
  );
  assert.ok(textOf(version).endsWith("}\n"), "the last line is closed, too");
});

test("edge 29: commitInfo comes first, with the timestamp of the version where the client sent none", () => {
  const [first] = encodeCommitLines(commit({ commitInfo: { operation: "WRITE" }, adds: [add()] }, 3));
  assert.equal(first, '{"commitInfo":{"timestamp":1700000000003,"operation":"WRITE"}}');
});

test("a client cannot set the in-commit timestamp, and without the feature there is none", () => {
  const [first] = encodeCommitLines(commit({ commitInfo: { inCommitTimestamp: 9, timestamp: 8 } }));
  assert.equal(first, '{"commitInfo":{"timestamp":8}}');
});

test("edge 28: a commit without actions has no lines", () => {
  assert.equal(encodeCommit(commit()).length, 0);
});

test("actionObjects has every action once, in the order of the lines", () => {
  const { actions } = commit({
    commitInfo: { a: 1 },
    protocol: protocol(),
    metadata: metadata(),
    txns: [{ appId: "a", version: 1 }],
    domains: [{ domain: "d", configuration: "", removed: true }],
    removes: [remove()],
    adds: [add()],
    others: [{ foo: 1 }],
  });
  assert.deepEqual(
    actionObjects(actions).map((object) => Object.keys(object)[0]),
    ["commitInfo", "protocol", "metaData", "txn", "domainMetadata", "remove", "add", "foo"],
  );
});
