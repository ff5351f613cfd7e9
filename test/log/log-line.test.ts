/**
 * Lines of a log as Spark 4.2 with Delta 4.4 reads them: each case was put into the log of a table there, and what came out
 * of its snapshot is what is expected here. `null` is a line that Spark refuses.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommitActions } from "../../lib/delta/actions.ts";
import { actionObjects } from "../../lib/delta/encode.ts";
import { type JsonObject, stringifyJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { parseCommit } from "../../lib/log/read-commit.ts";

const ADD = '"path":"b","partitionValues":{"p":"b"},"size":1,"modificationTime":1,"dataChange":true';
const add = (more: string) => `{"add":{${ADD},${more}}}`;
const meta = (more: string) => `{"metaData":{"id":"t","schemaString":"{}"${more && `,${more}`}}}`;
const dv = (more: string) => `"deletionVector":{"storageType":"u","pathOrInlineDv":"d","sizeInBytes":4${more}}`;

/** The members of the one action that a line holds. */
type Expected = JsonObject | "none" | null;
const CASES: Readonly<Record<string, readonly [line: string, action: string, expected: Expected]>> = {
  "a key that nobody knows beside the action": [`{"future":{"x":1},"add":{${ADD}}}`, "add", { path: "b" }],
  "null members beside it": [`{"txn":null,"add":{${ADD}},"remove":null,"commitInfo":null}`, "add", { path: "b" }],
  "nothing but null members": ['{"add":null,"remove":null}', "add", "none"],
  "no member at all": ["{}", "add", "none"],
  "an action from the future": ['{"future":5}', "future", null],
  "a name in other letters": [`{"Add":{${ADD}}}`, "add", "none"],
  "no path": ['{"add":{"size":1}}', "add", "none"],
  "a null path": ['{"remove":{"path":null,"dataChange":true}}', "remove", "none"],
  "an action that is a text": ['{"add":"x"}', "add", null],
  "an action that is a list": [`{"add":[{${ADD}}]}`, "add", null],
  "an action that is false": ['{"add":false}', "add", null],
  "an unknown field": [add('"future":{"x":1}'), "add", { path: "b", future: { x: 1 } }],
  "a key twice: the last one": [add('"path":"c"'), "add", { path: "c" }],
  "a partition value that is a number": [
    add('"partitionValues":{"p":1.0e3}'),
    "add",
    { partitionValues: { p: "1.0e3" } },
  ],
  "a partition value that is true": [add('"partitionValues":{"p":true}'), "add", { partitionValues: { p: "true" } }],
  "a partition value that is null": [add('"partitionValues":{"p":null}'), "add", { partitionValues: { p: null } }],
  "partition values in a list": [add('"partitionValues":[]'), "add", null],
  "a size in a text": [add('"size":"1"'), "add", null],
  "a size with a fraction": [add('"size":1.0'), "add", null],
  "a size beyond 64 bits": [add('"size":9223372036854775808'), "add", null],
  "dataChange in a text": [add('"dataChange":"true"'), "add", null],
  "statistics that are an object": [add('"stats":{"numRecords":3}'), "add", { stats: '{"numRecords":3}' }],
  "tags that are no texts": [
    add('"tags":{"a":5,"b":{"c":1},"d":null}'),
    "add",
    { tags: { a: "5", b: '{"c":1}', d: null } },
  ],
  "tags in a text": [add('"tags":"x"'), "add", null],
  "a row id in a text": [add('"baseRowId":"5"'), "add", null],
  "a clustering provider that is a number": [add('"clusteringProvider":5'), "add", { clusteringProvider: "5" }],
  "an empty deletion vector": [add('"deletionVector":{}'), "add", { deletionVector: undefined }],
  "a deletion vector beyond 32 bits": [add(dv(',"offset":2147483648,"cardinality":6')), "add", null],
  "a deletion vector with half an offset": [add(dv(',"offset":4.5,"cardinality":6')), "add", null],
  "a deletion vector in a text": [add('"deletionVector":"x"'), "add", null],
  "a field of tomorrow in a deletion vector": [
    add(dv(',"cardinality":6,"future":1')),
    "add",
    { deletionVector: { storageType: "u", pathOrInlineDv: "d", sizeInBytes: 4, cardinality: 6, future: 1 } },
  ],
  "names that are no texts": [
    meta('"name":5,"description":{"a":1}'),
    "metaData",
    { name: "5", description: '{"a":1}' },
  ],
  "a schema that is an object": [
    meta('"schemaString":{"type":"struct","fields":[]}'),
    "metaData",
    { schemaString: '{"type":"struct","fields":[]}' },
  ],
  "settings that are no texts": [
    meta('"configuration":{"a":true,"b":null,"c":[1]}'),
    "metaData",
    { configuration: { a: "true", c: "[1]" } },
  ],
  "settings in a list": [meta('"configuration":[]'), "metaData", null],
  "a format in a text": [meta('"format":"parquet"'), "metaData", null],
  "partition columns in a text": [meta('"partitionColumns":"p"'), "metaData", null],
  "a table without an id": ['{"metaData":{"schemaString":"{}"}}', "metaData", "none"],
  "createdTime in a text": [meta('"createdTime":"5"'), "metaData", null],
  "a protocol version in a text": ['{"protocol":{"minReaderVersion":"1","minWriterVersion":2}}', "protocol", null],
  "a protocol without versions": ['{"protocol":{}}', "protocol", null],
  "features in a text": [
    '{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":"x"}}',
    "protocol",
    null,
  ],
  "an application id that is a number": ['{"txn":{"appId":5,"version":1}}', "txn", { appId: "5", version: 1 }],
  "an application version in a text": ['{"txn":{"appId":"x","version":"1"}}', "txn", null],
  "a domain's configuration that is an object": [
    '{"domainMetadata":{"domain":"d","configuration":{"a":1}}}',
    "domainMetadata",
    { configuration: '{"a":1}' },
  ],
  "a commitInfo that is a text": ['{"commitInfo":"x"}', "commitInfo", null],
  "a line that is null": ["null", "add", null],
  "a line that is a number": ["5", "add", null],
  "a line that is a text": ['"x"', "add", null],
};

for (const [name, [line, action, expected]] of Object.entries(CASES)) {
  test(name, () => {
    let actions: CommitActions;
    try {
      actions = parseCommit(new TextEncoder().encode(`${line}\n`), "7.json");
    } catch (error) {
      assert.ok(isLakeError(error, "corrupt"), String(error));
      assert.match(error.at ?? "", /^7\.json:1/);
      assert.equal(expected, null, `refused: ${error.message}`);
      return;
    }
    const found = actionObjects(actions).find((object) => Object.hasOwn(object, action))?.[action];
    if (action === "future") assert.equal(stringifyJson(found), "5");
    else if (expected === "none") assert.equal(found, undefined);
    else {
      assert.ok(expected !== null && typeof found === "object", "must be refused, or read");
      for (const [member, value] of Object.entries(expected)) {
        assert.equal(stringifyJson((found as JsonObject)[member]), stringifyJson(value), member);
      }
    }
  });
}

test("several actions in a line are read where every reader sees them all, and refused where Spark would see the first", () => {
  const parse = (line: string) => parseCommit(new TextEncoder().encode(line), "7.json");
  const both = parse(`{"add":{${ADD}},"commitInfo":{"operation":"WRITE"}}`);
  assert.deepEqual([both.adds.length, both.commitInfo?.operation], [1, "WRITE"]);
  const table = parse(`{"protocol":{"minReaderVersion":1,"minWriterVersion":2},${meta("").slice(1)}`);
  assert.deepEqual([table.protocol?.minWriterVersion, table.metadata?.id], [2, "t"]);
  for (const other of ['"remove":{"path":"a"}', '"txn":{"appId":"x","version":1}', '"domainMetadata":{"domain":"d"}']) {
    assert.throws(() => parse(`{"add":{${ADD}},${other}}`), /Spark would see only the first/);
  }
});

test("nesting without end is refused by line, whatever holds it", () => {
  const deep = (n: number) => `${"[".repeat(n)}${"]".repeat(n)}`;
  const parse = (n: number) => parseCommit(new TextEncoder().encode(`{"add":{${ADD}},"future":${deep(n)}}`), "7.json");
  assert.equal(parse(900).adds.length, 1);
  for (const n of [1100, 200_000]) {
    assert.throws(
      () => parse(n),
      (error) => isLakeError(error, "corrupt") && error.at === "7.json:1",
    );
  }
});

test("keys that JavaScript finds special are keys like any other", () => {
  const keys = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const map = `{${keys.map((key) => `"${key}":5`).join(",")}}`;
  const { adds } = parseCommit(new TextEncoder().encode(add(`"tags":${map},"partitionValues":${map}`)), "7.json");
  const { metadata } = parseCommit(new TextEncoder().encode(meta(`"configuration":${map}`)), "7.json");
  for (const read of [adds[0]?.tags, adds[0]?.partitionValues, metadata?.configuration]) {
    assert.deepEqual(
      Object.entries(read ?? {}),
      keys.map((key) => [key, "5"]),
    );
  }
});
