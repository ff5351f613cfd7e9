/** Schemas of new tables that are wrong in one thing, and some unusual ones that are right. */

import type { JsonObject } from "../../../../lib/delta/values/json.ts";
import { field } from "../bases.ts";
import type { Case } from "../case.ts";
import { nullIn } from "./build.ts";

/** Columns beside those of the base; the data files do not have them, so readers fill in nulls. */
const COLUMNS: Readonly<Record<string, unknown>> = {
  "comment: 5": field("x", "string", { comment: 5 }),
  "comment: null": field("x", "string", { comment: null }),
  "comment: text": field("x", "string", { comment: "text" }),
  "CURRENT_DEFAULT: 3": field("x", "integer", { CURRENT_DEFAULT: 3 }),
  'CURRENT_DEFAULT: "3"': field("x", "integer", { CURRENT_DEFAULT: "3" }),
  "EXISTS_DEFAULT: 3": field("x", "integer", { EXISTS_DEFAULT: 3 }),
  "generationExpression: 5": field("x", "long", { "delta.generationExpression": 5 }),
  "generationExpression: id": field("x", "long", { "delta.generationExpression": "id" }),
  "generationExpression of nothing": field("x", "long", { "delta.generationExpression": "nothing + 1" }),
  "invariants: broken": field("x", "long", { "delta.invariants": "id >" }),
  "invariants: an object": field("x", "long", { "delta.invariants": { expression: "x > 3" } }),
  "identity start as text": field("x", "long", {
    "delta.identity.start": "1",
    "delta.identity.step": 1,
    "delta.identity.allowExplicitInsert": true,
  }),
  "identity step 0": field("x", "long", {
    "delta.identity.start": 1,
    "delta.identity.step": 0,
    "delta.identity.allowExplicitInsert": true,
  }),
  "identity of a string": field("x", "string", {
    "delta.identity.start": 1,
    "delta.identity.step": 1,
    "delta.identity.allowExplicitInsert": true,
  }),
  "identity without step": field("x", "long", { "delta.identity.start": 1 }),
  "identity, right": field("x", "long", {
    "delta.identity.start": 1,
    "delta.identity.step": 1,
    "delta.identity.allowExplicitInsert": true,
  }),
  "char type": field("x", "string", { __CHAR_VARCHAR_TYPE_STRING: "char(3)" }),
  "char type as a number": field("x", "string", { __CHAR_VARCHAR_TYPE_STRING: 3 }),
  "a nested comment": field("x", { type: "struct", fields: [field("y", "string", { comment: 5 })] }),
  "metadata null": { name: "x", type: "string", nullable: true, metadata: null },
  "metadata an array": { name: "x", type: "string", nullable: true, metadata: [] },
  "metadata absent": { name: "x", type: "string", nullable: true },
  "nullable absent": { name: "x", type: "string", metadata: {} },
  "nullable as text": { name: "x", type: "string", nullable: "true", metadata: {} },
  "name absent": { type: "string", nullable: true, metadata: {} },
  "name empty": field("", "string"),
  "name a number": { name: 5, type: "string", nullable: true, metadata: {} },
  "type absent": { name: "x", nullable: true, metadata: {} },
  "metadata with a null": field("x", "string", { note: null }),
  "metadata with a fraction": field("x", "string", { note: 1.5 }),
  "metadata with an array": field("x", "string", { note: [1, 2] }),
  "metadata with an array of mixed": field("x", "string", { note: [1, "a"] }),
  "metadata with an empty array": field("x", "string", { note: [] }),
  "metadata with an object": field("x", "string", { note: { a: 1 } }),
  "metadata with a large number": field("x", "string", { note: 2 ** 53 }),
  "metadata __proto__": { name: "x", type: "string", nullable: true, metadata: JSON.parse('{"__proto__":"x"}') },
  "mapping id without mapping": field("x", "string", { "delta.columnMapping.id": 3 }),
  "mapping name without mapping": field("x", "string", {
    "delta.columnMapping.id": 3,
    "delta.columnMapping.physicalName": "p",
  }),
  "a space in the name": field("a b", "string"),
  "a dot in the name": field("a.b", "string"),
  "a comma in the name": field("a,b", "string"),
  "a line break in the name": field("a\nb", "string"),
  "an umlaut in the name": field("ä", "string"),
  "a quote in the name": field('a"b', "string"),
  "a tick in the name": field("a`b", "string"),
  "a name twice": field("id", "string"),
  "a name twice, by case": field("ID", "string"),
  "a nested name twice, by case": field("x", { type: "struct", fields: [field("y", "long"), field("Y", "long")] }),
  _change_type: field("_change_type", "string"),
  _metadata: field("_metadata", "string"),
  _commit_version: field("_commit_version", "long"),
  __proto__: field("__proto__", "string"),
  "a name of 300 letters": field("x".repeat(300), "string"),
};

const TYPES: readonly unknown[] = [
  "string",
  "long",
  "int",
  "integer",
  "bigint",
  "tinyint",
  "byte",
  "smallint",
  "short",
  "double",
  "float",
  "real",
  "boolean",
  "bool",
  "binary",
  "date",
  "timestamp",
  "timestamp_ntz",
  "timestampntz",
  "datetime",
  "void",
  "null",
  "variant",
  "interval",
  "interval day to second",
  "object",
  "Long",
  "STRING",
  "",
  " long",
  "decimal",
  "decimal(10,2)",
  "decimal(10, 2)",
  "decimal(38,38)",
  "decimal(39,0)",
  "decimal(0,0)",
  "decimal(2,5)",
  "decimal(10,-2)",
  "decimal(10)",
  "decimal(10,2) ",
  "DECIMAL(10,2)",
  "numeric(10,2)",
  "char(3)",
  "varchar(3)",
  "uuid",
  "geometry",
  "array",
  "map",
  "struct",
  "string collate UTF8_LCASE",
  5,
  null,
  true,
  [],
  {},
  { type: "struct" },
  { type: "struct", fields: [] },
  { type: "struct", fields: {} },
  { type: "struct", fields: [5] },
  { type: "array" },
  { type: "array", elementType: "string" },
  { type: "array", elementType: "string", containsNull: true },
  { type: "array", elementType: "void", containsNull: true },
  { type: "array", elementType: "foo", containsNull: true },
  { type: "array", elementType: "string", containsNull: "yes" },
  { type: "map", keyType: "string", valueType: "string" },
  { type: "map", keyType: "string", valueType: "string", valueContainsNull: true },
  {
    type: "map",
    keyType: { type: "map", keyType: "string", valueType: "string", valueContainsNull: true },
    valueType: "string",
    valueContainsNull: true,
  },
  { type: "map", valueType: "string", valueContainsNull: true },
  { type: "map", keyType: "void", valueType: "string", valueContainsNull: true },
  {
    type: "udt",
    class: "org.apache.spark.ml.linalg.VectorUDT",
    pyClass: "pyspark.ml.linalg.VectorUDT",
    sqlType: { type: "struct", fields: [] },
  },
  { type: "union", types: [] },
  {
    type: "array",
    elementType: {
      type: "array",
      elementType: { type: "struct", fields: [field("deep", "void")] },
      containsNull: true,
    },
    containsNull: true,
  },
];

export function schemaCases(): Case[] {
  const columns = Object.entries(COLUMNS).map(([name, column]) => withColumn(`column with ${name}`, column));
  const types = TYPES.map((type) =>
    withColumn(`type ${JSON.stringify(type)}`, { name: "x", type, nullable: true, metadata: {} }),
  );
  return [...columns, ...types, ...partitionedBy(), ...whole()];
}

function withColumn(name: string, column: unknown): Case {
  const x = (column as { name?: unknown } | null)?.name;
  return {
    kind: "schemas",
    name,
    base: "simple",
    ...(typeof x === "string" ? { reshape: nullIn(x) } : {}),
    create: (body) => {
      const schema = body.schema as unknown as { fields: readonly unknown[] };
      return { ...body, schema: { ...schema, fields: [...schema.fields, column] } } as unknown as JsonObject;
    },
  };
}

function partitionedBy(): Case[] {
  const by = (name: string, partitionColumns: unknown): Case => ({
    kind: "schemas",
    name: `partition columns ${name}`,
    base: "by string",
    create: (body) => ({ ...body, partitionColumns }) as unknown as JsonObject,
  });
  return [
    by("of another case", ["P"]),
    by("unknown", ["q"]),
    by("twice", ["p", "p"]),
    by("all", ["id", "name", "p"]),
    by("empty text", [""]),
    by("a number", [5]),
    by("null", null),
  ];
}

function whole(): Case[] {
  const schema = (name: string, value: unknown): Case => ({
    kind: "schemas",
    name: `schema ${name}`,
    base: "simple",
    create: (body) => ({ ...body, schema: value }) as unknown as JsonObject,
  });
  const fields = [field("id", "long"), field("name", "string")];
  return [
    schema("without fields", { type: "struct", fields: [] }),
    schema("an array", { type: "array", elementType: "long", containsNull: true }),
    schema("a text", JSON.stringify({ type: "struct", fields })),
    schema("null", null),
    schema("with a key of its own", { type: "struct", fields, note: "x" }),
    schema("with fields null", { type: "struct", fields: null }),
    schema("with a null field", { type: "struct", fields: [...fields, null] }),
  ];
}
