/** Column statistics fit the columns of their table. */

import { describe, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import { actions, add, field, metadata, protocol, refuses, schemaString } from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";

const AT = "/tables/3";
const INNER: Json = { type: "struct", fields: [field("n", "integer"), field("t", "string")] };
const SCHEMA = schemaString(
  ...["byte", "short", "integer", "long", "float", "double", "boolean", "string", "date", "timestamp"].map((type) =>
    field(type, type),
  ),
  field("ntz", "timestamp_ntz"),
  field("decimal", "decimal(5,2)"),
  field("wide", "decimal(38,10)"),
  field("whole", "decimal(20,0)"),
  field("binary", "binary"),
  field("struct", INNER),
  field("list", { type: "array", elementType: "long", containsNull: true }),
);

function check(stats: string, configuration: Record<string, string> = {}, schema = SCHEMA): void {
  checkCommit(actions({ adds: [add("f", { stats })] }), {
    protocol: protocol([], ["columnMapping", "timestampNtz"]),
    metadata: metadata({ schemaString: schema, configuration }),
    declared: new Set(["columnMapping"]),
    at: AT,
  });
}
const refused = (stats: string, message: RegExp, ...more: [Record<string, string>?, string?]) =>
  refuses(() => check(stats, ...more), { code: "DELTA_INVALID_STATS", at: AT, message });

/** Column: JSON texts that are its bounds, and texts that are not. */
const BOUNDS: Readonly<Record<string, readonly [right: readonly string[], wrong: readonly string[]]>> = {
  byte: [
    ["-128", "127", "null"],
    ["128", "1.5", '"1"', "true"],
  ],
  short: [["32767"], ["32768", "-32769"]],
  integer: [
    ["-2147483648", "2147483647"],
    ["2147483648", "-2147483649", "[1]", "{}"],
  ],
  long: [
    ["9223372036854775807", "-9223372036854775808", "0"],
    ["9223372036854775808", "1.5", '"x"', '"7"', '["x"]', "1e30", "true", '{"a":1}'],
  ],
  float: [
    ["1.5", "1", "1e10", '"NaN"'],
    ['"x"', "[]", "false"],
  ],
  double: [
    ["0.1", "9007199254740993", '"NaN"', '"Infinity"', '"-Infinity"'],
    ['"x"', '"1.5"', "true", "{}"],
  ],
  boolean: [
    ["true", "false"],
    ["5", '"true"', "0", "{}"],
  ],
  string: [
    ['""', '"é😀"', '"\\ud83d\\ude00"', '"\\\\ud800"'],
    ["{}", "5", "true", '["a"]'],
  ],
  date: [
    ['"2026-01-31"', '"0001-01-01"', '"+10000-01-01"'],
    ['"x"', "20454", '"2026-02-30"', '"2026-1-5"', '"2026-01-31T00:00:00Z"'],
  ],
  timestamp: [
    ['"2026-01-31T12:00:00.000Z"', '"2026-01-31T12:00:00.123456-08:00"', '"2026-01-31 12:00:00"', '"2026-01-31"'],
    ['"x"', "1767225600000", '"2026-01-31T25:00:00Z"', '"2026-02-30T00:00:00Z"', "{}"],
  ],
  ntz: [
    ['"2026-01-31T12:00:00.000"', '"2026-01-31T12:00:00.000Z"'],
    ['"noon"', "5"],
  ],
  decimal: [
    ["1.50", "999.99", "-999.99", "1", "1e2", '"1.50"', "0.30000000000000004"],
    ["1000", "-1000.5", '"x"', "true", "1e3"],
  ],
  // The greatest values round up as doubles, which is how delta-rs writes their bounds.
  wide: [
    ["1e28", "-1e+28", "9999999999999999999999999999.9999999999", "-9.999999999999997e+27"],
    ["1.0000000000000003e28", "-1e29", '"1e"'],
  ],
  whole: [["1e20", "99999999999999999999", "-100000000000000000000"], ["1.00000000000001e20"]],
  binary: [['"abc"'], ["5", "{}"]],
  struct: [
    ["{}", '{"n":1,"t":null}', '{"other":[]}'],
    ["5", '"x"', "[]", '{"n":"x"}', '{"n":2147483648}', '{"t":1}'],
  ],
  list: [["[1]", "{}", "5", '"x"'], []],
  other: [["[1]", "{}", "5", '"x"'], []],
};

describe("bounds", () => {
  for (const [column, [right, wrong]] of Object.entries(BOUNDS)) {
    test(`of ${column}`, () => {
      for (const member of ["minValues", "maxValues"]) {
        for (const bound of right) check(`{"numRecords":1,"${member}":{"${column}":${bound}}}`);
        for (const bound of wrong) {
          refused(
            `{"numRecords":1,"${member}":{"${column}":${bound}}}`,
            new RegExp(`${member} of the column "${column}`),
          );
        }
      }
    });
  }
  test("half a surrogate pair is refused wherever it stands", () => {
    for (const text of ['{"minValues":{"string":"\\ud800"}}', '{"other":"\\uDC00"}', '{"\\ud800":1}']) {
      refuses(() => check(text), { at: AT, message: /surrogate/ });
    }
  });
});

test("counts of nulls are counts, in structs, too", () => {
  for (const counts of ["null", "{}", '{"long":0,"list":3,"struct":{"n":1,"t":null}}', '{"other":-1}']) {
    check(`{"nullCount":${counts}}`);
  }
  for (const counts of ["7", "[]", '{"long":-1}', '{"long":1.5}', '{"long":"1"}', '{"struct":1}', '{"list":{}}']) {
    refused(`{"nullCount":${counts}}`, /nullCount/);
  }
  refused('{"minValues":5}', /minValues/);
});

test("columns go by their physical names where names are mapped, and only there", () => {
  const mapped = schemaString(
    field("a", "long", { "delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1" }),
  );
  const byName = { "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1" };
  refused('{"minValues":{"col-1":"x"}}', /"col-1"/, byName, mapped);
  check('{"minValues":{"a":"x","col-1":1}}', byName, mapped);
  refused('{"minValues":{"a":"x"}}', /"a"/, {}, mapped);
});
