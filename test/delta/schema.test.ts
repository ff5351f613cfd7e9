/** Schemas: what is one, what columns may be called, and what is in them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { completeSchema, parseSchema, physicalName, walkSchema } from "../../lib/delta/schema/schema.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { field, refuses, schemaString } from "../support/builders.ts";

const AT = "/schemaString";
const parse = (...fields: readonly ReturnType<typeof field>[]) => parseSchema(schemaString(...fields), AT);
const struct = (...fields: readonly Json[]): Json => ({ type: "struct", fields });
const array = (elementType: Json): Json => ({ type: "array", elementType, containsNull: true });
const map = (keyType: Json, valueType: Json): Json => ({ type: "map", keyType, valueType, valueContainsNull: true });

describe("types", () => {
  for (const type of [
    ..."string long integer short byte float double boolean binary date timestamp timestamp_ntz void variant".split(
      " ",
    ),
    "decimal",
    "decimal(10,2)",
    "decimal(38, 38)",
    "varchar(10)",
    "interval day to second",
  ]) {
    test(`${type} is taken`, () => assert.equal(parse(field("a", type))[0]?.type, type));
  }
  for (const type of ["int", "bigint", "decimal(39,0)", "decimal(5,6)", "timestamp_nanos", "", "STRING"]) {
    test(`"${type}" is refused`, () => refuses(() => parse(field("a", type)), { at: `${AT}/fields/0/type` }));
  }
  const nested: readonly [string, Json, string][] = [
    ["an element", array("int"), "/elementType"],
    ["a map key", map("int", "long"), "/keyType"],
    ["a map value", map("long", "int"), "/valueType"],
    ["a field of a struct", struct(field("b", "int")), "/fields/0/type"],
    ["an element that is missing", { type: "array" }, "/elementType"],
    ["no type at all", { type: "set", elementType: "long" }, ""],
    ["a number", 5, ""],
  ];
  for (const [name, type, at] of nested) {
    test(`${name} of a wrong type is refused at its place`, () => {
      refuses(() => parse(field("a", type)), { at: `${AT}/fields/0/type${at}` });
    });
  }
  test("nested types are taken", () => {
    assert.equal(parse(field("a", array(map("string", struct(field("b"), field("c", "variant")))))).length, 1);
  });
  test("a type that is nested without end is refused, not a crash", () => {
    const deep = `${'{"type":"array","elementType":'.repeat(50_000)}"long"${"}".repeat(50_000)}`;
    refuses(() => parseSchema(`{"type":"struct","fields":[{"name":"a","type":${deep}}]}`, AT), {});
  });
});

describe("fields", () => {
  test("edge 33: two columns that differ by case only are refused, nested ones too", () => {
    const code = "DELTA_DUPLICATE_COLUMNS_FOUND";
    refuses(() => parse(field("a"), field("A")), { code, at: `${AT}/fields/1` });
    refuses(() => parse(field("s", struct(field("b"), field("B")))), { code, at: `${AT}/fields/0/type/fields/1` });
    assert.equal(parse(field("a"), field("s", struct(field("a")))).length, 2);
  });
  const broken: readonly [string, string, string][] = [
    ["text that is no JSON", "{", AT],
    ["null", "null", AT],
    ["an array", "[]", AT],
    ["another type than a struct", '{"type":"array","elementType":"long"}', AT],
    ["no fields", '{"type":"struct"}', AT],
    ["a field without a name", '{"type":"struct","fields":[{"type":"long"}]}', `${AT}/fields/0`],
    ["an empty name", '{"type":"struct","fields":[{"name":"","type":"long"}]}', `${AT}/fields/0`],
    ["a field without a type", '{"type":"struct","fields":[{"name":"a"}]}', `${AT}/fields/0`],
    [
      "nullable as a string",
      '{"type":"struct","fields":[{"name":"a","type":"long","nullable":"no"}]}',
      `${AT}/fields/0/nullable`,
    ],
    [
      "metadata as an array",
      '{"type":"struct","fields":[{"name":"a","type":"long","metadata":[]}]}',
      `${AT}/fields/0/metadata`,
    ],
  ];
  for (const [name, text, at] of broken) test(`${name} is refused`, () => refuses(() => parseSchema(text, AT), { at }));

  test("nullable and metadata have defaults", () => {
    const [a, b] = parseSchema(
      '{"type":"struct","fields":[{"name":"a","type":"long"},{"name":"b","type":"long","nullable":false}]}',
      AT,
    );
    assert.deepEqual(a, { name: "a", type: "long", nullable: true, metadata: {} });
    assert.equal(b?.nullable, false);
  });
});

test("completeSchema fills in what Spark and the kernel demand, at every depth, and changes nothing else", () => {
  const bare = struct(
    { name: "a", type: "long", nullable: false, metadata: { comment: "x" } },
    { name: "b", type: { type: "array", elementType: struct({ name: "c", type: "long" }) } },
    { name: "d", type: { type: "map", keyType: "string", valueType: "long", valueContainsNull: false } },
    { name: "e", type: { type: "map", keyType: "string", valueType: struct({ name: "f", type: "long" }) } },
  );
  const whole = completeSchema(bare);
  assert.deepEqual(
    whole,
    struct(
      { name: "a", type: "long", nullable: false, metadata: { comment: "x" } },
      { ...field("b", array(struct(field("c")))) },
      { ...field("d", { type: "map", keyType: "string", valueType: "long", valueContainsNull: false }) },
      field("e", map("string", struct(field("f")))),
    ),
  );
  assert.deepEqual(completeSchema(whole), whole);
  for (const odd of ["long", null, { type: "struct" }, { type: "struct", fields: [7] }] as const) {
    assert.deepEqual(completeSchema(odd), odd);
  }
});

test("walkSchema visits every field with its physical path, and every type", () => {
  const mapped = (name: string, type: Json, physical: string) =>
    field(name, type, { "delta.columnMapping.physicalName": physical });
  const fields = parse(mapped("a", struct(mapped("b", "date", "p2")), "p1"), {
    ...field("m", map("string", array(struct(field("c"))))),
    nullable: false,
  });
  const paths: string[] = [];
  const types: string[] = [];
  const required: string[] = [];
  walkSchema(fields, {
    field: ({ name, nullable }, path) => {
      paths.push(path);
      if (!nullable) required.push(name);
    },
    type: (name) => types.push(name),
  });
  assert.deepEqual(required, ["m"]);
  assert.deepEqual(paths, ["p1", "p1.p2", "m", "m.value.element.c"]);
  assert.deepEqual(types, ["date", "string", "long"]);
  assert.deepEqual(fields.map(physicalName), ["p1", "m"]);
});
