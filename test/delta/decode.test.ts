/** From JSON to actions: types, what may be missing, what stays unknown, and where a mistake is. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CommitActions, deletionVectorId } from "../../lib/delta/actions.ts";
import { ActionCollector, decodeAdd, decodeRemove } from "../../lib/delta/decode.ts";
import { parseJson, pointerToken } from "../../lib/delta/values/json.ts";
import { refuses } from "../support/builders.ts";

const ADD = '"path":"f","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true';

function collect(strict: boolean, ...lines: readonly string[]): CommitActions {
  const collector = new ActionCollector({ strict, allowUnknownActions: true });
  for (const [i, line] of lines.entries()) collector.collect(parseJson(line), `/actions/${i}`);
  return collector.actions();
}
const collectAdd = (members: string) => collect(true, `{"add":{${members}}}`);

describe("values", () => {
  test("edge 13: 64-bit values are exact", () => {
    const { adds, txns } = collect(
      true,
      `{"add":{${ADD.replace('"size":1', '"size":9223372036854775807')}}}`,
      '{"txn":{"appId":"a","version":9007199254740993,"lastUpdated":-5}}',
    );
    assert.strictEqual(adds[0]?.size, 9223372036854775807n);
    assert.strictEqual(txns[0]?.version, 9007199254740993n);
    assert.strictEqual(txns[0]?.lastUpdated, -5);
  });

  for (const size of ["1e3", "1.0", "-1", '"12"', "1.5", "9223372036854775808", "true", "{}", "[]"]) {
    test(`edge 14: ${size} is no size`, () => {
      refuses(() => collectAdd(ADD.replace('"size":1', `"size":${size}`)), { at: "/actions/0/add/size" });
    });
  }

  test("a small bigint, as Parquet has it, becomes a number", () => {
    const value = { path: "f", partitionValues: {}, size: 5n, modificationTime: 0, dataChange: true };
    assert.strictEqual(decodeAdd(value, "").size, 5);
  });

  const wrong: readonly [string, string, string][] = [
    ["a number as path", ADD.replace('"f"', "1"), "path"],
    ["a string as dataChange", ADD.replace("true", '"true"'), "dataChange"],
    [
      "a number as partition value",
      ADD.replace('"partitionValues":{}', '"partitionValues":{"a":1}'),
      "partitionValues/a",
    ],
    ["an array of partition values", ADD.replace('"partitionValues":{}', '"partitionValues":[]'), "partitionValues"],
    ["an object as stats", `${ADD},"stats":{}`, "stats"],
    ["a string as tags", `${ADD},"tags":"x"`, "tags"],
    ["a tag that is a number", `${ADD},"tags":{"a/b~c":1}`, "tags/a~1b~0c"],
    ["an empty deletion vector", `${ADD},"deletionVector":{}`, "deletionVector/storageType"],
    [
      "a fraction as offset",
      `${ADD},"deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1.5}`,
      "deletionVector/offset",
    ],
    ["a negative row id", `${ADD},"baseRowId":-1`, "baseRowId"],
  ];
  for (const [name, members, at] of wrong) {
    test(`${name} is refused at its place`, () => refuses(() => collectAdd(members), { at: `/actions/0/add/${at}` }));
  }

  test("protocol versions are integers, features and columns are arrays of strings", () => {
    for (const version of ["1.5", '"1"', "9007199254740993"]) {
      const line = `{"protocol":{"minReaderVersion":${version},"minWriterVersion":2}}`;
      refuses(() => collect(true, line), {
        at: "/actions/0/protocol/minReaderVersion",
        message: /expected an integer/,
      });
    }
    const at = "/actions/0/metaData/partitionColumns";
    refuses(() => collect(true, '{"metaData":{"id":"a","partitionColumns":"a"}}'), { at, message: /got "a"/ });
    refuses(() => collect(true, '{"metaData":{"id":"a","partitionColumns":["a",1]}}'), { at: `${at}/1` });
  });

  for (const name of ["path", "size", "modificationTime", "dataChange"]) {
    test(`an add without ${name} is refused`, () => {
      const without = JSON.parse(`{${ADD}}`) as Record<string, unknown>;
      delete without[name];
      refuses(() => collect(true, JSON.stringify({ add: without })), {
        at: `/actions/0/add/${name}`,
        message: /missing/,
      });
    });
  }

  test("null counts as absent; empty stats do, too (edge 16)", () => {
    const { adds } = collectAdd(`${ADD},"stats":"","tags":null,"deletionVector":null,"baseRowId":null`);
    assert.deepEqual(Object.keys(adds[0] ?? {}), ["path", "partitionValues", "size", "modificationTime", "dataChange"]);
  });

  test("a remove needs its path alone; what is missing changes data", () => {
    assert.deepEqual(decodeRemove({ path: "f" }, ""), { path: "f", dataChange: true });
    refuses(() => decodeRemove({}, "/r"), { at: "/r/path" });
  });

  test("edge 9: partition values null, empty, __HIVE_DEFAULT_PARTITION__ and null in words stay apart", () => {
    const values = '{"a":null,"b":"","c":"__HIVE_DEFAULT_PARTITION__","d":"null"}';
    const { adds } = collectAdd(ADD.replace('"partitionValues":{}', `"partitionValues":${values}`));
    assert.deepEqual(adds[0]?.partitionValues, { a: null, b: "", c: "__HIVE_DEFAULT_PARTITION__", d: "null" });
  });

  test("edge 15: stats stay the text that came", () => {
    const stats = ' {"numRecords": 1, "minValues":{"a":1234567890123456789,"b":1.0,"c":"Infinity"} ,"x":null} ';
    assert.equal(collectAdd(`${ADD},"stats":${JSON.stringify(stats)}`).adds[0]?.stats, stats);
  });

  test("edge 22: a deletion vector with offset 0 is another one than without offset", () => {
    const dv = '"storageType":"u","pathOrInlineDv":"x","sizeInBytes":1,"cardinality":1,"maxRowIndex":9';
    const [without, zero] = ["", ',"offset":0'].map((offset) =>
      deletionVectorId(collectAdd(`${ADD},"deletionVector":{${dv}${offset}}`).adds[0] ?? { path: "" }),
    );
    assert.equal(without, "ux");
    assert.equal(zero, "ux@0");
  });
});

describe("edge 8: a lone surrogate anywhere is refused:", () => {
  const places: readonly [string, string, string][] = [
    ["in a path", `{"add":{${ADD.replace('"f"', '"\\ud800"')}}}`, "/actions/0/add/path"],
    ["in a partition key", `{"add":{${ADD.replace("{}", '{"\\ud800":"a"}')}}}`, "/actions/0/add/partitionValues"],
    ["in a partition value", `{"add":{${ADD.replace("{}", '{"a":"\\udc00"}')}}}`, "/actions/0/add/partitionValues/a"],
    ["in an unknown field", `{"add":{${ADD},"x":[{"y":"\\ud800"}]}}`, "/actions/0/add/x/0/y"],
    [
      "in a property name",
      '{"metaData":{"id":"a","configuration":{"\\ud800":"a"}}}',
      "/actions/0/metaData/configuration",
    ],
    ["in commitInfo", '{"commitInfo":{"a":{"b":"\\ud800"}}}', "/actions/0/commitInfo/a/b"],
    ["in an unknown action", '{"foo":{"a":"\\ud800"}}', "/actions/0/foo/a"],
    ["in the name of an action", '{"\\ud800":1}', "/actions/0"],
  ];
  for (const [name, line, at] of places) test(name, () => refuses(() => collect(true, line), { at }));

  test("a pair of surrogates is a character", () => {
    assert.equal(collectAdd(ADD.replace('"f"', '"\\ud83d\\ude80"')).adds[0]?.path, "🚀");
  });
});

describe("lines", () => {
  test("edge 30: unknown fields and unknown actions stay, down to the digits", () => {
    const { adds, others } = collect(
      true,
      `{"add":{${ADD},"x":1.0,"__proto__":{"a":9007199254740993}}}`,
      '{"foo":{"a":1e3}}',
      '{"__proto__":{}}',
    );
    assert.deepEqual(Object.keys(adds[0]?.unknown ?? {}), ["x", "__proto__"]);
    assert.deepEqual(
      others.map((other) => Object.keys(other)),
      [["foo"], ["__proto__"]],
    );
  });

  test("edge 31: two actions in one object are refused, strict or not", () => {
    for (const strict of [true, false]) {
      refuses(() => collect(strict, '{"txn":{"appId":"a","version":1},"commitInfo":{}}'), { at: "/actions/0" });
    }
  });

  test("edge 31: an empty object is refused in a request, passed over on import", () => {
    refuses(() => collect(true, "{}"), { at: "/actions/0" });
    assert.deepEqual(collect(false, "{}").others, []);
  });

  const once: readonly [string, string][] = [
    ["metaData", '{"metaData":{"id":"a"}}'],
    ["protocol", '{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}'],
    ["commitInfo", '{"commitInfo":{"operation":"a"}}'],
  ];
  for (const [action, line] of once) {
    test(`edge 32: two ${action} are refused in a request; on import the last wins`, () => {
      refuses(() => collect(true, line, line), { code: "DELTA_DUPLICATE_ACTIONS_FOUND", at: "/actions/1" });
      const changed = line.replace(/"a"/, '"b"').replace(":2}", ":3}");
      const { metadata, protocol, commitInfo } = collect(false, line, changed);
      assert.ok(metadata?.id === "b" || protocol?.minWriterVersion === 3 || commitInfo?.operation === "b");
    });
  }

  test("what is no object is refused", () => {
    for (const line of ["[]", "1", "null", '"add"']) refuses(() => collect(true, line), { at: "/actions/0" });
    for (const line of ['{"add":1}', '{"commitInfo":[]}', '{"txn":null}']) {
      refuses(() => collect(true, line), { at: `/actions/0/${Object.keys(JSON.parse(line) as object)[0]}` });
    }
  });

  test("pointerToken escapes as RFC 6901 says", () => assert.equal(pointerToken("a/b~c"), "a~1b~0c"));
});
