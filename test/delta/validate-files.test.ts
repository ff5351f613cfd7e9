/** The rules that a commit's adds and removes must keep, whoever else commits. */

import { describe, test } from "node:test";
import type { CommitActions, DeletionVector, Metadata, Protocol } from "../../lib/delta/actions.ts";
import { checkUniqueFiles } from "../../lib/delta/checks/validate.ts";
import { checkDeletionVectors } from "../../lib/delta/checks/vectors.ts";
import { type PlaceOf, placesOf } from "../../lib/delta/fields/action-places.ts";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { parseJson } from "../../lib/delta/values/json.ts";
import {
  actions,
  add,
  deletionVector,
  field,
  metadata,
  protocol,
  refuses,
  remove,
  schemaString,
} from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";

const AT = "/tables/3";
interface Table {
  readonly protocol?: Protocol;
  readonly metadata?: Partial<Metadata>;
  readonly declared?: readonly string[];
}
function check(some: Partial<CommitActions>, table: Table = {}): void {
  checkCommit(actions(some), {
    protocol: table.protocol ?? protocol(["appendOnly", "invariants"]),
    metadata: metadata(table.metadata),
    declared: new Set(table.declared),
    at: AT,
  });
}
const STATS = '{"numRecords":9,"tightBounds":false}';
const dv1 = deletionVector("a");
const dv2 = deletionVector("b");
/** The six rows of the example of the protocol, in the portable format. */
const INLINE = {
  storageType: "i",
  pathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
  sizeInBytes: 44,
  cardinality: 6,
};
const WITH_VECTORS = { protocol: protocol([], ["deletionVectors"]) };
const duplicate = { code: "DELTA_DUPLICATE_ACTIONS_FOUND", at: AT };

describe("files", () => {
  test("an append, and an exchange of two files, are taken", () => {
    check({ adds: [add("a"), add("b")] });
    check({ removes: [remove("a")], adds: [add("b")] });
  });
  test("edge 3: an opaque path is refused in an add; a remove may have to name one that was imported", () => {
    refuses(() => check({ adds: [add("a:b.parquet")] }), { at: AT });
    check({ removes: [remove("a:b.parquet")] });
  });
  test("edge 19: two adds of one path, whatever their deletion vectors", () => {
    refuses(() => check({ adds: [add("a"), add("a")] }), duplicate);
    refuses(
      () => checkUniqueFiles(actions({ adds: [add("a"), add("a", { deletionVector: dv1 })] }), placesOf({ at: AT })),
      duplicate,
    );
  });
  test("edge 6: two adds of one path in two spellings", () => {
    refuses(() => check({ adds: [add("a%3ab"), add("a%3Ab")] }), duplicate);
    check({ adds: [add("a%3Ab"), add("a%253Ab")] });
  });
  test("two removes of one path", () => {
    refuses(() => check({ removes: [remove("a"), remove("a", { deletionVector: dv1 })] }), duplicate);
  });
  test("edge 20: add and remove of one path with the same deletion vector, or with none", () => {
    refuses(() => check({ adds: [add("a")], removes: [remove("a")] }), duplicate);
    const both = actions({
      adds: [add("a", { deletionVector: dv1, stats: STATS })],
      removes: [remove("a", { deletionVector: dv1 })],
    });
    refuses(() => check(both, WITH_VECTORS), duplicate);
  });
  test("edge 20: with different deletion vectors they are taken; edge 22: the offset is a difference", () => {
    const second = (removed: typeof dv1 | undefined, added: typeof dv1) =>
      check(
        {
          removes: [remove("a", removed ? { deletionVector: removed } : {})],
          adds: [add("a", { deletionVector: added, stats: STATS })],
        },
        WITH_VECTORS,
      );
    second(undefined, dv1);
    second(dv1, dv2);
    second(dv1, { ...dv1, offset: 2 });
    refuses(() => second(dv1, { ...dv1 }), duplicate);
  });
  test("edge 38: an append-only table loses no data, but its files may be rearranged", () => {
    const table = { metadata: { configuration: { "delta.appendOnly": "true" } } };
    refuses(() => check({ removes: [remove("a")] }, table), { code: "DELTA_CANNOT_MODIFY_APPEND_ONLY", at: AT });
    check({ removes: [remove("a", { dataChange: false })], adds: [add("b", { dataChange: false })] }, table);
    check({ removes: [remove("a")] }, { metadata: { configuration: { "delta.appendOnly": "false" } } });
  });
  test("edge 38: turning append-only off or on in the same commit gets around nothing", () => {
    const appendOnly = { configuration: { "delta.appendOnly": "true" } };
    const code = "DELTA_CANNOT_MODIFY_APPEND_ONLY";
    refuses(() => check({ removes: [remove("a")], metadata: metadata() }, { metadata: appendOnly }), { code });
    refuses(() => check({ removes: [remove("a")], metadata: metadata(appendOnly) }), { code });
  });
});

describe("edge 11: partition values have exactly the partition columns", () => {
  const code = "DELTA_INVALID_PARTITION_COLUMN";
  const partitioned = { metadata: { partitionColumns: ["part"] } };
  const mapped: Table = {
    protocol: protocol([], ["columnMapping"]),
    declared: ["columnMapping"],
    metadata: {
      partitionColumns: ["part"],
      schemaString: schemaString(field("id"), field("part", "string", { "delta.columnMapping.physicalName": "col-2" })),
      configuration: { "delta.columnMapping.mode": "name" },
    },
  };
  const values = (partitionValues: Record<string, string | null>) => ({ adds: [add("f", { partitionValues })] });
  test("all of them are taken, null and odd texts too (edge 10)", () => {
    for (const part of [null, "", 'a/b=c%"\n', "x".repeat(5000)]) check(values({ part }), partitioned);
    check(values({}));
  });
  test("missing, extra and misspelt keys are refused", () => {
    for (const wrong of [{}, { part: "a", id: "1" }, { Part: "a" }, { id: "1" }]) {
      refuses(() => check(values(wrong), partitioned), { code, at: AT });
    }
    refuses(() => check(values({ part: "a" })), { code, at: AT });
    refuses(() => check(values(parseJson('{"__proto__":"a"}') as Record<string, string>), partitioned), { code });
  });
  test("with column mapping the physical names are the keys", () => {
    check(values({ "col-2": "a" }), mapped);
    refuses(() => check(values({ part: "a" }), mapped), { code, at: AT });
  });
  test("a physical name that is left from elsewhere means nothing without column mapping", () => {
    const unmapped = { metadata: { ...mapped.metadata, configuration: {} } };
    check(values({ part: "a" }), unmapped);
    refuses(() => check(values({ "col-2": "a" }), unmapped), { code });
  });
});

describe("statistics", () => {
  const stats = (text: string, more: Partial<ReturnType<typeof add>> = {}) => ({
    adds: [add("f", { stats: text, ...more })],
  });
  test("edge 15: long integers, decimals, NaN as text, nulls, unknown keys, spaces are taken", () => {
    check(stats(' {"numRecords": 1, "minValues":{"a":1234567890123456789,"b":1.0,"c":"NaN","d":null}, "x":[{}]} '));
    check(stats('{"numRecords":null}'));
    check({ adds: [add("f")] });
  });
  for (const text of [
    "x",
    "{",
    '"a"',
    "[]",
    "null",
    "5",
    '{"numRecords":-1}',
    '{"numRecords":1.5}',
    '{"numRecords":1.0}',
    '{"numRecords":"1"}',
  ]) {
    test(`edge 16: ${text} is refused`, () => refuses(() => check(stats(text)), { at: AT }));
  }
  test("edge 17: row tracking asks for numRecords, unless it is suspended", () => {
    const table = { protocol: protocol(["rowTracking", "domainMetadata"]) };
    const code = "DELTA_ROW_ID_ASSIGNMENT_WITHOUT_STATS";
    refuses(() => check({ adds: [add("f")] }, table), { code, at: AT });
    refuses(() => check(stats("{}"), table), { code, at: AT });
    check(stats('{"numRecords":0}'), table);
    check({ adds: [add("f")] }, { ...table, metadata: { configuration: { "delta.rowTrackingSuspended": "true" } } });
  });
  test("edge 17: Iceberg compatibility asks for numRecords", () => {
    const table: Table = {
      protocol: protocol(["icebergCompatV2"], ["columnMapping"]),
      declared: ["icebergCompatV2"],
      metadata: { configuration: { "delta.enableIcebergCompatV2": "true" } },
    };
    refuses(() => check({ adds: [add("f")] }, table), { code: "DELTA_ICEBERG_COMPAT_VIOLATION", at: AT });
    check(stats('{"numRecords":0}'), table);
  });
  test("edge 17: a deletion vector asks for numRecords", () => {
    const adds = [add("f", { deletionVector: dv1 })];
    refuses(() => check({ adds }, WITH_VECTORS), { code: "DELTA_DELETION_VECTOR_MISSING_NUM_RECORDS", at: AT });
    check(stats('{"numRecords":1}', { deletionVector: dv1 }), WITH_VECTORS);
  });
  test("edge 18: a deletion vector deletes no more rows than there are", () => {
    const deletes = (cardinality: number | bigint) =>
      check(stats('{"numRecords":9007199254740993}', { deletionVector: { ...dv1, cardinality } }), WITH_VECTORS);
    deletes(9007199254740993n);
    refuses(() => deletes(9007199254740994n), { at: AT });
  });
  test("edge 18: a new deletion vector asks for tightBounds false; a re-add of an old one does not", () => {
    const adds = (text: string) => [add("f", { deletionVector: dv1, stats: text })];
    check({ removes: [remove("f")], adds: adds(STATS) }, WITH_VECTORS);
    check({ adds: adds('{"numRecords":5,"tightBounds":true}') }, WITH_VECTORS);
    for (const text of [
      '{"numRecords":5,"tightBounds":true}',
      '{"numRecords":5}',
      '{"numRecords":5,"tightBounds":"false"}',
    ]) {
      refuses(() => check({ removes: [remove("f")], adds: adds(text) }, WITH_VECTORS), {
        at: AT,
        message: /tightBounds/,
      });
    }
  });
});

describe("deletion vectors", () => {
  const with_ = (dv: DeletionVector, table: Table = WITH_VECTORS) =>
    check({ adds: [add("f", { deletionVector: dv, stats: STATS })] }, table);
  test("the table needs the feature, not the property", () => {
    with_(dv1, { ...WITH_VECTORS, metadata: { configuration: { "delta.enableDeletionVectors": "false" } } });
    refuses(() => with_(dv1, {}), { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", at: AT });
  });
  test("the three known forms are taken", () => {
    with_({ ...dv1, pathOrInlineDv: `ab${dv1.pathOrInlineDv}`, offset: 4 });
    with_(INLINE);
    with_({ ...INLINE, pathOrInlineDv: "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", sizeInBytes: 40 });
    with_({ ...dv1, storageType: "p", pathOrInlineDv: "s3://b/f.bin", offset: 1 });
  });
  test("edge 19: descriptors that readers cannot open are refused at the member", () => {
    const { offset: _, ...withoutOffset } = dv1;
    for (const [member, dv] of [
      ["cardinality", { ...dv1, cardinality: 0 }],
      ["cardinality", { ...INLINE, cardinality: 0 }],
      ["cardinality", { ...INLINE, cardinality: 5 }],
      ["sizeInBytes", { ...dv1, sizeInBytes: 0 }],
      ["sizeInBytes", { ...INLINE, sizeInBytes: 40 }],
      ["sizeInBytes", { ...INLINE, sizeInBytes: 45 }],
      ["sizeInBytes", { ...INLINE, sizeInBytes: 5 }],
      ["offset", withoutOffset],
      ["offset", { ...withoutOffset, storageType: "p", pathOrInlineDv: "s3://b/f.bin" }],
      ["offset", { ...dv1, offset: 0 }],
      ["offset", { ...INLINE, offset: 1 }],
      ["pathOrInlineDv", { ...dv1, pathOrInlineDv: "not z85 at all ~~~~~" }],
      ["pathOrInlineDv", { ...dv1, pathOrInlineDv: "%".repeat(20) }],
      ["pathOrInlineDv", { ...dv1, pathOrInlineDv: `a${"é".repeat(20)}` }],
      ...["a/", "a:b", "%2e", "..", ".", "a b", "a\\"].map(
        (prefix) => ["pathOrInlineDv", { ...dv1, pathOrInlineDv: prefix + dv1.pathOrInlineDv }] as const,
      ),
      ["pathOrInlineDv", { ...INLINE, pathOrInlineDv: "abc" }],
      ["pathOrInlineDv", { ...INLINE, pathOrInlineDv: INLINE.pathOrInlineDv.replace("X", "~") }],
      ["pathOrInlineDv", { ...INLINE, pathOrInlineDv: "0".repeat(55) }],
      ["pathOrInlineDv", { ...INLINE, pathOrInlineDv: INLINE.pathOrInlineDv.slice(0, 50), sizeInBytes: 40 }],
    ] as const) {
      const adds = [add("f", { deletionVector: dv, stats: STATS })];
      const place: PlaceOf = (kind, i, more) => `/${kind}/${i}/${more}`;
      refuses(() => checkDeletionVectors(adds, tableConfiguration(WITH_VECTORS.protocol, metadata()), place), {
        at: `/adds/0/deletionVector/${member}`,
      });
    }
  });
  test("others are refused", () => {
    for (const dv of [
      { ...dv1, storageType: "r" },
      { ...dv1, storageType: "constructor" },
      { ...dv1, pathOrInlineDv: "short" },
      { ...dv1, storageType: "i", offset: 0 },
      { ...dv1, storageType: "p", pathOrInlineDv: "" },
    ]) {
      refuses(() => with_(dv), { at: AT });
    }
  });
});
