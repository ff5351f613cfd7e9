/** The metadata of columns: what Spark's class Metadata reads, and what it fails on. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newTableActions } from "../../lib/delta/new-table.ts";
import { unreadableMetadata } from "../../lib/delta/schema/column-metadata.ts";
import { type JsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { refuses } from "../support/builders.ts";

const read = (text: string) => unreadableMetadata(parseJson(text) as JsonObject);

describe("Spark reads", () => {
  for (const text of [
    "{}",
    '{"comment":"x","CURRENT_DEFAULT":"1","delta.generationExpression":"a + 1","__CHAR_VARCHAR_TYPE_STRING":"char(3)"}',
    '{"delta.identity.start":1,"delta.identity.step":-1,"delta.identity.highWaterMark":9223372036854775807,"delta.identity.allowExplicitInsert":false}',
    '{"delta.columnMapping.id":3,"delta.columnMapping.physicalName":"p","delta.columnMapping.nested.ids":{"p.element":4}}',
    '{"mine":[],"a":[1,2],"b":[1.5,2.0],"c":["x"],"d":[true],"e":[{"f":null}],"g":null,"h":1e3,"__proto__":"x"}',
  ]) {
    test(text, () => assert.equal(read(text), undefined));
  }
});

describe("Spark fails on", () => {
  for (const key of [
    "comment",
    "CURRENT_DEFAULT",
    "EXISTS_DEFAULT",
    "__CHAR_VARCHAR_TYPE_STRING",
    "delta.invariants",
    "delta.generationExpression",
  ]) {
    for (const value of ["5", "true", "null", "{}", '["x"]', "1.5"]) {
      test(`${key}: ${value}`, () => assert.match(read(`{"${key}":${value}}`) ?? "", /must be a string/));
    }
  }
  for (const [key, value] of [
    ["delta.invariants", "id > 0"],
    ["delta.invariants", ""],
    ["delta.invariants", "{}"],
    ["delta.invariants", '{"expression":"id > 0"}'],
    ["delta.invariants", '{"expression":{"expression":"id >"}}'],
    ["delta.generationExpression", ""],
    ["delta.generationExpression", "(a"],
    ["CURRENT_DEFAULT", "'x"],
  ] as const) {
    test(`${key}: ${value}`, () => assert.match(unreadableMetadata({ [key]: value }) ?? "", /must be a string/));
  }
  test("an invariant as Spark writes it is taken", () =>
    assert.equal(unreadableMetadata({ "delta.invariants": '{"expression":{"expression":"id > 0"}}' }), undefined));
  for (const key of ["delta.identity.start", "delta.identity.step", "delta.identity.highWaterMark"]) {
    for (const value of ['"1"', "1.5", "1.0", "true", "9223372036854775808"]) {
      test(`${key}: ${value}`, () => assert.match(read(`{"${key}":${value}}`) ?? "", /must be a 64-bit integer/));
    }
  }
  for (const value of [
    "9223372036854775808",
    "[null]",
    "[[1]]",
    '[1,"a"]',
    "[1,2.5]",
    "[1,null]",
    '{"a":[[1]]}',
    "[18446744073709551616]",
  ]) {
    test(`anything: ${value}`, () => assert.match(read(`{"mine":${value}}`) ?? "", /cannot read/));
  }
});

test("a table with such a column, however deep, is not made", () => {
  const column = (name: string, type: unknown, metadata = {}) => ({ name, type, nullable: true, metadata });
  const inner = { type: "struct", fields: [column("b", "long", { comment: 5 })] };
  const schema = {
    type: "struct",
    fields: [column("x", "long"), column("a", { type: "array", elementType: inner, containsNull: true })],
  };
  const make = () =>
    newTableActions(
      { name: "a.b", location: "file:///lake/t", schema: schema as unknown as JsonObject },
      crypto.randomUUID(),
      1,
    );
  refuses(make, { code: "DELTA_INVALID_SCHEMA", message: /"a\.element\.b" has "comment"/ });
});
