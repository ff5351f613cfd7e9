/** Every field of every action against values of every type: a request may say what Spark's schema of the log holds, and no more. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { nearestAction } from "../../lib/delta/fields/action-names.ts";
import {
  ADD,
  CHANGE_FILE,
  COMMIT_INFO,
  DELETION_VECTOR,
  DOMAIN,
  METADATA,
  PROTOCOL,
  REMOVE,
  TXN,
} from "../../lib/delta/fields/actions.ts";
import * as kinds from "../../lib/delta/fields/kinds.ts";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { refuses } from "../support/builders.ts";

/** A value of each type, as JSON text. */
const VALUES = [
  "true",
  "0",
  "7",
  "-1",
  "2147483647",
  "2147483648",
  "253402300799999",
  "253402300800000",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "-62135596800001",
  "1.0",
  "1.5",
  "1e3",
  "-0",
  '"text"',
  '"7"',
  '"\\ud800"',
  "[]",
  '["a"]',
  '["a",1]',
  "{}",
  '{"__proto__":"a","a":"b"}',
  '{"a":null}',
  '{"a":1}',
  '{"a":"\\udc00"}',
  '{"\\udc00":"a"}',
];
const LONGS =
  "0 7 -1 2147483647 2147483648 253402300799999 253402300800000 9223372036854775807 -9223372036854775808 -62135596800001";
const NOT_NEGATIVE = LONGS.replaceAll(/ -\d+/g, "");
const MAPS = '{} {"__proto__":"a","a":"b"}';
/** Which of the values each kind takes. */
const TAKEN = new Map<object, string>([
  [kinds.text, '"text" "7"'],
  [kinds.statistics, '"text" "7"'],
  [kinds.flag, "true"],
  [kinds.long, LONGS],
  [kinds.count, NOT_NEGATIVE],
  [kinds.shortCount, "0 7 2147483647"],
  [kinds.int, "0 7 -1 2147483647"],
  [kinds.moment, "0 7 -1 2147483647 2147483648 253402300799999"],
  [kinds.texts, '[] ["a"]'],
  [kinds.textMap, MAPS],
  [kinds.nullableTextMap, `${MAPS} {"a":null}`],
  [kinds.looseTextMap, `${MAPS} {"a":null} {"a":1}`],
]);

const VECTOR = { storageType: "u", pathOrInlineDv: "a".repeat(20), offset: 1, sizeInBytes: 1, cardinality: 1 };
const FILE = { path: "f", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const RECORDS: readonly (readonly [string, { readonly fields: object }, (body: object) => Json])[] = [
  ["add", ADD, (body) => ({ add: { ...FILE, ...body } })],
  ["add/deletionVector", DELETION_VECTOR, (body) => ({ add: { ...FILE, deletionVector: { ...VECTOR, ...body } } })],
  ["remove", REMOVE, (body) => ({ remove: { path: "f", ...body } })],
  ["cdc", CHANGE_FILE, (body) => ({ cdc: { path: "f", partitionValues: {}, size: 1, dataChange: false, ...body } })],
  ["metaData", METADATA, (body) => ({ metaData: { id: "a", ...body } })],
  ["protocol", PROTOCOL, (body) => ({ protocol: { minReaderVersion: 1, minWriterVersion: 2, ...body } })],
  ["txn", TXN, (body) => ({ txn: { appId: "a", version: 1, ...body } })],
  ["domainMetadata", DOMAIN, (body) => ({ domainMetadata: { domain: "a", ...body } })],
  ["commitInfo", COMMIT_INFO, (body) => ({ commitInfo: body as Json })],
];

function collect(value: Json, strict = true): void {
  // As it comes over the wire.
  new ActionCollector({ strict }).collect(parseJson(stringifyJson(value)), "/actions/0");
}

for (const [action, { fields }, whole] of RECORDS) {
  describe(action, () => {
    for (const [name, { kind }] of Object.entries(
      fields as Record<string, { readonly kind: { readonly schema: JsonObject } }>,
    )) {
      test(`${name}: ${(kind.schema.format ?? kind.schema.type) as string}`, () => {
        // A record is an object; its own fields have their own tests.
        const taken = TAKEN.get(kind)?.split(" ") ?? ['{"a":null}', '{"a":1}', "{}"];
        for (const text of VALUES) {
          const give = () =>
            collect(whole(JSON.parse(`{"${name}":0}`, (key, v) => (key === name ? parseJson(text) : v))));
          const isRecord = TAKEN.get(kind) === undefined;
          if (taken.includes(text) || (isRecord && text.startsWith("{"))) {
            if (!isRecord) assert.doesNotThrow(give, `${name}: ${text}`);
          } else {
            assert.throws(give, (error: { at?: string; kind?: string }) => {
              assert.equal(error.kind, "invalid", `${name}: ${text}`);
              assert.ok(error.at?.startsWith(`/actions/0/${action}/${name}`), `${name}: ${text} at ${error.at}`);
              return true;
            });
          }
        }
      });
    }
  });
}

test("what a log holds is read though a request may not say it", () => {
  const offset = 2 ** 31;
  const odd = { ...FILE, modificationTime: 2 ** 52, deletionVector: { ...VECTOR, offset, sizeInBytes: offset } };
  collect({ add: odd }, false);
  collect({ add: { ...FILE, datachange: true } }, false);
  collect({ commitInfo: { job: "nightly", operationMetrics: 5 } }, false);
  collect({ Add: FILE }, false);
  assert.equal(kinds.long.read(5n, "", "log"), 5);
});

describe("commitInfo", () => {
  for (const [name, value, at] of [
    ["job", "nightly", "job"],
    ["job", { jobId: 5 }, "job/jobId"],
    ["notebook", ["x"], "notebook"],
    ["notebook", { notebookId: {} }, "notebook/notebookId"],
    ["tags", [["a", "b"]], "tags"],
    ["isBlindAppend", "true", "isBlindAppend"],
    ["userId", 12, "userId"],
    ["lastManifestCommit", { version: "1" }, "lastManifestCommit/version"],
  ] as const) {
    test(`${name} cannot be ${JSON.stringify(value)}`, () => {
      refuses(() => collect({ commitInfo: { [name]: value } }), { at: `/actions/0/commitInfo/${at}` });
    });
  }

  test("names of the writer's own are free, also near known ones", () => {
    collect({ commitInfo: { operations: 1, userID: {}, job: { jobIds: 3 }, clientVersion: "1" } });
  });
});

describe("a field whose name is nearly that of a known one is refused with that name:", () => {
  for (const [action, given, meant] of [
    ["add", "partitionvalues", "partitionValues"],
    ["add", "partition_values", "partitionValues"],
    ["add", "datachange", "dataChange"],
    ["add", "deletionvector", "deletionVector"],
    ["add", "DeletionVector", "deletionVector"],
    ["add", "stat", "stats"],
    ["add", "baseRowID", "baseRowId"],
    ["remove", "deletionTimeStamp", "deletionTimestamp"],
    ["remove", "extendedFileMetaData", "extendedFileMetadata"],
    ["metaData", "partitionColumn", "partitionColumns"],
    ["metaData", "schemastring", "schemaString"],
    ["protocol", "writerFeature", "writerFeatures"],
    ["txn", "lastUpdate", "lastUpdated"],
    ["domainMetadata", "remove", "removed"],
    ["cdc", "tag", "tags"],
  ] as const) {
    test(`${action}.${given}`, () => {
      const whole = RECORDS.find(([name]) => name === action)?.[2] ?? (() => null);
      const { [action]: body } = whole({}) as Record<string, Record<string, Json>>;
      const without = Object.fromEntries(Object.entries(body ?? {}).filter(([name]) => name !== meant));
      assert.throws(
        () => collect({ [action]: { ...without, [given]: 1 } }),
        (error: { at?: string; code?: string; hint?: string }) => {
          assert.equal(error.at, `/actions/0/${action}/${given}`);
          assert.equal(error.code, "UNKNOWN_FIELD");
          assert.match(error.hint ?? "", new RegExp(`"${meant}"`));
          return true;
        },
      );
    });
  }

  test("others are kept, and so is one whose known name is there, too", () => {
    collect({ add: { ...FILE, datachange: 1, rows: 5, stats_parsed: {}, x: null } });
  });
});

describe("actions", () => {
  const near: readonly [string, string][] = [
    ["Add", "add"],
    ["adds", "add"],
    ["ADD", "add"],
    ["add ", "add"],
    ["dad", "add"],
    ["addFile", "add"],
    ["AddFile", "add"],
    ["add_files", "add"],
    ["addParquetFile", "add"],
    ["аdd", "add"],
    ["Remove", "remove"],
    ["removed", "remove"],
    ["RemoveFile", "remove"],
    ["metadata", "metaData"],
    ["meta_data", "metaData"],
    ["protocols", "protocol"],
    ["tx", "txn"],
    ["setTransaction", "txn"],
    ["transaction", "txn"],
    ["domainmetadata", "domainMetadata"],
    ["domain", "domainMetadata"],
    ["commit_info", "commitInfo"],
    ["CDC", "cdc"],
    ["addCDCFile", "cdc"],
    ["sideCar", "sidecar"],
  ];
  for (const [given, meant] of near) {
    test(`"${given}" is refused as "${meant}", whatever is allowed`, () => {
      assert.equal(nearestAction(given), meant);
      for (const allowUnknownActions of [true, false]) {
        refuses(
          () => new ActionCollector({ strict: true, allowUnknownActions }).collect({ [given]: {} }, "/actions/0"),
          {
            at: `/actions/0/${given}`,
            code: "UNKNOWN_ACTION",
          },
        );
      }
    });
  }

  for (const name of [
    "foo",
    "someFutureAction",
    "myapp.note",
    "address",
    "__proto__",
    "toString",
    "",
    "x".repeat(100_000),
  ]) {
    test(`"${name.slice(0, 20)}" is taken where unknown actions are allowed`, () => {
      assert.equal(nearestAction(name), undefined);
      const collector = new ActionCollector({ strict: true, allowUnknownActions: true });
      const action = parseJson(`{${JSON.stringify(name)}:{"a":1.0}}`);
      collector.collect(action, "/actions/0");
      assert.equal(stringifyJson(collector.actions().others), `[${stringifyJson(action)}]`);
      refuses(() => collect(action), { code: "UNKNOWN_ACTION" });
    });
  }
});
