/** A new metaData for a table with live files: what may change, and what would make their rows unreadable or other ones. */

import type { JsonObject } from "../../../../lib/delta/values/json.ts";
import type { Row } from "../../support/engines.ts";
import { field } from "../bases.ts";
import type { Case, Field, Sent, Standing } from "../case.ts";
import { type Fields, newFields, newMetaData, newProtocol, nullIn, renamed, without } from "./build.ts";

const KIND = "metadata changes";

function change(name: string, base: string, commit: (table: Standing) => Sent, more: Partial<Case> = {}): Case {
  return { kind: KIND, name, base, commit, ...more };
}

function retype(from: string, type: unknown): (fields: Fields) => readonly Field[] {
  return (fields) => fields.map((f) => (f.name === from ? { ...f, type } : f));
}

const PAIRS: readonly (readonly [string, unknown])[] = [
  ["id", "string"],
  ["name", "long"],
  ["id", "integer"],
  ["id", "double"],
  ["id", "decimal(20,0)"],
  ["id", "decimal(10,0)"],
  ["id", "timestamp"],
  ["name", "binary"],
  ["amount", "decimal(12,2)"],
  ["amount", "decimal(10,3)"],
  ["amount", "decimal(8,2)"],
  ["amount", "decimal(12,4)"],
  ["amount", "double"],
  ["price", "float"],
  ["ratio", "double"],
  ["small", "long"],
  ["small", "short"],
  ["small", "double"],
  ["small", "decimal(10,0)"],
  ["ok", "string"],
  ["ok", "integer"],
  ["day", "timestamp"],
  ["day", "timestamp_ntz"],
  ["day", "string"],
  ["at", "date"],
  ["at", "timestamp_ntz"],
  ["at", "long"],
  ["attr", "string"],
  ["attr", { type: "struct", fields: [field("a", "long"), field("b", "string")] }],
  ["attr", { type: "struct", fields: [field("a", "integer")] }],
  ["tags", { type: "array", elementType: "long", containsNull: true }],
  ["tags", { type: "array", elementType: "string", containsNull: false }],
  ["tags", "string"],
  ["counts", { type: "map", keyType: "string", valueType: "integer", valueContainsNull: true }],
  ["counts", { type: "map", keyType: "long", valueType: "long", valueContainsNull: true }],
  ["counts", { type: "map", keyType: "string", valueType: "long", valueContainsNull: false }],
];

export function changeCases(): Case[] {
  return [...types(), ...columns(), ...mapping(), ...features(), ...whole()];
}

function types(): Case[] {
  return PAIRS.flatMap(([from, type]) => {
    const text = typeof type === "string" ? type : JSON.stringify(type).slice(0, 60);
    const case_ = (base: string) =>
      change(`${from} to ${text}`, base, (t) => ({ actions: [newFields(t, retype(from, type))] }));
    const withProtocol = (base: string) =>
      change(
        `${from} to ${text}, with type widening`,
        base,
        (t) => ({
          actions: [
            newProtocol(t, [], ["typeWidening"]),
            newFields(t, (fields) => fields.map((f) => (f.name === from ? widened(f, type) : f)), {
              "delta.enableTypeWidening": "true",
            }),
          ],
        }),
        { reshape: (row) => ({ ...row, [from]: ofWiderType(row[from], type) }) },
      );
    return [case_("every type"), ...(typeof type === "string" && from !== "at" ? [withProtocol("every type")] : [])];
  });
}

/** A value of a good row as it is written in a wider type. */
function ofWiderType(value: unknown, type: unknown): unknown {
  if (type === "double" && /^-?\d+$/.test(String(value))) return `${value}.0`;
  return type === "decimal(12,4)" ? `${value}00` : value;
}

function widened(f: Field, type: unknown): Field {
  const step = { fromType: f.type, toType: type };
  return { ...f, type, metadata: { ...f.metadata, "delta.typeChanges": [step] } };
}

function columns(): Case[] {
  const fields = (
    name: string,
    make: (fields: Fields) => readonly unknown[],
    base = "simple",
    more: Partial<Case> = {},
  ) => change(name, base, (table) => ({ actions: [newFields(table, make)] }), more);
  return [
    fields("a new column", (f) => [...f, field("x", "long")], "simple", { reshape: nullIn("x") }),
    fields("a new column in front", (f) => [field("x", "long"), ...f], "simple", { reshape: nullIn("x") }),
    fields("a new NOT NULL column", (f) => [...f, field("x", "long", {}, false)], "simple", { reshape: nullIn("x") }),
    fields("a new column with a default", (f) => [...f, field("x", "long", { CURRENT_DEFAULT: "5" })], "simple", {
      reshape: nullIn("x"),
    }),
    fields("nullable to NOT NULL", (f) => f.map((c) => ({ ...c, nullable: c.name !== "name" }))),
    fields("NOT NULL to nullable", (f) => f.map((c) => ({ ...c, nullable: true })), "required"),
    fields("NOT NULL dropped", (f) => f.slice(1), "required", { reshape: without("id") }),
    fields("a column dropped", (f) => f.slice(0, 1), "simple", { reshape: without("name") }),
    fields("a column renamed", (f) => f.map((c) => (c.name === "name" ? { ...c, name: "title" } : c))),
    fields(
      "a column renamed by case",
      (f) => f.map((c) => (c.name === "name" ? { ...c, name: "NAME" } : c)),
      "simple",
      { reshape: renamed("name", "NAME") },
    ),
    fields("columns in another order", (f) => [...f].reverse()),
    fields("no columns", () => []),
    fields(
      "a nested column",
      (f) => f.map((c) => (c.name === "attr" ? nested(c, field("z", "long")) : c)),
      "every type",
      { reshape: deep },
    ),
    fields(
      "a nested NOT NULL column",
      (f) => f.map((c) => (c.name === "attr" ? nested(c, field("z", "long", {}, false)) : c)),
      "every type",
    ),
    fields(
      "array<void>",
      (f) => [...f, field("x", { type: "array", elementType: "void", containsNull: true })],
      "simple",
      { reshape: nullIn("x") },
    ),
    fields("void", (f) => [...f, field("x", "void")], "simple", { reshape: nullIn("x") }),
    fields("variant without its feature", (f) => [...f, field("x", "variant")], "simple", { reshape: nullIn("x") }),
    fields("timestamp_ntz without its feature", (f) => [...f, field("x", "timestamp_ntz")], "simple", {
      reshape: nullIn("x"),
    }),
    fields("_change_type in a change feed", (f) => [...f, field("_change_type", "string")], "change feed", {
      reshape: nullIn("_change_type"),
    }),
    fields("_commit_version in a change feed", (f) => [...f, field("_commit_version", "long")], "change feed", {
      reshape: nullIn("_commit_version"),
    }),
    fields(
      "the partition column retyped",
      (f) => f.map((c) => (c.name === "p" ? { ...c, type: "long" } : c)),
      "by string",
    ),
    fields(
      "the partition column widened",
      (f) => f.map((c) => (c.name === "p" ? { ...c, type: "long" } : c)),
      "by integer",
    ),
    fields("the partition column dropped", (f) => f.slice(0, 2), "by string"),
    fields(
      "the partition column NOT NULL",
      (f) => f.map((c) => (c.name === "p" ? { ...c, nullable: false } : c)),
      "by string",
    ),
    fields("a clustered column dropped", (f) => f.slice(0, 1), "clustered", { reshape: without("name") }),
    fields("comment: 5", (f) => f.map((c) => ({ ...c, metadata: { comment: 5 } }))),
    fields("comment: text", (f) => f.map((c) => ({ ...c, metadata: { comment: "text" } }))),
    fields(
      "typeChanges nonsense",
      (f) => f.map((c) => ({ ...c, metadata: { "delta.typeChanges": "wide" } })),
      "widening",
    ),
    fields(
      "typeChanges of another type",
      (f) =>
        f.map((c) =>
          c.name === "small"
            ? { ...c, type: "long", metadata: { "delta.typeChanges": [{ fromType: "byte", toType: "short" }] } }
            : c,
        ),
      "widening",
    ),
    fields(
      "widened without typeChanges",
      (f) => f.map((c) => (c.name === "small" ? { ...c, type: "long" } : c)),
      "widening",
    ),
    fields("widened with typeChanges", (f) => f.map((c) => (c.name === "small" ? widened(c, "long") : c)), "widening"),
    fields("narrowed with typeChanges", (f) => f.map((c) => (c.name === "id" ? widened(c, "integer") : c)), "widening"),
    fields(
      "widened to string with typeChanges",
      (f) => f.map((c) => (c.name === "id" ? widened(c, "string") : c)),
      "widening",
    ),
  ];
}

function deep(row: Row): Row {
  return { ...row, attr: { ...(row.attr as object), z: null } };
}

function nested(column: Field, more: Field): Field {
  const type = column.type as { readonly fields: readonly Field[] };
  return { ...column, type: { ...type, fields: [...type.fields, more] } };
}

function named(id: unknown, name: string, type: unknown, physical: unknown): Field {
  return field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": physical });
}

function mapping(): Case[] {
  const on = (names: readonly [unknown, unknown]) => (table: Standing) => ({
    actions: [
      newProtocol(table, [], ["columnMapping"]),
      newFields(table, () => [named(1, "id", "long", names[0]), named(2, "name", "string", names[1])], {
        "delta.columnMapping.mode": "name",
        "delta.columnMapping.maxColumnId": "2",
      }),
    ],
  });
  const to = (name: string, fields: readonly Field[], max = "2", more: Partial<Case> = {}, base = "mapped") =>
    change(
      name,
      base,
      (t) => ({ actions: [newFields(t, () => fields, { "delta.columnMapping.maxColumnId": max })] }),
      more,
    );
  const [id, name] = [named(1, "id", "long", "col-1"), named(2, "name", "string", "col-2")];
  return [
    change("mapping on, physical names as they are", "simple", on(["id", "name"])),
    change("mapping on, physical names made up", "simple", on(["col-a", "col-b"])),
    change("mapping on, physical names exchanged", "simple", on(["name", "id"])),
    to("physical names exchanged", [named(1, "id", "long", "col-2"), named(2, "name", "string", "col-1")]),
    to("ids exchanged", [named(2, "id", "long", "col-1"), named(1, "name", "string", "col-2")]),
    to(
      "ids exchanged, mapping by id",
      [named(2, "id", "long", "col-1"), named(1, "name", "string", "col-2")],
      "2",
      {},
      "mapped by id",
    ),
    to("a physical name reused for another type", [id, named(3, "name", "long", "col-2")], "3"),
    to("a physical name twice", [id, named(2, "name", "string", "col-1")]),
    to("a physical name twice, by case", [id, named(2, "name", "string", "COL-1")]),
    to("an id twice", [id, named(1, "name", "string", "col-2")]),
    to("an id beyond 32 bits", [id, name, named(2 ** 31, "x", "long", "col-x")], String(2 ** 31), {
      reshape: nullIn("x"),
    }),
    to("an id of 2^53", [id, name, named(2 ** 53, "x", "long", "col-x")], String(2 ** 53), { reshape: nullIn("x") }),
    to("an id of 0", [id, name, named(0, "x", "long", "col-x")], "2", { reshape: nullIn("x") }),
    to("an id of -1", [id, name, named(-1, "x", "long", "col-x")], "2", { reshape: nullIn("x") }),
    to("an id as text", [id, name, named("3", "x", "long", "col-x")], "3", { reshape: nullIn("x") }),
    to("an id with a fraction", [id, name, named(2.5, "x", "long", "col-x")], "3", { reshape: nullIn("x") }),
    to("a physical name with a dot", [id, name, named(3, "x", "long", "a.b")], "3", { reshape: nullIn("x") }),
    to("a physical name that is empty", [id, name, named(3, "x", "long", "")], "3", { reshape: nullIn("x") }),
    to("a column without mapping", [id, name, field("x", "long")], "3", { reshape: nullIn("x") }),
    to("a new column", [id, name, named(3, "x", "long", "col-3")], "3", { reshape: nullIn("x") }),
    to("a new column with an id that was given before", [id, named(2, "x", "long", "col-9")], "2"),
    to("a column renamed", [id, { ...name, name: "title" }], "2", { reshape: renamed("name", "title") }),
    to("a column dropped", [id], "2", { reshape: without("name") }),
    to("maxColumnId too small", [id, name, named(3, "x", "long", "col-3")], "2", { reshape: nullIn("x") }),
  ];
}

function features(): Case[] {
  const config = (
    name: string,
    base: string,
    set: Record<string, string | null>,
    writer: readonly string[],
    reader: readonly string[] = [],
  ) => change(name, base, (t) => ({ actions: [newProtocol(t, writer, reader), newMetaData(t, set)] }));
  const iceberg = { "delta.enableIcebergCompatV2": "true" };
  return [
    config("deletion vectors on", "simple", { "delta.enableDeletionVectors": "true" }, [], ["deletionVectors"]),
    config("change feed on", "simple", { "delta.enableChangeDataFeed": "true" }, ["changeDataFeed"]),
    config("append only on", "simple", { "delta.appendOnly": "true" }, ["appendOnly"]),
    config("a constraint that parses", "simple", { "delta.constraints.c": "id >= 0" }, ["checkConstraints"]),
    config("a constraint that does not parse", "simple", { "delta.constraints.c": "id >" }, ["checkConstraints"]),
    config("iceberg without mapping", "simple", iceberg, ["icebergCompatV2"]),
    config("iceberg with mapping", "mapped", iceberg, ["icebergCompatV2"]),
    config(
      "iceberg with deletion vectors",
      "mapped",
      { ...iceberg, "delta.enableDeletionVectors": "true" },
      ["icebergCompatV2"],
      ["deletionVectors"],
    ),
    config("iceberg V1 and V2", "mapped", { ...iceberg, "delta.enableIcebergCompatV1": "true" }, [
      "icebergCompatV1",
      "icebergCompatV2",
    ]),
    config("clustering of a partitioned table", "by string", {}, ["clustering", "domainMetadata"]),
    config(
      "row tracking on without backfill",
      "simple",
      {
        "delta.enableRowTracking": "true",
        "delta.rowTracking.materializedRowIdColumnName": "_r",
        "delta.rowTracking.materializedRowCommitVersionColumnName": "_v",
      },
      ["rowTracking", "domainMetadata"],
    ),
    config(
      "row tracking with one name for both",
      "domains",
      {
        "delta.enableRowTracking": "true",
        "delta.rowTracking.materializedRowIdColumnName": "_r",
        "delta.rowTracking.materializedRowCommitVersionColumnName": "_r",
      },
      ["rowTracking"],
    ),
    config(
      "row tracking with the name of a column",
      "domains",
      {
        "delta.enableRowTracking": "true",
        "delta.rowTracking.materializedRowIdColumnName": "name",
        "delta.rowTracking.materializedRowCommitVersionColumnName": "_v",
      },
      ["rowTracking"],
    ),
    config("in-commit timestamps off", "simple", { "delta.enableInCommitTimestamps": "false" }, []),
  ];
}

function whole(): Case[] {
  const meta = (name: string, change_: JsonObject, base = "simple") =>
    change(name, base, (t) => ({ actions: [newMetaData(t, {}, change_)] }));
  return [
    meta("another id", { id: "0f8fad5b-d9cb-469f-a165-70867728950e" }),
    meta("id null", { id: null }),
    meta("name", { name: "a name" }),
    meta("name a number", { name: 5 }),
    meta("description", { description: "a text" }),
    meta("description an array", { description: ["x"] }),
    meta("createdTime as text", { createdTime: "2026-01-31" }),
    meta("createdTime 0", { createdTime: 0 }),
    meta("createdTime negative", { createdTime: -1 }),
    meta("createdTime null", { createdTime: null }),
    meta("format orc", { format: { provider: "orc", options: {} } }),
    meta("format without options", { format: { provider: "parquet" } }),
    meta("format options with a number", { format: { provider: "parquet", options: { a: 5 } } }),
    meta("format options with a text", { format: { provider: "parquet", options: { a: "5" } } }),
    meta("format null", { format: null }),
    meta("format in capitals", { format: { provider: "PARQUET", options: {} } }),
    meta("partitionColumns null", { partitionColumns: null }),
    meta("partitionColumns changed", { partitionColumns: ["name"] }),
    meta("partitionColumns dropped", { partitionColumns: [] }, "by string"),
    meta("partitionColumns exchanged", { partitionColumns: ["q", "p"] }, "by two"),
    meta("schemaString null", { schemaString: null }),
    meta("schemaString empty", { schemaString: "" }),
    meta("schemaString no JSON", { schemaString: "{" }),
    meta("schemaString an object", { schemaString: { type: "struct", fields: [] } }),
    meta("schemaString of an array", { schemaString: '{"type":"array","elementType":"long","containsNull":true}' }),
    meta("configuration null", { configuration: null }),
    meta("configuration with a number", { configuration: { "delta.checkpointInterval": 3 } }),
    meta("configuration with a null", { configuration: { note: null } }),
    meta("an unknown key", { note: "x" }),
    change("two metaData", "simple", (t) => ({ actions: [newMetaData(t, { a: "1" }), newMetaData(t, { a: "2" })] })),
  ];
}
